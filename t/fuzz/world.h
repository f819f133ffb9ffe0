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
 * What the filter stands in, for its fuzz target: the peer at the other end
 * of a real socket, a clock that is set by hand, and stand-ins for httpd
 * (world_httpd.c) and for the module's other units (world_units.c).
 */

#ifndef WORLD_H
#define WORLD_H

#include <apr_network_io.h>
#include <apr_time.h>
#include <httpd.h>

#include "fuzz.h"
#include "connection/proxyip_wait.h"

/** All there is of it: one connection at a time. */
typedef struct {
    int peer_fd;           /* the other end of the connection's socket */
    int own_fd;            /* the connection's socket itself */
    apr_socket_t *csd;     /* the same to APR */
    const uint8_t *stream; /* what the peer sends, ... */
    size_t stream_len;
    size_t sent;               /* ... and how much of it is sent */
    int is_closed;             /* the peer sends no more */
    input_t script;            /* what happens next */
    apr_time_t now;            /* proxyip_clock_now() */
    int is_stopping;           /* proxyip_wait_is_stopping() */
    proxyip_waiter_t *waiting; /* the connection, while the MPM has it */
    int is_shut;               /* the watch has shut the socket down */
    size_t logged;             /* bytes logged as parts of a header */
    int reports;               /* calls of proxyip_report_closed() */
} world_t;

extern world_t world;

/** The peer sends so many bytes, or as many as it still has. */
void world_send(size_t len);

/** The peer sends what it still has, and no more after that. */
void world_send_all(void);

/** A step of the script while somebody waits: bytes, their end, or time. */
void world_go_on(apr_interval_time_t longest_us);

/** @return whether a read from the connection's socket would not wait */
int world_is_readable(void);

/**
 * Put core's input filter on a connection, as core's pre_connection does.
 * @param c the connection
 */
void world_add_core_filter(conn_rec *c);

#endif /* WORLD_H */
