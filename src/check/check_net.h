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
 * Sockets with time limits.  Every wait has a deadline on the monotonic
 * clock.
 */

#ifndef CHECK_NET_H
#define CHECK_NET_H

#include <stddef.h>
#include <stdint.h>

#include "check/check_place.h"

/* How a read or a write ended. */
typedef enum {
    CHECK_NET_DATA,  /* bytes went over */
    CHECK_NET_END,   /* the other end has closed */
    CHECK_NET_RESET, /* ... with a reset, or nothing can be sent any more */
    CHECK_NET_SILENT /* nothing until the deadline */
} check_net_t;

/** @return the monotonic clock in milliseconds */
int64_t check_net_now(void);

/** Ignore SIGPIPE, which a write to a closed connection would raise. */
void check_net_init(void);

/**
 * Connect, trying each of the host's addresses.  Says on standard error what
 * fails.
 * @param command the command's name, for messages
 * @param to host and port
 * @param from the socket's own address, or NULL for any
 * @param timeout_ms for each address
 * @return a non-blocking socket without Nagle's delay, or -1
 */
int check_net_connect(const char *command, const check_place_t *to,
                      const char *from, int64_t timeout_ms);

/**
 * Listen.  Says on standard error what fails.
 * @param command the command's name, for messages
 * @param at host and port; no host: every address, of both families
 * @return a non-blocking socket, or -1
 */
int check_net_listen(const char *command, const check_place_t *at);

/** Make a socket non-blocking, without Nagle's delay. */
void check_net_prepare(int fd);

/**
 * Write all bytes.
 * @param fd a non-blocking socket
 * @param bytes what
 * @param len how many
 * @param deadline by check_net_now()
 * @return CHECK_NET_DATA when all went, CHECK_NET_RESET or CHECK_NET_SILENT
 */
check_net_t check_net_write(int fd, const uint8_t *bytes, size_t len,
                            int64_t deadline);

/**
 * Wait for bytes and read some.
 * @param fd a non-blocking socket
 * @param bytes room
 * @param size how much of it, greater than 0
 * @param deadline by check_net_now(); one that is past still reads what is
 *        there
 * @param len set to the number read; 0 unless CHECK_NET_DATA is returned
 * @return how it ended
 */
check_net_t check_net_read(int fd, uint8_t *bytes, size_t size,
                           int64_t deadline, size_t *len);

/** Set an endpoint to a socket's own, or the other end's. */
void check_net_own(int fd, check_endpoint_t *endpoint);
void check_net_peer(int fd, check_endpoint_t *endpoint);

#endif /* CHECK_NET_H */
