/* Licensed under the Apache License, Version 2.0 (the "License"); you may
 * not use this file except in compliance with the License.  You may obtain
 * a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

/*
 * The encoder against the decoder, both ways: what is encoded is decoded to
 * the same header; what is decoded, encoded and decoded again says the same,
 * and where a header has one form only it is the same bytes.
 *
 * input: a byte of choices, addresses, ports, then the TLVs; all of it also
 * taken as a header's bytes.
 */

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define CHOICE_V1 0x01u
#define CHOICE_LOCAL 0x02u
#define CHOICE_CHECKSUM 0x04u
#define CHOICE_DGRAM 0x08u
#define CHOICE_FAMILY(choices) ((pp_family_t)((choices) >> 4 & 3))

static const pp_rules_t all = {PP_FORMAT_V1 | PP_FORMAT_V2, PP_V2_MAX, 0};

static void take_addr(input_t *input, pp_family_t family, pp_addr_t *addr)
{
    uint8_t bytes[16];
    size_t i;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = take_byte(input);
    }
    pp_addr_set(addr, family, bytes);
}

static pp_header_t take_header(input_t *input, unsigned int choices)
{
    pp_header_t header;

    memset(&header, 0, sizeof(header));
    header.version = choices & CHOICE_V1 ? 1 : 2;
    header.command = choices & CHOICE_LOCAL ? PP_LOCAL : PP_PROXY;
    header.family = CHOICE_FAMILY(choices);
    if (header.family != PP_UNSPEC) {
        header.transport = choices & CHOICE_DGRAM ? PP_DGRAM : PP_STREAM;
    }
    if (header.family == PP_INET || header.family == PP_INET6) {
        take_addr(input, header.family, &header.src);
        take_addr(input, header.family, &header.dst);
        header.src_port = take_uint16(input);
        header.dst_port = take_uint16(input);
    }
    header.tlvs_len = input->left;
    header.tlvs = input->left > 0 ? input->at : NULL;
    return header;
}

/* What was encoded is decoded; TLVs that are no row may be refused. */
static void check_decodes(const pp_header_t *header, const uint8_t *bytes,
                          size_t len, int has_checksum)
{
    const uint8_t *crc = NULL;
    pp_header_t again;
    pp_answer_t answer = pp_decode(bytes, len, &all, &again);
    int are_right =
        header->command == PP_LOCAL
        || pp_tlv_validate(header->tlvs, header->tlvs_len, &crc) == PP_OK;

    if (!are_right || (header->tlvs_len > 0 && crc)) {
        return; /* bad, or with a checksum of their own, right or wrong */
    }
    require(answer.status == PP_DONE && answer.len == len,
            "what is encoded is a header");
    require(again.version == header->version
                && again.command == header->command,
            "the same version and command");
    if (header->command == PP_LOCAL) {
        return;
    }
    require(again.checksum_held == has_checksum, "the checksum holds");
    require(again.tlvs_len == header->tlvs_len + (has_checksum ? 7 : 0)
                && (header->tlvs_len == 0
                    || memcmp(again.tlvs, header->tlvs, header->tlvs_len) == 0),
            "the same TLVs");
    again.tlvs = header->tlvs;
    again.tlvs_len = header->tlvs_len;
    again.checksum_held = header->checksum_held;
    require(is_same_header(&again, header), "the same header");
}

static void check_encode(input_t *input)
{
    unsigned int choices = take_byte(input);
    pp_header_t header = take_header(input, choices);
    int has_checksum = (choices & CHOICE_CHECKSUM) != 0;
    uint8_t *room = malloc(PP_V2_MAX);
    size_t len = pp_encode(&header, has_checksum, room, PP_V2_MAX);

    require(room && len <= PP_V2_MAX, "it fits");
    if (len > 0) {
        block_t exact = block_copy(room, len);

        check_decodes(&header, exact.bytes, len, has_checksum);
        require(pp_encode(&header, has_checksum, exact.bytes, len) == len
                    && memcmp(exact.bytes, room, len) == 0,
                "room of its size is enough");
        block_free(&exact);
        exact = block_copy(room, len - 1);
        require(pp_encode(&header, has_checksum, exact.bytes, len - 1) == 0,
                "a byte less is not");
        block_free(&exact);
    }
    free(room);
}

/* A TCP4 line, and a v2 block of addresses, are written in one way. */
static int has_one_form(const pp_header_t *header)
{
    if (header->command == PP_LOCAL) {
        return 0;
    }
    return header->family == PP_INET
           || (header->family == PP_INET6 && header->version == 2);
}

static void check_decode(const uint8_t *bytes, size_t len)
{
    pp_header_t header;
    pp_header_t again;
    pp_answer_t answer = pp_decode(bytes, len, &all, &header);
    uint8_t *room;
    size_t room_len;

    if (answer.status != PP_DONE) {
        return;
    }
    room = malloc(PP_V2_MAX);
    require(room != NULL, "there is memory");
    room_len = pp_encode(&header, 0, room, PP_V2_MAX);
    require(room_len > 0, "what is decoded can be encoded");
    require(
        !has_one_form(&header)
            || (room_len == answer.len && memcmp(room, bytes, room_len) == 0),
        "encoded again it is the same bytes");
    answer = pp_decode(room, room_len, &all, &again);
    /* Only addresses that nobody reads may be others: the checksum sees. */
    require(has_one_form(&header) || !header.checksum_held
                || answer.status == PP_DONE
                || answer.reason == PP_BAD_CRC_MISMATCH,
            "encoded again it is a header, but for its checksum");
    require(header.checksum_held
                || (answer.status == PP_DONE && answer.len == room_len
                    && is_same_header(&again, &header)),
            "encoded again it says the same");
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    block_t block = block_copy(bytes, len);
    input_t input = {block.bytes, block.len};

    check_encode(&input);
    check_decode(block.bytes, block.len);
    block_free(&block);
    return 0;
}
