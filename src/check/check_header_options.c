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
 * Options of a header.
 */

#include "check/check_header_options.h"

#include <string.h>

void check_header_begin(check_header_wish_t *wish, apr_pool_t *p,
                        const char *command)
{
    memset(wish, 0, sizeof(*wish));
    wish->command = command;
    wish->build.version = 2;
    wish->tlvs.size = PP_V2_MAX;
    wish->tlvs.bytes = apr_palloc(p, wish->tlvs.size);
    wish->ssl.subs.size = PP_V2_MAX;
    wish->ssl.subs.bytes = apr_palloc(p, wish->ssl.subs.size);
}

/* What is of version 2 alone; -1: none of these. */
static int take_more(const check_options_t *options, int id,
                     check_header_wish_t *wish)
{
    unsigned long number;

    switch (id) {
    case CHECK_HEADER_TLV:
        return check_tlv_options_add(options, &wish->tlvs);
    case CHECK_HEADER_SSL:
        wish->ssl.wanted = 1;
        return 1;
    case CHECK_HEADER_SSL_CERT:
        wish->ssl.wanted = 1;
        wish->ssl.client = PP_CLIENT_CERT_CONN | PP_CLIENT_CERT_SESS;
        return 1;
    case CHECK_HEADER_SSL_VERIFY:
        if (!check_options_number(options, 0, 4294967295ul, &number)) {
            return 0;
        }
        wish->ssl.wanted = 1;
        wish->ssl.has_verify = 1;
        wish->ssl.verify = (uint32_t)number;
        return 1;
    case CHECK_HEADER_PAD:
        wish->has_pad = 1;
        return check_options_number(options, 0, 65532, &wish->pad);
    case CHECK_HEADER_CRC:
        wish->build.crc = CHECK_BUILD_CRC;
        return 1;
    case CHECK_HEADER_WRONG_CRC:
        wish->build.crc = CHECK_BUILD_WRONG_CRC;
        return 1;
    default: /* a sub-TLV, or an id of others */
        break;
    }
    if (id < CHECK_HEADER_SUB || id > CHECK_HEADER_LAST) {
        return -1;
    }
    return check_tlv_options_add_ssl(options,
                                     (uint8_t)(id - CHECK_HEADER_SUB),
                                     &wish->ssl);
}

int check_header_take(const check_options_t *options, int id,
                      check_header_wish_t *wish)
{
    int taken = 1;

    switch (id) {
    case CHECK_HEADER_V1:
        wish->build.version = 1;
        break;
    case CHECK_HEADER_V2:
        wish->build.version = 2;
        break;
    case CHECK_HEADER_SRC:
        wish->src = options->value;
        break;
    case CHECK_HEADER_DST:
        wish->dst = options->value;
        break;
    case CHECK_HEADER_FAMILY:
        wish->build.family = options->value;
        taken = check_build_is_family(options->value)
                || check_options_refuse(options, CHECK_BUILD_FAMILIES);
        break;
    case CHECK_HEADER_LOCAL:
        wish->build.is_local = 1;
        break;
    default: /* the others' */
        taken = take_more(options, id, wish);
        break;
    }
    wish->was_said |= taken >= 0;
    return taken;
}

static int read_endpoint(const check_header_wish_t *wish, const char *option,
                         const char *text, check_endpoint_t *endpoint,
                         const char **path)
{
    if (!text) {
        return 1;
    }
    if (wish->build.family ? strcmp(wish->build.family, "unix") == 0
                           : text[0] == '/') {
        *path = text;
        return 1;
    }
    if (!check_place_endpoint(text, endpoint)) {
        check_options_complain(wish->command,
                               "%s '%s': accepted is ADDR or ADDR:PORT,"
                               " an IPv6 address with a port in brackets",
                               option, text);
        return 0;
    }
    return 1;
}

static int read_endpoints(const check_header_wish_t *wish,
                          check_build_t *build)
{
    return read_endpoint(wish, "--src", wish->src, &build->src,
                         &build->src_path)
           && read_endpoint(wish, "--dst", wish->dst, &build->dst,
                            &build->dst_path);
}

int check_header_finish(check_header_wish_t *wish)
{
    static const uint8_t zeros[65535];
    check_build_t build = wish->build;

    if (!check_tlv_options_end_ssl(&wish->ssl, &wish->tlvs)
        || (wish->has_pad
            && !pp_tlv_append(wish->tlvs.bytes, wish->tlvs.size,
                              &wish->tlvs.len, PP_TLV_NOOP, zeros,
                              (uint16_t)wish->pad))) {
        check_options_complain(wish->command,
                               "the TLVs are larger than a header can be");
        return 0;
    }
    wish->build.tlvs = wish->tlvs.bytes;
    wish->build.tlvs_len = wish->tlvs.len;
    return read_endpoints(wish, &build);
}

int check_header_build(const check_header_wish_t *wish,
                       const check_endpoint_t *src,
                       const check_endpoint_t *dst, check_row_t *row)
{
    check_build_t build = wish->build;
    const char *why;

    build.src = *src;
    build.dst = *dst;
    if (!read_endpoints(wish, &build)) {
        return 0;
    }
    why = check_build_header(&build, row);
    if (why) {
        check_options_complain(wish->command, "no such header: %s", why);
    }
    return why == NULL;
}

void check_header_example(const check_header_wish_t *wish,
                          check_endpoint_t *src, check_endpoint_t *dst)
{
    int is_inet6 = (wish->src && strchr(wish->src, ':')
                    && strchr(strchr(wish->src, ':') + 1, ':'))
                   || (wish->build.family
                       && strchr(wish->build.family, '6'));

    check_place_endpoint(is_inet6 ? "[2001:db8::1]:54321"
                                  : "192.0.2.1:54321", src);
    check_place_endpoint(is_inet6 ? "[2001:db8::2]:443"
                                  : "198.51.100.1:443", dst);
}
