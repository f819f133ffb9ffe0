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
 * Who may send a PROXY header: ranges of peer addresses and their policies.
 *
 * Ranges are CIDR blocks, so two of them are either nested or apart.  That
 * lets the set be flattened into disjoint intervals, each with the most
 * specific rule that holds there, and looked up by binary search.
 */

#include "settings/proxyip_peers.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>

/* What separates ranges in one argument, so that a variable may hold
 * several. */
#define RANGE_SEPARATORS " ,\t"

/* An address as a number; IPv4 in the low 32 bits. */
typedef struct {
    apr_uint64_t high;
    apr_uint64_t low;
} number_t;

/* From start up to the next interval's start, rule holds. */
typedef struct {
    number_t start;
    const proxyip_rule_t *rule; /* NULL: no range holds these addresses */
} interval_t;

typedef struct {
    interval_t *intervals; /* ascending; the first starts at zero */
    apr_size_t count;      /* 0 when there is no range of the family */
} index_t;

struct proxyip_peers_t {
    apr_pool_t *pool;
    apr_hash_t *by_range;      /* family, mask length, address -> rule */
    apr_array_header_t *rules; /* of proxyip_rule_t *; sorted once compiled */
    index_t inet;
    index_t inet6;
    int is_compiled;
};

static const char *const policy_names[] = {
    [PROXYIP_REJECT] = "reject",
    [PROXYIP_DIRECT] = "direct",
    [PROXYIP_OPTIONAL] = "optional",
    [PROXYIP_REQUIRE] = "require",
};

static int family_bits(pp_family_t family)
{
    return family == PP_INET ? 32 : 128;
}

static number_t number_of(const pp_addr_t *addr)
{
    number_t number = {0, 0};
    int i;

    if (addr->family == PP_INET) {
        number.low = (apr_uint64_t)addr->bytes[0] << 24
                     | (apr_uint64_t)addr->bytes[1] << 16
                     | (apr_uint64_t)addr->bytes[2] << 8 | addr->bytes[3];
        return number;
    }
    for (i = 0; i < 8; i++) {
        number.high = number.high << 8 | addr->bytes[i];
        number.low = number.low << 8 | addr->bytes[i + 8];
    }
    return number;
}

static int compare_numbers(number_t a, number_t b)
{
    if (a.high != b.high) {
        return a.high < b.high ? -1 : 1;
    }
    if (a.low != b.low) {
        return a.low < b.low ? -1 : 1;
    }
    return 0;
}

/* The last address of a rule's range. */
static number_t last_of(const proxyip_rule_t *rule)
{
    number_t last = number_of(&rule->addr);
    int host_bits = family_bits(rule->addr.family) - rule->bits;

    if (host_bits >= 64) {
        last.low = ~(apr_uint64_t)0;
        host_bits -= 64;
        last.high |= host_bits == 64 ? ~(apr_uint64_t)0
                                     : ((apr_uint64_t)1 << host_bits) - 1;
    }
    else {
        last.low |= ((apr_uint64_t)1 << host_bits) - 1;
    }
    return last;
}

/* The number behind another; 0 when there is none in the family. */
static int next_number(number_t *number, pp_family_t family)
{
    number->low++;
    if (family == PP_INET) {
        return number->low >> 32 == 0;
    }
    if (number->low == 0) {
        number->high++;
        return number->high != 0;
    }
    return 1;
}

proxyip_peers_t *proxyip_peers_make(apr_pool_t *p)
{
    proxyip_peers_t *peers = apr_pcalloc(p, sizeof(*peers));

    peers->pool = p;
    peers->by_range = apr_hash_make(p);
    peers->rules = apr_array_make(p, 8, sizeof(proxyip_rule_t *));
    return peers;
}

int proxyip_policy_parse(const char *word, proxyip_policy_t *policy)
{
    int i;

    for (i = PROXYIP_REJECT; i <= PROXYIP_REQUIRE; i++) {
        if (strcasecmp(word, policy_names[i]) == 0) {
            *policy = (proxyip_policy_t)i;
            return 1;
        }
    }
    return 0;
}

const char *proxyip_policy_name(proxyip_policy_t policy)
{
    return policy_names[policy];
}

/* A mask length in plain decimal without leading zeros, or -1. */
static int read_bits(const char *text)
{
    int bits = 0;
    int i;

    for (i = 0; text[i]; i++) {
        if (!apr_isdigit(text[i]) || i == 3) {
            return -1;
        }
        bits = bits * 10 + (text[i] - '0');
    }
    return i == 0 || (text[0] == '0' && i > 1) ? -1 : bits;
}

static int has_host_bits(const pp_addr_t *addr, int bits)
{
    int total = family_bits(addr->family);

    for (; bits < total; bits++) {
        if (addr->bytes[bits / 8] & (0x80 >> bits % 8)) {
            return 1;
        }
    }
    return 0;
}

/* ::ffff:10.0.0.0/104 is 10.0.0.0/8: the address came back as IPv4, and the
 * mask counts the 96 bits before it. */
static const char *read_range(apr_pool_t *p, const char *text,
                              pp_addr_t *addr, int *bits)
{
    const char *slash = strchr(text, '/');
    apr_size_t addr_len = slash ? (apr_size_t)(slash - text) : strlen(text);
    int was_mapped;

    if (!pp_addr_parse(text, addr_len, PP_UNSPEC, addr)) {
        return apr_psprintf(p, "'%s' is not an IP address or a range in CIDR"
                            " form, such as 10.0.0.0/8 or 2001:db8::/32%s",
                            text, *text == '#'
                                      ? "; httpd knows no comments at the end"
                                        " of a line"
                                      : "; host names are not looked up");
    }
    *bits = family_bits(addr->family);
    if (!slash) {
        return NULL;
    }
    *bits = read_bits(slash + 1);
    was_mapped = addr->family == PP_INET && memchr(text, ':', addr_len);
    if (was_mapped) {
        *bits -= 96;
    }
    if (*bits < 0 || *bits > family_bits(addr->family)) {
        return apr_psprintf(p, "'%s' needs a mask length from %d to %d", text,
                            was_mapped ? 96 : 0,
                            was_mapped ? 128 : family_bits(addr->family));
    }
    if (has_host_bits(addr, *bits)) {
        return apr_psprintf(p, "'%s' has host bits set beyond its mask: write"
                            " the first address of the range, or the address"
                            " alone for a single peer", text);
    }
    return NULL;
}

static const char *add_rule(proxyip_peers_t *peers, proxyip_rule_t *rule)
{
    unsigned char key[2 + sizeof(rule->addr.bytes)];
    proxyip_rule_t *earlier;

    if (rule->policy == PROXYIP_OPTIONAL && rule->bits == 0) {
        return apr_psprintf(peers->pool, "'optional' is not accepted for '%s':"
                            " among strangers nobody can tell a header from"
                            " a forged one; name the ranges that hold only"
                            " load balancers and health checkers",
                            rule->text);
    }
    key[0] = (unsigned char)rule->addr.family;
    key[1] = (unsigned char)rule->bits;
    memcpy(key + 2, rule->addr.bytes, sizeof(rule->addr.bytes));
    earlier = apr_hash_get(peers->by_range, key, sizeof(key));
    if (earlier && earlier->policy != rule->policy) {
        return apr_psprintf(peers->pool, "'%s' is '%s' here and '%s' at"
                            " %s:%d; a range has one policy", rule->text,
                            policy_names[rule->policy],
                            policy_names[earlier->policy], earlier->filename,
                            earlier->line);
    }
    if (!earlier) {
        apr_hash_set(peers->by_range, apr_pmemdup(peers->pool, key,
                                                  sizeof(key)),
                     sizeof(key), rule);
        APR_ARRAY_PUSH(peers->rules, proxyip_rule_t *) = rule;
    }
    return NULL;
}

const char *proxyip_peers_add(proxyip_peers_t *peers, proxyip_policy_t policy,
                              const char *range, int allow_all,
                              const char *filename, int line)
{
    proxyip_rule_t *rule = apr_pcalloc(peers->pool, sizeof(*rule));
    const char *error;

    rule->policy = policy;
    rule->text = apr_pstrdup(peers->pool, range);
    rule->filename = filename;
    rule->line = line;
    if (allow_all && strcasecmp(range, "all") == 0) {
        proxyip_rule_t *rule6 = apr_pmemdup(peers->pool, rule, sizeof(*rule));

        rule->addr.family = PP_INET;
        rule6->addr.family = PP_INET6;
        error = add_rule(peers, rule);
        return error ? error : add_rule(peers, rule6);
    }
    error = read_range(peers->pool, range, &rule->addr, &rule->bits);
    return error ? error : add_rule(peers, rule);
}

const char *proxyip_peers_add_words(proxyip_peers_t *peers,
                                    proxyip_policy_t policy, char *words,
                                    const char *filename, int line,
                                    int *added)
{
    const char *error = NULL;
    char *state;
    char *range = apr_strtok(words, RANGE_SEPARATORS, &state);

    while (range && !error) {
        error = proxyip_peers_add(peers, policy, range, 1, filename, line);
        (*added)++;
        range = apr_strtok(NULL, RANGE_SEPARATORS, &state);
    }
    return error;
}

/* Ascending by family, first address, mask length: a range comes before the
 * ranges it holds. */
static int compare_rules(const void *a, const void *b)
{
    const proxyip_rule_t *one = *(proxyip_rule_t *const *)a;
    const proxyip_rule_t *two = *(proxyip_rule_t *const *)b;
    int order;

    if (one->addr.family != two->addr.family) {
        return one->addr.family < two->addr.family ? -1 : 1;
    }
    order = memcmp(one->addr.bytes, two->addr.bytes, sizeof(one->addr.bytes));
    return order ? order : one->bits - two->bits;
}

/* From start on, rule holds; what was said of the same start before was a
 * wider range. */
static void begin_interval(index_t *index, number_t start,
                           const proxyip_rule_t *rule)
{
    interval_t *last = index->intervals + index->count - 1;

    if (compare_numbers(last->start, start) != 0) {
        last++;
        index->count++;
    }
    last->start = start;
    last->rule = rule;
}

/* Sweep over the sorted rules of one family; open holds the ranges that the
 * sweep is inside of, widest first. */
static void build_index(proxyip_peers_t *peers, pp_family_t family,
                        index_t *index)
{
    const proxyip_rule_t *open[129];
    int depth = 0;
    int i;

    index->intervals = apr_pcalloc(peers->pool,
                                   (2 * (apr_size_t)peers->rules->nelts + 1)
                                       * sizeof(interval_t));
    index->count = 1;
    for (i = 0; i <= peers->rules->nelts; i++) {
        const proxyip_rule_t *rule = NULL;
        number_t start = {0, 0};

        if (i < peers->rules->nelts) {
            rule = APR_ARRAY_IDX(peers->rules, i, proxyip_rule_t *);
            if (rule->addr.family != family) {
                continue;
            }
            start = number_of(&rule->addr);
        }
        while (depth > 0) {
            number_t after = last_of(open[depth - 1]);

            if (rule && compare_numbers(after, start) >= 0) {
                break;
            }
            depth--;
            if (next_number(&after, family)) {
                begin_interval(index, after, depth ? open[depth - 1] : NULL);
            }
        }
        if (rule) {
            open[depth++] = rule;
            begin_interval(index, start, rule);
        }
    }
}

void proxyip_peers_compile(proxyip_peers_t *peers)
{
    if (peers->is_compiled) {
        return;
    }
    qsort(peers->rules->elts, (size_t)peers->rules->nelts,
          sizeof(proxyip_rule_t *), compare_rules);
    build_index(peers, PP_INET, &peers->inet);
    build_index(peers, PP_INET6, &peers->inet6);
    peers->is_compiled = 1;
}

const proxyip_rule_t *proxyip_peers_find(const proxyip_peers_t *peers,
                                         const pp_addr_t *addr)
{
    const index_t *index;
    number_t wanted;
    apr_size_t low = 0;
    apr_size_t high;

    if (!peers) {
        return NULL;
    }
    index = addr->family == PP_INET ? &peers->inet : &peers->inet6;
    wanted = number_of(addr);
    high = index->count;
    while (high - low > 1) {
        apr_size_t middle = low + (high - low) / 2;

        if (compare_numbers(index->intervals[middle].start, wanted) <= 0) {
            low = middle;
        }
        else {
            high = middle;
        }
    }
    return index->intervals[low].rule;
}

const proxyip_rule_t *proxyip_peers_rule(const proxyip_peers_t *peers, int i)
{
    return peers && i < peers->rules->nelts
               ? APR_ARRAY_IDX(peers->rules, i, proxyip_rule_t *)
               : NULL;
}

int proxyip_peers_holds(const proxyip_rule_t *wide,
                        const proxyip_rule_t *narrow)
{
    number_t first = number_of(&narrow->addr);

    return wide->addr.family == narrow->addr.family
           && wide->bits <= narrow->bits
           && compare_numbers(number_of(&wide->addr), first) <= 0
           && compare_numbers(first, last_of(wide)) <= 0;
}

int proxyip_peers_trust_any(const proxyip_peers_t *peers)
{
    int i;

    for (i = 0; peers && i < peers->rules->nelts; i++) {
        const proxyip_rule_t *rule = APR_ARRAY_IDX(peers->rules, i,
                                                   proxyip_rule_t *);

        if (rule->policy == PROXYIP_REQUIRE
            || rule->policy == PROXYIP_OPTIONAL) {
            return 1;
        }
    }
    return 0;
}

const proxyip_rule_t *proxyip_peers_find_open(const proxyip_peers_t *peers,
                                              proxyip_policy_t policy)
{
    int i;

    for (i = 0; peers && i < peers->rules->nelts; i++) {
        const proxyip_rule_t *rule = APR_ARRAY_IDX(peers->rules, i,
                                                   proxyip_rule_t *);

        if (rule->bits == 0 && rule->policy == policy) {
            return rule;
        }
    }
    return NULL;
}

/* The first rule of one set that another lacks or has with another policy. */
static const proxyip_rule_t *find_missing(const proxyip_peers_t *from,
                                          const proxyip_peers_t *in)
{
    int i;

    for (i = 0; from && i < from->rules->nelts; i++) {
        const proxyip_rule_t *rule = APR_ARRAY_IDX(from->rules, i,
                                                   proxyip_rule_t *);
        proxyip_rule_t *const *found = NULL;

        if (in) {
            found = bsearch(&rule, in->rules->elts, (size_t)in->rules->nelts,
                            sizeof(proxyip_rule_t *), compare_rules);
        }
        if (!found || (*found)->policy != rule->policy) {
            return rule;
        }
    }
    return NULL;
}

int proxyip_peers_equal(const proxyip_peers_t *a, const proxyip_peers_t *b,
                        const proxyip_rule_t **only_a,
                        const proxyip_rule_t **only_b)
{
    *only_a = a == b ? NULL : find_missing(a, b);
    *only_b = a == b ? NULL : find_missing(b, a);
    return !*only_a && !*only_b;
}
