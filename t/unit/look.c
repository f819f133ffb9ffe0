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
 * What refused bytes look like.
 */

#include "bytes.h"
#include "protocol/pp.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"

typedef struct {
    const char *name;
    const char *bytes;
    size_t len;
    pp_look_t look;
} case_t;

#define ROW(name, bytes, look) {name, bytes, sizeof(bytes) - 1, look}

static const case_t cases[] = {
    ROW("nothing", "", PP_LOOKS_UNKNOWN),
    ROW("noise", "\x01\x02\x03", PP_LOOKS_UNKNOWN),
    ROW("TLS's first byte", "\x16", PP_LOOKS_TLS),
    ROW("a ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", PP_LOOKS_TLS),
    ROW("TLS 1.3 in its record", "\x16\x03\x04\x00\x10\x01", PP_LOOKS_TLS),
    ROW("a ServerHello", "\x16\x03\x03\x00\x10\x02", PP_LOOKS_UNKNOWN),
    ROW("no version of TLS", "\x16\x02\x00", PP_LOOKS_UNKNOWN),
    ROW("GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", PP_LOOKS_HTTP),
    ROW("GET alone", "GET ", PP_LOOKS_HTTP),
    ROW("less than GET", "GET", PP_LOOKS_UNKNOWN),
    ROW("POST", "POST /a HTTP/1.0\r\n\r\n", PP_LOOKS_HTTP),
    ROW("a method of WebDAV", "PROPFIND /a HTTP/1.1\r\n", PP_LOOKS_HTTP),
    ROW("CONNECT", "CONNECT a:443 HTTP/1.1\r\n", PP_LOOKS_HTTP),
    ROW("a proxy's request", "GET http://a/ HTTP/1.1\r\n", PP_LOOKS_HTTP),
    ROW("no target", "GET x HTTP/1.1\r\n", PP_LOOKS_UNKNOWN),
    ROW("small letters for a method", "get / HTTP/1.1\r\n",
        PP_LOOKS_UNKNOWN),
    ROW("AWS",
        "GET /up HTTP/1.1\r\nUser-Agent: ELB-HealthChecker/2.0\r\n\r\n",
        PP_LOOKS_AWS),
    ROW("Google", "GET / HTTP/1.1\r\nUser-Agent: GoogleHC/1.0\r\n",
        PP_LOOKS_GOOGLE),
    ROW("Kubernetes", "GET /live HTTP/1.1\r\nUser-Agent: kube-probe/1.29\r\n",
        PP_LOOKS_KUBERNETES),
    ROW("Azure", "GET / HTTP/1.1\r\nUser-Agent: Load Balancer Agent\r\n",
        PP_LOOKS_AZURE),
    ROW("Nagios", "GET / HTTP/1.1\r\nUser-Agent: check_http/v2.3\r\n",
        PP_LOOKS_NAGIOS),
    ROW("HAProxy", "OPTIONS / HTTP/1.0\r\n\r\n", PP_LOOKS_HAPROXY),
    ROW("httpd itself", "OPTIONS * HTTP/1.0\r\nUser-Agent: Apache/2.4.71"
        " (Debian) (internal dummy connection)\r\n\r\n", PP_LOOKS_HTTPD),
    ROW("httpd itself, cut short", "OPTIONS * HTTP/1.0\r\nUser-Agent: A"
        " (internal dummy connection)\r\n", PP_LOOKS_HTTP),
    ROW("another request that says so", "GET / HTTP/1.0\r\nUser-Agent: A"
        " (internal dummy connection)\r\n\r\n", PP_LOOKS_HTTP),
    ROW("httpd itself, over TLS", "\x15\x03\x01\0\x02\x01\0",
        PP_LOOKS_HTTPD),
    ROW("another alert", "\x15\x03\x01\0\x02\x02\x28", PP_LOOKS_UNKNOWN),
    ROW("OPTIONS of others", "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n",
        PP_LOOKS_HTTP),
    ROW("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PP_LOOKS_HTTP2),
    ROW("SSH", "SSH-2.0-OpenSSH_9.2\r\n", PP_LOOKS_SSH),
    ROW("small letters", "proxy TCP4 ", PP_LOOKS_LOWER_CASE),
    ROW("mixed letters", "Proxy tcp4 ", PP_LOOKS_LOWER_CASE),
    ROW("another word", "proxies ", PP_LOOKS_UNKNOWN),
    ROW("a v1 header behind a byte", " PROXY TCP4 192.0.2.1 ", PP_LOOKS_LATE),
    ROW("a v2 header behind a byte", "x" V2 "\x21", PP_LOOKS_LATE),
    ROW("IPv4 under TCP6", "PROXY TCP6 192.0.2.1 2001:db8::1 1 2\r\n",
        PP_LOOKS_MIXED),
    ROW("IPv6 under TCP4", "PROXY TCP4 2001:db8::1 192.0.2.1 1 2\r\n",
        PP_LOOKS_MIXED),
    ROW("mapped IPv6 second under TCP4",
        "PROXY TCP4 192.0.2.77 ::ffff:10.0.0.9 1 2\r\n", PP_LOOKS_MIXED),
    ROW("IPv4 second under TCP6", "PROXY TCP6 2001:db8::1 192.0.2.1 1 2\r\n",
        PP_LOOKS_MIXED),
    ROW("a field cut short", "PROXY TCP6 192.0.2.1", PP_LOOKS_UNKNOWN),
    ROW("a zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", PP_LOOKS_ZONE),
    ROW("a zone second", "PROXY TCP6 ::1 fe80::1%2 1 2\r\n", PP_LOOKS_ZONE),
    ROW("host names", "PROXY TCP4 alpha beta 1 2\r\n", PP_LOOKS_UNKNOWN),
    ROW("a right line", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        PP_LOOKS_UNKNOWN),
    ROW("UNKNOWN", "PROXY UNKNOWN x\r\n", PP_LOOKS_UNKNOWN),
    ROW("a v2 header", V2 "\x31\x11\x00\x00", PP_LOOKS_UNKNOWN),
};

/* Each from a block of just its size, so that a read beyond it is seen. */
static void test_looks(void)
{
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        block_t block = block_copy((const uint8_t *)cases[i].bytes,
                                   cases[i].len);
        pp_look_t look = pp_look(block.bytes, cases[i].len);

        tap_begin(cases[i].name);
        tap_check(look == cases[i].look, "looks like %d (%s)", look,
                  pp_look_text(look) ? pp_look_text(look) : "unknown");
        tap_end();
        block_free(&block);
    }
}

/* Whatever is cut off, nothing is read behind the end. */
static void test_prefixes(void)
{
    size_t i;
    size_t len;

    tap_begin("every beginning of each");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (len = 0; len <= cases[i].len; len++) {
            block_t block = block_copy((const uint8_t *)cases[i].bytes, len);

            tap_check(pp_look(block.bytes, len) <= PP_LOOKS_ZONE,
                      "%s, %zu bytes", cases[i].name, len);
            block_free(&block);
        }
    }
    tap_end();
}

static void test_far(void)
{
    static uint8_t far[70000];

    tap_begin("a row of any length; only its beginning is looked at");
    memset(far, 'x', sizeof(far));
    memcpy(far + 900, "PROXY TCP4 ", 11);
    tap_check(pp_look(far, sizeof(far)) == PP_LOOKS_LATE, "within 1 KiB");
    memset(far, 'x', 1000);
    memcpy(far + 60000, "PROXY TCP4 ", 11);
    tap_check(pp_look(far, sizeof(far)) == PP_LOOKS_UNKNOWN, "far behind");
    tap_end();
}

static void test_texts(void)
{
    int look;

    tap_begin("every look but the unknown has its words");
    tap_check(pp_look_text(PP_LOOKS_UNKNOWN) == NULL, "unknown");
    for (look = PP_LOOKS_UNKNOWN + 1; look <= PP_LOOKS_ZONE; look++) {
        const char *text = pp_look_text((pp_look_t)look);

        tap_check(text && *text, "look %d", look);
    }
    tap_end();
}

/* Lengths whose bytes are exchanged: what pp_swapped_len() says. */
static void test_swapped(void)
{
#define ADDRESSES "\xc0\x00\x02\x4d\xc6\x33\x64\x50\x12\x67\x01\xbb"
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
        size_t swapped;
    } swaps[] = {
#define SWAP(name, bytes, swapped) {name, bytes, sizeof(bytes) - 1, swapped}
        SWAP("a length with its bytes exchanged",
             V2 "\x21\x11\x0c\x00" ADDRESSES, 28),
        SWAP("... with a request behind it",
             V2 "\x21\x11\x0c\x00" ADDRESSES "GET / HTTP/1.1\r\n", 28),
        SWAP("... with a TLV",
             V2 "\x21\x11\x10\x00" ADDRESSES "\x02\x00\x01x", 32),
        SWAP("... in LOCAL", V2 "\x20\x00\x04\x00\x02\x00\x01x", 20),
        SWAP("not all is there", V2 "\x21\x11\x0c\x00\xc0\x00\x02", 0),
        SWAP("as it should be", V2 "\x21\x11\x00\x0c" ADDRESSES, 0),
        SWAP("too short for the family", V2 "\x21\x21\x0c\x00" ADDRESSES, 0),
        SWAP("no TLVs behind the addresses",
             V2 "\x21\x11\x0e\x00" ADDRESSES "\x02\x00", 0),
        SWAP("an undefined family", V2 "\x21\x41\x0c\x00" ADDRESSES, 0),
        SWAP("a v1 line", "PROXY UNKNOWN\r\n\x00\x0c", 0),
    };
    size_t i;
    size_t len;

    for (i = 0; i < sizeof(swaps) / sizeof(swaps[0]); i++) {
        tap_begin(swaps[i].name);
        for (len = 0; len <= swaps[i].len; len++) {
            block_t block = block_copy((const uint8_t *)swaps[i].bytes, len);
            size_t swapped = pp_swapped_len(block.bytes, len);

            tap_check(swapped == (swaps[i].swapped > len ? 0
                                                         : swaps[i].swapped),
                      "%zu of %zu bytes: %zu", len, swaps[i].len, swapped);
            block_free(&block);
        }
        tap_end();
    }
}

int main(void)
{
    test_looks();
    test_prefixes();
    test_far();
    test_texts();
    test_swapped();
    return tap_finish();
}
