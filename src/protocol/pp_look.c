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
 * What bytes look like that are no header, or no right one.
 */

#include "protocol/pp.h"

#include <string.h>

/* So many bytes are looked at: enough for a request's head, and little work
 * for whoever has just been refused. */
#define LOOKED_AT 1024

#define LONGEST_METHOD 20

typedef struct {
    const char *text;
    pp_look_t look;
} pattern_t;

static const char *const look_texts[] = {
    [PP_LOOKS_UNKNOWN] = NULL,
    [PP_LOOKS_TLS] = "a TLS handshake",
    [PP_LOOKS_HTTP] = "an HTTP request",
    [PP_LOOKS_AWS] = "a request of AWS's health checker",
    [PP_LOOKS_GOOGLE] = "a request of Google Cloud's health checker",
    [PP_LOOKS_KUBERNETES] = "a request of Kubernetes's health checker",
    [PP_LOOKS_AZURE] = "a request of Azure's health checker",
    [PP_LOOKS_NAGIOS] = "a request of Nagios's health checker",
    [PP_LOOKS_HAPROXY] = "a request of HAProxy's health checker",
    [PP_LOOKS_HTTPD] = "httpd itself, which wakes a child that is to end",
    [PP_LOOKS_HTTP2] = "HTTP/2 without TLS",
    [PP_LOOKS_SSH] = "an SSH client",
    [PP_LOOKS_LOWER_CASE] = "a PROXY header whose keyword is not in capitals",
    [PP_LOOKS_LATE] = "a PROXY header behind other bytes",
    [PP_LOOKS_MIXED] = "an address of the other family",
    [PP_LOOKS_ZONE] = "an address with a zone id",
};

/* What health checkers say of themselves, behind User-Agent; HAProxy's
 * (`option httpchk` alone) says nothing and is known by its whole request. */
static const pattern_t checkers[] = {
    {"ELB-HealthChecker/", PP_LOOKS_AWS},
    {"GoogleHC/", PP_LOOKS_GOOGLE},
    {"kube-probe/", PP_LOOKS_KUBERNETES},
    {"Load Balancer Agent", PP_LOOKS_AZURE},
    {"check_http/", PP_LOOKS_NAGIOS},
    {"OPTIONS / HTTP/1.0\r\n\r\n", PP_LOOKS_HAPROXY},
};

/* How many bytes of two rows are the same, up to the shorter one's end. */
static size_t common(const uint8_t *bytes, size_t len, const char *text)
{
    size_t i = 0;

    while (i < len && text[i] && bytes[i] == (uint8_t)text[i]) {
        i++;
    }
    return i;
}

static int begins(const uint8_t *bytes, size_t len, const char *text)
{
    return common(bytes, len, text) == strlen(text);
}

/* Whether some text stands anywhere behind the first byte. */
static int holds(const uint8_t *bytes, size_t len, const char *text)
{
    size_t i;

    for (i = 1; i < len; i++) {
        if (begins(bytes + i, len - i, text)) {
            return 1;
        }
    }
    return 0;
}

/* The first bytes of a record with a ClientHello (RFC 8446, section 5.1); as
 * many as have come. */
static int is_tls(const uint8_t *bytes, size_t len)
{
    return len > 0 && bytes[0] == 0x16 && (len < 2 || bytes[1] == 0x03)
           && (len < 3 || bytes[2] <= 0x04) && (len < 6 || bytes[5] == 0x01);
}

/* A method in capitals, a space, and the beginning of a target, as far as
 * they have come (RFC 9112, section 3). */
static int is_http(const uint8_t *bytes, size_t len)
{
    size_t i = 0;

    while (i < len && i < LONGEST_METHOD
           && ((bytes[i] >= 'A' && bytes[i] <= 'Z') || bytes[i] == '-')) {
        i++;
    }
    if (i < 3 || i == len || bytes[i] != ' ') {
        return 0;
    }
    i++;
    return i == len || bytes[i] == '/' || bytes[i] == '*'
           || begins(bytes + i, len - i, "http")
           || begins(bytes, len, "CONNECT ");
}

/* What httpd sends to a listener of its own so that a child wakes up and ends
 * (dummy_connection() in mpm_unix.c): a request that says so, or, where https
 * is spoken, the alert by which TLS ends. */
static int is_httpd(const uint8_t *bytes, size_t len)
{
    static const uint8_t close_notify[] = {0x15, 0x03, 0x01, 0x00,
                                           0x02, 0x01, 0x00};

    return (len == sizeof(close_notify)
            && memcmp(bytes, close_notify, len) == 0)
           || (begins(bytes, len, "OPTIONS * HTTP/1.0\r\nUser-Agent: ")
               && holds(bytes, len, " (internal dummy connection)\r\n\r\n"));
}

/* Whose request it is, if a known checker's. */
static pp_look_t look_at_request(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof(checkers) / sizeof(checkers[0]); i++) {
        if (begins(bytes, len, checkers[i].text)
            || holds(bytes, len, checkers[i].text)) {
            return checkers[i].look;
        }
    }
    return PP_LOOKS_HTTP;
}

static int is_lower_case(const uint8_t *bytes, size_t len)
{
    static const char keyword[] = "PROXY ";
    size_t i;

    for (i = 0; keyword[i]; i++) {
        if (i >= len || (bytes[i] & ~0x20) != (keyword[i] & ~0x20)) {
            return 0;
        }
    }
    return 1;
}

static int has_late_header(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 1; i + PP_V2_SIG_LEN <= len; i++) {
        if (memcmp(bytes + i, pp_v2_signature, PP_V2_SIG_LEN) == 0) {
            return 1;
        }
    }
    return holds(bytes, len, "PROXY TCP4 ") || holds(bytes, len,
                                                     "PROXY TCP6 ");
}

/* The field at the start of some bytes, when its end is there too. */
static size_t field_len(const uint8_t *bytes, size_t len)
{
    const uint8_t *end = len ? memchr(bytes, ' ', len) : NULL;

    return end ? (size_t)(end - bytes) : 0;
}

/* A v1 line behind its keyword: source and destination. */
static pp_look_t look_at_fields(const uint8_t *bytes, size_t len,
                                pp_family_t family)
{
    pp_family_t other = family == PP_INET ? PP_INET6 : PP_INET;
    int i;

    for (i = 0; i < 2; i++) {
        size_t field = field_len(bytes, len);
        pp_addr_t addr;

        if (field == 0) {
            break;
        }
        if (pp_addr_parse((const char *)bytes, field, other, &addr)) {
            return PP_LOOKS_MIXED;
        }
        if (memchr(bytes, '%', field)) {
            return PP_LOOKS_ZONE;
        }
        bytes += field + 1;
        len -= field + 1;
    }
    return PP_LOOKS_UNKNOWN;
}

static pp_look_t look_at_line(const uint8_t *bytes, size_t len)
{
    static const size_t prefix = sizeof("PROXY TCP4 ") - 1;

    if (begins(bytes, len, "PROXY TCP4 ")) {
        return look_at_fields(bytes + prefix, len - prefix, PP_INET);
    }
    if (begins(bytes, len, "PROXY TCP6 ")) {
        return look_at_fields(bytes + prefix, len - prefix, PP_INET6);
    }
    return PP_LOOKS_UNKNOWN;
}

pp_look_t pp_look(const uint8_t *bytes, size_t len)
{
    if (len > LOOKED_AT) {
        len = LOOKED_AT;
    }
    if (pp_committed_version(bytes, len)) {
        return look_at_line(bytes, len);
    }
    if (is_tls(bytes, len)) {
        return PP_LOOKS_TLS;
    }
    if (begins(bytes, len, "PRI * HTTP/2")) {
        return PP_LOOKS_HTTP2;
    }
    if (is_httpd(bytes, len)) {
        return PP_LOOKS_HTTPD;
    }
    if (is_http(bytes, len)) {
        return look_at_request(bytes, len);
    }
    if (begins(bytes, len, "SSH-")) {
        return PP_LOOKS_SSH;
    }
    if (is_lower_case(bytes, len)) {
        return PP_LOOKS_LOWER_CASE;
    }
    return has_late_header(bytes, len) ? PP_LOOKS_LATE : PP_LOOKS_UNKNOWN;
}

const char *pp_look_text(pp_look_t look)
{
    return (size_t)look < sizeof(look_texts) / sizeof(*look_texts)
               ? look_texts[look]
               : NULL;
}
