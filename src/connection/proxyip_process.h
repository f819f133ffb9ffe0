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
 * The life of a connection: the hooks that decide what a peer may do, wait
 * for its header, and hand the connection to everybody else.
 */

#ifndef PROXYIP_PROCESS_H
#define PROXYIP_PROCESS_H

#include "proxyip_private.h"

/**
 * pre_connection: decide from the socket's peer; reject, leave alone, or put
 * the filter on and keep the other modules' hooks for later.
 * @param c a new connection
 * @param csd its apr_socket_t
 * @return DECLINED: not ours; DONE: ours; HTTP_FORBIDDEN: rejected
 */
int proxyip_process_pre_connection(conn_rec *c, void *csd);

/**
 * process_connection: drive the filter; return the connection to the MPM
 * while bytes are missing; at last adopt the client and let the other
 * modules meet the connection.
 * @param c the connection
 * @return OK while it waits and when it is closed, else DECLINED
 */
int proxyip_process_connection(conn_rec *c);

/**
 * resume_connection: notice that the MPM has given up a waiting connection.
 * @param c the connection
 * @param r unused
 */
void proxyip_process_resume(conn_rec *c, request_rec *r);

#endif /* PROXYIP_PROCESS_H */
