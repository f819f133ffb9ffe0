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
 * The lobby: where connections wait for their header, or for the first byte
 * behind it, outside the event MPM.
 *
 * A worker that finds too few bytes gives the descriptor to the child's lobby
 * and is free; to the MPM the connection has ended.  The lobby's thread waits
 * for bytes and for deadlines, and gives the connection back to the MPM as one
 * that was just accepted (proxyip_back.h).  Nothing is read here, only looked
 * at, so nothing can be lost; whoever speaks within the deadlines is served.
 *
 * Why outside the MPM: there every open connection counts against
 * connections_above_limit() (event.c), which is 75 for 25 threads.  Beyond it
 * the child stops to accept, whoever the others are.
 */

#ifndef PROXYIP_LOBBY_H
#define PROXYIP_LOBBY_H

#include <apr_network_io.h>

#include "connection/proxyip_look.h"
#include "proxyip_private.h"

/**
 * Start the child's lobby, where there can be one.
 * @param pchild the child's pool; the lobby ends with it
 * @param s the main server
 * @remark for child_init
 */
void proxyip_lobby_child_init(apr_pool_t *pchild, server_rec *s);

/**
 * Empty the lobby: hand its connections to other children, or close them.
 * @param is_graceful hand over
 * @remark for child_stopping; any thread, and repeatedly
 */
void proxyip_lobby_stopping(int is_graceful);

/**
 * Let a connection wait.
 * @param c the connection
 * @param csd its socket; without its descriptor when the answer is 1
 * @param conf the listener's settings
 * @param rule the range that its peer is in
 * @param wait how it waits, with its deadline
 * @param seen what has come so far; UNDECIDED
 * @return 1: the lobby has it, and the caller ends what the MPM has; 0: there
 *         is no lobby, and the caller must wait
 */
int proxyip_lobby_enter(const conn_rec *c, apr_socket_t *csd,
                        const proxyip_conf_t *conf,
                        const proxyip_rule_t *rule,
                        const proxyip_wait_t *wait,
                        const proxyip_seen_t *seen);

#endif /* PROXYIP_LOBBY_H */
