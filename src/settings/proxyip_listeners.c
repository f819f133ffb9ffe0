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
 * Listeners: the addresses and ports that settings belong to.
 */

#include "settings/proxyip_listeners.h"

#include <string.h>

#include <ap_listen.h>
#include <apr_hash.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <http_vhost.h>

#include "protocol/pp.h"
#include "settings/proxyip_conf.h"

int proxyip_listeners_is_any(const apr_sockaddr_t *addr)
{
    static const char zeros[16];

    return memcmp(addr->ipaddr_ptr, zeros, (size_t)addr->ipaddr_len) == 0;
}

/* What tells listeners apart; of a wildcard the port alone. */
typedef struct {
    pp_addr_t addr;
    apr_port_t port;
} listener_key_t;

static listener_key_t key_of(const server_addr_rec *sar)
{
    listener_key_t key;
    const apr_sockaddr_t *sa = sar->host_addr;

    memset(&key, 0, sizeof(key)); /* what lies between its members, too */
    key.port = sar->host_port;
    if (!proxyip_listeners_is_any(sa)) {
        pp_addr_set(&key.addr, sa->family == APR_INET ? PP_INET : PP_INET6,
                    sa->ipaddr_ptr);
    }
    return key;
}

static proxyip_listener_t *make_listener(apr_pool_t *p,
                                         const server_addr_rec *sar)
{
    proxyip_listener_t *listener = apr_pcalloc(p, sizeof(*listener));
    const char *port = sar->host_port ? apr_itoa(p, sar->host_port) : "*";
    char *ip;

    listener->port = sar->host_port;
    listener->servers = apr_array_make(p, 2, sizeof(server_rec *));
    if (proxyip_listeners_is_any(sar->host_addr)) {
        listener->name = apr_pstrcat(p, "*:", port, NULL);
        return listener;
    }
    listener->addr = sar->host_addr;
    apr_sockaddr_ip_get(&ip, sar->host_addr);
    listener->name = sar->host_addr->family == APR_INET
                         ? apr_pstrcat(p, ip, ":", port, NULL)
                         : apr_pstrcat(p, "[", ip, "]:", port, NULL);
    return listener;
}

/* `*` comes as two addresses, 0.0.0.0 and ::, of one server. */
static void add_server(proxyip_listener_t *listener, server_rec *s)
{
    int last = listener->servers->nelts - 1;

    if (last < 0 || APR_ARRAY_IDX(listener->servers, last, server_rec *) != s) {
        APR_ARRAY_PUSH(listener->servers, server_rec *) = s;
    }
}

static void add_virtual_host(apr_array_header_t *listeners,
                             apr_hash_t *index, server_rec *s)
{
    apr_pool_t *p = listeners->pool;
    server_addr_rec *sar;

    for (sar = s->addrs; sar; sar = sar->next) {
        listener_key_t key = key_of(sar);
        proxyip_listener_t *listener = apr_hash_get(index, &key, sizeof(key));

        if (!listener) {
            listener = make_listener(p, sar);
            APR_ARRAY_PUSH(listeners, proxyip_listener_t *) = listener;
            apr_hash_set(index, apr_pmemdup(p, &key, sizeof(key)), sizeof(key),
                         listener);
        }
        add_server(listener, s);
    }
}

/* Whether some virtual host takes every connection of a listening socket. */
static int is_covered(const apr_array_header_t *listeners,
                      const apr_sockaddr_t *bind_addr)
{
    int i;

    for (i = 0; i < listeners->nelts; i++) {
        const proxyip_listener_t *listener =
            APR_ARRAY_IDX(listeners, i, proxyip_listener_t *);

        if ((listener->port == 0 || listener->port == bind_addr->port)
            && (!listener->addr
                || apr_sockaddr_equal(listener->addr, bind_addr))) {
            return 1;
        }
    }
    return 0;
}

static int is_main_reachable(const apr_array_header_t *listeners)
{
    ap_listen_rec *lr;

    for (lr = ap_listeners; lr; lr = lr->next) {
        if (!is_covered(listeners, lr->bind_addr)) {
            return 1;
        }
    }
    return 0;
}

/* All listeners, in the order of the configuration; the main server's last.
 * The list of virtual hosts is in the reverse order. */
apr_array_header_t *proxyip_listeners_find(apr_pool_t *p, server_rec *main_s)
{
    apr_array_header_t *hosts = apr_array_make(p, 16, sizeof(server_rec *));
    apr_array_header_t *listeners =
        apr_array_make(p, 16, sizeof(proxyip_listener_t *));
    apr_hash_t *index = apr_hash_make(p);
    server_rec *s;

    for (s = main_s->next; s; s = s->next) {
        APR_ARRAY_PUSH(hosts, server_rec *) = s;
    }
    while (hosts->nelts > 0) {
        s = *(server_rec **)apr_array_pop(hosts);
        add_virtual_host(listeners, index, s);
    }
    if (is_main_reachable(listeners)) {
        proxyip_listener_t *listener = apr_pcalloc(p, sizeof(*listener));

        listener->name = "main server";
        listener->servers = apr_array_make(p, 1, sizeof(server_rec *));
        APR_ARRAY_PUSH(listener->servers, server_rec *) = main_s;
        APR_ARRAY_PUSH(listeners, proxyip_listener_t *) = listener;
    }
    return listeners;
}

server_rec *proxyip_listeners_server(const proxyip_listener_t *listener, int i)
{
    return APR_ARRAY_IDX(listener->servers, i, server_rec *);
}

/* A virtual host without a directive of ours shares the main server's
 * settings; each server is to have listeners of its own. */
static proxyip_conf_t *own_conf(apr_pool_t *pconf, server_rec *s,
                                const server_rec *main_s)
{
    proxyip_conf_t *conf = proxyip_conf_get(s);

    if (s != main_s && conf == proxyip_conf_get(main_s)) {
        conf = apr_pmemdup(pconf, conf, sizeof(*conf));
        conf->listeners = NULL;
        ap_set_module_config(s->module_config, &proxyip_module, conf);
    }
    return conf;
}

static void attach(apr_pool_t *pconf, proxyip_listener_t *listener,
                   const server_rec *main_s)
{
    int i;

    for (i = 0; i < listener->servers->nelts; i++) {
        server_rec *s = proxyip_listeners_server(listener, i);
        proxyip_conf_t *conf = own_conf(pconf, s, main_s);

        if (!conf->listeners) {
            conf->listeners = apr_array_make(pconf, 1,
                                             sizeof(proxyip_listener_t *));
        }
        APR_ARRAY_PUSH(conf->listeners, proxyip_listener_t *) = listener;
    }
}

apr_array_header_t *proxyip_listeners_attach(apr_pool_t *pconf,
                                             server_rec *main_s)
{
    apr_array_header_t *listeners = proxyip_listeners_find(pconf, main_s);
    int i;

    for (i = 0; i < listeners->nelts; i++) {
        attach(pconf, APR_ARRAY_IDX(listeners, i, proxyip_listener_t *),
               main_s);
    }
    return listeners;
}

/* httpd has chosen the server by the address, the first of its listener; a
 * server of several addresses still has one listener for each.  One with the
 * address itself comes before a wildcard, as in httpd's own search. */
const proxyip_listener_t *proxyip_listeners_of(const conn_rec *c)
{
    const apr_array_header_t *own = proxyip_conf_get(c->base_server)
                                        ->listeners;
    const proxyip_listener_t *any = NULL;
    int i;

    for (i = 0; own && i < own->nelts; i++) {
        const proxyip_listener_t *listener;

        listener = APR_ARRAY_IDX(own, i, proxyip_listener_t *);
        if (own->nelts == 1) {
            return listener;
        }
        if (proxyip_listeners_server(listener, 0) != c->base_server
            || (listener->port && listener->port != c->local_addr->port)) {
            continue;
        }
        if (listener->addr
            && apr_sockaddr_equal(listener->addr, c->local_addr)) {
            return listener;
        }
        if (!listener->addr) {
            any = listener;
        }
    }
    return any;
}

/* httpd's search looks at these members alone (vhost.c,
 * ap_update_vhost_given_ip). */
const proxyip_conf_t *proxyip_listeners_conf_at(server_rec *main_s,
                                                apr_sockaddr_t *local)
{
    conn_rec c;

    memset(&c, 0, sizeof(c));
    c.local_addr = local;
    c.base_server = main_s;
    ap_update_vhost_given_ip(&c);
    return proxyip_conf_get(c.base_server);
}

int proxyip_listeners_is_on(const proxyip_listener_t *listener)
{
    int i;

    for (i = 0; i < listener->servers->nelts; i++) {
        if (proxyip_conf_get(proxyip_listeners_server(listener, i))->enabled
            == 1) {
            return 1;
        }
    }
    return 0;
}

const char *proxyip_listeners_place(apr_pool_t *p, const server_rec *s)
{
    const char *name = s->server_hostname ? s->server_hostname : "unnamed";

    if (!s->defn_name) {
        return apr_psprintf(p, "the main server (%s)", name);
    }
    return apr_psprintf(p, "virtual host %s (%s:%u)", name, s->defn_name,
                        s->defn_line_number);
}

const char *proxyip_listeners_describe(apr_pool_t *p,
                                       const proxyip_listener_t *listener)
{
    const server_rec *s = proxyip_listeners_server(listener, 0);
    const char *place = proxyip_listeners_place(p, s);

    return s->defn_name ? apr_pstrcat(p, listener->name, ", ", place, NULL)
                        : place;
}
