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
 * The decoder against the vectors, and against what must hold of any input.
 *
 * Each vector is decoded whole, in every prefix, with payload behind it and
 * with single bytes changed, always from a block of exactly its size.
 */

#include "bytes.h"
#include "protocol/pp.h"
#include "tap.h"
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Vectors up to this size get every change of every byte. */
#define FEW_BYTES 64

static const char *const status_names[] = {"DONE", "MORE", "BAD"};

static pp_rules_t rules_of(const vector_t *vector)
{
    pp_rules_t rules;

    rules.formats =
        vector->formats ? vector->formats : PP_FORMAT_V1 | PP_FORMAT_V2;
    rules.max_len = vector->max_len ? vector->max_len : 4096;
    rules.checksum_required = vector->checksum_required;
    return rules;
}

/* Decode the first len bytes, from a block that ends there. */
static pp_answer_t decode_prefix(const uint8_t *bytes, size_t len,
                                 const pp_rules_t *rules)
{
    block_t block = block_copy(bytes, len);
    pp_header_t header;
    pp_answer_t answer = pp_decode(block.bytes, len, rules, &header);

    block_free(&block);
    return answer;
}

static void check_answer(const pp_answer_t *answer, pp_status_t status,
                         pp_reason_t reason, size_t len, const char *when,
                         size_t input_len)
{
    tap_check(answer->status == status && answer->reason == reason
                  && answer->len == len,
              "%s %lu bytes: %s, %s, %lu; not %s, %s, %lu", when,
              (unsigned long)input_len, status_names[answer->status],
              pp_reason_text(answer->reason), (unsigned long)answer->len,
              status_names[status], pp_reason_text(reason), (unsigned long)len);
}

/* More is needed, and no more than a whole header may have. */
static void check_more(const pp_answer_t *answer, size_t input_len,
                       size_t limit)
{
    tap_check(answer->status == PP_MORE && answer->reason == PP_OK
                  && answer->len > input_len && answer->len <= limit,
              "prefix of %lu bytes: %s, %s, %lu; not MORE up to %lu",
              (unsigned long)input_len, status_names[answer->status],
              pp_reason_text(answer->reason), (unsigned long)answer->len,
              (unsigned long)limit);
}

static void check_addr(const char *which, const pp_addr_t *addr,
                       const char *expected)
{
    char text[PP_ADDR_TEXT_MAX];

    if (!expected) {
        tap_check(addr->family == PP_UNSPEC, "%s is there", which);
        return;
    }
    pp_addr_format(addr, text);
    tap_check(strcmp(text, expected) == 0, "%s is `%s', not `%s'", which, text,
              expected);
    tap_check(addr->family == (strchr(expected, ':') ? PP_INET6 : PP_INET),
              "%s has family %d", which, addr->family);
}

static void check_number(const char *which, unsigned long number,
                         unsigned long expected)
{
    tap_check(number == expected, "%s is %lu, not %lu", which, number,
              expected);
}

static void check_header(const pp_header_t *header, const expected_t *expected)
{
    check_number("version", (unsigned long)header->version,
                 (unsigned long)expected->version);
    check_number("command", header->command, expected->command);
    check_number("family", header->family, expected->family);
    check_number("transport", header->transport, expected->transport);
    check_addr("source", &header->src, expected->src);
    check_addr("destination", &header->dst, expected->dst);
    check_number("source port", header->src_port, expected->src_port);
    check_number("destination port", header->dst_port, expected->dst_port);
    check_number("tlvs_len", header->tlvs_len, expected->tlvs_len);
    check_number("checksum_held", (unsigned long)header->checksum_held,
                 (unsigned long)expected->checksum_held);
    check_number("names a client", (unsigned long)pp_names_client(header),
                 expected->src != NULL);
}

/* The view is the header's last bytes, or there is none. */
static void check_view(const pp_header_t *header, const uint8_t *bytes,
                       size_t wire_len)
{
    if (header->tlvs_len == 0) {
        tap_check(header->tlvs == NULL, "a view of no TLVs");
        return;
    }
    tap_check(header->tlvs + header->tlvs_len == bytes + wire_len
                  && header->tlvs_len <= wire_len - PP_V2_FIXED,
              "the TLVs are not the header's end");
}

/* Where a vector's header ends, or where its fault is. */
static size_t answer_len(const vector_t *vector, const block_t *block)
{
    switch (vector->expected.status) {
    case PP_DONE:
        return block->mark == NO_MARK ? block->len : block->mark;
    case PP_MORE:
        return vector->expected.more_len;
    case PP_BAD:
        return block->mark == NO_MARK ? block->len - 1 : block->mark;
    }
    return 0;
}

static void check_whole(const vector_t *vector, const block_t *block,
                        const pp_rules_t *rules)
{
    const expected_t *expected = &vector->expected;
    pp_header_t header;
    pp_answer_t answer;

    memset(&header, 0xa5, sizeof(header)); /* no field is left unset */
    answer = pp_decode(block->bytes, block->len, rules, &header);
    check_answer(&answer, expected->status, expected->reason,
                 answer_len(vector, block), "whole,", block->len);
    if (answer.status == PP_DONE && expected->status == PP_DONE) {
        check_header(&header, expected);
        check_view(&header, block->bytes, answer.len);
    }
}

/* The same bytes get the same answer in any segmentation. */
static void check_prefixes(const vector_t *vector, const block_t *block,
                           const pp_rules_t *rules)
{
    const expected_t *expected = &vector->expected;
    size_t decided = answer_len(vector, block);
    size_t most = expected->status == PP_BAD ? PP_V2_MAX : decided;
    size_t stride = block->len > 8192 ? 509 : 1; /* copying is quadratic */
    size_t least = 0;
    size_t len;

    for (len = 0; len < block->len; len += len < 8192 ? 1 : stride) {
        pp_answer_t answer = decode_prefix(block->bytes, len, rules);

        if (expected->status == PP_BAD && len > decided) {
            check_answer(&answer, PP_BAD, expected->reason, decided,
                         "prefix of", len);
        }
        else if (expected->status == PP_DONE && len >= decided) {
            check_answer(&answer, PP_DONE, PP_OK, decided, "prefix of", len);
        }
        else {
            check_more(&answer, len, most);
            /* a bad line may ask for less: its end, to be refused */
            tap_check(answer.len >= least || expected->status == PP_BAD,
                      "prefix of %lu bytes needs less than a shorter one",
                      (unsigned long)len);
            least = answer.len;
        }
    }
}

/* What follows a header does not change it. */
static void check_payload(const vector_t *vector, const block_t *block,
                          const pp_rules_t *rules)
{
    static const notation_t payloads[] = {
        TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        TEXT("PROXY TCP4 9.9.9.9 8.8.8.8 7 6\r\n"),
        HEX("S 21 11 000c 09090909 08080808 0007 0006"),
        HEX("S"),
        HEX("0a"),
        HEX("[40:00]"),
        HEX("03 0004 00000000"),
    };
    size_t wire_len = answer_len(vector, block);
    size_t i;

    for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        block_t payload = block_read(&payloads[i]);
        block_t both =
            block_join(block->bytes, wire_len, payload.bytes, payload.len);
        pp_header_t header;
        pp_answer_t answer = pp_decode(both.bytes, both.len, rules, &header);

        check_answer(&answer, PP_DONE, PP_OK, wire_len, "with payload,",
                     both.len);
        if (answer.status == PP_DONE) {
            check_header(&header, &vector->expected);
            check_view(&header, both.bytes, wire_len);
        }
        block_free(&both);
        block_free(&payload);
    }
}

static void check_bad(const block_t *block, const pp_rules_t *rules,
                      const pp_answer_t *answer)
{
    pp_header_t header;
    pp_answer_t before;
    pp_answer_t at;

    if (!tap_check(answer->reason != PP_OK && answer->len < block->len,
                   "bad without a reason, or beyond the input")) {
        return;
    }
    before = pp_decode(block->bytes, answer->len, rules, &header);
    tap_check(before.status == PP_MORE, "bad before the byte that is");
    at = pp_decode(block->bytes, answer->len + 1, rules, &header);
    tap_check(at.status == PP_BAD && at.reason == answer->reason
                  && at.len == answer->len,
              "another answer when the bad byte is the last");
}

/* What must hold of the answer to any bytes at all. */
static void check_any(const block_t *block, const pp_rules_t *rules)
{
    pp_header_t header;
    pp_answer_t answer = pp_decode(block->bytes, block->len, rules, &header);

    switch (answer.status) {
    case PP_DONE:
        if (tap_check(answer.reason == PP_OK && answer.len <= block->len,
                      "whole, and longer than the input")) {
            check_view(&header, block->bytes, answer.len);
        }
        break;
    case PP_MORE:
        tap_check(answer.reason == PP_OK && answer.len > block->len
                      && answer.len <= PP_V2_MAX,
                  "more is needed, up to %lu of %lu bytes",
                  (unsigned long)answer.len, (unsigned long)block->len);
        break;
    case PP_BAD:
        check_bad(block, rules, &answer);
        break;
    }
}

/* Each byte of a short vector takes all values, of a long one a few. */
static void check_mutations(const block_t *block, const pp_rules_t *rules)
{
    static const uint8_t few[] = {0x01, 0x02, 0x04, 0x10, 0x20, 0x80, 0xff};
    int all = block->len <= FEW_BYTES;
    size_t step = block->len > 512 ? block->len / 256 : 1;
    size_t at;

    for (at = 0; at < block->len; at += at < 40 ? 1 : step) {
        uint8_t was = block->bytes[at];
        unsigned int changes = all ? 255 : sizeof(few);
        unsigned int i;

        for (i = 0; i < changes; i++) {
            block->bytes[at] = was ^ (all ? (uint8_t)(i + 1) : few[i]);
            check_any(block, rules);
        }
        block->bytes[at] = was;
    }
}

/* What was decoded, encoded again, is the same bytes. */
static void check_encodes(const vector_t *vector, const block_t *block,
                          const pp_rules_t *rules)
{
    size_t wire_len = answer_len(vector, block);
    pp_header_t header;
    pp_answer_t answer = pp_decode(block->bytes, block->len, rules, &header);
    uint8_t *bytes = malloc(wire_len);
    size_t len;

    if (!bytes || answer.status != PP_DONE) {
        tap_check(0, "cannot be encoded");
        free(bytes);
        return;
    }
    len = pp_encode(&header, 0, bytes, wire_len);
    tap_check(len == wire_len && memcmp(bytes, block->bytes, len) == 0,
              "encoded again it is other bytes (%lu)", (unsigned long)len);
    free(bytes);
}

static void run_vector(const vector_t *vector)
{
    pp_rules_t rules = rules_of(vector);
    block_t block = block_read(&vector->input);

    tap_begin(vector->name);
    if (vector->size > 0) {
        check_number("the vector's size", block.len, vector->size);
    }
    check_whole(vector, &block, &rules);
    check_prefixes(vector, &block, &rules);
    if (vector->expected.status == PP_DONE) {
        check_payload(vector, &block, &rules);
    }
    if (vector->canonical) {
        check_encodes(vector, &block, &rules);
    }
    check_mutations(&block, &rules);
    tap_end();
    block_free(&block);
}

static const pp_rules_t any_rules = {PP_FORMAT_V1 | PP_FORMAT_V2, PP_V2_MAX, 0};

/* Decode bytes that are in no block yet and expect one answer. */
static void expect(const uint8_t *bytes, size_t len, pp_status_t status,
                   pp_reason_t reason, size_t answer_at, const char *when)
{
    pp_answer_t answer = decode_prefix(bytes, len, &any_rules);

    check_answer(&answer, status, reason, answer_at, when, len);
}

static void test_first_bytes(void)
{
    unsigned int byte;

    tap_begin("every first byte");
    for (byte = 0; byte < 256; byte++) {
        uint8_t first = (uint8_t)byte;

        if (byte == 'P') {
            expect(&first, 1, PP_MORE, PP_OK, 15, "P");
        }
        else if (byte == 0x0d) {
            expect(&first, 1, PP_MORE, PP_OK, 16, "CR");
        }
        else {
            expect(&first, 1, PP_BAD, PP_BAD_SIGNATURE, 0, "another byte");
        }
    }
    tap_end();
    tap_begin("no bytes, no pointer");
    {
        pp_header_t header;
        pp_answer_t answer = pp_decode(NULL, 0, &any_rules, &header);

        check_answer(&answer, PP_MORE, PP_OK, 15, "nothing,", 0);
    }
    tap_end();
}

/* Every wrong byte at each place of a text that must come as it is. */
static void test_fixed(const char *name, const uint8_t *fixed, size_t len)
{
    uint8_t bytes[PP_V2_SIG_LEN + 1];
    unsigned int change;
    size_t at;

    tap_begin(name);
    for (at = 1; at < len; at++) {
        for (change = 1; change < 256; change++) {
            memcpy(bytes, fixed, len);
            bytes[at] ^= (uint8_t)change;
            expect(bytes, len, PP_BAD, PP_BAD_SIGNATURE, at, "changed,");
        }
    }
    tap_end();
}

/* The answer to one more byte within the source of a v1 line. */
static void expect_v1_byte(const char *line, unsigned int byte,
                           const char *allowed, size_t least)
{
    uint8_t bytes[40];
    size_t len = strlen(line);

    memcpy(bytes, line, len);
    bytes[len] = (uint8_t)byte;
    if (byte == '\r') {
        expect(bytes, len + 1, PP_MORE, PP_OK, len + 2, "CR,");
    }
    else if (byte == '\n') {
        expect(bytes, len + 1, PP_BAD, PP_BAD_V1_LINE_END, len, "LF,");
    }
    else if (!allowed || (byte != 0 && strchr(allowed, (int)byte))) {
        expect(bytes, len + 1, PP_MORE, PP_OK, least, "allowed,");
    }
    else {
        expect(bytes, len + 1, PP_BAD, PP_BAD_V1_CHARACTER, len,
               "not allowed,");
    }
}

static void test_v1_characters(void)
{
    unsigned int byte;

    tap_begin("every byte within a TCP4 line");
    for (byte = 0; byte < 256; byte++) {
        expect_v1_byte("PROXY TCP4 1", byte, "0123456789. ", 32);
    }
    tap_end();
    tap_begin("every byte within a TCP6 line");
    for (byte = 0; byte < 256; byte++) {
        expect_v1_byte("PROXY TCP6 1", byte, "0123456789abcdefABCDEF:. ", 22);
    }
    tap_end();
    tap_begin("every byte within what follows UNKNOWN");
    for (byte = 0; byte < 256; byte++) {
        expect_v1_byte("PROXY UNKNOWN 1", byte, NULL, 18);
    }
    tap_end();
    tap_begin("every byte behind UNKNOWN");
    for (byte = 0; byte < 256; byte++) {
        uint8_t bytes[14] = {'P', 'R', 'O', 'X', 'Y', ' ', 'U',
                             'N', 'K', 'N', 'O', 'W', 'N'};

        bytes[13] = (uint8_t)byte;
        if (byte != ' ' && byte != '\r' && byte != '\n') {
            expect(bytes, 14, PP_BAD, PP_BAD_V1_KEYWORD, 13, "glued,");
        }
        else if (byte != '\n') {
            expect(bytes, 14, PP_MORE, PP_OK, byte == ' ' ? 16 : 15, "apart,");
        }
        else {
            expect(bytes, 14, PP_BAD, PP_BAD_V1_LINE_END, 13, "LF,");
        }
    }
    tap_end();
}

/* Decode a v1 line and give the header's ports and source. */
static pp_answer_t decode_line(const char *line, pp_header_t *header)
{
    return pp_decode((const uint8_t *)line, strlen(line), &any_rules, header);
}

static void test_v1_ports(void)
{
    char line[64];
    pp_header_t header;
    unsigned int port;

    tap_begin("every v1 port, and those beyond");
    for (port = 0; port < 100000; port++) {
        pp_answer_t answer;

        snprintf(line, sizeof(line), "PROXY TCP4 1.2.3.4 5.6.7.8 %u 1\r\n",
                 port);
        answer = decode_line(line, &header);
        tap_check(port < 65536
                      ? answer.status == PP_DONE && header.src_port == port
                      : answer.reason == PP_BAD_V1_PORT,
                  "source port %u", port);
        snprintf(line, sizeof(line), "PROXY TCP6 ::1 ::2 1 %u\r\n", port);
        answer = decode_line(line, &header);
        tap_check(port < 65536
                      ? answer.status == PP_DONE && header.dst_port == port
                      : answer.reason == PP_BAD_V1_PORT,
                  "destination port %u", port);
    }
    tap_end();
    tap_begin("every v1 port of up to four digits with leading zeros");
    for (port = 0; port < 10000; port++) {
        snprintf(line, sizeof(line), "PROXY TCP4 1.2.3.4 5.6.7.8 1 0%u\r\n",
                 port);
        tap_check(decode_line(line, &header).reason == PP_BAD_V1_PORT,
                  "port 0%u", port);
    }
    tap_end();
}

static void test_v1_octets(void)
{
    char line[64];
    pp_header_t header;
    unsigned int octet;
    int place;

    tap_begin("every octet in each place, and those beyond");
    for (octet = 0; octet < 1000; octet++) {
        for (place = 0; place < 4; place++) {
            unsigned int octets[4] = {1, 2, 3, 4};
            pp_answer_t answer;

            octets[place] = octet;
            snprintf(line, sizeof(line),
                     "PROXY TCP4 %u.%u.%u.%u 5.6.7.8 1 2\r\n", octets[0],
                     octets[1], octets[2], octets[3]);
            answer = decode_line(line, &header);
            tap_check(octet < 256 ? answer.status == PP_DONE
                                        && header.src.bytes[place] == octet
                                  : answer.reason == PP_BAD_V1_SOURCE,
                      "octet %u", octet);
        }
        snprintf(line, sizeof(line), "PROXY TCP4 1.2.3.4 5.6.0%u.8 1 2\r\n",
                 octet);
        tap_check(decode_line(line, &header).reason == PP_BAD_V1_DESTINATION,
                  "octet 0%u", octet);
    }
    tap_end();
}

/* A v2 header of a length, with nothing but zeros in it. */
static size_t zeros_v2(uint8_t *bytes, unsigned int command,
                       unsigned int family, size_t length)
{
    memcpy(bytes, pp_v2_signature, PP_V2_SIG_LEN);
    bytes[12] = (uint8_t)command;
    bytes[13] = (uint8_t)family;
    bytes[14] = (uint8_t)(length >> 8);
    bytes[15] = (uint8_t)length;
    memset(bytes + PP_V2_FIXED, 0, length);
    return PP_V2_FIXED + length;
}

static void test_v2_commands(void)
{
    uint8_t bytes[PP_V2_FIXED];
    unsigned int byte;

    tap_begin("every 13th byte");
    for (byte = 0; byte < 256; byte++) {
        size_t len = zeros_v2(bytes, byte, 0, 0);

        if (byte == 0x20 || byte == 0x21) {
            expect(bytes, len, PP_DONE, PP_OK, 16, "defined,");
        }
        else if (byte >> 4 == 2) {
            expect(bytes, len, PP_BAD, PP_BAD_V2_COMMAND, 12, "command,");
        }
        else {
            expect(bytes, len, PP_BAD, PP_BAD_V2_VERSION, 12, "version,");
        }
    }
    tap_end();
}

static void test_v2_families(void)
{
    uint8_t bytes[PP_V2_FIXED + 216];
    unsigned int byte;

    tap_begin("every 14th byte, PROXY");
    for (byte = 0; byte < 256; byte++) {
        size_t len = zeros_v2(bytes, 0x21, byte, 216);

        if (byte >> 4 > 3) {
            expect(bytes, len, PP_BAD, PP_BAD_V2_FAMILY, 13, "family,");
        }
        else if ((byte & 0xf) > 2) {
            expect(bytes, len, PP_BAD, PP_BAD_V2_TRANSPORT, 13, "transport,");
        }
        else {
            expect(bytes, len, PP_DONE, PP_OK, len, "defined,");
        }
    }
    tap_end();
    tap_begin("every 14th byte, LOCAL");
    for (byte = 0; byte < 256; byte++) {
        static const size_t lengths[] = {0, 1, 2, 3, 11, 12, 35, 36, 216};
        size_t i;

        for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            size_t len = zeros_v2(bytes, 0x20, byte, lengths[i]);

            expect(bytes, len, PP_DONE, PP_OK, len, "LOCAL,");
        }
    }
    tap_end();
}

static void test_v2_lengths(void)
{
    static const struct {
        unsigned int family;
        size_t block;
    } blocks[] = {{0x11, 12},  {0x12, 12},  {0x21, 36}, {0x22, 36},
                  {0x31, 216}, {0x32, 216}, {0x00, 0},  {0x01, 0},
                  {0x02, 0},   {0x10, 0},   {0x20, 0},  {0x30, 0}};
    uint8_t bytes[PP_V2_FIXED + 216 + 3];
    size_t i;
    size_t length;

    tap_begin("every length up to the addresses' and a TLV more");
    for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        for (length = 0; length <= blocks[i].block; length++) {
            size_t len = zeros_v2(bytes, 0x21, blocks[i].family, length);

            if (length < blocks[i].block) {
                expect(bytes, len, PP_BAD, PP_BAD_V2_TOO_SHORT, 15, "short,");
            }
            else {
                expect(bytes, len, PP_DONE, PP_OK, len, "exact,");
            }
        }
        length = zeros_v2(bytes, 0x21, blocks[i].family, blocks[i].block + 3);
        expect(bytes, length, PP_DONE, PP_OK, length, "with a TLV,");
    }
    tap_end();
}

static void test_max_len(void)
{
    static const size_t limits[] = {16,   17,   28,   231,   232,   233,
                                    4095, 4096, 4097, 65550, 65551, 100000};
    uint8_t bytes[PP_V2_FIXED];
    size_t i;
    size_t length;

    tap_begin("every length against limits");
    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        pp_rules_t rules = {PP_FORMAT_V2, limits[i], 0};

        for (length = 1; length <= 65535; length++) {
            pp_header_t header;
            pp_answer_t answer;

            zeros_v2(bytes, 0x20, 0, 0);
            bytes[14] = (uint8_t)(length >> 8);
            bytes[15] = (uint8_t)length;
            answer = pp_decode(bytes, sizeof(bytes), &rules, &header);
            if (length + 16 > limits[i]) {
                check_answer(&answer, PP_BAD, PP_BAD_V2_TOO_LARGE, 15,
                             "over the limit,", length);
            }
            else {
                check_answer(&answer, PP_MORE, PP_OK, length + 16,
                             "within the limit,", length);
            }
        }
    }
    tap_end();
}

static void check_committed(const char *name, const notation_t *notation,
                            int expected)
{
    block_t block = block_read(notation);

    tap_check(pp_committed_version(block.bytes, block.len) == expected,
              "%s: %d, not %d", name,
              pp_committed_version(block.bytes, block.len), expected);
    block_free(&block);
}

static void test_committed(void)
{
    static const struct {
        notation_t input;
        int expected;
    } cases[] = {
        {TEXT(""), 0},
        {TEXT("P"), 0},
        {TEXT("PROXY"), 0},
        {TEXT("PROXY "), 1},
        {TEXT("PROXY nonsense"), 1},
        {TEXT("PROXY\t"), 0},
        {TEXT("PROXYT"), 0},
        {TEXT("proxy "), 0},
        {TEXT(" PROXY "), 0},
        {TEXT("GET / HTTP/1.1\r\n"), 0},
        {HEX("0d0a0d0a000d0a51554954"), 0},
        {HEX("0d0a0d0a000d0a515549540a"), 2},
        {HEX("0d0a0d0a000d0a515549540a ff ff"), 2},
        {HEX("0d0a0d0a000d0a515549540b 21"), 0},
        {HEX("0d0a0d0a000d0a515549550a 21"), 0},
        {HEX("0a0d0d0a000d0a515549540a 21"), 0},
    };
    size_t i;

    tap_begin("what proves that a header is meant");
    tap_check(pp_committed_version(NULL, 0) == 0, "nothing");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[20];

        snprintf(name, sizeof(name), "case %u", (unsigned int)i);
        check_committed(name, &cases[i].input, cases[i].expected);
    }
    tap_end();
}

/* An optional peer's bytes: refused before they are proven to be a header
 * means that there is none, so the two must never be confused. */
static void test_committed_agrees(const vector_t *vectors, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const expected_t *expected = &vectors[i].expected;
        block_t block = block_read(&vectors[i].input);
        int version = pp_committed_version(block.bytes, block.len);

        if (expected->status == PP_DONE) {
            tap_check(version == expected->version, "%s: whole",
                      vectors[i].name);
        }
        if (expected->status == PP_BAD) {
            tap_check((version == 0) == (expected->reason == PP_BAD_SIGNATURE),
                      "%s: bad", vectors[i].name);
        }
        block_free(&block);
    }
}

static void test_reasons(void)
{
    int reason;
    int other;

    tap_begin("every reason has words of its own");
    for (reason = PP_OK; reason <= PP_BAD_CRC_MISSING; reason++) {
        const char *text = pp_reason_text((pp_reason_t)reason);

        if (!tap_check(text && text[0], "reason %d has none", reason)) {
            continue;
        }
        tap_check(text[strlen(text) - 1] != '.', "a full stop: %s", text);
        for (other = PP_OK; other < reason; other++) {
            const char *others = pp_reason_text((pp_reason_t)other);

            tap_check(others && strcmp(text, others) != 0, "twice: %s", text);
        }
    }
    tap_end();
}

static void mark_reasons(const vector_t *vectors, size_t count, int *seen)
{
    size_t i;

    for (i = 0; i < count; i++) {
        seen[vectors[i].expected.reason] = 1;
    }
}

/* A reason that no vector gives would be one that nothing tests. */
static void test_coverage(void)
{
    int seen[PP_BAD_CRC_MISSING + 1] = {0};
    int reason;

    mark_reasons(vectors_v1, vectors_v1_count, seen);
    mark_reasons(vectors_v2, vectors_v2_count, seen);
    /* These two are told of what is in a right header: pp_tlv_find_ssl(). */
    seen[PP_BAD_SSL_SHORT] = 1;
    seen[PP_BAD_SSL_OVERRUN] = 1;
    tap_begin("every reason is some vector's");
    for (reason = PP_OK; reason <= PP_BAD_CRC_MISSING; reason++) {
        tap_check(seen[reason], "none for `%s'",
                  pp_reason_text((pp_reason_t)reason));
    }
    tap_end();
}

/* Bytes without sense, and with a sensible beginning. */
static void test_noise(void)
{
    static const notation_t beginnings[] = {
        TEXT(""),
        TEXT("PROXY "),
        TEXT("PROXY TCP4 "),
        TEXT("PROXY TCP6 "),
        TEXT("PROXY UNKNOWN "),
        HEX("S"),
        HEX("S 20"),
        HEX("S 21 11 00"),
        HEX("S 21 21 00"),
        HEX("S 21 00 00"),
        HEX("S 21 11 0030 [12:00] 20 00"),
        HEX("S 21 00 0020 05 00"),
    };
    const size_t count = sizeof(beginnings) / sizeof(beginnings[0]);
    int i;

    random_seed(20260427);
    tap_begin("noise");
    for (i = 0; i < 60000; i++) {
        block_t beginning = block_read(&beginnings[(size_t)i % count]);
        uint8_t noise[150];
        size_t len = random_below(sizeof(noise));
        block_t block;

        random_fill(noise, len);
        block = block_join(beginning.bytes, beginning.len, noise, len);
        check_any(&block, &any_rules);
        block_free(&block);
        block_free(&beginning);
    }
    tap_end();
}

int main(void)
{
    size_t i;

    for (i = 0; i < vectors_v1_count; i++) {
        run_vector(&vectors_v1[i]);
    }
    for (i = 0; i < vectors_v2_count; i++) {
        run_vector(&vectors_v2[i]);
    }
    test_first_bytes();
    test_fixed("every wrong byte within `PROXY '", (const uint8_t *)"PROXY ",
               PP_V1_COMMIT);
    test_fixed("every wrong byte within the v2 signature", pp_v2_signature,
               PP_V2_SIG_LEN);
    test_v1_characters();
    test_v1_ports();
    test_v1_octets();
    test_v2_commands();
    test_v2_families();
    test_v2_lengths();
    test_max_len();
    test_committed();
    tap_begin("what proves a header agrees with the decoder");
    test_committed_agrees(vectors_v1, vectors_v1_count);
    test_committed_agrees(vectors_v2, vectors_v2_count);
    tap_end();
    test_reasons();
    test_coverage();
    test_noise();
    printf("# %lu vectors\n",
           (unsigned long)(vectors_v1_count + vectors_v2_count));
    return tap_finish();
}
