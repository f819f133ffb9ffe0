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
#include "check/check_facts.h"
#include "check/check_fault.h"
#include "check/check_frame.h"
#include "check/check_place.h"
#include "check/check_tlv.h"

/* Bytes shown on either side of a fault. */
#define NEAR 12

/* On one line a value is cut here. */
#define LINE_VALUE_MAX 64

const pp_rules_t check_show_all = {PP_FORMAT_V1 | PP_FORMAT_V2, PP_V2_MAX, 0};

/* A line's beginning: an offset and a name. */
static void begin(FILE *out, size_t offset, const char *name)
{
    fprintf(out, "%6lu  ", (unsigned long)offset);
    check_column_name(out, name);
}

static void show_endpoint(FILE *out, const check_frame_t *frame,
                          const char *name, size_t at, size_t port_at)
{
    uint8_t family = frame->bytes[CHECK_FRAME_FAMILY];
    size_t addr_len = check_frame_block_len(family) == 12 ? 4 : 16;
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

static void show_path(FILE *out, const check_frame_t *frame, const char *name,
                      size_t at)
{
    size_t len = CHECK_FRAME_PATH_LEN;

    if (frame->len < at + CHECK_FRAME_PATH_LEN) {
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

static void show_block(FILE *out, const check_frame_t *frame)
{
    switch (check_frame_block_len(frame->bytes[CHECK_FRAME_FAMILY])) {
    case 12:
        show_endpoint(out, frame, "source", 16, 24);
        show_endpoint(out, frame, "destination", 20, 26);
        break;
    case 36:
        show_endpoint(out, frame, "source", 16, 48);
        show_endpoint(out, frame, "destination", 32, 50);
        break;
    case 2 * CHECK_FRAME_PATH_LEN:
        show_path(out, frame, "source", 16);
        show_path(out, frame, "destination", 16 + CHECK_FRAME_PATH_LEN);
        break;
    default: /* sizes that check_frame_block_len() has: no addresses */
        break;
    }
}

static void show_rest(FILE *out, const check_frame_t *frame, size_t at,
                      const char *name)
{
    size_t len = frame->len - at;

    begin(out, at, name);
    fprintf(out, "%lu byte%s: 0x", (unsigned long)len, len == 1 ? "" : "s");
    check_bytes_print_hex(out, frame->bytes + at, len < 64 ? len : 64);
    fputs(len > 64 ? "...\n" : "\n", out);
}

static void show_tlvs(FILE *out, const check_frame_t *frame)
{
    uint8_t family = frame->bytes[CHECK_FRAME_FAMILY];
    int is_local = check_frame_is_local(frame);
    size_t at = check_frame_tlvs_at(frame);

    if (at > frame->len) {
        at = PP_V2_FIXED;
    }
    /* What a receiver skips is only told apart where it can be. */
    if ((is_local || check_frame_block_len(family) == 0)
        && frame->len > PP_V2_FIXED && !check_frame_walks(frame, at)) {
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

static void show_checksum(FILE *out, const check_frame_t *frame)
{
    size_t at = check_frame_tlvs_at(frame);
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
    begin(out, CHECK_FRAME_COMMAND, "version");
    fprintf(out, "%d%s\n", byte >> 4, byte >> 4 == 2 ? "" : " (undefined)");
    begin(out, CHECK_FRAME_COMMAND, "command");
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
    check_frame_t frame;
    size_t swapped;

    if (len <= CHECK_FRAME_COMMAND) {
        return;
    }
    show_command(out, bytes[CHECK_FRAME_COMMAND]);
    if (len <= CHECK_FRAME_FAMILY) {
        return;
    }
    begin(out, CHECK_FRAME_FAMILY, "transport");
    fprintf(out, "%s (0x%02x%s)\n",
            check_facts_transport(bytes[CHECK_FRAME_FAMILY]),
            bytes[CHECK_FRAME_FAMILY],
            (bytes[CHECK_FRAME_COMMAND] & 0xf) == PP_LOCAL
                ? ", of no meaning in LOCAL"
                : "");
    if (len < PP_V2_FIXED) {
        return;
    }
    check_frame_read(bytes, len, &frame);
    begin(out, CHECK_FRAME_LENGTH, "length");
    fprintf(out, "%lu, so %lu bytes in all\n",
            (unsigned long)(frame.wire_len - PP_V2_FIXED),
            (unsigned long)frame.wire_len);
    swapped = pp_swapped_len(bytes, len);
    if (swapped > 0) {
        check_column_name(out, "byte order");
        fprintf(out, "WRONG, it seems: the length's two bytes exchanged would"
                     " be %lu, a whole header of %lu bytes\n",
                (unsigned long)(swapped - PP_V2_FIXED),
                (unsigned long)swapped);
        frame.wire_len = swapped;
        frame.len = swapped;
    }
    show_tlvs(out, &frame);
    show_checksum(out, &frame);
}

static const char *const v1_names[] = {
    "protocol", "transport",  "source", "destination",
    "source port", "dest. port", "too many"};

#define V1_NAMES (sizeof(v1_names) / sizeof(v1_names[0]))
#define V1_TRANSPORT 1

/* A v1 line field by field, as it is written. */
static void show_v1(FILE *out, const uint8_t *bytes, size_t len)
{
    size_t end = check_fault_line_end(bytes, len);
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
    else if (!check_fault_is_meant(bytes, len, answer)) {
        fputs("no PROXY header", out);
    }
    else {
        check_fault_t fault;

        check_fault_find(bytes, len, answer, &fault);
        fprintf(out, "bad: %s, at offset %lu", fault.reason,
                (unsigned long)fault.at);
        if (fault.at != answer->len) {
            /* The offset that the error log names. */
            fprintf(out, "; found at offset %lu", (unsigned long)answer->len);
        }
    }
}

void check_show_header(FILE *out, const uint8_t *bytes, size_t len,
                       const pp_answer_t *answer)
{
    check_fault_t fault;

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
    if (!check_fault_is_meant(bytes, len, answer)) {
        return;
    }
    if (answer->status == PP_BAD) {
        check_fault_find(bytes, len, answer, &fault);
        show_near(out, bytes, len, fault.at);
    }
    if (pp_committed_version(bytes, len) == 1) {
        show_v1(out, bytes, len);
    }
    else {
        show_v2(out, bytes, len);
    }
}

/* One word of a line: no blank within, and not too long. */
static void print_fact(void *context, const check_fact_t *fact)
{
    FILE *out = context;
    size_t most = fact->kind == CHECK_FACTS_TEXT ? LINE_VALUE_MAX
                                                 : LINE_VALUE_MAX / 2;
    size_t shown = fact->len < most ? fact->len : most;
    size_t i;

    fprintf(out, " %s=", fact->name);
    switch (fact->kind) {
    case CHECK_FACTS_CERT:
        fprintf(out, "%lu\\x20bytes", (unsigned long)fact->len);
        return;
    case CHECK_FACTS_HEX:
        fputs("0x", out);
        check_bytes_print_hex(out, fact->bytes, shown);
        break;
    case CHECK_FACTS_TEXT:
        for (i = 0; i < shown; i++) {
            if (fact->bytes[i] == ' ') {
                fputs("\\x20", out);
            }
            else {
                check_bytes_print(out, fact->bytes + i, 1);
            }
        }
        break;
    }
    fputs(shown < fact->len ? "..." : "", out);
}

void check_show_line(FILE *out, const pp_header_t *header, size_t wire_len)
{
    check_endpoint_t endpoint;

    fprintf(out, "v%d %s", header->version,
            header->command == PP_LOCAL ? "LOCAL" : "PROXY");
    if (header->command == PP_PROXY) {
        fprintf(out, " %s",
                check_facts_transport((uint8_t)(header->family << 4
                                                | header->transport)));
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
    check_facts_each_tlv(header->tlvs, header->tlvs_len, print_fact, out);
}
