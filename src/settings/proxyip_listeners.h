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
 *
 * A PROXY header comes before SNI and Host, so its settings belong to the
 * address and port a connection came in on.  A listener here is httpd's own
 * unit: the chain of virtual hosts that `apachectl -S` prints as one entry
 * (server/vhost.c), or the main server for addresses no virtual host has.
 */

#ifndef PROXYIP_LISTENERS_H
#define PROXYIP_LISTENERS_H

#include <apr_network_io.h>
#include <apr_tables.h>

#include "proxyip_private.h"

/** One listener.  Read-only once post_config is over. */
struct proxyip_listener_t {
    const char *name;            /* "10.0.0.5:443", "*:443", "main server" */
    apr_sockaddr_t *addr;        /* NULL for `*` and the main server */
    apr_port_t port;             /* 0: every port */
    apr_array_header_t *servers; /* of server_rec *, as configured; the first
                                    stands for all in what must agree */
    proxyip_counters_t *counters; /* NULL while it is Off, and before
                                     post_config */
};

/**
 * Find all listeners.
 * @param p where they are made
 * @param main_s the main server; virtual hosts have their addresses
 * @return an array of proxyip_listener_t *, in the order of the
 *         configuration; the main server, where it can be reached, is last
 */
apr_array_header_t *proxyip_listeners_find(apr_pool_t *p, server_rec *main_s);

/**
 * Find all listeners, and hang on each server those that it is in.
 * @param pconf the configuration's pool
 * @param main_s the main server
 * @return as of proxyip_listeners_find()
 * @remark for post_config
 */
apr_array_header_t *proxyip_listeners_attach(apr_pool_t *pconf,
                                             server_rec *main_s);

/**
 * The listener that a connection came in on.
 * @param c a connection as accepted
 * @return the listener; NULL before post_config has attached them
 */
const proxyip_listener_t *proxyip_listeners_of(const conn_rec *c);

/**
 * The settings that hold for connections to an address.
 * @param main_s the main server
 * @param local the address and port that a connection came in on
 * @return the settings of the server that httpd chooses for it, never NULL
 */
const proxyip_conf_t *proxyip_listeners_conf_at(server_rec *main_s,
                                                apr_sockaddr_t *local);

/**
 * One of a listener's servers.
 * @param listener the listener
 * @param i which, from 0
 * @return the server
 */
server_rec *proxyip_listeners_server(const proxyip_listener_t *listener,
                                     int i);

/** @return whether any of a listener's servers has ProxyIP On */
int proxyip_listeners_is_on(const proxyip_listener_t *listener);

/** @return whether an address is 0.0.0.0 or :: */
int proxyip_listeners_is_any(const apr_sockaddr_t *addr);

/**
 * What to call a server in a message.
 * @param p where the text is made
 * @param s the server
 * @return "virtual host NAME (FILE:LINE)" or "the main server (NAME)"
 */
const char *proxyip_listeners_place(apr_pool_t *p, const server_rec *s);

/**
 * What to call a listener in a message.
 * @param p where the text is made
 * @param listener the listener
 * @return its name and its first virtual host, or "the main server (NAME)"
 */
const char *proxyip_listeners_describe(apr_pool_t *p,
                                       const proxyip_listener_t *listener);

#endif /* PROXYIP_LISTENERS_H */
