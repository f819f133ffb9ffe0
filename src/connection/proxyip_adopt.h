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
 * Making the client that a header names the connection's client.
 */

#ifndef PROXYIP_ADOPT_H
#define PROXYIP_ADOPT_H

#include "proxyip_conn.h"

/**
 * Adopt the header's source: from here on c->client_addr and c->client_ip are
 * the client's.  A header that names none leaves the socket's own.
 * @param conn a record whose outcome is ACCEPTED or ABSENT
 * @remark in pre_connection, before any other module has met the connection
 */
void proxyip_adopt(proxyip_conn_t *conn);

#endif /* PROXYIP_ADOPT_H */
