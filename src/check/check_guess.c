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
 * What bytes look like.
 */

#include "check/check_guess.h"

#include <string.h>

#include "check/check_bytes.h"
#include "protocol/pp.h"

#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define LINE_SHOWN 100

/* A request's head that goes on for longer is not waited for. */
#define HTTP_HEAD_MAX 16384

/* A TLS record's header, and a handshake message's. */
#define RECORD_FIXED 5
#define HANDSHAKE_FIXED 4

/* A place in bytes that may end anywhere: reading past the end yields
 * nothing and stays there. */
typedef struct {
    const uint8_t *at;
    size_t left;
} reader_t;

check_guess_t check_guess(const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        return CHECK_NOTHING;
    }
    if (pp_committed_version(bytes, len)) {
        return CHECK_HEADER;
    }
    switch (pp_look(bytes, len)) {
    case PP_LOOKS_TLS:
        return CHECK_TLS;
    case PP_LOOKS_HTTP:
    case PP_LOOKS_AWS:
    case PP_LOOKS_GOOGLE:
    case PP_LOOKS_KUBERNETES:
    case PP_LOOKS_AZURE:
    case PP_LOOKS_NAGIOS:
    case PP_LOOKS_HAPROXY:
    case PP_LOOKS_HTTPD:
        return CHECK_HTTP;
    case PP_LOOKS_HTTP2:
        return CHECK_HTTP2;
    case PP_LOOKS_SSH:
        return CHECK_SSH;
    case PP_LOOKS_LOWER_CASE:
        return CHECK_LOWER_HEADER;
    case PP_LOOKS_UNKNOWN:
    case PP_LOOKS_LATE:
    case PP_LOOKS_MIXED:
    case PP_LOOKS_ZONE:
        break;
    }
    return CHECK_UNKNOWN;
}

static void skip(reader_t *reader, size_t len)
{
    if (len > reader->left) {
        len = reader->left;
    }
    reader->at += len;
    reader->left -= len;
}

/* A number of some bytes in network byte order. */
static size_t take(reader_t *reader, size_t width)
{
    size_t value = 0;

    if (reader->left < width) {
        skip(reader, reader->left);
        return 0;
    }
    while (width--) {
        value = value << 8 | *reader->at;
        skip(reader, 1);
    }
    return value;
}

/* The server name in a ClientHello (RFC 6066 section 3), or NULL. */
static const uint8_t *find_server_name(const uint8_t *bytes, size_t len,
                                       size_t *name_len)
{
    reader_t reader;

    if (len <= RECORD_FIXED || bytes[RECORD_FIXED] != 1) {
        return NULL;
    }
    reader.at = bytes;
    reader.left = len;
    skip(&reader, RECORD_FIXED + HANDSHAKE_FIXED + 2 + 32);
    skip(&reader, take(&reader, 1)); /* session */
    skip(&reader, take(&reader, 2)); /* ciphers */
    skip(&reader, take(&reader, 1)); /* compression */
    take(&reader, 2);                /* extensions */
    while (reader.left > 4) {
        size_t type = take(&reader, 2);
        size_t extension_len = take(&reader, 2);

        if (type != 0) {
            skip(&reader, extension_len);
            continue;
        }
        skip(&reader, 2 + 1); /* list, and a host name's type */
        *name_len = take(&reader, 2);
        return *name_len > 0 && *name_len <= reader.left ? reader.at : NULL;
    }
    return NULL;
}

static void print_first_line(FILE *out, const uint8_t *bytes, size_t len)
{
    const uint8_t *end = memchr(bytes, '\r', len);
    size_t line_len = end ? (size_t)(end - bytes) : len;

    if (line_len > LINE_SHOWN) {
        check_bytes_print(out, bytes, LINE_SHOWN);
        fputs("...", out);
        return;
    }
    check_bytes_print(out, bytes, line_len);
}

static void print_tls(FILE *out, const uint8_t *bytes, size_t len)
{
    size_t name_len = 0;
    const uint8_t *name = find_server_name(bytes, len, &name_len);

    fputs("a TLS handshake", out);
    if (name) {
        fputs(" for ", out);
        check_bytes_print(out, name, name_len);
    }
}

void check_guess_print(FILE *out, const uint8_t *bytes, size_t len)
{
    switch (check_guess(bytes, len)) {
    case CHECK_NOTHING:
        fputs("nothing", out);
        break;
    case CHECK_HEADER:
        fprintf(out, "a v%d PROXY header", pp_committed_version(bytes, len));
        break;
    case CHECK_LOWER_HEADER:
        fputs("PROXY not in capitals", out);
        break;
    case CHECK_HTTP:
        fputs("an HTTP request: ", out);
        print_first_line(out, bytes, len);
        break;
    case CHECK_HTTP2:
        fputs("HTTP/2's preface", out);
        break;
    case CHECK_TLS:
        print_tls(out, bytes, len);
        break;
    case CHECK_SSH:
        fputs("SSH: ", out);
        print_first_line(out, bytes, len);
        break;
    case CHECK_UNKNOWN:
        fputs("unknown bytes", out);
        break;
    }
}

static int has_empty_line(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i + 4 <= len; i++) {
        if (memcmp(bytes + i, "\r\n\r\n", 4) == 0) {
            return 1;
        }
    }
    return 0;
}

int check_guess_is_whole(const uint8_t *bytes, size_t len)
{
    switch (check_guess(bytes, len)) {
    case CHECK_HTTP:
        return len >= HTTP_HEAD_MAX || has_empty_line(bytes, len);
    case CHECK_TLS:
        return len >= RECORD_FIXED
               && len >= RECORD_FIXED + ((size_t)bytes[3] << 8 | bytes[4]);
    case CHECK_HTTP2:
        return len >= strlen(HTTP2_PREFACE);
    case CHECK_NOTHING:
        return 0;
    case CHECK_HEADER:
    case CHECK_LOWER_HEADER:
    case CHECK_SSH:
    case CHECK_UNKNOWN:
        break;
    }
    return 1;
}
