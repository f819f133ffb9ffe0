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
 * Sockets, on APR: connect, listen, and the addresses of their ends.
 */

#ifndef CHECK_NET_H
#define CHECK_NET_H

#include <apr_network_io.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "check/check_place.h"

/* How a read ended. */
typedef enum {
    CHECK_NET_DATA,  /* bytes came */
    CHECK_NET_END,   /* the other end has closed */
    CHECK_NET_RESET, /* ... with a reset */
    CHECK_NET_SILENT /* nothing until the deadline */
} check_net_t;

/** A connection, and its ends as they were when it was made: after a reset
 * the socket no longer knows them. */
typedef struct {
    apr_socket_t *socket;
    check_endpoint_t own;
    check_endpoint_t peer;
} check_connection_t;

/**
 * Connect, trying each of the host's addresses.  Says on standard error what
 * fails.
 * @param p the connection's
 * @param command the command's name, for messages
 * @param to host and port
 * @param from the socket's own address, or NULL for any
 * @param timeout for each address
 * @param made filled on success: without Nagle's delay
 * @return 1 on success, else 0
 */
int check_net_connect(apr_pool_t *p, const char *command,
                      const check_place_t *to, const char *from,
                      apr_interval_time_t timeout, check_connection_t *made);

/**
 * Listen.  Says on standard error what fails.
 * @param p the socket's
 * @param command the command's name, for messages
 * @param at host and port; no host: every address, of both families
 * @param own set to the socket's own address
 * @return a non-blocking socket, or NULL
 */
apr_socket_t *check_net_listen(apr_pool_t *p, const char *command,
                               const check_place_t *at,
                               check_endpoint_t *own);

/**
 * Take a connection, without blocking.
 * @param p the connection's
 * @param listener a non-blocking socket
 * @param made filled on success: non-blocking, without Nagle's delay
 * @return APR_SUCCESS, or why there is none
 */
apr_status_t check_net_accept(apr_pool_t *p, apr_socket_t *listener,
                              check_connection_t *made);

/**
 * Find a host's first address.  Says on standard error what fails.
 * @param p the address's
 * @param command the command's name, for messages
 * @param place host and port
 * @return the address, or NULL
 */
apr_sockaddr_t *check_net_resolve(apr_pool_t *p, const char *command,
                                  const check_place_t *place);

/** Make a socket non-blocking, without Nagle's delay. */
void check_net_prepare(apr_socket_t *socket);

/**
 * Wait for bytes and read some.
 * @param socket the socket
 * @param bytes room
 * @param size how much of it, greater than 0
 * @param timeout 0 or less: read only what is there
 * @param len set to the number read; 0 unless CHECK_NET_DATA is returned
 * @return how it ended
 */
check_net_t check_net_read(apr_socket_t *socket, void *bytes, size_t size,
                           apr_interval_time_t timeout, size_t *len);

#endif /* CHECK_NET_H */
