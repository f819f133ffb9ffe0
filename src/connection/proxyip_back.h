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
 * The way back: giving a connection that has waited in the lobby to the event
 * MPM, which takes it as one that it has just accepted.
 *
 * Event accepts from every record of ap_listeners that it has counted.  One
 * more record, the spare, is ours.  Its descriptor is an eventfd that is
 * readable only while a connection is ready, and its accept_func hands that
 * connection out.
 *
 * What this relies on, looked at in httpd 2.4.52, 2.4.62, 2.4.63 and 2.4.71,
 * server/mpm/event/event.c:
 *  - event_open_logs() counts the records that ap_setup_listeners() finds; one
 *    that is `active` is neither bound nor changed (listen.c, open_listeners);
 *  - setup_threads_runtime(), which runs right after child_init, polls lr->sd
 *    of each record from ap_listeners on, and sets lr->accept_func to
 *    ap_unixd_accept, whatever it was;
 *  - listener_thread() sets a worker aside before it calls lr->accept_func,
 *    and keeps it aside when no connection comes of it.
 */

#ifndef PROXYIP_BACK_H
#define PROXYIP_BACK_H

#include <apr_network_io.h>

#include "connection/proxyip_waiter.h"
#include "proxyip_private.h"

/** What a connection that comes back carries. */
typedef struct {
    int is_none;              /* it is no connection, and is to end at once */
    proxyip_wait_t wait;
    proxyip_wait_end_t end;
    proxyip_known_t known;     /* its header, if this child has seen it */
    apr_sockaddr_t *lost_peer; /* the peer of one that was reset, whose socket
                                  does not know it any more; else NULL */
} proxyip_ticket_t;

/**
 * Append the spare record to ap_listeners, so that event counts it.
 * @param pconf the configuration's pool; the record lives there
 * @return APR_SUCCESS, or why there is no spare
 * @remark in the parent, for check_config; once per configuration
 */
apr_status_t proxyip_back_add_spare(apr_pool_t *pconf);

/** Forget an earlier configuration's spare record.  For check_config. */
void proxyip_back_forget_spare(void);

/**
 * Take the spare record out of ap_listeners again, so that no other module
 * meets it.
 * @remark in the parent, for open_logs, once event has counted it
 */
void proxyip_back_hide_spare(void);

/**
 * Put the spare record back into ap_listeners, and an eventfd of this child's
 * own behind its descriptor.  It must be there in any case: event has counted
 * it, and polls as many records.
 * @param pchild the child's pool
 * @return APR_SUCCESS: the way can be opened; else why not
 * @remark for child_init; without a spare record APR_ENOTIMPL
 */
apr_status_t proxyip_back_child_init(apr_pool_t *pchild);

/**
 * Open the way, once event has set up its listeners.
 * @return APR_SUCCESS: it is open; APR_EAGAIN: not yet; APR_ENOTIMPL: this
 *         httpd does not accept as the ones that are known, and nothing was
 *         changed
 * @remark by one thread at a time
 */
apr_status_t proxyip_back_open(void);

/**
 * Give a connection to the MPM.
 * @param waiter in no row, with `end` set; it is freed once it is taken
 * @param is_first before all that are ready already
 * @remark any thread, once the way is open
 */
void proxyip_back_push(proxyip_waiter_t *waiter, int is_first);

/**
 * Take back the connection that has been ready longest.
 * @return it, now the caller's; NULL when the MPM has taken all
 */
proxyip_waiter_t *proxyip_back_pull(void);

/**
 * Tell how many connections are ready.
 * @param leaving set to how many of them were given up for descriptors
 * @param moved set to when one was taken last, or the first of them came
 * @return their number
 */
int proxyip_back_count(int *leaving, int64_t *moved);

/**
 * Tell whether the MPM has stopped to accept although workers are idle.
 * @return 1 or 0
 */
int proxyip_back_is_asleep(void);

/**
 * Tell whether so many workers are idle that one may wait a moment: more than
 * a quarter of this child's.
 * @return 1 or 0; 0 too where the way is not open
 */
int proxyip_back_has_idle_workers(void);

/**
 * Make the MPM look whether it can accept.  Event can miss that: when its last
 * workers become idle between connections_above_limit() and
 * disable_listensocks() nobody wakes its listener any more, and it sleeps
 * until something else happens.  A timer of no use is something else.
 */
void proxyip_back_wake_mpm(void);

/**
 * What a connection carries that has come back.
 * @param csd its socket
 * @return its ticket, or NULL for one that the MPM has accepted itself
 */
const proxyip_ticket_t *proxyip_back_ticket(apr_socket_t *csd);

#endif /* PROXYIP_BACK_H */
