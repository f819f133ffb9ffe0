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
 * Waiting in the MPM, without a worker, until a deadline of our own.
 *
 * For a connection that cannot leave the MPM, because the state of its TLS is
 * in this process: event of httpd 2.4.63 and later waits for its bytes
 * (CONN_STATE_ASYNC_WAITIO), but only Timeout ends that wait.  At the deadline
 * the alarm makes the socket readable, by shutting down its reading side, so
 * that a worker gets the connection and finds that its time is up.
 */

#ifndef PROXYIP_ALARM_H
#define PROXYIP_ALARM_H

#include "connection/proxyip_stage.h"
#include "proxyip_private.h"

typedef struct proxyip_alarm_t proxyip_alarm_t;

/** What is called for a connection that still waits when its child ends. */
typedef void proxyip_alarm_left_t(conn_rec *c);

/**
 * Start what keeps the alarms of this child, where the MPM can wait.
 * @param pchild the child's pool; it ends with it
 * @param s the main server
 * @param left called at the child's end for each connection that waits
 * @remark for child_init
 */
void proxyip_alarm_start(apr_pool_t *pchild, server_rec *s,
                         proxyip_alarm_left_t *left);

/**
 * Let the MPM wait for bytes of a connection, and count it as waiting.
 * @param alarm the connection's; NULL at first, and then made in its pool
 * @param c the connection; its state is set
 * @param fd its descriptor
 * @param wait how it waits, with its deadline
 * @param time_us how long its stage may last
 * @return 1: the MPM waits, and runs process_connection once something has
 *         come or time is up; 0: it cannot, and nothing was changed
 */
int proxyip_alarm_set(proxyip_alarm_t **alarm, conn_rec *c, int fd,
                      const proxyip_wait_t *wait, int64_t time_us);

/**
 * The connection does not wait now: a worker has it.
 * @param alarm its alarm, or NULL; set or not
 */
void proxyip_alarm_stop(proxyip_alarm_t *alarm);

/** @return whether a connection's time was up and nothing had come, so that
 * its reading side is shut down; 0 for NULL */
int proxyip_alarm_has_rung(proxyip_alarm_t *alarm);

#endif /* PROXYIP_ALARM_H */
