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
 * How many headers were sent.
 *
 * Shared memory that belongs to the process, not to a configuration, as
 * mod_proxyip's counters are; the compiler's atomics, because APR's may be
 * made of a mutex, which holds within one process only.
 */

#include "send/proxyip_send_stats.h"

#include <string.h>

#include <apr_shm.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_status.h>

/* Under this name a restarted server finds the counters again.  Its number
 * grows with every change of what they are. */
#define RETAINED "mod_proxyip_send/stats/1"

static const char *const names[PROXYIP_SEND_COUNTS] = {
    [PROXYIP_SEND_COUNT_V1] = "SentV1",
    [PROXYIP_SEND_COUNT_V2] = "SentV2",
    [PROXYIP_SEND_COUNT_CHECKS] = "SentChecks",
    [PROXYIP_SEND_COUNT_REUSED] = "SentReused",
    [PROXYIP_SEND_COUNT_REFUSED] = "SentRefused",
};

/* Mapped before children are made: the same address in all of them. */
typedef struct {
    apr_uint64_t *counts;
} retained_t;

/* Set by post_config, only read afterwards. */
static apr_uint64_t *counts;

/* Nothing of ours may be left on the process's pool but memory: the module is
 * unloaded at each restart.  (apr_shm's own cleanup is APR's.) */
static apr_uint64_t *make_counts(server_rec *main_s)
{
    apr_pool_t *p = main_s->process->pool;
    apr_size_t size = PROXYIP_SEND_COUNTS * sizeof(*counts);
    apr_shm_t *shm;
    apr_status_t rv = apr_shm_create(&shm, size, NULL, p);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, main_s, PROXYIP_LOGNO(0114)
                     "no shared memory for counters: each child counts for"
                     " itself, and mod_status shows one child's counts");
        return apr_pcalloc(p, size);
    }
    memset(apr_shm_baseaddr_get(shm), 0, size);
    return apr_shm_baseaddr_get(shm);
}

void proxyip_send_stats_attach(server_rec *main_s)
{
    retained_t *retained = ap_retained_data_get(RETAINED);

    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    if (!retained->counts) {
        retained->counts = make_counts(main_s);
    }
    counts = retained->counts;
}

void proxyip_send_stats_count(proxyip_send_count_t which)
{
    __atomic_fetch_add(&counts[which], 1, __ATOMIC_RELAXED);
}

static apr_uint64_t count_of(int which)
{
    return __atomic_load_n(&counts[which], __ATOMIC_RELAXED);
}

int proxyip_send_stats_show(request_rec *r, int flags)
{
    int i;

    if (flags & AP_STATUS_SHORT) {
        for (i = 0; i < PROXYIP_SEND_COUNTS; i++) {
            ap_rprintf(r, "ProxyIP%s: %" APR_UINT64_T_FMT "\n", names[i],
                       count_of(i));
        }
        return OK;
    }
    ap_rputs("<hr />\n<h1>PROXY headers to backends</h1>\n<dl>\n", r);
    for (i = 0; i < PROXYIP_SEND_COUNTS; i++) {
        ap_rprintf(r, "<dt>%s: %" APR_UINT64_T_FMT "</dt>\n", names[i],
                   count_of(i));
    }
    ap_rputs("</dl>\n", r);
    return OK;
}
