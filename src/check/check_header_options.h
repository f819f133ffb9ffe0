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
 * The options that say what a header holds: send's and relay's.
 */

#ifndef CHECK_HEADER_OPTIONS_H
#define CHECK_HEADER_OPTIONS_H

#include <apr_pools.h>

#include "check/check_build.h"
#include "check/check_options.h"
#include "check/check_tlv_options.h"

/* Their ids, before a command's own. */
enum {
    CHECK_HEADER_V1 = CHECK_OPTIONS_FIRST,
    CHECK_HEADER_V2,
    CHECK_HEADER_SRC,
    CHECK_HEADER_DST,
    CHECK_HEADER_FAMILY,
    CHECK_HEADER_LOCAL,
    CHECK_HEADER_TLV,
    CHECK_HEADER_SSL,
    CHECK_HEADER_SSL_CERT,
    CHECK_HEADER_SSL_VERIFY,
    CHECK_HEADER_PAD,
    CHECK_HEADER_CRC,
    CHECK_HEADER_WRONG_CRC,
    /* and a sub-TLV's type: the SSL TLV has it */
    CHECK_HEADER_SUB,
    CHECK_HEADER_LAST = CHECK_HEADER_SUB + 0xff
};

/* Their rows of a command's table. */
/* clang-format off */
#define CHECK_HEADER_ROWS                                                    \
    {"v1", CHECK_HEADER_V1, 0, NULL},                                        \
    {"v2", CHECK_HEADER_V2, 0, NULL},                                        \
    {"src", CHECK_HEADER_SRC, 1, NULL},                                      \
    {"dst", CHECK_HEADER_DST, 1, NULL},                                      \
    {"family", CHECK_HEADER_FAMILY, 1, NULL},                                \
    {"local", CHECK_HEADER_LOCAL, 0, NULL},                                  \
    {"tlv", CHECK_HEADER_TLV, 1, NULL},                                      \
    {"ssl", CHECK_HEADER_SSL, 0, NULL},                                      \
    {"ssl-cert", CHECK_HEADER_SSL_CERT, 0, NULL},                            \
    {"ssl-verify", CHECK_HEADER_SSL_VERIFY, 1, NULL},                        \
    {"ssl-version", CHECK_HEADER_SUB + PP_SSL_VERSION, 1, NULL},             \
    {"ssl-cn", CHECK_HEADER_SUB + PP_SSL_CN, 1, NULL},                       \
    {"ssl-cipher", CHECK_HEADER_SUB + PP_SSL_CIPHER, 1, NULL},               \
    {"ssl-sig-alg", CHECK_HEADER_SUB + PP_SSL_SIG_ALG, 1, NULL},             \
    {"ssl-key-alg", CHECK_HEADER_SUB + PP_SSL_KEY_ALG, 1, NULL},             \
    {"ssl-group", CHECK_HEADER_SUB + PP_SSL_GROUP, 1, NULL},                 \
    {"ssl-sig-scheme", CHECK_HEADER_SUB + PP_SSL_SIG_SCHEME, 1, NULL},       \
    {"ssl-client-cert", CHECK_HEADER_SUB + PP_SSL_CLIENT_CERT, 1, NULL},     \
    {"pad", CHECK_HEADER_PAD, 1, NULL},                                      \
    /* Before the other: APR takes the first that an argument begins with. */\
    {"crc32c=wrong", CHECK_HEADER_WRONG_CRC, 0, NULL},                       \
    {"crc32c", CHECK_HEADER_CRC, 0, NULL}
/* clang-format on */

/* Their part of a command's --help. */
#define CHECK_HEADER_HELP                                                    \
    "  --v1, --v2              version, default 2\n"                         \
    "  --src ADDR[:PORT]       client\n"                                     \
    "  --dst ADDR[:PORT]       what the client dialled\n"                    \
    "  --family FAMILY         tcp4, tcp6, udp4, udp6, unix, unknown;\n"     \
    "                          default by the addresses. unix: --src and\n"  \
    "                          --dst are paths\n"                            \
    "  --local                 command LOCAL, as health checks send\n"       \
    "  --tlv TYPE=VALUE        alpn, authority, unique-id, netns, noop,\n"   \
    "                          aws-vpce-id, azure-link-id, gcp-psc-id, or\n" \
    "                          0xNN; VALUE is text, hex:0011 or @FILE\n"     \
    "  --ssl                   SSL TLV: the client used TLS. Implied by:\n"  \
    "  --ssl-version, --ssl-cn, --ssl-cipher, --ssl-sig-alg,\n"              \
    "  --ssl-key-alg, --ssl-group, --ssl-sig-scheme VALUE,\n"                \
    "  --ssl-client-cert @FILE (DER)\n"                                      \
    "  --ssl-cert              the client has shown a certificate\n"         \
    "  --ssl-verify N          result of its verification, default 0 with\n" \
    "                          --ssl-cert, else 1\n"                         \
    "  --pad N                 NOOP TLV of N bytes\n"                        \
    "  --crc32c[=wrong]        checksum\n"

/** What they say. */
typedef struct {
    const char *command; /* for messages */
    const char *src;     /* as typed, NULL: the connection's */
    const char *dst;
    check_build_t build;
    check_tlv_ssl_t ssl;
    check_row_t tlvs;
    unsigned long pad;
    int has_pad;
    int was_said; /* any of them came */
} check_header_wish_t;

/** Set all to what holds when no option comes. */
void check_header_begin(check_header_wish_t *wish, apr_pool_t *p,
                        const char *command);

/**
 * Take an option.  Says on standard error what is wrong with it.
 * @param options the walk
 * @param id its id
 * @param wish where to
 * @return 1 on success, 0 when it is wrong, -1 when it is none of these
 */
int check_header_take(const check_options_t *options, int id,
                      check_header_wish_t *wish);

/**
 * See to what the options say together, after the last.  Says on standard
 * error what is wrong.
 * @return 1 on success, else 0
 */
int check_header_finish(check_header_wish_t *wish);

/**
 * Append the header.  Says on standard error why there is no such one.
 * @param wish what the options say
 * @param src the client, where they do not say
 * @param dst what it dialled, likewise
 * @param row where to
 * @return 1 on success, else 0
 */
int check_header_build(const check_header_wish_t *wish,
                       const check_endpoint_t *src,
                       const check_endpoint_t *dst, check_row_t *row);

/** Addresses that are set aside for documentation, for a header without a
 * connection: of the family that the options mean. */
void check_header_example(const check_header_wish_t *wish,
                          check_endpoint_t *src, check_endpoint_t *dst);

#endif /* CHECK_HEADER_OPTIONS_H */
