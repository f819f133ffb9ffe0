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
 * What is known of one connection.
 */

#include "proxyip_conn.h"

#include <stddef.h>
#include <string.h>

#include <apr_strings.h>

#include "settings/proxyip_conf.h"

const char *proxyip_conn_outcome_text(proxyip_outcome_t outcome)
{
    switch (outcome) {
    case PROXYIP_PENDING:
        return "not decided";
    case PROXYIP_ACCEPTED:
        return "header taken";
    case PROXYIP_ABSENT:
        return "no header, and none required";
    case PROXYIP_REJECTED:
        return "rejected on accept";
    case PROXYIP_MISSING:
        return "no PROXY header";
    case PROXYIP_MALFORMED:
        return "bad PROXY header";
    case PROXYIP_TOO_LARGE:
        return "header too large";
    case PROXYIP_BAD_CHECKSUM:
        return "checksum wrong or missing";
    case PROXYIP_TIMED_OUT:
        return "no whole header in time";
    case PROXYIP_CLOSED_EARLY:
        return "closed before a whole header";
    case PROXYIP_IDLE:
        return "nothing behind the header in time";
    case PROXYIP_CLOSED_IDLE:
        return "closed behind the header";
    case PROXYIP_EVICTED:
        return "closed for want of descriptors";
    case PROXYIP_STOPPING:
        return "closed by a stopping child";
    case PROXYIP_NO_TLS:
        return "no TLS";
    }
    return "";
}

const char *proxyip_conn_why_text(proxyip_outcome_t outcome,
                                  pp_reason_t reason, pp_look_t look)
{
    if (outcome == PROXYIP_MISSING) {
        return reason == PP_BAD_FORMAT_REFUSED
                   ? "a PROXY header outside TLS, where one inside is due"
                   : pp_look_text(look);
    }
    return reason == PP_OK ? NULL : pp_reason_text(reason);
}

int proxyip_conn_is_stranger(const proxyip_conn_t *conn)
{
    return !conn->rule || conn->rule->bits == 0;
}

int proxyip_conn_may_lack_header(const proxyip_rule_t *rule,
                                 const uint8_t *bytes, size_t len)
{
    return rule->policy == PROXYIP_OPTIONAL
           && !pp_committed_version(bytes, len);
}

int proxyip_conn_is_outside(const proxyip_conn_t *conn)
{
    return conn->conf->in_tls && !conn->is_in_tls;
}

void proxyip_conn_look(proxyip_conn_t *conn, const uint8_t *bytes,
                       size_t len)
{
    conn->look = pp_look(bytes, len);
    if (conn->look == PP_LOOKS_HTTPD
        && !apr_sockaddr_equal(conn->peer_addr, conn->socket_addr)) {
        conn->look = PP_LOOKS_HTTP;
    }
}

proxyip_conn_t *proxyip_conn_make(conn_rec *c,
                                  const proxyip_listener_t *listener,
                                  const proxyip_conf_t *conf,
                                  const proxyip_rule_t *rule)
{
    proxyip_conn_t *conn = apr_palloc(c->pool, sizeof(*conn));

    memset(conn, 0, offsetof(proxyip_conn_t, header));
    conn->c = c;
    conn->conf = conf;
    conn->rule = rule;
    conn->peer_addr = c->client_addr;
    conn->peer_ip = c->client_ip;
    conn->socket_addr = c->local_addr;
    conn->socket_ip = c->local_ip;
    conn->listener = listener;
    conn->server = c->base_server;
    return conn;
}

proxyip_conn_t *proxyip_conn_get(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &proxyip_module);
}

void proxyip_conn_read_addr(const apr_sockaddr_t *sa, pp_addr_t *addr)
{
    pp_addr_set(addr, sa->family == APR_INET ? PP_INET : PP_INET6,
                sa->ipaddr_ptr);
}

/* Done by hand: apr_sockaddr_info_get() asks the resolver even for nothing,
 * and what fills an apr_sockaddr_t in APR is not public. */
void proxyip_conn_fill_sockaddr(apr_sockaddr_t *sa, apr_pool_t *p,
                                const pp_addr_t *addr, apr_port_t port)
{
    sa->pool = p;
    sa->hostname = NULL;
    sa->servname = NULL;
    sa->next = NULL;
    sa->port = port;
    if (addr->family == PP_INET) {
        sa->family = APR_INET;
        memset(&sa->sa.sin, 0, sizeof(sa->sa.sin));
        sa->sa.sin.sin_family = APR_INET;
        sa->sa.sin.sin_port = htons(port);
        memcpy(&sa->sa.sin.sin_addr, addr->bytes, 4);
        sa->salen = sizeof(sa->sa.sin);
        sa->ipaddr_ptr = &sa->sa.sin.sin_addr;
        sa->ipaddr_len = 4;
        sa->addr_str_len = 16; /* "255.255.255.255" and its NUL */
        return;
    }
#if APR_HAVE_IPV6
    sa->family = APR_INET6;
    memset(&sa->sa.sin6, 0, sizeof(sa->sa.sin6));
    sa->sa.sin6.sin6_family = APR_INET6;
    sa->sa.sin6.sin6_port = htons(port);
    memcpy(&sa->sa.sin6.sin6_addr, addr->bytes, 16);
    sa->salen = sizeof(sa->sa.sin6);
    sa->ipaddr_ptr = &sa->sa.sin6.sin6_addr;
    sa->ipaddr_len = 16;
    sa->addr_str_len = PP_ADDR_TEXT_MAX;
#endif
}
