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
 * IP addresses between text and bytes.
 *
 * Strict both ways: what is read has exactly one meaning on every system,
 * what is written is the canonical form.  The resolver, inet_pton() and
 * inet_ntop() are not used: they differ between systems in what they take.
 */

#include "protocol/pp.h"

#include <string.h>

/* ::ffff:0:0/96 (RFC 4291 section 2.5.5.2) */
static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0,    0,
                                          0, 0, 0, 0, 0xff, 0xff};

/* Four decimal octets without leading zeros, a dot between. */
static int read_inet(const char *at, const char *end, uint8_t *bytes)
{
    int i;

    for (i = 0; i < 4; i++) {
        unsigned int value;
        unsigned int digit;

        if (at == end || (value = (unsigned int)*at++ - '0') > 9) {
            return 0;
        }
        while (at < end && (digit = (unsigned int)*at - '0') <= 9) {
            if (value - 1 >= 25) {
                return 0; /* a leading zero, or more than 255 */
            }
            value = value * 10 + digit;
            at++;
        }
        if (value > 255) {
            return 0;
        }
        bytes[i] = (uint8_t)value;
        if (i < 3 && (at == end || *at++ != '.')) {
            return 0;
        }
    }
    return at == end;
}

static int hex_value(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }
    if (ch >= 'A' && ch <= 'F') {
        return ch - 'A' + 10;
    }
    return -1;
}

/* One to four hex digits; moves *at behind them. */
static int read_group(const char **at, const char *end, unsigned int *group)
{
    const char *start = *at;

    *group = 0;
    while (*at < end && hex_value(**at) >= 0) {
        *group = *group << 4 | (unsigned int)hex_value(**at);
        (*at)++;
        if (*at - start > 4) {
            return 0;
        }
    }
    return *at > start;
}

/* Put the zeros that `::` stands for where it stood. */
static int open_gap(uint8_t *bytes, size_t used, size_t gap)
{
    size_t tail = used - gap;

    if (used > 14) {
        return 0; /* `::` stands for one group at least */
    }
    memmove(bytes + 16 - tail, bytes + gap, tail);
    memset(bytes + gap, 0, 16 - used);
    return 1;
}

static int read_inet6(const char *at, const char *end, uint8_t *bytes)
{
    const size_t no_gap = 17;
    size_t used = 0;
    size_t gap = no_gap;

    if (end - at >= 2 && at[0] == ':' && at[1] == ':') {
        gap = 0;
        at += 2;
    }
    while (at < end) {
        const char *start = at;
        unsigned int group;

        if (used > 14 || !read_group(&at, end, &group)) {
            return 0;
        }
        if (at < end && *at == '.') {
            if (used > 12 || !read_inet(start, end, bytes + used)) {
                return 0;
            }
            used += 4;
            break;
        }
        bytes[used++] = (uint8_t)(group >> 8);
        bytes[used++] = (uint8_t)group;
        if (at == end) {
            break;
        }
        if (*at++ != ':' || at == end) {
            return 0;
        }
        if (*at == ':') {
            if (gap != no_gap) {
                return 0;
            }
            gap = used;
            at++;
        }
    }
    return gap == no_gap ? used == 16 : open_gap(bytes, used, gap);
}

void pp_addr_set(pp_addr_t *addr, pp_family_t family, const uint8_t *bytes)
{
    if (family == PP_INET6
        && memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        family = PP_INET;
        bytes += sizeof(mapped_prefix);
    }
    addr->family = family;
    memset(addr->bytes, 0, sizeof(addr->bytes));
    memcpy(addr->bytes, bytes, family == PP_INET ? 4 : 16);
}

int pp_addr_parse(const char *text, size_t len, pp_family_t family,
                  pp_addr_t *addr)
{
    uint8_t bytes[16];

    if (family != PP_INET6) {
        memset(addr, 0, sizeof(*addr));
        addr->family = PP_INET;
        if (read_inet(text, text + len, addr->bytes)) {
            return 1;
        }
    }
    if (family != PP_INET && read_inet6(text, text + len, bytes)) {
        pp_addr_set(addr, PP_INET6, bytes);
        return 1;
    }
    return 0;
}

static char *write_octet(char *at, unsigned int value)
{
    if (value >= 10) {
        if (value >= 100) {
            *at++ = (char)('0' + value / 100);
            value %= 100;
        }
        *at++ = (char)('0' + value / 10);
        value %= 10;
    }
    *at++ = (char)('0' + value);
    return at;
}

static char *write_group(char *at, const uint8_t *bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned int group = (unsigned int)bytes[0] << 8 | bytes[1];
    int shift = 12;

    while (shift > 0 && group >> shift == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        *at++ = digits[group >> shift & 0xf];
    }
    return at;
}

/* The first of the longest runs of two or more zero groups (RFC 5952
 * section 4.2); *length is 0 when there is none. */
static int find_zero_run(const uint8_t *bytes, int *length)
{
    int best = 8;
    int i;

    *length = 0;
    for (i = 0; i < 8; i++) {
        int start = i;

        while (i < 8 && bytes[(size_t)2 * i] == 0
               && bytes[(size_t)2 * i + 1] == 0) {
            i++;
        }
        if (i - start >= 2 && i - start > *length) {
            best = start;
            *length = i - start;
        }
    }
    return best;
}

static char *write_inet6(char *at, const uint8_t *bytes)
{
    int run_length;
    int run = find_zero_run(bytes, &run_length);
    int i = 0;

    while (i < 8) {
        if (i == run) {
            *at++ = ':';
            i += run_length;
            if (i == 8) {
                *at++ = ':';
            }
            continue;
        }
        if (i > 0) {
            *at++ = ':';
        }
        at = write_group(at, bytes + (size_t)2 * i);
        i++;
    }
    return at;
}

size_t pp_addr_format(const pp_addr_t *addr, char *text)
{
    char *at = text;
    int i;

    switch (addr->family) {
    case PP_INET:
        for (i = 0; i < 3; i++) {
            at = write_octet(at, addr->bytes[i]);
            *at++ = '.';
        }
        at = write_octet(at, addr->bytes[3]);
        break;
    case PP_INET6:
        at = write_inet6(at, addr->bytes);
        break;
    case PP_UNSPEC:
    case PP_UNIX:
        break;
    }
    *at = '\0';
    return (size_t)(at - text);
}
