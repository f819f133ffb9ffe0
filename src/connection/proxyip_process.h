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
 * The life of a connection: the hook that decides what a peer may do, looks
 * for its header, lets it wait, and makes the client the connection's.
 */

#ifndef PROXYIP_PROCESS_H
#define PROXYIP_PROCESS_H

#include "connection/proxyip_look.h"
#include "connection/proxyip_waiter.h"
#include "proxyip_conn.h"

/**
 * pre_connection, before every other module's: the socket's peer decides; a
 * header that has come is adopted, and what has not come is waited for.
 * @param c a new connection, or one that comes back from the lobby
 * @param csd its apr_socket_t
 * @return DECLINED: the other modules meet the connection, whose client is
 *         the one that the header names; HTTP_FORBIDDEN: it is closed without
 *         an answer, or waits in the lobby
 */
int proxyip_process_pre_connection(conn_rec *c, void *csd);

/**
 * Decide: the client that a header names is adopted, or that none came and
 * none is required is noted, or the connection is refused; and report it.
 * @param conn the connection's record; its outcome is set, and header's TLVs
 *        are copied into the connection's pool
 * @param seen what has come
 * @param end how the wait ended, where seen is UNDECIDED
 * @return DECLINED: it goes on, as its client's; HTTP_FORBIDDEN: it is to be
 *         closed without an answer
 * @remark a connection whose header is to come inside TLS, and that has begun
 *         TLS, goes on with outcome PENDING, and nothing is reported
 */
int proxyip_process_decide(proxyip_conn_t *conn, const proxyip_seen_t *seen,
                           proxyip_wait_end_t end);

#endif /* PROXYIP_PROCESS_H */
