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
 * ProxyIPServerAddr: the header's destination as the connection's own end.
 */

#ifndef PROXYIP_SERVER_H
#define PROXYIP_SERVER_H

#include "proxyip_private.h"

/**
 * Make the destination that the header names the connection's local address:
 * from here on c->local_addr and c->local_ip are the header's, and
 * c->base_server is the virtual host that httpd finds for that address and
 * port.  Where it finds none, or one that does not itself say
 * ProxyIPServerAddr On, the port and the virtual host stay; so they do
 * where the header came inside TLS.  A header that
 * names no client, or no destination, changes nothing.
 * @param conn a record whose client was adopted; it keeps the listener where
 *        the connection was accepted
 * @remark where the listener has ProxyIPServerAddr On; in pre_connection,
 *         before any other module has met the connection, and after the last
 *         line that is to be logged as the listener says (LogLevel, ErrorLog)
 */
void proxyip_server_adopt(proxyip_conn_t *conn);

#endif /* PROXYIP_SERVER_H */
