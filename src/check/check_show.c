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
 * Headers in text.
 *
 * Bad and incomplete headers are printed too, so fields are read from the
 * bytes here and not taken from pp_header_t, which only a right one fills.
 */

#include "check/check_show.h"

#include <string.h>

#include "check/check_bytes.h"
#include "check/check_column.h"
#include "check/check_place.h"
#include "check/check_tlv.h"

#define UNIX_PATH_LEN 108

/* Bytes shown on either side of a fault. */
#define NEAR 12

/* LOCAL and a v2 header's family byte. */
#define COMMAND_AT 12
#define FAMILY_AT 13
#define LENGTH_AT 14

const pp_rules_t check_show_all = {PP_FORMAT_V1 | PP_FORMAT_V2, PP_V2_MAX, 0};

/* The part of a v2 header that is there. */
typedef struct {
    const uint8_t *bytes;
    size_t len;      /* no more than wire_len */
    size_t wire_len; /* by the length field */
} frame_t;

/* A line's beginning: an offset and a name. */
static void begin(FILE *out, size_t offset, const char *name)
{
    fprintf(out, "%6lu  ", (unsigned long)offset);
    check_column_name(out, name);
}

/* The size of the addresses that a family byte announces; 0 for none. */
static size_t block_len(uint8_t family)
{
    switch (family) {
    case 0x11:
    case 0x12:
        return 12;
    case 0x21:
    case 0x22:
        return 36;
    case 0x31:
    case 0x32:
        return (size_t)2 * UNIX_PATH_LEN;
    default: /* a byte from the wire: no addresses */
        return 0;
    }
}

static const char *transport_name(uint8_t family)
{
    switch (family) {
    case 0x11:
        return "TCP4";
    case 0x12:
        return "UDP4";
    case 0x21:
        return "TCP6";
    case 0x22:
        return "UDP6";
    case 0x31:
    case 0x32:
        return "UNIX";
    default: /* a byte from the wire */
        return family >> 4 > PP_UNIX || (family & 0xf) > PP_DGRAM
                   ? "undefined"
                   : "UNKNOWN";
    }
}

static void show_endpoint(FILE *out, const frame_t *frame, const char *name,
                          size_t at, size_t port_at)
{
    size_t addr_len = block_len(frame->bytes[FAMILY_AT]) == 12 ? 4 : 16;
    check_endpoint_t endpoint;

    if (frame->len < port_at + 2) {
        return;
    }
    pp_addr_set(&endpoint.addr, addr_len == 4 ? PP_INET : PP_INET6,
                frame->bytes + at);
    endpoint.port = (uint16_t)(frame->bytes[port_at] << 8
                               | frame->bytes[port_at + 1]);
    begin(out, at, name);
    check_place_print(out, &endpoint);
    if (addr_len == 16 && endpoint.addr.family == PP_INET) {
        fputs(" (written as IPv4-mapped IPv6)", out);
    }
    putc('\n', out);
}

static void show_path(FILE *out, const frame_t *frame, const char *name,
                      size_t at)
{
    size_t len = UNIX_PATH_LEN;

    if (frame->len < at + UNIX_PATH_LEN) {
        return;
    }
    while (len > 0 && frame->bytes[at + len - 1] == 0) {
        len--;
    }
    begin(out, at, name);
    fputs(len > 0 ? "" : "(no path)", out);
    check_bytes_print(out, frame->bytes + at, len);
    putc('\n', out);
}

static void show_block(FILE *out, const frame_t *frame)
{
    switch (block_len(frame->bytes[FAMILY_AT])) {
    case 12:
        show_endpoint(out, frame, "source", 16, 24);
        show_endpoint(out, frame, "destination", 20, 26);
        break;
    case 36:
        show_endpoint(out, frame, "source", 16, 48);
        show_endpoint(out, frame, "destination", 32, 50);
        break;
    case 2 * UNIX_PATH_LEN:
        show_path(out, frame, "source", 16);
        show_path(out, frame, "destination", 16 + UNIX_PATH_LEN);
        break;
    default: /* sizes that block_len() has: no addresses */
        break;
    }
}

/* Whether the bytes from an offset on are TLVs to the end. */
static int walks(const frame_t *frame, size_t at)
{
    const uint8_t *rest;
    size_t rest_len;
    pp_tlv_t tlv;
    int taken;

    if (at > frame->wire_len || frame->len < frame->wire_len) {
        return 0;
    }
    rest = frame->bytes + at;
    rest_len = frame->wire_len - at;
    do {
        taken = pp_tlv_next(&rest, &rest_len, &tlv);
    } while (taken > 0);
    return taken == 0;
}

/* Where a header's TLVs begin, as far as it can be told.  LOCAL's family
 * says nothing about what follows: AWS's health checks have 0x11 and no
 * addresses. */
static size_t tlvs_at(const frame_t *frame)
{
    size_t block = block_len(frame->bytes[FAMILY_AT]);

    if ((frame->bytes[COMMAND_AT] & 0xf) == PP_LOCAL
        && walks(frame, PP_V2_FIXED)) {
        return PP_V2_FIXED;
    }
    return PP_V2_FIXED + block;
}

static void show_rest(FILE *out, const frame_t *frame, size_t at,
                      const char *name)
{
    size_t len = frame->len - at;

    begin(out, at, name);
    fprintf(out, "%lu byte%s: 0x", (unsigned long)len, len == 1 ? "" : "s");
    check_bytes_print_hex(out, frame->bytes + at, len < 64 ? len : 64);
    fputs(len > 64 ? "...\n" : "\n", out);
}

static void show_tlvs(FILE *out, const frame_t *frame)
{
    int is_local = (frame->bytes[COMMAND_AT] & 0xf) == PP_LOCAL;
    size_t at = tlvs_at(frame);

    if (at > frame->len) {
        at = PP_V2_FIXED;
    }
    /* What a receiver skips is only told apart where it can be. */
    if ((is_local || block_len(frame->bytes[FAMILY_AT]) == 0)
        && frame->len > PP_V2_FIXED && !walks(frame, at)) {
        show_rest(out, frame, PP_V2_FIXED, "skipped");
        return;
    }
    if (at > PP_V2_FIXED) {
        show_block(out, frame);
    }
    at = check_tlv_print(out, frame->bytes, at, frame->len);
    if (at < frame->len) {
        show_rest(out, frame, at,
                  frame->len < frame->wire_len ? "cut off" : "no TLV");
    }
}

static void show_checksum(FILE *out, const frame_t *frame)
{
    size_t at = tlvs_at(frame);
    pp_tlv_t tlv;
    uint32_t computed;
    uint32_t written;

    check_column_name(out, "checksum");
    if (frame->len < frame->wire_len) {
        fputs("not known: the header is not whole\n", out);
        return;
    }
    if (at > frame->len
        || !pp_tlv_find(frame->bytes + at, frame->len - at, PP_TLV_CRC32C,
                        &tlv)
        || tlv.len != 4) {
        fputs("none\n", out);
        return;
    }
    computed = pp_crc32c(frame->bytes, frame->wire_len, tlv.value);
    written = (uint32_t)tlv.value[0] << 24 | (uint32_t)tlv.value[1] << 16
              | (uint32_t)tlv.value[2] << 8 | tlv.value[3];
    if (computed == written) {
        fputs("right\n", out);
    }
    else {
        fprintf(out, "WRONG: computed 0x%08lx but 0x%08lx is written\n",
                (unsigned long)computed, (unsigned long)written);
    }
}

static void show_command(FILE *out, uint8_t byte)
{
    begin(out, COMMAND_AT, "version");
    fprintf(out, "%d%s\n", byte >> 4, byte >> 4 == 2 ? "" : " (undefined)");
    begin(out, COMMAND_AT, "command");
    switch (byte & 0xf) {
    case PP_LOCAL:
        fputs("LOCAL\n", out);
        break;
    case PP_PROXY:
        fputs("PROXY\n", out);
        break;
    default: /* a byte from the wire */
        fprintf(out, "%u (undefined)\n", byte & 0xfu);
        break;
    }
}

static void show_v2(FILE *out, const uint8_t *bytes, size_t len)
{
    frame_t frame;

    if (len <= COMMAND_AT) {
        return;
    }
    show_command(out, bytes[COMMAND_AT]);
    if (len <= FAMILY_AT) {
        return;
    }
    begin(out, FAMILY_AT, "transport");
    fprintf(out, "%s (0x%02x%s)\n", transport_name(bytes[FAMILY_AT]),
            bytes[FAMILY_AT],
            (bytes[COMMAND_AT] & 0xf) == PP_LOCAL ? ", of no meaning in LOCAL"
                                                  : "");
    if (len < PP_V2_FIXED) {
        return;
    }
    frame.bytes = bytes;
    frame.wire_len = PP_V2_FIXED
                     + ((size_t)bytes[LENGTH_AT] << 8 | bytes[LENGTH_AT + 1]);
    frame.len = len < frame.wire_len ? len : frame.wire_len;
    begin(out, LENGTH_AT, "length");
    fprintf(out, "%lu, so %lu bytes in all\n",
            (unsigned long)(frame.wire_len - PP_V2_FIXED),
            (unsigned long)frame.wire_len);
    show_tlvs(out, &frame);
    show_checksum(out, &frame);
}

/* The line's end: its CR, or LF, or what is there. */
static size_t line_end(const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    if (len > PP_V1_MAX) {
        len = PP_V1_MAX;
    }
    while (at < len && bytes[at] != '\r' && bytes[at] != '\n') {
        at++;
    }
    return at;
}

static const char *const v1_names[] = {
    "protocol", "transport",  "source", "destination",
    "source port", "dest. port", "too many"};

#define V1_NAMES (sizeof(v1_names) / sizeof(v1_names[0]))
#define V1_TRANSPORT 1

/* A v1 line field by field, as it is written. */
static void show_v1(FILE *out, const uint8_t *bytes, size_t len)
{
    size_t end = line_end(bytes, len);
    size_t at = PP_V1_COMMIT;
    size_t i;

    begin(out, 0, "version");
    fputs("1\n", out);
    for (i = V1_TRANSPORT; i < V1_NAMES && at <= end; i++) {
        const uint8_t *space = memchr(bytes + at, ' ', end - at);
        size_t field_len = space ? (size_t)(space - bytes) - at : end - at;
        int is_unknown = i == V1_TRANSPORT && field_len == 7
                         && memcmp(bytes + at, "UNKNOWN", 7) == 0;

        begin(out, at, v1_names[i]);
        check_bytes_print(out, bytes + at, field_len);
        fputs(field_len == 0 ? "(empty)\n" : "\n", out);
        if (is_unknown && at + field_len < end) {
            at += field_len;
            begin(out, at, "skipped");
            check_bytes_print(out, bytes + at, end - at);
            putc('\n', out);
        }
        if (!space || is_unknown) {
            break;
        }
        at += field_len + 1;
    }
    check_column_name(out, "checksum");
    fputs("none\n", out);
}

/* Where in a v1 line the field is that a reason means. */
static size_t v1_fault_at(const uint8_t *bytes, size_t len,
                          pp_reason_t reason)
{
    size_t end = line_end(bytes, len);
    size_t at = PP_V1_COMMIT;
    int wanted = reason == PP_BAD_V1_SOURCE        ? 1
                 : reason == PP_BAD_V1_DESTINATION ? 2
                                                   : 3;

    while (wanted-- > 0) {
        const uint8_t *space = memchr(bytes + at, ' ', end - at);

        at = space ? (size_t)(space - bytes) + 1 : end;
    }
    if (reason == PP_BAD_V1_PORT) {
        unsigned long port = 0;
        size_t i = at;

        /* The first of the two, unless it is right. */
        while (i < end && bytes[i] >= '0' && bytes[i] <= '9'
               && port <= 65535) {
            port = port * 10 + (unsigned long)(bytes[i] - '0');
            i++;
        }
        if (i > at && i < end && bytes[i] == ' ' && port <= 65535
            && (bytes[at] != '0' || i == at + 1)) {
            return i + 1;
        }
    }
    return at;
}

/* The offset of what is at fault.  What is judged once a header is whole the
 * decoder places at its last byte; here the part that is meant is found. */
static size_t fault_at(const uint8_t *bytes, size_t len,
                       const pp_answer_t *answer)
{
    frame_t frame;
    pp_tlv_t tlv;
    size_t at;

    if (answer->reason == PP_BAD_V1_SOURCE
        || answer->reason == PP_BAD_V1_DESTINATION
        || answer->reason == PP_BAD_V1_PORT) {
        return v1_fault_at(bytes, len, answer->reason);
    }
    if (answer->reason < PP_BAD_TLV_OVERRUN
        || answer->reason == PP_BAD_CRC_MISSING) {
        return answer->len;
    }
    frame.bytes = bytes;
    frame.wire_len = answer->len + 1;
    frame.len = frame.wire_len;
    at = tlvs_at(&frame);
    if (answer->reason == PP_BAD_CRC_MISMATCH
        && pp_tlv_find(bytes + at, frame.len - at, PP_TLV_CRC32C, &tlv)) {
        return (size_t)(tlv.value - bytes);
    }
    return at + check_tlv_fault(bytes + at, frame.len - at);
}

/* Those that say more than that bytes are no header. */
static int is_meant_as_header(const uint8_t *bytes, size_t len,
                              const pp_answer_t *answer)
{
    return pp_committed_version(bytes, len)
           || (answer->status == PP_MORE && len > 0);
}

static void show_near(FILE *out, const uint8_t *bytes, size_t len, size_t at)
{
    size_t from = at > NEAR ? at - NEAR : 0;
    size_t to = len - at > NEAR ? at + NEAR + 1 : len;

    if (at >= len) {
        return;
    }
    check_column_name(out, "near it");
    check_bytes_print(out, bytes + from, at - from);
    fputs(" >", out);
    check_bytes_print(out, bytes + at, 1);
    fputs("< ", out);
    check_bytes_print(out, bytes + at + 1, to - at - 1);
    putc('\n', out);
}

void check_show_fault(FILE *out, const uint8_t *bytes, size_t len,
                      const pp_answer_t *answer)
{
    if (answer->status == PP_MORE) {
        fprintf(out, "incomplete: %lu byte%s came, at least %lu are needed",
                (unsigned long)len, len == 1 ? "" : "s",
                (unsigned long)answer->len);
    }
    else if (!is_meant_as_header(bytes, len, answer)) {
        fputs("no PROXY header", out);
    }
    else {
        size_t at = fault_at(bytes, len, answer);

        fprintf(out, "bad: %s, at byte %lu (offset %lu)",
                pp_reason_text(answer->reason), (unsigned long)at + 1,
                (unsigned long)at);
        if (at != answer->len) {
            /* The byte that the error log names. */
            fprintf(out, "; found at byte %lu",
                    (unsigned long)answer->len + 1);
        }
    }
}

void check_show_header(FILE *out, const uint8_t *bytes, size_t len,
                       const pp_answer_t *answer)
{
    check_column_name(out, "result");
    if (answer->status == PP_DONE) {
        fprintf(out, "right: a v%d header of %lu bytes",
                bytes[0] == 'P' ? 1 : 2, (unsigned long)answer->len);
        len = answer->len;
    }
    else {
        check_show_fault(out, bytes, len, answer);
    }
    putc('\n', out);
    if (!is_meant_as_header(bytes, len, answer)) {
        return;
    }
    if (answer->status == PP_BAD) {
        show_near(out, bytes, len, fault_at(bytes, len, answer));
    }
    if (pp_committed_version(bytes, len) == 1) {
        show_v1(out, bytes, len);
    }
    else {
        show_v2(out, bytes, len);
    }
}

static const char *line_transport(const pp_header_t *header)
{
    return transport_name((uint8_t)(header->family << 4
                                    | header->transport));
}

void check_show_line(FILE *out, const pp_header_t *header, size_t wire_len)
{
    check_endpoint_t endpoint;

    fprintf(out, "v%d %s", header->version,
            header->command == PP_LOCAL ? "LOCAL" : "PROXY");
    if (header->command == PP_PROXY) {
        fprintf(out, " %s", line_transport(header));
    }
    if (pp_names_client(header)) {
        endpoint.addr = header->src;
        endpoint.port = header->src_port;
        putc(' ', out);
        check_place_print(out, &endpoint);
        endpoint.addr = header->dst;
        endpoint.port = header->dst_port;
        fputs(" -> ", out);
        check_place_print(out, &endpoint);
    }
    fprintf(out, ", %lu bytes", (unsigned long)wire_len);
    check_tlv_print_facts(out, header->tlvs, header->tlvs_len);
}
