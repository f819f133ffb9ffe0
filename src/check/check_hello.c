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
 * A ClientHello of TLS 1.2 and 1.3 (RFC 8446, section 4.1.2) that OpenSSL,
 * GnuTLS and others answer, whatever the kind of their certificate.
 */

#include "check/check_hello.h"

#include <string.h>

#include "protocol/pp.h"

/* ECDHE, and RSA for what is old, with AES. */
static const uint8_t ciphers[]
    = {0x13, 0x01, 0x13, 0x02, 0x13, 0x03,
       0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30,
       0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x13, 0xc0, 0x14, 0x00, 0x9c, 0x00, 0x2f,
       0x00, 0xff};

/* supported_groups, ec_point_formats, signature_algorithms,
 * supported_versions, and a key_share that is empty: it makes TLS 1.3 answer
 * with a HelloRetryRequest. */
static const uint8_t extensions[]
    = {0x00, 0x0a, 0x00, 0x08, 0x00, 0x06, 0x00, 0x1d, 0x00, 0x17, 0x00, 0x18,
       0x00, 0x0b, 0x00, 0x02, 0x01, 0x00,
       0x00, 0x0d, 0x00, 0x10, 0x00, 0x0e, 0x04, 0x03, 0x08, 0x04, 0x04, 0x01,
       0x05, 0x03, 0x08, 0x05, 0x08, 0x06, 0x08, 0x07,
       0x00, 0x2b, 0x00, 0x05, 0x04, 0x03, 0x04, 0x03, 0x03,
       0x00, 0x33, 0x00, 0x02, 0x00, 0x00};

/* A name in server_name is one, and not longer than DNS has them. */
#define NAME_MAX_LEN 253

static void put16(check_row_t *row, size_t number)
{
    uint8_t bytes[2];

    bytes[0] = (uint8_t)(number >> 8);
    bytes[1] = (uint8_t)number;
    check_bytes_append(row, bytes, sizeof(bytes));
}

static int is_name(const char *host)
{
    size_t len = strlen(host);
    pp_addr_t addr;

    return len > 0 && len <= NAME_MAX_LEN
           && !pp_addr_parse(host, len, PP_UNSPEC, &addr);
}

static void put_extensions(const char *host, check_row_t *row)
{
    size_t len = is_name(host) ? strlen(host) : 0;

    put16(row, sizeof(extensions) + (len ? len + 9 : 0));
    check_bytes_append(row, extensions, sizeof(extensions));
    if (len) {
        put16(row, 0); /* server_name */
        put16(row, len + 5);
        put16(row, len + 3);
        check_bytes_append(row, "", 1);
        put16(row, len);
        check_bytes_append(row, host, len);
    }
}

void check_hello_append(const char *host, check_row_t *row)
{
    static const uint8_t random[32] = {"proxyip-check asks, and goes."};
    uint8_t body[CHECK_HELLO_MAX];
    check_row_t hello = {body, sizeof(body), 0};

    check_bytes_append(&hello, "\3\3", 2);
    check_bytes_append(&hello, random, sizeof(random));
    check_bytes_append(&hello, "", 1); /* no session */
    put16(&hello, sizeof(ciphers));
    check_bytes_append(&hello, ciphers, sizeof(ciphers));
    check_bytes_append(&hello, "\1", 2); /* no compression */
    put_extensions(host, &hello);
    check_bytes_append(row, "\x16\3\1", 3);
    put16(row, hello.len + 4);
    check_bytes_append(row, "\1", 2); /* ClientHello; a length of 24 bits */
    put16(row, hello.len);
    check_bytes_append(row, hello.bytes, hello.len);
}
