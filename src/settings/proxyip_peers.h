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
 * Built while the configuration is read, compiled once, then only read: find
 * may be called from any thread.
 */

#ifndef PROXYIP_PEERS_H
#define PROXYIP_PEERS_H

#include <apr_pools.h>

#include "protocol/pp.h"
#include "proxyip_private.h"

typedef enum {
    PROXYIP_REJECT,   /* closed on accept */
    PROXYIP_DIRECT,   /* never a proxy: not one byte is looked at */
    PROXYIP_OPTIONAL, /* trusted; a header is used if it comes */
    PROXYIP_REQUIRE   /* trusted; a header must come */
} proxyip_policy_t;

/** One range with its policy.  Lives as long as the configuration. */
typedef struct {
    pp_addr_t addr;          /* first address of the range */
    int bits;                /* length of the mask: 0 to 32, or to 128 */
    proxyip_policy_t policy;
    const char *text;        /* the range as it was written */
    const char *filename;    /* where it was written; never NULL */
    int line;                /* line there */
} proxyip_rule_t;

/**
 * Make an empty set of ranges.
 * @param p the configuration's pool
 * @return the set
 */
proxyip_peers_t *proxyip_peers_make(apr_pool_t *p);

/**
 * Read a policy's name, in any case.
 * @param word the name
 * @param policy set on success
 * @return 1, or 0 when word names none
 */
int proxyip_policy_parse(const char *word, proxyip_policy_t *policy);

/** @return the policy's name in lower case */
const char *proxyip_policy_name(proxyip_policy_t policy);

/**
 * Add a range: an address, an address with a mask length, or the word `all`
 * where the caller allows it.
 * @param peers the set, not compiled yet
 * @param policy its policy
 * @param range the text; copied
 * @param allow_all whether `all` is accepted
 * @param filename where it was written; kept, must live as long as the set
 * @param line line there
 * @return NULL, or what is wrong with it (a text in the set's pool)
 */
const char *proxyip_peers_add(proxyip_peers_t *peers, proxyip_policy_t policy,
                              const char *range, int allow_all,
                              const char *filename, int line);

/**
 * Add the ranges of one argument, `all` among them, with spaces or commas
 * between them.
 * @param peers the set, not compiled yet
 * @param policy their policy
 * @param words the argument, which is taken apart
 * @param filename where it was written; kept, must live as long as the set
 * @param line line there
 * @param added raised by the number of ranges
 * @return NULL, or what is wrong with one (a text in the set's pool)
 */
const char *proxyip_peers_add_words(proxyip_peers_t *peers,
                                    proxyip_policy_t policy, char *words,
                                    const char *filename, int line,
                                    int *added);

/**
 * Make the set ready for proxyip_peers_find(); nothing can be added then.
 * @param peers the set; doing it twice is harmless
 */
void proxyip_peers_compile(proxyip_peers_t *peers);

/**
 * Find the most specific range that an address lies in.
 * @param peers a compiled set, or NULL for an empty one
 * @param addr the address
 * @return the rule, or NULL when no range holds the address
 * @remark takes a number of steps that grows with the logarithm of the
 *         number of ranges
 */
const proxyip_rule_t *proxyip_peers_find(const proxyip_peers_t *peers,
                                         const pp_addr_t *addr);

/**
 * Say whether any range has a policy that takes headers.
 * @param peers the set, or NULL for an empty one
 * @return 1 when a range is `require` or `optional`
 */
int proxyip_peers_trust_any(const proxyip_peers_t *peers);

/**
 * Find a range without bounds (`all` or a /0) of some policy.
 * @param peers the set, or NULL for an empty one
 * @param policy the policy
 * @return the first such rule, or NULL
 */
const proxyip_rule_t *proxyip_peers_find_open(const proxyip_peers_t *peers,
                                              proxyip_policy_t policy);

/**
 * One range of a compiled set.  They are in ascending order by family and
 * first address, and a range comes before those that it holds.
 * @param peers the set, or NULL for an empty one
 * @param i which, from 0
 * @return the rule, or NULL behind the last
 */
const proxyip_rule_t *proxyip_peers_rule(const proxyip_peers_t *peers, int i);

/** @return whether a rule's range holds the whole range of another */
int proxyip_peers_holds(const proxyip_rule_t *wide,
                        const proxyip_rule_t *narrow);

/**
 * Compare two compiled sets by what they say, whatever the order.
 * @param a a set, or NULL for an empty one
 * @param b another, or NULL
 * @param only_a set to a rule of a that b lacks, or NULL
 * @param only_b set to a rule of b that a lacks, or NULL
 * @return 1 when both decide every address alike
 */
int proxyip_peers_equal(const proxyip_peers_t *a, const proxyip_peers_t *b,
                        const proxyip_rule_t **only_a,
                        const proxyip_rule_t **only_b);

#endif /* PROXYIP_PEERS_H */
