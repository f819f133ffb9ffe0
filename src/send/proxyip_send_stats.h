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
 * How many headers were sent: counters of all children, kept over restarts,
 * and the section that mod_status shows of them.
 */

#ifndef PROXYIP_SEND_STATS_H
#define PROXYIP_SEND_STATS_H

#include "send/proxyip_send_private.h"

typedef enum {
    PROXYIP_SEND_COUNT_V1,      /* connections that began with a header */
    PROXYIP_SEND_COUNT_V2,
    PROXYIP_SEND_COUNT_CHECKS,  /* the same, of health checks */
    PROXYIP_SEND_COUNT_REUSED,  /* requests on a connection that was kept */
    PROXYIP_SEND_COUNT_REFUSED, /* requests that no header could be sent for */
    PROXYIP_SEND_COUNTS
} proxyip_send_count_t;

/**
 * Find the counters again, or make them.
 * @param main_s the main server
 * @remark for post_config, and there not for the first of its two runs at
 *         the start, after which the module is loaded anew
 */
void proxyip_send_stats_attach(server_rec *main_s);

/** Count one. */
void proxyip_send_stats_count(proxyip_send_count_t which);

/** Show them; for mod_status's status_hook. */
int proxyip_send_stats_show(request_rec *r, int flags);

#endif /* PROXYIP_SEND_STATS_H */
