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
 * Counters of all children, kept over restarts.
 *
 * Shared memory that belongs to the process, not to a configuration: children
 * of an earlier generation go on counting where those of the next one do.
 * Each connection to a listener that is On is counted once, when the header's
 * part in it is over.
 */

#ifndef PROXYIP_STATS_H
#define PROXYIP_STATS_H

#include <apr_tables.h>
#include <mpm_common.h>

#include "proxyip_conn.h"
#include "proxyip_private.h"

/** A connection that was refused. */
typedef struct {
    const char *listener; /* its name */
    char peer_ip[PP_ADDR_TEXT_MAX];
    apr_time_t time;
    proxyip_outcome_t outcome;
    const char *what; /* the outcome's words */
    const char *why;  /* more words, or NULL */
} proxyip_refused_t;

/**
 * Give every listener its counters: those that it had before a restart, or
 * new ones.  Without shared memory each child counts for itself, which is
 * logged.
 * @param main_s the main server
 * @param listeners what proxyip_listeners_attach() found
 * @remark for post_config, and there not for the first of its two runs at
 *         the start, after which the module is loaded anew
 */
void proxyip_stats_attach(server_rec *main_s,
                          const apr_array_header_t *listeners);

/** Take a place for this child's number of waiting connections.
 * @remark for child_init */
void proxyip_stats_child_init(void);

/**
 * Free the place of a child that is gone, however it went.
 * @remark for the child_status hook, which runs in the parent
 */
void proxyip_stats_child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                                int slot, mpm_child_status state);

/** Say that so many more (or, negative, fewer) connections of this child
 * wait. */
void proxyip_stats_add_waiting(int count);

/** @return whether other children of this server are there */
int proxyip_stats_has_siblings(void);

/**
 * Count a connection that a `direct` peer has made.
 * @param listener where; NULL is nowhere
 */
void proxyip_stats_count_direct(const proxyip_listener_t *listener);

/**
 * Count a connection by its outcome, and remember it if it was refused.
 * @param conn its record, outcome, reason and look set
 */
void proxyip_stats_count(const proxyip_conn_t *conn);

/**
 * Warn of refused peers that may be load balancers which nobody has named:
 * of each listener once a minute.
 * @param s whose error log it belongs in
 * @param listener the listener
 */
void proxyip_stats_warn(server_rec *s, const proxyip_listener_t *listener);

/**
 * The same for all listeners.
 * @remark for the monitor hook, which runs in the parent every 10 seconds
 */
int proxyip_stats_monitor(apr_pool_t *p, server_rec *main_s);

/** @return the name of a counter, from 0; NULL behind the last */
const char *proxyip_stats_count_name(int which);

/** @return how many listeners have counters, those of earlier configurations
 * included */
int proxyip_stats_listeners(void);

/** @return the name of one of them, from 0 */
const char *proxyip_stats_listener_name(int n);

/** @return since when it is counted */
apr_time_t proxyip_stats_since(void);

/** @return one counter of one listener */
apr_uint64_t proxyip_stats_read(int n, int which);

/** @return how many connections wait now, in all children */
unsigned int proxyip_stats_waiting(void);

/**
 * The last refused connection of all listeners.
 * @param last filled when there was one
 * @return 1, or 0 when there was none
 */
int proxyip_stats_last_refused(proxyip_refused_t *last);

#endif /* PROXYIP_STATS_H */
