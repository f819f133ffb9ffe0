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
 * The other modules' pre_connection hooks, run when their time has come.
 *
 * While a header is awaited no module but core may meet a connection, so our
 * own pre_connection hook ends the row (DONE) after core's, and the rest of
 * it is run from process_connection.
 */

#ifndef PROXYIP_PRECONN_H
#define PROXYIP_PRECONN_H

#include "proxyip_private.h"

/**
 * Find our place and core's among the sorted pre_connection hooks.
 * @param own our own hook function, as it was registered
 * @return 1, or 0 when either is missing: the module cannot work then
 * @remark for post_config: hooks are sorted by then and stay as they are
 */
int proxyip_preconn_find(int (*own)(conn_rec *, void *));

/**
 * Run core's hook: it installs the network filters and the socket's options.
 * @param c a new connection
 * @param csd its apr_socket_t
 */
void proxyip_preconn_run_core(conn_rec *c, void *csd);

/**
 * Run all hooks behind ours, in their order, but core's.
 * @param c a connection that proxyip_preconn_run_core() was run for
 * @param csd its apr_socket_t
 * @return OK, or what the hook that refused the connection returned
 */
int proxyip_preconn_run_rest(conn_rec *c, void *csd);

#endif /* PROXYIP_PRECONN_H */
