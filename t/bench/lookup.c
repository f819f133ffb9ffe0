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
 * Lookups among many ranges, to be counted by callgrind: see Bench::Lookup.
 *
 * usage: lookup RANGES LOOKUPS
 *
 * The ranges are of several widths, within one another too; the addresses
 * are half within a range and half anywhere.
 */

#include "settings/proxyip_peers.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t state = 2463534242u;

/* xorshift: the same numbers in each run. */
static uint32_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void set_inet(pp_addr_t *addr, uint32_t number)
{
    uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                        (uint8_t)(number >> 8), (uint8_t)number};

    pp_addr_set(addr, PP_INET, bytes);
}

static uint32_t *make_ranges(apr_pool_t *p, proxyip_peers_t *peers, long count)
{
    static const int widths[] = {16, 20, 24, 28, 32};
    uint32_t *starts = apr_palloc(p, (apr_size_t)count * sizeof(*starts));
    long i;

    for (i = 0; i < count; i++) {
        int bits = widths[draw() % 5];
        uint32_t start = draw() & (0xffffffffu << (32 - bits));
        const char *text = apr_psprintf(p, "%u.%u.%u.%u/%d", start >> 24,
                                        start >> 16 & 255, start >> 8 & 255,
                                        start & 255, bits);
        const char *error = proxyip_peers_add(peers, PROXYIP_REQUIRE, text, 1,
                                              "lookup.c", 1);

        if (error) {
            fprintf(stderr, "%s\n", error);
            exit(1);
        }
        starts[i] = start;
    }
    proxyip_peers_compile(peers);
    return starts;
}

int main(int argc, char **argv)
{
    long ranges = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    long lookups = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    proxyip_peers_t *peers;
    uint32_t *starts;
    apr_pool_t *p;
    long found = 0;
    long i;

    if (ranges < 1 || lookups < 1) {
        fprintf(stderr, "usage: lookup RANGES LOOKUPS\n");
        return 2;
    }
    apr_initialize();
    apr_pool_create(&p, NULL);
    peers = proxyip_peers_make(p);
    starts = make_ranges(p, peers, ranges);
    for (i = 0; i < lookups; i++) {
        uint32_t number = i & 1 ? draw() : starts[draw() % (uint32_t)ranges];
        pp_addr_t addr;

        set_inet(&addr, number);
        found += proxyip_peers_find(peers, &addr) != NULL;
    }
    apr_terminate();
    return found < lookups / 2; /* those within a range, at least */
}
