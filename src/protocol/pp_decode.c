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
 * The decoder: v1 and v2 bytes to a pp_header_t.
 *
 * Each format is judged in two steps: first the frame (is this a header, is
 * it whole, how long is it), byte by byte as it comes; then, once whole, what
 * it says.  A caller that waits for more bytes therefore never parses half a
 * header, and knows how many bytes it may read without touching payload.
 */

#include "protocol/pp.h"

#include <string.h>

#define V1_PREFIX "PROXY "
#define V1_TCP_LEN 5 /* `TCP4 ` and `TCP6 ` */

/* The shortest header there is: `PROXY UNKNOWN` and CRLF (section 2.1). */
#define SHORTEST_HEADER 15

const uint8_t pp_v2_signature[PP_V2_SIG_LEN] = {
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/* Classes of bytes that a v1 line may hold before its CRLF. */
#define CLASS_INET 0x1u
#define CLASS_INET6 0x2u
#define CLASS_ANY 0x4u

/* The classes that each byte is in; CR and LF, which end a line, in none.
 * A table, because it is asked of each byte of each line. */
/* clang-format off */
#define ALL3 (CLASS_INET | CLASS_INET6 | CLASS_ANY) /* digits, dot, space */
#define HEX6 (CLASS_INET6 | CLASS_ANY)              /* letters, colon */
#define ANY CLASS_ANY
#define ANY4 ANY, ANY, ANY, ANY
#define ANY8 ANY4, ANY4
#define ANY16 ANY8, ANY8

static const uint8_t classes_of[256] = {
    /* 0x00 */ ANY8, ANY, ANY, 0, ANY, ANY, 0, ANY, ANY,
    /* 0x10 */ ANY16,
    /* 0x20 */ ALL3, ANY, ANY, ANY, ANY4, ANY4, ANY, ANY, ALL3, ANY,
    /* 0x30 */ ALL3, ALL3, ALL3, ALL3, ALL3, ALL3, ALL3, ALL3,
               ALL3, ALL3, HEX6, ANY, ANY4,
    /* 0x40 */ ANY, HEX6, HEX6, HEX6, HEX6, HEX6, HEX6, ANY, ANY8,
    /* 0x50 */ ANY16,
    /* 0x60 */ ANY, HEX6, HEX6, HEX6, HEX6, HEX6, HEX6, ANY, ANY8,
    /* 0x70 */ ANY16,
    /* 0x80 */ ANY16, ANY16, ANY16, ANY16, ANY16, ANY16, ANY16, ANY16};
/* clang-format on */

/* What may follow `PROXY `.  Lengths are those of whole lines: the longest
 * from section 2.1 (a TCP6 line with dotted quads may outgrow the 104 given
 * there, never PP_V1_MAX), the shortest from the grammar. TCP6 stands before
 * TCP4 so that `TCP` alone asks for the shorter of the two. */
typedef struct {
    const char *word;
    size_t word_len;
    pp_family_t family;
    unsigned int classes;
    size_t min_line;
    size_t max_line;
} v1_keyword_t;

static const v1_keyword_t v1_keywords[] = {
    {"TCP6 ", V1_TCP_LEN, PP_INET6, CLASS_INET6, 22, PP_V1_MAX},
    {"TCP4 ", V1_TCP_LEN, PP_INET, CLASS_INET, 32, 56},
    {"UNKNOWN", 7, PP_UNSPEC, CLASS_ANY, SHORTEST_HEADER, PP_V1_MAX},
};

#define V1_KEYWORDS (sizeof(v1_keywords) / sizeof(v1_keywords[0]))
#define V1_FIELDS 4 /* after the keyword: two addresses, two ports */

static const char *const reason_texts[] = {
    [PP_OK] = "no fault",
    [PP_BAD_SIGNATURE] = "not a PROXY header",
    [PP_BAD_FORMAT_REFUSED] = "a PROXY header of a version not accepted here",
    [PP_BAD_V1_KEYWORD] = "v1 protocol is not TCP4, TCP6 or UNKNOWN with"
                           " what must follow it",
    [PP_BAD_V1_CHARACTER] = "v1 line has a byte its fields cannot have",
    [PP_BAD_V1_LINE_END] = "v1 line does not end in CRLF",
    [PP_BAD_V1_TOO_LONG] = "v1 line is too long",
    [PP_BAD_V1_FIELDS] = "v1 line does not have six fields with one space"
                          " between them",
    [PP_BAD_V1_SOURCE] = "v1 source is not an address of the stated family",
    [PP_BAD_V1_DESTINATION] = "v1 destination is not an address of the stated"
                               " family",
    [PP_BAD_V1_PORT] = "v1 port is not a number from 0 to 65535",
    [PP_BAD_V2_VERSION] = "v2 signature with a version other than 2",
    [PP_BAD_V2_COMMAND] = "v2 command is neither LOCAL nor PROXY",
    [PP_BAD_V2_FAMILY] = "v2 address family is undefined",
    [PP_BAD_V2_TRANSPORT] = "v2 transport protocol is undefined",
    [PP_BAD_V2_TOO_LARGE] = "v2 header is larger than accepted",
    [PP_BAD_V2_TOO_SHORT] = "v2 length is too short for the addresses",
    [PP_BAD_TLV_OVERRUN] = "a TLV is longer than the header",
    [PP_BAD_TLV_STRAY] = "stray bytes after the last TLV",
    [PP_BAD_SSL_SHORT] = "the SSL TLV is shorter than 5 bytes",
    [PP_BAD_SSL_OVERRUN] = "an SSL sub-TLV is longer than the SSL TLV",
    [PP_BAD_UNIQUE_ID_LONG] = "the unique id is longer than 128 bytes",
    [PP_BAD_CRC_LENGTH] = "the CRC32C TLV is not 4 bytes long",
    [PP_BAD_CRC_TWICE] = "the CRC32C TLV comes twice",
    [PP_BAD_CRC_MISMATCH] = "the CRC32C checksum is wrong",
    [PP_BAD_CRC_MISSING] = "the CRC32C checksum is missing",
};

static pp_answer_t bad(pp_reason_t reason, size_t offset)
{
    pp_answer_t answer = {PP_BAD, reason, offset};

    return answer;
}

static pp_answer_t more(size_t needed)
{
    pp_answer_t answer = {PP_MORE, PP_OK, needed};

    return answer;
}

static pp_answer_t done(size_t wire_len)
{
    pp_answer_t answer = {PP_DONE, PP_OK, wire_len};

    return answer;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Whether all of a fixed text is there: the ordinary case, at the cost of a
 * comparison or two where its length is constant. */
static int begins_with(const uint8_t *bytes, size_t len, const void *fixed,
                       size_t fixed_len)
{
    return len >= fixed_len && memcmp(bytes, fixed, fixed_len) == 0;
}

/* How many bytes agree with a fixed text, of those that are there. */
static size_t matched(const uint8_t *bytes, size_t len, const void *fixed,
                      size_t fixed_len)
{
    const uint8_t *wanted = fixed;
    size_t limit = len < fixed_len ? len : fixed_len;
    size_t i = 0;

    while (i < limit && bytes[i] == wanted[i]) {
        i++;
    }
    return i;
}

/* Find the keyword behind the prefix; NULL when it cannot be one.  *offset
 * tells how far the bytes agreed with any. */
static const v1_keyword_t *find_keyword(const uint8_t *bytes, size_t len,
                                        size_t *offset)
{
    size_t i;

    *offset = 0;
    if (begins_with(bytes, len, "TCP4 ", 5)) {
        return &v1_keywords[1]; /* most lines: at one comparison */
    }
    for (i = 0; i < V1_KEYWORDS; i++) {
        const v1_keyword_t *keyword = &v1_keywords[i];
        size_t same = matched(bytes, len, keyword->word, keyword->word_len);

        if (same == keyword->word_len || same == len) {
            return keyword;
        }
        *offset = larger(*offset, same);
    }
    return NULL;
}

/* Where the first byte stands that is in none of some classes, or stop. */
static size_t span(const uint8_t *bytes, size_t at, size_t stop,
                   unsigned int classes)
{
    const uint8_t *byte = bytes + at;
    const uint8_t *end = bytes + stop;

    while (byte < end && classes_of[*byte] & classes) {
        byte++;
    }
    return (size_t)(byte - bytes);
}

/* Judge the bytes from at on and find the CRLF. */
static pp_answer_t frame_v1_rest(const uint8_t *bytes, size_t len, size_t at,
                                 const v1_keyword_t *keyword)
{
    const size_t last = keyword->max_line - 2; /* where CR may stand */
    const size_t stop = len < last ? len : last;

    if (at < stop) {
        at = span(bytes, at, stop, keyword->classes);
    }
    if (at == len) {
        return more(larger(keyword->min_line, len + 2));
    }
    if (bytes[at] == '\r') {
        if (at + 1 == len) {
            return more(at + 2);
        }
        return bytes[at + 1] == '\n' ? done(at + 2)
                                     : bad(PP_BAD_V1_LINE_END, at + 1);
    }
    if (bytes[at] == '\n') {
        return bad(PP_BAD_V1_LINE_END, at);
    }
    return bad(at == last ? PP_BAD_V1_TOO_LONG : PP_BAD_V1_CHARACTER, at);
}

static pp_answer_t frame_v1(const uint8_t *bytes, size_t len,
                            unsigned int formats,
                            const v1_keyword_t **keyword)
{
    size_t at = PP_V1_COMMIT;

    if (!begins_with(bytes, len, V1_PREFIX, PP_V1_COMMIT)) {
        at = matched(bytes, len, V1_PREFIX, PP_V1_COMMIT);
        return at < len ? bad(PP_BAD_SIGNATURE, at) : more(SHORTEST_HEADER);
    }
    if (!(formats & PP_FORMAT_V1)) {
        return bad(PP_BAD_FORMAT_REFUSED, PP_V1_COMMIT - 1);
    }
    if (len == at) {
        return more(SHORTEST_HEADER); /* any keyword may follow */
    }
    *keyword = find_keyword(bytes + at, len - at, &at);
    if (!*keyword) {
        return bad(PP_BAD_V1_KEYWORD, PP_V1_COMMIT + at);
    }
    at = PP_V1_COMMIT + (*keyword)->word_len;
    if (len <= at) {
        return more(larger((*keyword)->min_line, len));
    }
    if ((*keyword)->family == PP_UNSPEC && bytes[at] != ' '
        && bytes[at] != '\r' && bytes[at] != '\n') {
        return bad(PP_BAD_V1_KEYWORD, at);
    }
    return frame_v1_rest(bytes, len, at, *keyword);
}

/* A decimal number from 0 to 65535, no sign, no leading zero. */
static int read_port(const uint8_t *text, size_t len, uint16_t *port)
{
    uint32_t value = 0;
    size_t i;

    if (len == 0 || len > 5 || (text[0] == '0' && len > 1)) {
        return 0;
    }
    for (i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return 0;
        }
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    if (value > 65535) {
        return 0;
    }
    *port = (uint16_t)value;
    return 1;
}

/* Cut a text at each space; 0 unless that gives four fields, none empty. */
static int split_fields(const uint8_t *text, const uint8_t *end,
                        const uint8_t **fields, size_t *lens)
{
    int count = 0;

    for (;;) {
        const uint8_t *space = memchr(text, ' ', (size_t)(end - text));
        const uint8_t *stop = space ? space : end;

        if (count == V1_FIELDS || stop == text) {
            return 0;
        }
        fields[count] = text;
        lens[count] = (size_t)(stop - text);
        count++;
        if (!space) {
            return count == V1_FIELDS;
        }
        text = space + 1;
    }
}

static pp_reason_t read_v1(const uint8_t *bytes, size_t wire_len,
                           const v1_keyword_t *keyword, pp_header_t *header)
{
    const uint8_t *fields[V1_FIELDS];
    size_t lens[V1_FIELDS];

    memset(header, 0, sizeof(*header));
    header->version = 1;
    header->command = PP_PROXY;
    header->family = keyword->family;
    if (keyword->family == PP_UNSPEC) {
        return PP_OK; /* what follows UNKNOWN is ignored (section 2.1) */
    }
    header->transport = PP_STREAM;
    if (!split_fields(bytes + PP_V1_COMMIT + keyword->word_len,
                      bytes + wire_len - 2, fields, lens)) {
        return PP_BAD_V1_FIELDS;
    }
    if (!pp_addr_parse((const char *)fields[0], lens[0], keyword->family,
                       &header->src)) {
        return PP_BAD_V1_SOURCE;
    }
    if (!pp_addr_parse((const char *)fields[1], lens[1], keyword->family,
                       &header->dst)) {
        return PP_BAD_V1_DESTINATION;
    }
    if (!read_port(fields[2], lens[2], &header->src_port)
        || !read_port(fields[3], lens[3], &header->dst_port)) {
        return PP_BAD_V1_PORT;
    }
    return PP_OK;
}

/* Most headers: a whole line of addresses without a fault.  What reads the
 * fields accepts no byte that its line cannot have, so none is asked for its
 * class.  Returns the line's length; 0 for any other line. */
static size_t read_faultless_v1(const uint8_t *bytes, size_t len,
                                unsigned int formats, pp_header_t *header)
{
    const size_t at = PP_V1_COMMIT + V1_TCP_LEN;
    const v1_keyword_t *keyword;
    const uint8_t *cr;
    size_t wire_len;
    size_t unused;

    if (!(formats & PP_FORMAT_V1) || len <= at
        || !begins_with(bytes, len, V1_PREFIX "TCP", sizeof(V1_PREFIX) + 2)) {
        return 0;
    }
    keyword = find_keyword(bytes + PP_V1_COMMIT, len - PP_V1_COMMIT, &unused);
    if (!keyword) {
        return 0;
    }
    cr = memchr(bytes + at, '\r', smaller(len, keyword->max_line) - at);
    wire_len = cr ? (size_t)(cr - bytes) + 2 : 0;
    return wire_len > 0 && wire_len <= smaller(len, keyword->max_line)
                   && cr[1] == '\n'
                   && read_v1(bytes, wire_len, keyword, header) == PP_OK
               ? wire_len
               : 0;
}

static pp_answer_t decode_v1(const uint8_t *bytes, size_t len,
                             const pp_rules_t *rules, pp_header_t *header)
{
    const v1_keyword_t *keyword = NULL;
    size_t wire_len = read_faultless_v1(bytes, len, rules->formats, header);
    pp_reason_t reason = PP_OK;

    if (wire_len == 0) {
        pp_answer_t frame = frame_v1(bytes, len, rules->formats, &keyword);

        if (frame.status != PP_DONE) {
            return frame;
        }
        wire_len = frame.len;
        reason = read_v1(bytes, wire_len, keyword, header);
    }
    if (reason == PP_OK && rules->checksum_required) {
        reason = PP_BAD_CRC_MISSING;
    }
    return reason == PP_OK ? done(wire_len) : bad(reason, wire_len - 1);
}

/* The address block's size (section 2.2); 0 where there is none to read:
 * an UNSPEC half, whose addresses are to be ignored. */
static size_t block_len(pp_family_t family, pp_transport_t transport)
{
    if (transport == PP_TRANSPORT_UNSPEC) {
        return 0;
    }
    switch (family) {
    case PP_INET:
        return 2 * 4 + 2 * 2;
    case PP_INET6:
        return 2 * 16 + 2 * 2;
    case PP_UNIX:
        return (size_t)2 * 108;
    case PP_UNSPEC:
        return 0;
    }
    return 0;
}

/* Whether the command, and for PROXY the family, of a frame are defined. */
static pp_reason_t judge_command(const uint8_t *bytes, size_t len)
{
    unsigned int command = bytes[12] & 0xf;

    if (bytes[12] >> 4 != 2) {
        return PP_BAD_V2_VERSION;
    }
    if (command != PP_LOCAL && command != PP_PROXY) {
        return PP_BAD_V2_COMMAND;
    }
    if (len <= 13 || command == PP_LOCAL) {
        return PP_OK; /* LOCAL's family is ignored (section 2.2) */
    }
    if (bytes[13] >> 4 > PP_UNIX) {
        return PP_BAD_V2_FAMILY;
    }
    return (bytes[13] & 0xf) > PP_DGRAM ? PP_BAD_V2_TRANSPORT : PP_OK;
}

static pp_answer_t frame_v2(const uint8_t *bytes, size_t len,
                            const pp_rules_t *rules)
{
    pp_reason_t reason;
    size_t wire_len;

    if (!begins_with(bytes, len, pp_v2_signature, PP_V2_SIG_LEN)) {
        size_t at = matched(bytes, len, pp_v2_signature, PP_V2_SIG_LEN);

        return at < len ? bad(PP_BAD_SIGNATURE, at) : more(PP_V2_FIXED);
    }
    if (!(rules->formats & PP_FORMAT_V2)) {
        return bad(PP_BAD_FORMAT_REFUSED, PP_V2_SIG_LEN - 1);
    }
    if (len == PP_V2_SIG_LEN) {
        return more(PP_V2_FIXED);
    }
    reason = judge_command(bytes, len);
    if (reason != PP_OK) {
        return bad(reason, reason == PP_BAD_V2_FAMILY
                                   || reason == PP_BAD_V2_TRANSPORT
                               ? 13
                               : 12);
    }
    if (len < PP_V2_FIXED) {
        return more(PP_V2_FIXED);
    }
    wire_len = PP_V2_FIXED + ((size_t)bytes[14] << 8 | bytes[15]);
    if (wire_len > rules->max_len) {
        return bad(PP_BAD_V2_TOO_LARGE, 15);
    }
    if ((bytes[12] & 0xf) == PP_PROXY
        && wire_len - PP_V2_FIXED
               < block_len((pp_family_t)(bytes[13] >> 4),
                           (pp_transport_t)(bytes[13] & 0xf))) {
        return bad(PP_BAD_V2_TOO_SHORT, 15);
    }
    return len < wire_len ? more(wire_len) : done(wire_len);
}

static uint16_t read_uint16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Addresses, then ports, source before destination (section 2.2). */
static void read_block(const uint8_t *block, pp_header_t *header)
{
    size_t addr_len = header->family == PP_INET ? 4 : 16;

    pp_addr_set(&header->src, header->family, block);
    pp_addr_set(&header->dst, header->family, block + addr_len);
    header->src_port = read_uint16(block + 2 * addr_len);
    header->dst_port = read_uint16(block + 2 * addr_len + 2);
}

/* Whether a row can be walked from end to end. */
static int walks_cleanly(const uint8_t *tlvs, size_t len)
{
    pp_tlv_t tlv;
    int taken;

    do {
        taken = pp_tlv_next(&tlvs, &len, &tlv);
    } while (taken > 0);
    return taken == 0;
}

static pp_reason_t read_tlvs(const uint8_t *bytes, size_t wire_len,
                             size_t offset, pp_header_t *header)
{
    const uint8_t *crc;
    pp_reason_t reason;

    reason = pp_tlv_validate(bytes + offset, wire_len - offset, &crc);
    if (reason != PP_OK) {
        return reason;
    }
    if (wire_len > offset) {
        header->tlvs = bytes + offset;
        header->tlvs_len = wire_len - offset;
    }
    if (crc) {
        uint32_t stated = (uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16
                          | (uint32_t)crc[2] << 8 | crc[3];

        if (pp_crc32c(bytes, wire_len, crc) != stated) {
            return PP_BAD_CRC_MISMATCH;
        }
        header->checksum_held = 1;
    }
    return PP_OK;
}

static pp_reason_t read_v2(const uint8_t *bytes, size_t wire_len,
                           pp_header_t *header)
{
    pp_family_t family = (pp_family_t)(bytes[13] >> 4);
    pp_transport_t transport = (pp_transport_t)(bytes[13] & 0xf);
    size_t block = block_len(family, transport);

    memset(header, 0, sizeof(*header));
    header->version = 2;
    header->command = (pp_command_t)(bytes[12] & 0xf);
    if (header->command == PP_LOCAL) {
        return PP_OK; /* its block is discarded unseen (section 2.2) */
    }
    if (block == 0) {
        /* Behind the byte 0x00 there may be TLVs, or addresses that cannot
         * be told from them; beside a lone UNSPEC half nobody knows. */
        if (bytes[13] != 0
            || !walks_cleanly(bytes + PP_V2_FIXED, wire_len - PP_V2_FIXED)) {
            return PP_OK;
        }
        return read_tlvs(bytes, wire_len, PP_V2_FIXED, header);
    }
    header->family = family;
    header->transport = transport;
    if (family != PP_UNIX) {
        read_block(bytes + PP_V2_FIXED, header);
    }
    return read_tlvs(bytes, wire_len, PP_V2_FIXED + block, header);
}

/* Of addresses and TLVs with another length than the one announced. */
static int is_whole_with(const uint8_t *bytes, size_t wire_len)
{
    size_t block = block_len((pp_family_t)(bytes[13] >> 4),
                             (pp_transport_t)(bytes[13] & 0xf));

    if ((bytes[12] & 0xf) == PP_LOCAL) {
        block = 0;
    }
    return wire_len >= PP_V2_FIXED + block
           && walks_cleanly(bytes + PP_V2_FIXED + block,
                            wire_len - PP_V2_FIXED - block);
}

size_t pp_swapped_len(const uint8_t *bytes, size_t len)
{
    size_t announced;
    size_t swapped;

    if (len < PP_V2_FIXED || pp_committed_version(bytes, len) != 2
        || judge_command(bytes, len) != PP_OK) {
        return 0;
    }
    announced = PP_V2_FIXED + ((size_t)bytes[14] << 8 | bytes[15]);
    swapped = PP_V2_FIXED + ((size_t)bytes[15] << 8 | bytes[14]);
    return announced > len && swapped <= len && is_whole_with(bytes, swapped)
               ? swapped
               : 0;
}

static pp_answer_t decode_v2(const uint8_t *bytes, size_t len,
                             const pp_rules_t *rules, pp_header_t *header)
{
    pp_answer_t frame = frame_v2(bytes, len, rules);
    pp_reason_t reason;

    if (frame.status != PP_DONE) {
        return frame;
    }
    reason = read_v2(bytes, frame.len, header);
    if (reason == PP_OK && rules->checksum_required
        && header->command == PP_PROXY && !header->checksum_held) {
        reason = PP_BAD_CRC_MISSING;
    }
    return reason == PP_OK ? frame : bad(reason, frame.len - 1);
}

pp_answer_t pp_decode(const uint8_t *bytes, size_t len,
                      const pp_rules_t *rules, pp_header_t *header)
{
    if (len == 0) {
        return more(SHORTEST_HEADER);
    }
    if (bytes[0] == V1_PREFIX[0]) {
        return decode_v1(bytes, len, rules, header);
    }
    return decode_v2(bytes, len, rules, header);
}

int pp_committed_version(const uint8_t *bytes, size_t len)
{
    if (begins_with(bytes, len, V1_PREFIX, PP_V1_COMMIT)) {
        return 1;
    }
    if (begins_with(bytes, len, pp_v2_signature, PP_V2_SIG_LEN)) {
        return 2;
    }
    return 0;
}

const char *pp_reason_text(pp_reason_t reason)
{
    return (size_t)reason < sizeof(reason_texts) / sizeof(*reason_texts)
               ? reason_texts[reason]
               : NULL;
}

int pp_names_client(const pp_header_t *header)
{
    return header->src.family != PP_UNSPEC;
}

int pp_names_destination(const pp_header_t *header)
{
    static const uint8_t zeros[16];

    return pp_names_client(header)
           && memcmp(header->dst.bytes, zeros, sizeof(zeros)) != 0;
}
