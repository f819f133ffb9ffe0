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
 * The counters of each listener.
 */

#ifndef PROXYIP_COUNTERS_H
#define PROXYIP_COUNTERS_H

#include "proxyip_conn.h"
#include "proxyip_private.h"

/** What is to be known of a counter. */
typedef struct {
    const char *name;    /* without ProxyIP in front */
    const char *meaning; /* what has become of such a connection */
    const char *lines;   /* numbers of lines about it; NULL: it has none */
} proxyip_counter_t;

/**
 * Count a connection that a `direct` peer has made.
 * @param listener where; NULL is nowhere
 */
void proxyip_counters_add_direct(const proxyip_listener_t *listener);

/**
 * Count a connection by its outcome, when the header's part in it is over.
 * @param conn its record, outcome set
 */
void proxyip_counters_add(const proxyip_conn_t *conn);

/** @return a counter, from 0; NULL behind the last */
const proxyip_counter_t *proxyip_counters_describe(int which);

/** @return one counter of one of the block's rows */
apr_uint64_t proxyip_counters_read(int row, int which);

#endif /* PROXYIP_COUNTERS_H */
