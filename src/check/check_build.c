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
 * Headers from wishes.  The codec's encoder writes them; what it leaves out,
 * paths and wrong checksums, is added here.
 */

#include "check/check_build.h"

#include <assert.h>
#include <string.h>

#define UNIX_PATH_LEN 108
#define CRC_LEN 4
#define LENGTH_AT 14

/* As captured: family byte 0x11 and no addresses, padded to 100 bytes. */
const uint8_t check_build_nlb[CHECK_BUILD_NLB_LEN] = {
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
    0x20, 0x11, 0x00, 0x54, 0x03, 0x00, 0x04, 0xbc, 0xe5, 0x95, 0x1f, 0x04,
    0x00, 0x4a};

typedef struct {
    const char *name;
    pp_family_t family;
    pp_transport_t transport;
} family_t;

static const family_t families[] = {
    {"tcp4", PP_INET, PP_STREAM},
    {"tcp6", PP_INET6, PP_STREAM},
    {"udp4", PP_INET, PP_DGRAM},
    {"udp6", PP_INET6, PP_DGRAM},
    {"unix", PP_UNIX, PP_STREAM},
    {"unknown", PP_UNSPEC, PP_TRANSPORT_UNSPEC},
};

static const family_t *find_family(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (strcmp(name, families[i].name) == 0) {
            return &families[i];
        }
    }
    return NULL;
}

int check_build_is_family(const char *text)
{
    return find_family(text) != NULL;
}

static const char *family_of(const check_build_t *wish)
{
    if (wish->family) {
        return wish->family;
    }
    if (wish->src_path || wish->dst_path) {
        return "unix";
    }
    return wish->src.addr.family == PP_INET6
                   || wish->dst.addr.family == PP_INET6
               ? "tcp6"
               : "tcp4";
}

static void put_uint16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Paths into the zeros that the encoder has written. */
static const char *put_path(uint8_t *at, const char *path)
{
    size_t len = path ? strlen(path) : 0;

    if (len > UNIX_PATH_LEN) {
        return "a path has 108 bytes at most";
    }
    if (len > 0) {
        /* Bytes of a header, no string.
         * NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
        memcpy(at, path, len);
    }
    return NULL;
}

/* A CRC32C TLV at the end; header is where the row's last header begins. */
static const char *add_crc(check_row_t *row, size_t header, int is_wrong)
{
    static const uint8_t zeros[CRC_LEN];
    uint8_t *bytes = row->bytes + header;
    size_t len = row->len - header;
    uint32_t crc;

    if (len + 3 + CRC_LEN > PP_V2_MAX
        || !pp_tlv_append(row->bytes, row->size, &row->len, PP_TLV_CRC32C,
                          zeros, CRC_LEN)) {
        return "it would be larger than a header can be";
    }
    len = row->len - header;
    put_uint16(bytes + LENGTH_AT, len - PP_V2_FIXED);
    crc = pp_crc32c(bytes, len, bytes + len - CRC_LEN);
    crc ^= is_wrong ? 1 : 0;
    put_uint16(bytes + len - 4, crc >> 16);
    put_uint16(bytes + len - 2, crc & 0xffff);
    return NULL;
}

/* Why a v1 line cannot say it; NULL when it can. */
static const char *refuse_v1(const check_build_t *wish,
                             const family_t *family)
{
    if (wish->is_local) {
        return "version 1 has no LOCAL";
    }
    if (wish->tlvs_len > 0 || wish->crc != CHECK_BUILD_NO_CRC) {
        return "version 1 has no TLVs and no checksum";
    }
    if (family->transport == PP_DGRAM || family->family == PP_UNIX) {
        return "version 1 has tcp4, tcp6 and unknown only";
    }
    return NULL;
}

const char *check_build_header(const check_build_t *wish, check_row_t *row)
{
    const family_t *family = find_family(family_of(wish));
    const char *why;
    pp_header_t header;
    uint8_t *bytes = row->bytes + row->len;
    size_t start = row->len;
    size_t len;

    assert(family); /* check_build_is_family() has said so */
    why = wish->version == 1 ? refuse_v1(wish, family) : NULL;
    if (why) {
        return why;
    }
    memset(&header, 0, sizeof(header));
    header.version = wish->version;
    header.command = wish->is_local ? PP_LOCAL : PP_PROXY;
    header.family = family->family;
    header.transport = family->transport;
    header.src = wish->src.addr;
    header.dst = wish->dst.addr;
    header.src_port = wish->src.port;
    header.dst_port = wish->dst.port;
    header.tlvs = wish->tlvs;
    header.tlvs_len = wish->tlvs_len;
    len = pp_encode(&header, 0, bytes, row->size - row->len);
    if (len == 0) {
        return family->family == PP_INET
                       && (header.src.family != PP_INET
                           || header.dst.family != PP_INET)
                   ? "an IPv6 address does not fit this family"
                   : "it would be larger than a header can be";
    }
    row->len += len;
    if (family->family == PP_UNIX && !wish->is_local) {
        why = put_path(bytes + PP_V2_FIXED, wish->src_path);
        why = why ? why
                  : put_path(bytes + PP_V2_FIXED + UNIX_PATH_LEN,
                             wish->dst_path);
    }
    if (!why && wish->crc != CHECK_BUILD_NO_CRC) {
        why = add_crc(row, start, wish->crc == CHECK_BUILD_WRONG_CRC);
    }
    return why;
}
