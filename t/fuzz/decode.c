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
 * The decoder: all at once against byte by byte.
 *
 * input: the rules (take_rules()), then what is decoded.
 *
 * Prefixes of every length are decoded from blocks of exactly their size,
 * which is every segmentation there is: the decoder keeps nothing from one
 * call to the next.
 */

#include "fuzz.h"

#include <string.h>

#include "bytes.h"

/* Of longer inputs only some prefixes are decoded: it is quadratic. */
#define EVERY_PREFIX 1024

static pp_answer_t decode_prefix(const uint8_t *bytes, size_t len,
                                 const pp_rules_t *rules)
{
    block_t block = block_copy(bytes, len);
    pp_header_t header;
    pp_answer_t answer = pp_decode(block.bytes, len, rules, &header);

    block_free(&block);
    return answer;
}

static int is_same_answer(const pp_answer_t *a, const pp_answer_t *b)
{
    return a->status == b->status && a->reason == b->reason && a->len == b->len;
}

static void check_more(const pp_answer_t *part, size_t len, size_t most)
{
    require(part->status == PP_MORE, "more is needed up to the decision");
    require(part->reason == PP_OK, "a need for more has no reason");
    require(part->len > len, "what is needed is more than there is");
    require(part->len <= most, "no need beyond the end of the header");
}

/* The next prefix to look at: all but those in the middle of long inputs. */
static size_t next_len(size_t len, size_t decided, size_t end)
{
    size_t step = end / EVERY_PREFIX + 1;

    if (len < 256 || (len + 2 * step > decided && len < decided + 16)
        || len + 2 * step > end) {
        return len + 1;
    }
    return len + step;
}

static void check_prefixes(const uint8_t *bytes, size_t len,
                           const pp_rules_t *rules, const pp_answer_t *whole)
{
    /* From so many bytes on the answer stands. */
    size_t decided = whole->status == PP_DONE  ? whole->len
                     : whole->status == PP_BAD ? whole->len + 1
                                               : len + 1;
    size_t most = whole->status == PP_DONE ? whole->len : PP_V2_MAX;
    size_t least = 0;
    size_t n;

    for (n = 0; n < len; n = next_len(n, decided, len)) {
        pp_answer_t part = decode_prefix(bytes, n, rules);

        if (n >= decided) {
            require(is_same_answer(&part, whole), "decided is decided");
            continue;
        }
        check_more(&part, n, most);
        /* A lone CR asks for its LF only, however short the line is. */
        require(part.len >= least || bytes[n - 1] == '\r',
                "what is needed never becomes less");
        least = part.len;
    }
    if (whole->status == PP_MORE) {
        check_more(whole, len, most);
    }
}

/* Who reads no more than is needed ends where the header does. */
static void check_exact_reads(const uint8_t *bytes, size_t len,
                              const pp_rules_t *rules, const pp_answer_t *whole)
{
    pp_header_t header;
    pp_answer_t part = pp_decode(NULL, 0, rules, &header);
    size_t n = 0;

    while (part.status == PP_MORE && part.len <= len) {
        n = part.len;
        part = decode_prefix(bytes, n, rules);
    }
    if (whole->status == PP_MORE) {
        require(part.status == PP_MORE, "exact reads: more");
        return;
    }
    require(part.status == PP_MORE || is_same_answer(&part, whole),
            "exact reads: the same answer");
    require(whole->status != PP_DONE || n == whole->len,
            "exact reads end with the header");
}

static void check_addr(const pp_addr_t *addr, pp_family_t family)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

    switch (family) {
    case PP_INET:
        require(addr->family == PP_INET, "an IPv4 address");
        break;
    case PP_INET6:
        require(addr->family == PP_INET || addr->family == PP_INET6,
                "an IPv6 address, or a mapped one's IPv4");
        require(addr->family == PP_INET
                    || memcmp(addr->bytes, mapped, sizeof(mapped)) != 0,
                "no mapped address");
        break;
    case PP_UNSPEC:
    case PP_UNIX:
        require(addr->family == PP_UNSPEC, "no address");
        break;
    }
}

static void check_tlvs(const pp_header_t *header, const uint8_t *bytes,
                       size_t wire_len)
{
    const uint8_t *crc = NULL;

    if (header->tlvs_len == 0) {
        require(!header->tlvs && !header->checksum_held, "no view of no TLVs");
        return;
    }
    require(header->tlvs >= bytes + PP_V2_FIXED
                && header->tlvs + header->tlvs_len == bytes + wire_len,
            "the TLVs are the header's end");
    require(pp_tlv_validate(header->tlvs, header->tlvs_len, &crc) == PP_OK,
            "the TLVs are right");
    require((crc != NULL) == header->checksum_held, "a checksum that holds");
}

static void check_header(const pp_header_t *header, const uint8_t *bytes,
                         size_t wire_len, const pp_rules_t *rules)
{
    int is_v1 = header->version == 1;

    require(header->version == pp_committed_version(bytes, wire_len),
            "the version that was meant");
    require(rules->formats & (is_v1 ? PP_FORMAT_V1 : PP_FORMAT_V2),
            "a format that is accepted");
    require(wire_len <= (is_v1 ? PP_V1_MAX : rules->max_len),
            "not over the maximum");
    check_addr(&header->src, header->family);
    check_addr(&header->dst, header->family);
    require(pp_names_client(header)
                == (header->family == PP_INET || header->family == PP_INET6),
            "a client is named by addresses");
    require(header->command == PP_PROXY || header->family == PP_UNSPEC,
            "LOCAL has no family");
    require(!rules->checksum_required || header->command == PP_LOCAL
                || header->checksum_held,
            "the checksum that is required");
    check_tlvs(header, bytes, wire_len);
}

/* Other rules, the same bytes: exactly at the maximum, one under it, and
 * with the format refused. */
static void check_rules(const uint8_t *bytes, size_t wire_len,
                        const pp_header_t *header)
{
    pp_rules_t rules = {PP_FORMAT_V1 | PP_FORMAT_V2, wire_len, 0};
    pp_header_t again;
    pp_answer_t answer = pp_decode(bytes, wire_len, &rules, &again);

    require(answer.status == PP_DONE && answer.len == wire_len
                && is_same_header(&again, header),
            "at its own maximum it is right");
    rules.max_len--;
    answer = pp_decode(bytes, wire_len, &rules, &again);
    if (header->version == 1) {
        require(answer.status == PP_DONE, "the maximum is v2's");
    }
    else {
        require(answer.status == PP_BAD && answer.len == PP_V2_FIXED - 1
                    && answer.reason == PP_BAD_V2_TOO_LARGE,
                "one byte over the maximum is refused");
    }
    rules.formats = header->version == 1 ? PP_FORMAT_V2 : PP_FORMAT_V1;
    answer = pp_decode(bytes, wire_len, &rules, &again);
    require(answer.status == PP_BAD && answer.reason == PP_BAD_FORMAT_REFUSED,
            "a format that is not accepted is refused");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    input_t input = {bytes, len};
    unsigned int flags;
    pp_rules_t rules = take_rules(&input, &flags);
    block_t block = block_copy(input.at, input.left);
    pp_header_t header;
    pp_answer_t whole = pp_decode(block.bytes, block.len, &rules, &header);

    check_prefixes(block.bytes, block.len, &rules, &whole);
    check_exact_reads(block.bytes, block.len, &rules, &whole);
    switch (whole.status) {
    case PP_DONE:
        require(whole.reason == PP_OK, "right, and no reason");
        require(whole.len <= block.len, "the header is within the input");
        check_header(&header, block.bytes, whole.len, &rules);
        check_rules(block.bytes, whole.len, &header);
        break;
    case PP_BAD:
        require(whole.len < block.len, "the fault is within the input");
        require(whole.reason != PP_OK && *pp_reason_text(whole.reason),
                "bad, and a reason");
        break;
    case PP_MORE:
        break;
    }
    block_free(&block);
    return 0;
}
