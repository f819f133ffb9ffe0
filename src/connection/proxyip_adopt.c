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

#include "connection/proxyip_adopt.h"

void proxyip_adopt(proxyip_conn_t *conn)
{
    conn_rec *c = conn->c;

    if (!conn->has_header || !pp_names_client(&conn->header)) {
        return;
    }
    proxyip_conn_fill_sockaddr(&conn->client_addr, c->pool,
                               &conn->header.src, conn->header.src_port);
    pp_addr_format(&conn->header.src, conn->client_ip);
    c->client_addr = &conn->client_addr;
    c->client_ip = conn->client_ip;
    /* What may have been looked up was the peer's. */
    c->remote_host = NULL;
    c->remote_logname = NULL;
    c->double_reverse = 0;
}
