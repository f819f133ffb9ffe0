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
 * Addresses between text and bytes, against the system's own functions.
 *
 * Two differences are deliberate: IPv4-mapped IPv6 becomes IPv4, and
 * IPv4-compatible IPv6 (::1.2.3.4) is written in groups of hex digits.
 */

#define _POSIX_C_SOURCE 200112L

#include "bytes.h"
#include "protocol/pp.h"
#include "tap.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Parse from a block of exactly the text's size, without its NUL. */
static int parse(const char *text, size_t len, pp_family_t family,
                 pp_addr_t *addr)
{
    block_t block = block_copy((const uint8_t *)text, len);
    int taken;

    memset(addr, 0xa5, sizeof(*addr));
    taken = pp_addr_parse((const char *)block.bytes, len, family, addr);
    block_free(&block);
    return taken;
}

/* Whether an address is those bytes, mapped ones as IPv4, the rest zero. */
static int addr_is(const pp_addr_t *addr, int is_inet6, const uint8_t *bytes)
{
    static const uint8_t zeros[16];

    if (is_inet6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        is_inet6 = 0;
        bytes += sizeof(mapped);
    }
    if (is_inet6) {
        return addr->family == PP_INET6 && memcmp(addr->bytes, bytes, 16) == 0;
    }
    return addr->family == PP_INET && memcmp(addr->bytes, bytes, 4) == 0
           && memcmp(addr->bytes + 4, zeros, 12) == 0;
}

/* Give the verdict that the system has on a text; 1 when it is an address. */
static int compare_text(const char *text)
{
    size_t len = strlen(text);
    uint8_t inet[4];
    uint8_t inet6[16];
    int is_inet = inet_pton(AF_INET, text, inet) == 1;
    int is_inet6 = inet_pton(AF_INET6, text, inet6) == 1;
    pp_addr_t addr;

    tap_check(parse(text, len, PP_INET, &addr) == is_inet
                  && (!is_inet || addr_is(&addr, 0, inet)),
              "`%s' as IPv4", text);
    tap_check(parse(text, len, PP_INET6, &addr) == is_inet6
                  && (!is_inet6 || addr_is(&addr, 1, inet6)),
              "`%s' as IPv6", text);
    tap_check(parse(text, len, PP_UNSPEC, &addr) == (is_inet || is_inet6)
                  && (!is_inet || addr_is(&addr, 0, inet))
                  && (!is_inet6 || addr_is(&addr, 1, inet6)),
              "`%s' as either", text);
    return is_inet || is_inet6;
}

static void test_written_texts(void)
{
    /* clang-format off */
    static const char *const texts[] = {
        "", "0", "1.2.3.4", "0.0.0.0", "255.255.255.255", "256.1.1.1",
        "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1..3.4",
        "01.2.3.4", "1.2.3.04", "1.2.3.00", "1.2.3.000", "1.2.3.0000",
        "1.2.3.1000", "1.2.3.99999999999", "1.2.3.4 ", " 1.2.3.4",
        "+1.2.3.4", "-1.2.3.4", "0x1.2.3.4", "1,2,3,4", "1.2.3.a", "1/8",
        "127.1", "2130706433", "::", "::1", "1::", "1::1", ":", ":::", "::::",
        "1", "1:", ":1", "1:2", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8",
        "1::2::3", "1:::2", "::1::", "12345::", "::12345", "00001::",
        "0001::", "g::", "::g", "::G", "abcd:EF01::", "::%1", "fe80::1%eth0",
        "[::1]", "::1/128", "::1.2.3.4", "::ffff:1.2.3.4",
        "::FFFF:1.2.3.4", "::ffff:0:1.2.3.4", "0:0:0:0:0:ffff:1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4", "1:2:3:4:5::1.2.3.4", "::2:3:4:5:6:1.2.3.4",
        "::1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6::1.2.3.4", "1.2.3.4::",
        "::1.2.3.4:5", "::1.2.3", "::1.2.3.256", "::1.2.3.04", "::a.2.3.4",
        "::1.2.3.a", "::1.2.3.4.5", "::.1.2.3", "::1234.2.3.4", "64:ff9b::",
        "2001:db8:0:0:1:0:0:1", "2001:db8::0:1:0:0:1", "::0", "0::", "0::0",
        "0:0:0:0:0:0:0:0", "1:0:0:0:0:0:0:0", "ffff::ffff:ffff:ffff",
    };
    /* clang-format on */
    size_t count = sizeof(texts) / sizeof(texts[0]);
    size_t taken = 0;
    size_t i;

    tap_begin("hand-written texts");
    for (i = 0; i < count; i++) {
        taken += (size_t)compare_text(texts[i]);
    }
    tap_check(taken >= 20 && count - taken >= 20, "%lu of %lu are addresses",
              (unsigned long)taken, (unsigned long)count);
    tap_end();
}

/* Random texts are far shorter than this. */
#define TEXT_SIZE 200

static char *add_number(char *at, const char *format, unsigned int number)
{
    return at + snprintf(at, 12, format, number);
}

static char *add_gap(char *at)
{
    memcpy(at, "::", 3);
    return at + 2;
}

/* A dotted quad, now and then one with a fault. */
static char *random_quad(char *at)
{
    static const unsigned int limits[] = {10, 256, 256, 256, 256, 256, 300};
    unsigned int octets = random_below(40) ? 4 : random_below(6);
    unsigned int i;

    for (i = 0; i < octets; i++) {
        if (i > 0) {
            *at++ = '.';
        }
        at = add_number(at, random_below(60) ? "%u" : "%02u",
                        random_below(limits[random_below(7)]));
    }
    *at = '\0';
    return at;
}

/* Groups with a `::` or without, mostly such that they are an address. */
static void random_inet6(char *at)
{
    static const char *const formats[] = {"%x", "%x", "%X", "%04x", "%05x"};
    int has_quad = random_below(4) == 0;
    unsigned int room = has_quad ? 6 : 8;
    int has_gap = random_below(3) > 0;
    unsigned int groups =
        has_gap ? random_below(room + 1) : room - random_below(12) / 11;
    unsigned int gap = has_gap ? random_below(groups + 1) : 99;
    unsigned int i;

    for (i = 0; i < groups; i++) {
        if (i == gap) {
            at = add_gap(at);
        }
        else if (i > 0) {
            *at++ = ':';
        }
        at = add_number(at, formats[random_below(60) ? random_below(4) : 4],
                        random_below(3) ? random_below(0x10000) : 0);
    }
    if (gap == groups) {
        at = add_gap(at);
    }
    else if (has_quad && groups > 0) {
        *at++ = ':';
    }
    *at = '\0';
    if (has_quad) {
        random_quad(at);
    }
}

/* Change, drop or double one byte. */
static void spoil(char *text)
{
    static const char bytes[] = "0123456789abcdefABCDEF::::....gG %/-+";
    size_t len = strlen(text);
    size_t at;

    if (len == 0) {
        return;
    }
    at = random_below((uint32_t)len);
    switch (random_below(3)) {
    case 0:
        text[at] = bytes[random_below(sizeof(bytes) - 1)];
        break;
    case 1:
        memmove(text + at, text + at + 1, len - at);
        break;
    default:
        memmove(text + at + 1, text + at, len - at + 1);
        break;
    }
}

static void test_random_texts(void)
{
    const int count = 200000;
    char text[TEXT_SIZE];
    int taken = 0;
    int i;

    random_seed(4291);
    tap_begin("random texts");
    for (i = 0; i < count; i++) {
        if (random_below(4) == 0) {
            random_quad(text);
        }
        else {
            random_inet6(text);
        }
        if (random_below(2)) {
            spoil(text);
        }
        taken += compare_text(text);
    }
    tap_check(taken > count / 4 && taken < count - count / 4,
              "%d of %d are addresses", taken, count);
    tap_end();
}

static void test_text_ends(void)
{
    pp_addr_t addr;

    tap_begin("a text ends where its length says");
    tap_check(!parse("1.2.3.4\0", 8, PP_INET, &addr), "a NUL behind IPv4");
    tap_check(!parse("1.2\0.3.4", 8, PP_INET, &addr), "a NUL within IPv4");
    tap_check(!parse("::1\0", 4, PP_INET6, &addr), "a NUL behind IPv6");
    tap_check(!parse("\0::1", 4, PP_INET6, &addr), "a NUL before IPv6");
    tap_check(parse("1.2.3.45", 7, PP_INET, &addr) && addr.bytes[3] == 4,
              "a digit behind IPv4");
    tap_check(parse("::1234", 5, PP_INET6, &addr) && addr.bytes[14] == 0x01
                  && addr.bytes[15] == 0x23,
              "a digit behind IPv6");
    tap_check(parse("::1:", 3, PP_INET6, &addr) && addr.bytes[15] == 1,
              "a colon behind IPv6");
    tap_check(!parse("1.2.3.4", 6, PP_INET, &addr), "no last octet");
    tap_end();
}

/* IPv4-compatible: the system writes a dotted quad, we do not. */
static int is_written_compatible(const uint8_t *bytes)
{
    static const uint8_t zeros[12];

    return memcmp(bytes, zeros, sizeof(zeros)) == 0
           && (bytes[12] != 0 || bytes[13] != 0);
}

static void compare_inet6(const uint8_t *bytes)
{
    char *text = malloc(PP_ADDR_TEXT_MAX);
    char expected[INET6_ADDRSTRLEN];
    pp_addr_t addr;
    pp_addr_t again;
    size_t len;

    if (!text) {
        abort();
    }
    pp_addr_set(&addr, PP_INET6, bytes);
    len = pp_addr_format(&addr, text);
    tap_check(addr_is(&addr, 1, bytes), "other bytes for %s", text);
    tap_check(len == strlen(text), "the length of %s", text);
    tap_check(parse(text, len, addr.family, &again)
                  && addr_is(&again, 1, bytes),
              "%s is read as another address", text);
    if (is_written_compatible(bytes)) {
        snprintf(expected, sizeof(expected), "::%x:%x",
                 bytes[12] << 8 | bytes[13], bytes[14] << 8 | bytes[15]);
    }
    else if (addr.family == PP_INET) {
        inet_ntop(AF_INET, bytes + 12, expected, sizeof(expected));
    }
    else {
        inet_ntop(AF_INET6, bytes, expected, sizeof(expected));
    }
    tap_check(strcmp(text, expected) == 0, "%s, not %s", text, expected);
    free(text);
}

/* Every set of zero groups, so every place and length of a run. */
static void test_zero_runs(void)
{
    unsigned int zero_groups;
    int i;

    tap_begin("every pattern of zero groups");
    for (zero_groups = 0; zero_groups < 256; zero_groups++) {
        uint8_t bytes[16] = {0};

        for (i = 0; i < 8; i++) {
            if (!(zero_groups >> i & 1)) {
                bytes[2 * i + 1] = (uint8_t)(i + 1);
            }
        }
        compare_inet6(bytes);
    }
    tap_end();
}

static void test_random_addrs(void)
{
    int i;
    int j;

    random_seed(5952);
    tap_begin("random IPv6 addresses");
    for (i = 0; i < 50000; i++) {
        uint8_t bytes[16];

        random_fill(bytes, sizeof(bytes));
        for (j = 0; j < 16; j++) {
            if (random_below(2)) {
                bytes[j] = 0;
            }
        }
        if (i % 16 == 0) {
            memset(bytes, 0, 12);
        }
        if (i % 16 == 1) {
            memcpy(bytes, mapped, sizeof(mapped));
        }
        if (i % 16 == 2) { /* nearly mapped */
            memcpy(bytes, mapped, sizeof(mapped));
            bytes[random_below(12)] ^= (uint8_t)(1 << random_below(8));
        }
        compare_inet6(bytes);
    }
    tap_end();
}

static void test_inet(void)
{
    int i;

    random_seed(791);
    tap_begin("random IPv4 addresses");
    for (i = 0; i < 20000; i++) {
        char text[PP_ADDR_TEXT_MAX];
        char expected[INET_ADDRSTRLEN];
        uint8_t bytes[4];
        pp_addr_t addr;
        pp_addr_t again;
        size_t len;

        random_fill(bytes, sizeof(bytes));
        if (i < 1024) { /* each value in each octet */
            bytes[i / 256] = (uint8_t)i;
        }
        memset(&addr, 0xa5, sizeof(addr));
        pp_addr_set(&addr, PP_INET, bytes);
        len = pp_addr_format(&addr, text);
        inet_ntop(AF_INET, bytes, expected, sizeof(expected));
        tap_check(strcmp(text, expected) == 0 && len == strlen(text),
                  "%s, not %s", text, expected);
        tap_check(addr_is(&addr, 0, bytes) && parse(text, len, PP_INET, &again)
                      && addr_is(&again, 0, bytes),
                  "%s is read as another address", text);
    }
    tap_end();
}

static void test_no_addr(void)
{
    pp_addr_t addr;
    char text[PP_ADDR_TEXT_MAX] = "before";

    tap_begin("no address has no text");
    memset(&addr, 0xff, sizeof(addr));
    addr.family = PP_UNSPEC;
    tap_check(pp_addr_format(&addr, text) == 0 && text[0] == '\0', "`%s'",
              text);
    tap_end();
}

static void test_deliberate(void)
{
    static const struct {
        const char *text;
        const char *canonical;
        pp_family_t family;
    } cases[] = {
        {"::ffff:10.0.0.1", "10.0.0.1", PP_INET},
        {"::FFFF:0a00:0001", "10.0.0.1", PP_INET},
        {"0:0:0:0:0:ffff:0:0", "0.0.0.0", PP_INET},
        {"::1.2.3.4", "::102:304", PP_INET6},
        {"::0.1.0.0", "::1:0", PP_INET6},
        {"::255.255.255.255", "::ffff:ffff", PP_INET6},
        {"::ffff:0:1.2.3.4", "::ffff:0:102:304", PP_INET6},
        {"64:ff9b::192.0.2.1", "64:ff9b::c000:201", PP_INET6},
        {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a", PP_INET6},
        {"1:0:0:2:0:0:0:3", "1:0:0:2::3", PP_INET6},
        {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7", PP_INET6},
        {"0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1", PP_INET6},
    };
    size_t i;

    tap_begin("what is written for what was read");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[PP_ADDR_TEXT_MAX] = "";
        pp_addr_t addr;
        int taken =
            parse(cases[i].text, strlen(cases[i].text), PP_INET6, &addr);

        if (tap_check(taken, "%s is refused", cases[i].text)) {
            pp_addr_format(&addr, text);
            tap_check(strcmp(text, cases[i].canonical) == 0
                          && addr.family == cases[i].family,
                      "%s, not %s", text, cases[i].canonical);
        }
    }
    tap_end();
}

int main(void)
{
    test_written_texts();
    test_random_texts();
    test_text_ends();
    test_zero_runs();
    test_random_addrs();
    test_inet();
    test_no_addr();
    test_deliberate();
    return tap_finish();
}
