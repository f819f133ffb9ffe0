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
 * The encoder: a pp_header_t to v1 or v2 bytes.
 *
 * Used by mod_proxyip_send, the test suite and proxyip-check; mod_proxyip
 * itself never sends a header.
 */

#include "protocol/pp.h"

#include <string.h>

#define CRC_TLV_LEN 7
#define UNIX_PATHS ((size_t)2 * 108)

/* Text that grows in a buffer of known size. */
typedef struct {
    char *text;
    size_t len;
    size_t size;
} line_t;

static void add_text(line_t *line, const char *text, size_t len)
{
    if (line->len + len <= line->size) {
        memcpy(line->text + line->len, text, len);
    }
    line->len += len; /* beyond size: too long, found at the end */
}

static void add_port(line_t *line, uint16_t port)
{
    char digits[5];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + port % 10);
        port /= 10;
    } while (port > 0);
    add_text(line, " ", 1);
    add_text(line, digits + first, sizeof(digits) - first);
}

static void add_addr(line_t *line, const pp_addr_t *addr, pp_family_t family)
{
    char text[PP_ADDR_TEXT_MAX];

    add_text(line, " ", 1);
    if (family == PP_INET6 && addr->family == PP_INET) {
        add_text(line, "::ffff:", 7);
    }
    add_text(line, text, pp_addr_format(addr, text));
}

/* The bytes are written by way of the line.
 * NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t encode_v1(const pp_header_t *header, uint8_t *bytes, size_t size)
{
    line_t line = {(char *)bytes, 0, size};

    if (header->command != PP_PROXY || header->transport == PP_DGRAM) {
        return 0;
    }
    switch (header->family) {
    case PP_INET:
        add_text(&line, "PROXY TCP4", 10);
        break;
    case PP_INET6:
        add_text(&line, "PROXY TCP6", 10);
        break;
    case PP_UNSPEC:
        add_text(&line, "PROXY UNKNOWN", 13);
        break;
    case PP_UNIX:
        return 0;
    }
    if (header->family != PP_UNSPEC) {
        add_addr(&line, &header->src, header->family);
        add_addr(&line, &header->dst, header->family);
        add_port(&line, header->src_port);
        add_port(&line, header->dst_port);
    }
    add_text(&line, "\r\n", 2);
    return line.len <= size ? line.len : 0;
}

static uint8_t *put_addr(uint8_t *at, const pp_addr_t *addr,
                         pp_family_t family)
{
    if (family == PP_INET) {
        memcpy(at, addr->bytes, 4);
        return at + 4;
    }
    if (addr->family == PP_INET) {
        memset(at, 0, 10);
        memset(at + 10, 0xff, 2);
        memcpy(at + 12, addr->bytes, 4);
    }
    else {
        memcpy(at, addr->bytes, 16);
    }
    return at + 16;
}

static uint8_t *put_uint16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put_block(uint8_t *at, const pp_header_t *header)
{
    switch (header->family) {
    case PP_INET:
    case PP_INET6:
        at = put_addr(at, &header->src, header->family);
        at = put_addr(at, &header->dst, header->family);
        at = put_uint16(at, header->src_port);
        return put_uint16(at, header->dst_port);
    case PP_UNIX:
        memset(at, 0, UNIX_PATHS);
        return at + UNIX_PATHS;
    case PP_UNSPEC:
        return at;
    }
    return at;
}

static size_t encode_v2(const pp_header_t *header, int add_checksum,
                        uint8_t *bytes, size_t size)
{
    static const uint8_t zeros[4];
    uint8_t fixed[PP_V2_FIXED + 2 * 108];
    int is_local = header->command == PP_LOCAL;
    size_t len = PP_V2_FIXED;
    size_t total;

    memcpy(fixed, pp_v2_signature, PP_V2_SIG_LEN);
    fixed[12] = (uint8_t)(0x20 | header->command);
    fixed[13] = 0;
    if (!is_local && header->family != PP_UNSPEC) {
        fixed[13] = (uint8_t)(header->family << 4 | header->transport);
        len = (size_t)(put_block(fixed + PP_V2_FIXED, header) - fixed);
    }
    total = len + header->tlvs_len + (add_checksum ? CRC_TLV_LEN : 0);
    if (total > size || total > PP_V2_MAX) {
        return 0;
    }
    put_uint16(fixed + 14, (uint16_t)(total - PP_V2_FIXED));
    memcpy(bytes, fixed, len);
    if (header->tlvs_len > 0) {
        memcpy(bytes + len, header->tlvs, header->tlvs_len);
        len += header->tlvs_len;
    }
    if (add_checksum) {
        uint32_t crc;

        pp_tlv_append(bytes, size, &len, PP_TLV_CRC32C, zeros, 4);
        crc = pp_crc32c(bytes, len, bytes + len - 4);
        put_uint16(bytes + len - 4, (uint16_t)(crc >> 16));
        put_uint16(bytes + len - 2, (uint16_t)crc);
    }
    return len;
}

size_t pp_encode(const pp_header_t *header, int add_checksum, uint8_t *bytes,
                 size_t size)
{
    int has_addresses = header->command == PP_PROXY
                        && (header->family == PP_INET
                            || header->family == PP_INET6);

    if (has_addresses
        && (header->src.family == PP_UNSPEC
            || header->dst.family == PP_UNSPEC)) {
        return 0;
    }
    if (has_addresses && header->family == PP_INET
        && (header->src.family != PP_INET || header->dst.family != PP_INET)) {
        return 0;
    }
    if (header->version == 1) {
        return add_checksum || header->tlvs_len > 0
                   ? 0
                   : encode_v1(header, bytes, size);
    }
    return encode_v2(header, add_checksum, bytes, size);
}
