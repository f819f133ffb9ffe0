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
 * A child that was broken into: it writes over what it shares with the parent.
 *
 *   GET /vandal?ones      all bits of the block
 *   GET /vandal?odd       0x80000001 everywhere: negative, odd, far too many
 *   GET /vandal?records   refusals that are whole, of kinds that are not
 *   GET /vandal?zeros     none
 *
 * It finds the block as an intruder would, by what is in it: the address of a
 * peer that was refused, 127.0.0.77.  Answers with the number of records that
 * it found.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

#include "report/proxyip_block.h"

#define MARK "\x7f\0\0\x4d\0\0\0\0\0\0\0\0\0\0\0\0"
#define MARK_LEN 16

module AP_MODULE_DECLARE_DATA vandal_module;

static void spoil_record(unsigned char *peer)
{
    proxyip_record_t *record = (proxyip_record_t *)(void *)(
        peer - offsetof(proxyip_record_t, peer));

    record->reason = 0x7fffffff;
    record->look = 0x40000000;
    record->outcome = 0xffffffff;
    record->family = 0xffff;
    record->time = INT64_MAX;
    record->moment = INT64_MIN;
}

static void fill(unsigned char *at, const unsigned char *end, apr_uint32_t with)
{
    for (; at + sizeof(with) <= end; at += sizeof(with)) {
        memcpy(at, &with, sizeof(with));
    }
}

/* One mapping: how many records of the peer are in it. */
static int spoil(unsigned char *from, unsigned char *end, const char *how)
{
    unsigned char *at;
    int found = 0;

    for (at = from; at + MARK_LEN <= end; at += 4) {
        if (memcmp(at, MARK, MARK_LEN) == 0) {
            found++;
            if (strcmp(how, "records") == 0) {
                spoil_record(at);
            }
        }
    }
    if (found > 0 && strcmp(how, "records") != 0) {
        fill(from, end,
             strcmp(how, "ones") == 0    ? 0xffffffff
             : strcmp(how, "zeros") == 0 ? 0
                                         : 0x80000001);
    }
    return found;
}

static int vandal_handler(request_rec *r)
{
    char line[512];
    int found = 0;
    FILE *maps;

    if (!r->handler || strcmp(r->handler, "vandal") != 0) {
        return DECLINED;
    }
    maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof(line), maps)) {
        char *dash;
        uintptr_t from = strtoul(line, &dash, 16);

        if (*dash == '-' && strstr(line, "rw-s")) {
            uintptr_t end = strtoul(dash + 1, NULL, 16);

            found += spoil((unsigned char *)from, (unsigned char *)end,
                           r->args ? r->args : "");
        }
    }
    if (maps) {
        fclose(maps);
    }
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r, "%d\n", found);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(vandal_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA vandal_module = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    register_hooks,
    0
};
