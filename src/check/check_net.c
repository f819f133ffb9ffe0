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
 * Sockets.
 */

#include "check/check_net.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "check/check.h"

#define BACKLOG 1024

static void complain(const char *command, const check_place_t *place,
                     const char *what, apr_status_t why)
{
    int is_inet6 = strchr(place->host, ':') != NULL;
    char text[120];

    fprintf(stderr, CHECK_PROGRAM " %s: %s %s%s%s%s%s: %s\n", command, what,
            is_inet6 ? "[" : "", place->host, is_inet6 ? "]" : "",
            place->port[0] ? ":" : "", place->port,
            apr_strerror(why, text, sizeof(text)));
}

static apr_port_t port_of(const check_place_t *place)
{
    return (apr_port_t)apr_atoi64(place->port); /* check_place_split() read
                                                   it */
}

void check_net_prepare(apr_socket_t *socket)
{
    apr_socket_timeout_set(socket, 0);
    apr_socket_opt_set(socket, APR_TCP_NODELAY, 1);
}

static void set_endpoint(check_endpoint_t *endpoint, const apr_sockaddr_t *sa)
{
    memset(endpoint, 0, sizeof(*endpoint));
    if (sa->family == APR_INET) {
        pp_addr_set(&endpoint->addr, PP_INET, sa->ipaddr_ptr);
    }
    else {
        pp_addr_set(&endpoint->addr, PP_INET6, sa->ipaddr_ptr);
    }
    endpoint->port = sa->port;
}

static void set_end(apr_socket_t *socket, apr_interface_e which,
                    check_endpoint_t *endpoint)
{
    apr_sockaddr_t *sa;

    memset(endpoint, 0, sizeof(*endpoint));
    if (apr_socket_addr_get(&sa, which, socket) == APR_SUCCESS) {
        set_endpoint(endpoint, sa);
    }
}

apr_sockaddr_t *check_net_resolve(apr_pool_t *p, const char *command,
                                  const check_place_t *place)
{
    apr_sockaddr_t *sa = NULL;
    apr_status_t rv = apr_sockaddr_info_get(&sa, place->host, APR_UNSPEC,
                                            port_of(place), 0, p);

    if (rv != APR_SUCCESS) {
        complain(command, place, "no such address:", rv);
        return NULL;
    }
    return sa;
}

/* Give a socket the source address that was asked for. */
static apr_status_t bind_from(apr_pool_t *p, apr_socket_t *socket,
                              const char *from, int family)
{
    apr_sockaddr_t *own;
    apr_status_t rv;

    if (!from) {
        return APR_SUCCESS;
    }
    rv = apr_sockaddr_info_get(&own, from, family, 0, 0, p);
    return rv == APR_SUCCESS ? apr_socket_bind(socket, own) : rv;
}

int check_net_connect(apr_pool_t *p, const char *command,
                      const check_place_t *to, const char *from,
                      apr_interval_time_t timeout, check_connection_t *made)
{
    apr_sockaddr_t *sa = check_net_resolve(p, command, to);
    const char *what = "cannot connect to";
    apr_status_t rv = APR_EGENERAL;

    if (!sa) {
        return 0;
    }
    for (; sa && rv != APR_SUCCESS; sa = sa->next) {
        rv = apr_socket_create(&made->socket, sa->family, SOCK_STREAM,
                               APR_PROTO_TCP, p);
        if (rv != APR_SUCCESS) {
            continue;
        }
        what = "cannot use --bind's address to connect to";
        rv = bind_from(p, made->socket, from, sa->family);
        if (rv == APR_SUCCESS) {
            what = "cannot connect to";
            apr_socket_timeout_set(made->socket, timeout);
            rv = apr_socket_connect(made->socket, sa);
        }
        if (rv != APR_SUCCESS) {
            apr_socket_close(made->socket);
        }
    }
    if (rv != APR_SUCCESS) {
        complain(command, to, what, rv);
        return 0;
    }
    apr_socket_opt_set(made->socket, APR_TCP_NODELAY, 1);
    set_end(made->socket, APR_LOCAL, &made->own);
    set_end(made->socket, APR_REMOTE, &made->peer);
    return 1;
}

/* Listen on one address; NULL, and why, when that fails. */
static apr_socket_t *listen_one(apr_pool_t *p, apr_sockaddr_t *sa,
                                int both_families, apr_status_t *why)
{
    apr_socket_t *socket;

    *why = apr_socket_create(&socket, sa->family, SOCK_STREAM, APR_PROTO_TCP,
                             p);
    if (*why != APR_SUCCESS) {
        return NULL;
    }
    apr_socket_opt_set(socket, APR_SO_REUSEADDR, 1);
    if (both_families) {
        apr_socket_opt_set(socket, APR_IPV6_V6ONLY, 0);
    }
    *why = apr_socket_bind(socket, sa);
    if (*why == APR_SUCCESS) {
        *why = apr_socket_listen(socket, BACKLOG);
    }
    if (*why != APR_SUCCESS) {
        apr_socket_close(socket);
        return NULL;
    }
    check_net_prepare(socket);
    return socket;
}

apr_socket_t *check_net_listen(apr_pool_t *p, const char *command,
                               const check_place_t *at, check_endpoint_t *own)
{
    const char *host = at->host[0] ? at->host : NULL;
    apr_socket_t *socket = NULL;
    apr_sockaddr_t *sa;
    apr_status_t rv = APR_SUCCESS;

    /* Every address: an IPv6 socket that takes IPv4 too, where APR and the
     * machine have IPv6. */
    if (!host && APR_HAVE_IPV6
        && apr_sockaddr_info_get(&sa, NULL, APR_INET6, port_of(at), 0, p)
               == APR_SUCCESS) {
        socket = listen_one(p, sa, 1, &rv);
    }
    if (!socket) {
        rv = apr_sockaddr_info_get(&sa, host, host ? APR_UNSPEC : APR_INET,
                                   port_of(at), 0, p);
        if (rv != APR_SUCCESS) {
            complain(command, at, "no such address:", rv);
            return NULL;
        }
        socket = listen_one(p, sa, 0, &rv);
    }
    if (!socket) {
        complain(command, at, "cannot listen on", rv);
        return NULL;
    }
    set_end(socket, APR_LOCAL, own);
    return socket;
}

apr_status_t check_net_accept(apr_pool_t *p, apr_socket_t *listener,
                              check_connection_t *made)
{
    apr_status_t rv = apr_socket_accept(&made->socket, listener, p);

    if (rv == APR_SUCCESS) {
        check_net_prepare(made->socket);
        set_end(made->socket, APR_LOCAL, &made->own);
        set_end(made->socket, APR_REMOTE, &made->peer);
    }
    return rv;
}

check_net_t check_net_read(apr_socket_t *socket, void *bytes, size_t size,
                           apr_interval_time_t timeout, size_t *len)
{
    apr_size_t got = size;
    apr_status_t rv;

    *len = 0;
    apr_socket_timeout_set(socket, timeout > 0 ? timeout : 0);
    rv = apr_socket_recv(socket, bytes, &got);
    if (rv == APR_SUCCESS) {
        *len = got;
        return CHECK_NET_DATA;
    }
    if (rv == APR_EOF) {
        return CHECK_NET_END;
    }
    return APR_STATUS_IS_TIMEUP(rv) || APR_STATUS_IS_EAGAIN(rv)
               ? CHECK_NET_SILENT
               : CHECK_NET_RESET;
}
