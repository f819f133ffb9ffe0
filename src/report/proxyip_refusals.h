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
 * Connections that were refused, and the warnings of them.
 */

#ifndef PROXYIP_REFUSALS_H
#define PROXYIP_REFUSALS_H

#include <apr_tables.h>

#include "proxyip_conn.h"
#include "proxyip_private.h"

/** A connection that was refused. */
typedef struct {
    const char *listener; /* its name */
    char peer_ip[PP_ADDR_TEXT_MAX];
    apr_time_t time; /* of day; in the years 1970 to 9999 */
    proxyip_outcome_t outcome;
    const char *what; /* the outcome's words */
    const char *why;  /* more words, or NULL */
} proxyip_refused_t;

/** Note which listeners to warn of, until the next restart.
 * @param listeners what proxyip_listeners_attach() found; kept
 * @remark for post_config */
void proxyip_refusals_attach(const apr_array_header_t *listeners);

/**
 * Remember a connection if it was refused, and warn if it is time.
 * @param conn its record, outcome, reason and look set
 */
void proxyip_refusals_add(const proxyip_conn_t *conn);

/**
 * Warn of refused peers that may be load balancers which nobody has named:
 * of each listener once a minute.
 * @remark for the monitor hook, which runs in the parent every 10 seconds
 */
int proxyip_refusals_monitor(apr_pool_t *p, server_rec *main_s);

/**
 * The last refused connection of all listeners.
 * @param last filled when there was one
 * @return 1, or 0 when there was none
 */
int proxyip_refusals_last(proxyip_refused_t *last);

#endif /* PROXYIP_REFUSALS_H */
