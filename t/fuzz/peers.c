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
 * A list of ranges, against another that reads it with the C library and
 * searches it from end to end.
 *
 * input: lines, each a policy and a range; a line with anything else is an
 * address to look up.
 */

#include "settings/proxyip_peers.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "fuzz.h"

/* More lines than this are not read: lookups are compared one by one. */
#define MOST_LINES 64

static const char filename[] = "list";

/* One range as the plain reader has it. */
typedef struct {
    pp_addr_t addr;
    int bits;
    proxyip_policy_t policy;
    const char *text;
} range_t;

typedef struct {
    apr_pool_t *pool;
    proxyip_peers_t *peers;
    range_t ranges[2 * MOST_LINES]; /* `all` is two */
    int count;
    pp_addr_t wanted[MOST_LINES];
    int wanted_count;
} list_t;

/* An address by the C library, mapped ones as IPv4. */
static int read_addr(const char *text, pp_addr_t *addr)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

    memset(addr, 0, sizeof(*addr));
    addr->family = PP_INET;
    if (inet_pton(AF_INET, text, addr->bytes) == 1) {
        return 1;
    }
    addr->family = PP_INET6;
    if (inet_pton(AF_INET6, text, addr->bytes) != 1) {
        return 0;
    }
    if (memcmp(addr->bytes, mapped, sizeof(mapped)) == 0) {
        addr->family = PP_INET;
        memmove(addr->bytes, addr->bytes + 12, 4);
        memset(addr->bytes + 4, 0, 12);
    }
    return 1;
}

static int total_bits(const pp_addr_t *addr)
{
    return addr->family == PP_INET ? 32 : 128;
}

static int bit_of(const pp_addr_t *addr, int i)
{
    return addr->bytes[i / 8] >> (7 - i % 8) & 1;
}

static int holds(const range_t *range, const pp_addr_t *addr)
{
    int i;

    if (range->addr.family != addr->family) {
        return 0;
    }
    for (i = 0; i < range->bits; i++) {
        if (bit_of(&range->addr, i) != bit_of(addr, i)) {
            return 0;
        }
    }
    return 1;
}

/* A range as it must be written; 0 when it is not. */
static int read_range(apr_pool_t *p, const char *text, range_t *range)
{
    char *copy = apr_pstrdup(p, text);
    char *slash = strchr(copy, '/');
    int i;

    if (slash) {
        *slash = '\0';
    }
    if (!read_addr(copy, &range->addr)) {
        return 0;
    }
    range->bits = total_bits(&range->addr);
    if (slash) {
        const char *bits = slash + 1;

        if (strlen(bits) < 1 || strlen(bits) > 3
            || strspn(bits, "0123456789") != strlen(bits)
            || (bits[0] == '0' && bits[1])) {
            return 0;
        }
        range->bits = (int)strtol(bits, NULL, 10);
        if (range->addr.family == PP_INET && strchr(copy, ':')) {
            range->bits -= 96;
        }
        if (range->bits < 0 || range->bits > total_bits(&range->addr)) {
            return 0;
        }
    }
    for (i = range->bits; i < total_bits(&range->addr); i++) {
        if (bit_of(&range->addr, i)) {
            return 0;
        }
    }
    return range->policy != PROXYIP_OPTIONAL || range->bits > 0;
}

/* The policy that a range has already, or the one it would get. */
static proxyip_policy_t policy_of(const list_t *list, const range_t *range,
                                  int *is_new)
{
    int i;

    *is_new = 1;
    for (i = 0; i < list->count; i++) {
        const range_t *earlier = &list->ranges[i];

        if (earlier->bits == range->bits
            && earlier->addr.family == range->addr.family
            && memcmp(earlier->addr.bytes, range->addr.bytes, 16) == 0) {
            *is_new = 0;
            return earlier->policy;
        }
    }
    return range->policy;
}

static void add_range(list_t *list, proxyip_policy_t policy, const char *text,
                      int line)
{
    range_t range;
    const char *error =
        proxyip_peers_add(list->peers, policy, text, 0, filename, line);
    int is_new = 0;
    int is_right;

    range.policy = policy;
    range.text = text;
    is_right = read_range(list->pool, text, &range)
               && policy_of(list, &range, &is_new) == policy;
    require(is_right == !error, "both take the range, or neither");
    require(!error || *error, "a refusal says why");
    if (is_right && is_new) {
        list->ranges[list->count++] = range;
    }
}

static void add_all(list_t *list, proxyip_policy_t policy, int line)
{
    static const pp_family_t families[] = {PP_INET, PP_INET6};
    const char *error =
        proxyip_peers_add(list->peers, policy, "all", 1, filename, line);
    size_t i;

    require(policy != PROXYIP_OPTIONAL || error, "optional is not for all");
    for (i = 0; i < 2 && policy != PROXYIP_OPTIONAL; i++) {
        range_t range;
        int is_new;

        memset(&range, 0, sizeof(range));
        range.addr.family = families[i];
        range.policy = policy;
        range.text = families[i] == PP_INET ? "0.0.0.0/0" : "::/0";
        if (policy_of(list, &range, &is_new) != policy) {
            require(error != NULL, "a range has one policy");
            return; /* what was added before it stays */
        }
        if (is_new) {
            list->ranges[list->count++] = range;
        }
    }
    require(policy == PROXYIP_OPTIONAL || !error, "all is taken");
}

static void read_line(list_t *list, char *text, int line)
{
    char *range = strchr(text, ' ');
    proxyip_policy_t policy;

    if (range) {
        *range++ = '\0';
    }
    if (!range || !proxyip_policy_parse(text, &policy)) {
        if (read_addr(text, &list->wanted[list->wanted_count])) {
            list->wanted_count++;
        }
        return;
    }
    if (strcmp(range, "all") == 0) {
        add_all(list, policy, line);
    }
    else {
        add_range(list, policy, range, line);
    }
}

/* The longest prefix that holds an address. */
static const range_t *find(const list_t *list, const pp_addr_t *addr)
{
    const range_t *best = NULL;
    int i;

    for (i = 0; i < list->count; i++) {
        if (holds(&list->ranges[i], addr)
            && (!best || list->ranges[i].bits > best->bits)) {
            best = &list->ranges[i];
        }
    }
    return best;
}

static void check_find(const list_t *list, const pp_addr_t *addr)
{
    const proxyip_rule_t *rule = proxyip_peers_find(list->peers, addr);
    const range_t *range = find(list, addr);

    require((rule != NULL) == (range != NULL), "both find it, or neither");
    require(!rule
                || (rule->policy == range->policy && rule->bits == range->bits
                    && memcmp(rule->addr.bytes, range->addr.bytes, 16) == 0
                    && rule->filename == filename && rule->line > 0),
            "the most specific range");
}

/* The address before (-1) or behind (1) another, round the family's end. */
static void step(pp_addr_t *addr, int by)
{
    int i = total_bits(addr) / 8 - 1;

    while (i >= 0) {
        addr->bytes[i] = (uint8_t)(addr->bytes[i] + by);
        if (addr->bytes[i] != (by > 0 ? 0 : 0xff)) {
            return;
        }
        i--;
    }
}

/* A range's first address and its last, and their neighbours. */
static void check_bounds(const list_t *list, const range_t *range)
{
    pp_addr_t addr = range->addr;
    int i;

    check_find(list, &addr);
    step(&addr, -1);
    check_find(list, &addr);
    addr = range->addr;
    for (i = range->bits; i < total_bits(&addr); i++) {
        addr.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
    }
    check_find(list, &addr);
    step(&addr, 1);
    check_find(list, &addr);
}

/* In order, each range before those that it holds, none lost. */
static void check_rules(const list_t *list)
{
    const proxyip_rule_t *before = NULL;
    const proxyip_rule_t *rule;
    int trusts = 0;
    int count = 0;

    while ((rule = proxyip_peers_rule(list->peers, count)) != NULL) {
        require(!before || !proxyip_peers_holds(rule, before),
                "a range comes before those that it holds");
        require(proxyip_peers_holds(rule, rule), "a range holds itself");
        trusts |=
            rule->policy == PROXYIP_REQUIRE || rule->policy == PROXYIP_OPTIONAL;
        require(rule->bits > 0
                    || proxyip_peers_find_open(list->peers, rule->policy),
                "a range without bounds is known");
        before = rule;
        count++;
    }
    require(count == list->count, "as many ranges as were taken");
    require(proxyip_peers_trust_any(list->peers) == trusts, "trust is known");
}

/* The same ranges the other way round are the same set; one less is not. */
static void check_order(const list_t *list)
{
    proxyip_peers_t *other = proxyip_peers_make(list->pool);
    const proxyip_rule_t *only_list;
    const proxyip_rule_t *only_other;
    int i;

    for (i = list->count - 1; i > 0; i--) {
        require(!proxyip_peers_add(other, list->ranges[i].policy,
                                   list->ranges[i].text, 0, filename, 1),
                "a range that was taken is taken again");
    }
    proxyip_peers_compile(other);
    require(proxyip_peers_equal(list->peers, other, &only_list, &only_other)
                    == (list->count == 0)
                && !only_other && (only_list != NULL) == (list->count > 0),
            "a set that lacks a range is another");
    other = proxyip_peers_make(list->pool);
    for (i = list->count - 1; i >= 0; i--) {
        proxyip_peers_add(other, list->ranges[i].policy, list->ranges[i].text,
                          0, filename, 1);
    }
    proxyip_peers_compile(other);
    require(proxyip_peers_equal(list->peers, other, &only_list, &only_other)
                && !only_list && !only_other,
            "the order does not matter");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    list_t *list;
    apr_pool_t *pool;
    char *rest;
    int i;

    apr_initialize(); /* counted: only the first call does anything */
    apr_pool_create(&pool, NULL);
    list = apr_pcalloc(pool, sizeof(*list));
    list->pool = pool;
    list->peers = proxyip_peers_make(pool);
    rest = apr_pstrmemdup(pool, (const char *)bytes, len);
    for (i = 1; rest && i <= MOST_LINES; i++) {
        char *end = strchr(rest, '\n');

        if (end) {
            *end++ = '\0';
        }
        read_line(list, rest, i);
        rest = end;
    }
    proxyip_peers_compile(list->peers);
    proxyip_peers_compile(list->peers);
    for (i = 0; i < list->wanted_count; i++) {
        check_find(list, &list->wanted[i]);
    }
    for (i = 0; i < list->count; i++) {
        check_bounds(list, &list->ranges[i]);
    }
    check_rules(list);
    check_order(list);
    apr_pool_destroy(pool);
    return 0;
}
