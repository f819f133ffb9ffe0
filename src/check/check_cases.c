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
 * The battery.
 *
 * Expectations are the specification's, revision 2026/04/27, of a listener
 * that is configured for the PROXY protocol.  It leaves to the receiver
 * whether to serve UNSPEC with command PROXY (section 2.2), families it does
 * not implement (they may be treated as UNSPEC), headers that come in more
 * than one segment, whether to look at TLVs at all and so at a checksum
 * (sections 2.2 and 2.2.3), and headers larger than an MSS.
 */

#include "check/check_cases.h"

#include <string.h>

#include "protocol/pp.h"

#define LENGTH_AT 14

#define ADDRESSES4 "192.0.2.77 198.51.100.80"
#define ADDRESSES6 "2001:db8::77 2001:db8::80"
#define PORTS "4711 443"

/* The longest line (section 2.1), and one byte more. */
#define FILL_30 "123456789 123456789 123456789 "
#define FILL_90 FILL_30 FILL_30 FILL_30
#define LINE_107 "PROXY UNKNOWN " FILL_90 "x\r\n"
#define LINE_108 "PROXY UNKNOWN " FILL_90 "xx\r\n"

#define BLOCK4 "c000024d c6336450 1267 01bb"
#define BLOCK6                                                               \
    "20010db8 00000000 00000000 00000077 20010db8 00000000 00000000 "        \
    "00000080 1267 01bb"

/* ALPN, AUTHORITY, UNIQUE_ID; the SSL TLV of TLSv1.3 without certificate. */
#define SOME_TLVS "01 0002 6832 02 000b 6578616d706c652e6f7267 05 0004 69642d31"
#define SSL_TLV "20 000f 01 00000001 21 0007 544c5376312e33"

#define TCP4 0x11
#define LOCAL_ 0x20
#define PROXY_ 0x21

#define V1(line_) .line = line_
#define V2(family_) .command = PROXY_, .family = family_

/* clang-format off */
const check_case_t check_cases[] = {
    /* good */
    {.name = "v1-tcp4", V1("PROXY TCP4 " ADDRESSES4 " " PORTS "\r\n")},
    {.name = "v1-tcp6", V1("PROXY TCP6 " ADDRESSES6 " " PORTS "\r\n")},
    {.name = "v1-unknown", V1("PROXY UNKNOWN\r\n")},
    {.name = "v1-unknown-107", V1(LINE_107)},
    {.name = "v2-tcp4", V2(TCP4)},
    {.name = "v2-tcp6", V2(0x21)},
    {.name = "v2-local", .command = LOCAL_},
    {.name = "v2-local-nlb", .command = LOCAL_, .family = TCP4, .block = "",
     .tlvs = "03 0004 bce5951f", .noop = 74},
    {.name = "v2-tlvs", V2(TCP4), .tlvs = SOME_TLVS},
    {.name = "v2-unknown-tlvs", V2(TCP4), .tlvs = "e5 0001 00 f1 0000"},
    {.name = "v2-ssl", V2(TCP4), .tlvs = SSL_TLV},
    {.name = "v2-crc32c", V2(TCP4), .tlvs = SOME_TLVS, .crc = 1},
    {.name = "v2-tlvs-500", V2(TCP4), .noop = 497},
    /* left to the receiver */
    {.name = "v2-tlvs-4000", .expected = CHECK_CASES_OPEN, V2(TCP4),
     .noop = 3997},
    {.name = "v2-unspec", .expected = CHECK_CASES_OPEN, V2(0x00)},
    {.name = "v2-udp4", .expected = CHECK_CASES_OPEN, V2(0x12)},
    {.name = "v2-unix", .expected = CHECK_CASES_OPEN, V2(0x31)},
    {.name = "v1-single-bytes", .expected = CHECK_CASES_OPEN, .each = 1,
     V1("PROXY TCP4 " ADDRESSES4 " " PORTS "\r\n")},
    {.name = "v2-single-bytes", .expected = CHECK_CASES_OPEN, .each = 1,
     V2(TCP4)},
    {.name = "v1-cut", .expected = CHECK_CASES_OPEN, .cuts_middle = 1,
     V1("PROXY TCP4 " ADDRESSES4 " " PORTS "\r\n")},
    {.name = "v2-cut", .expected = CHECK_CASES_OPEN, .cuts_middle = 1,
     V2(TCP4)},
    {.name = "v2-crc32c-wrong", .expected = CHECK_CASES_OPEN, V2(TCP4),
     .tlvs = SOME_TLVS, .crc = 2},
    {.name = "v2-tlv-overrun", .expected = CHECK_CASES_OPEN, V2(TCP4),
     .tlvs = "02 0004 616263"},
    {.name = "v2-tlv-stray", .expected = CHECK_CASES_OPEN, V2(TCP4),
     .tlvs = "02 0003 616263 00"},
    {.name = "v2-ssl-short", .expected = CHECK_CASES_OPEN, V2(TCP4),
     .tlvs = "20 0004 01000000"},
    {.name = "v2-unique-id-129", .expected = CHECK_CASES_OPEN, V2(TCP4),
     .unique_id = 129},
    /* bad */
    {.name = "no-header", .expected = CHECK_CASES_CLOSED, V1("")},
    {.name = "v1-lower-case", .expected = CHECK_CASES_CLOSED,
     V1("proxy TCP4 " ADDRESSES4 " " PORTS "\r\n")},
    {.name = "v1-lf-only", .expected = CHECK_CASES_CLOSED,
     V1("PROXY TCP4 " ADDRESSES4 " " PORTS "\n")},
    {.name = "v1-two-spaces", .expected = CHECK_CASES_CLOSED,
     V1("PROXY TCP4  " ADDRESSES4 " " PORTS "\r\n")},
    {.name = "v1-leading-zero", .expected = CHECK_CASES_CLOSED,
     V1("PROXY TCP4 192.0.02.77 198.51.100.80 " PORTS "\r\n")},
    {.name = "v1-port-65536", .expected = CHECK_CASES_CLOSED,
     V1("PROXY TCP4 " ADDRESSES4 " 4711 65536\r\n")},
    {.name = "v1-port-sign", .expected = CHECK_CASES_CLOSED,
     V1("PROXY TCP4 " ADDRESSES4 " +4711 443\r\n")},
    {.name = "v1-v4-in-tcp6", .expected = CHECK_CASES_CLOSED,
     V1("PROXY TCP6 " ADDRESSES4 " " PORTS "\r\n")},
    {.name = "v1-missing-field", .expected = CHECK_CASES_CLOSED,
     V1("PROXY TCP4 " ADDRESSES4 " 4711\r\n")},
    {.name = "v1-108-bytes", .expected = CHECK_CASES_CLOSED, V1(LINE_108)},
    {.name = "v2-version-3", .expected = CHECK_CASES_CLOSED, .command = 0x31,
     .family = TCP4},
    {.name = "v2-command-2", .expected = CHECK_CASES_CLOSED, .command = 0x22,
     .family = TCP4},
    {.name = "v2-family-4", .expected = CHECK_CASES_CLOSED, V2(0x41),
     .block = BLOCK6},
    {.name = "v2-transport-3", .expected = CHECK_CASES_CLOSED, V2(0x13),
     .block = BLOCK4},
    {.name = "v2-too-short", .expected = CHECK_CASES_CLOSED, V2(TCP4),
     .block = "c000024d c6336450"},
    {.name = "two-headers", .expected = CHECK_CASES_REFUSED, V2(TCP4),
     .prefix = "PROXY TCP4 " ADDRESSES4 " " PORTS "\r\n"},
};
/* clang-format on */

const size_t check_cases_count = sizeof(check_cases) / sizeof(check_cases[0]);

static void add_hex(check_row_t *row, const char *hex)
{
    uint8_t bytes[64];
    check_row_t part = {bytes, sizeof(bytes), 0};

    check_bytes_from_hex(hex, strlen(hex), &part);
    check_bytes_append(row, part.bytes, part.len);
}

static void add_block(check_row_t *row, unsigned char family)
{
    static const uint8_t no_path[2 * 108];

    switch (family >> 4) {
    case PP_INET:
        add_hex(row, BLOCK4);
        break;
    case PP_INET6:
        add_hex(row, BLOCK6);
        break;
    case PP_UNIX:
        check_bytes_append(row, no_path, sizeof(no_path));
        break;
    default: /* PP_UNSPEC, and what is not defined: none */
        break;
    }
}

/* A TLV of a size that is only about size. */
static void add_tlv(check_row_t *row, uint8_t type, size_t len)
{
    static const uint8_t zeros[4096];

    if (len > 0) {
        pp_tlv_append(row->bytes, row->size, &row->len, type, zeros,
                      (uint16_t)len);
    }
}

static void build_v2(const check_case_t *one, check_row_t *row)
{
    static const uint8_t zeros[4];
    uint8_t *bytes = row->bytes + row->len;
    size_t start = row->len;
    uint8_t fixed[4] = {0, 0, 0, 0};
    size_t len;

    fixed[0] = one->command;
    fixed[1] = one->family;
    check_bytes_append(row, pp_v2_signature, PP_V2_SIG_LEN);
    check_bytes_append(row, fixed, sizeof(fixed));
    if (one->block) {
        add_hex(row, one->block);
    }
    else {
        add_block(row, one->family);
    }
    if (one->tlvs) {
        add_hex(row, one->tlvs);
    }
    add_tlv(row, PP_TLV_NOOP, one->noop);
    add_tlv(row, PP_TLV_UNIQUE_ID, one->unique_id);
    if (one->crc) {
        pp_tlv_append(row->bytes, row->size, &row->len, PP_TLV_CRC32C, zeros,
                      4);
    }
    len = row->len - start;
    bytes[LENGTH_AT] = (uint8_t)((len - PP_V2_FIXED) >> 8);
    bytes[LENGTH_AT + 1] = (uint8_t)(len - PP_V2_FIXED);
    if (one->crc) {
        uint32_t crc = pp_crc32c(bytes, len, bytes + len - 4);

        crc ^= one->crc == 2 ? 1 : 0;
        bytes[len - 4] = (uint8_t)(crc >> 24);
        bytes[len - 3] = (uint8_t)(crc >> 16);
        bytes[len - 2] = (uint8_t)(crc >> 8);
        bytes[len - 1] = (uint8_t)crc;
    }
}

void check_cases_build(const check_case_t *one, check_row_t *row)
{
    if (one->prefix) {
        check_bytes_append(row, one->prefix, strlen(one->prefix));
    }
    if (one->line) {
        check_bytes_append(row, one->line, strlen(one->line));
    }
    else {
        build_v2(one, row);
    }
}
