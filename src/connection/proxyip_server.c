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
 *
 * The virtual host is looked up by httpd itself, in the tables that it made
 * of all <VirtualHost> addresses, as if the connection had come in on the
 * destination; no Listen need have that address.  The lookup sets the names
 * among which Host and SNI choose later, so they reach no virtual host of
 * another address and port.  The virtual host that was found says whether the
 * connection may move there, for all names of its address and port:
 * proxyip_checks_run() does not let them differ in it.
 *
 * Where the header came inside TLS (ProxyIPInTLS) the virtual host is that
 * whose TLS was spoken, and stays: the client's certificate was asked for by
 * its settings.
 *
 * Nothing of ours follows the new virtual host: conn->conf, the peer and its
 * rule remain those of the listener.
 */

#include "connection/proxyip_server.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_vhost.h>

#include "proxyip_conn.h"
#include "settings/proxyip_conf.h"

/* Let httpd choose by c->local_addr; 1 when it chose one that consents. */
static int choose_host(conn_rec *c)
{
    server_rec *s = c->base_server;
    void *names = c->vhost_lookup_data;

    /* Port 0 is nobody's, but httpd would take it for any port. */
    if (c->local_addr->port) {
        c->base_server = NULL; /* so it stays where nothing matches */
        ap_update_vhost_given_ip(c);
        if (c->base_server
            && proxyip_conf_get(c->base_server)->adopts_server_addr == 1) {
            return 1;
        }
    }
    c->base_server = s;
    c->vhost_lookup_data = names;
    return 0;
}

/* As the listener's LogLevel and ErrorLog say, like all of our lines. */
static void log_choice(const proxyip_conn_t *conn, int is_chosen)
{
    conn_rec *c = conn->c;

    if (!is_chosen) {
        ap_log_cserror(APLOG_MARK, APLOG_DEBUG, 0, c, conn->server,
                       PROXYIP_LOGNO(0047)
                       "no virtual host with ProxyIPServerAddr On matches the"
                       " header's destination, %pI: the listener's port and"
                       " virtual host are kept", c->local_addr);
        return;
    }
    ap_log_cserror(APLOG_MARK, APLOG_TRACE1, 0, c, conn->server,
                   "by ProxyIPServerAddr %pI is the local address, and the"
                   " virtual host %s (%s:%u) or another of its listener",
                   c->local_addr, c->base_server->server_hostname,
                   c->base_server->defn_name,
                   c->base_server->defn_line_number);
}

static void adopt_destination(proxyip_conn_t *conn)
{
    conn_rec *c = conn->c;
    const pp_header_t *header = &conn->header;
    apr_sockaddr_t *addr = apr_pcalloc(c->pool, sizeof(*addr));
    char ip[PP_ADDR_TEXT_MAX];
    int is_chosen;

    proxyip_conn_fill_sockaddr(addr, c->pool, &header->dst,
                               header->dst_port);
    pp_addr_format(&header->dst, ip);
    c->local_addr = addr;
    c->local_ip = apr_pstrdup(c->pool, ip);
    c->local_host = NULL; /* what may have been looked up was the socket's */
    is_chosen = !conn->is_in_tls && choose_host(c);
    if (!conn->is_in_tls) {
        log_choice(conn, is_chosen);
    }
    if (!is_chosen) {
        /* httpd compares it when it chooses among a listener's names. */
        proxyip_conn_fill_sockaddr(addr, c->pool, &header->dst,
                                   conn->socket_addr->port);
    }
}

void proxyip_server_adopt(proxyip_conn_t *conn)
{
    if (conn->has_header && pp_names_destination(&conn->header)) {
        adopt_destination(conn);
    }
}
