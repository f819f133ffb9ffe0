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
 * What listen and relay wait in: many sockets, until SIGINT or SIGTERM.
 */

#ifndef CHECK_LOOP_H
#define CHECK_LOOP_H

#include <apr_network_io.h>
#include <apr_poll.h>
#include <apr_pools.h>
#include <apr_time.h>

typedef struct check_loop_t check_loop_t;

/** A socket that is waited for.  All zero but socket and owner at first; must
 * stay where it is. */
typedef struct {
    apr_socket_t *socket;
    void *owner;        /* whose it is */
    apr_pollfd_t entry; /* what the pollset has; reqevents 0: it has none */
} check_watch_t;

/**
 * Make one; one at a time, because signals end it.  Says on standard error
 * what fails.
 * @param p the loop's
 * @param command the command's name, for messages
 * @param size how many sockets, at most
 * @return the loop, or NULL
 */
check_loop_t *check_loop_make(apr_pool_t *p, const char *command,
                              unsigned int size);

/**
 * Say what a socket is waited for.
 * @param loop the loop
 * @param watch the socket
 * @param events APR_POLLIN, APR_POLLOUT, both, or 0 for nothing
 */
void check_loop_want(check_loop_t *loop, check_watch_t *watch,
                     apr_int16_t events);

/**
 * Wait.
 * @param loop the loop
 * @param timeout at most so long; negative: without end
 * @param ready set to what is ready; client_data is the check_watch_t
 * @return how many; 0 when time was up or a signal came, too
 */
int check_loop_wait(check_loop_t *loop, apr_interval_time_t timeout,
                    const apr_pollfd_t **ready);

/** @return 1 when SIGINT or SIGTERM came, else 0 */
int check_loop_is_over(void);

#endif /* CHECK_LOOP_H */
