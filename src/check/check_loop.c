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
 * Waiting for many sockets.
 */

#include "check/check_loop.h"

#include <signal.h>
#include <stdio.h>

#include <apr_signal.h>

#include "check/check.h"

struct check_loop_t {
    apr_pollset_t *set;
};

/* For the signals' handler. */
static apr_pollset_t *to_wake;
static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
    apr_pollset_wakeup(to_wake);
}

check_loop_t *check_loop_make(apr_pool_t *p, const char *command,
                              unsigned int size)
{
    check_loop_t *loop = apr_pcalloc(p, sizeof(*loop));
    apr_status_t rv = apr_pollset_create(&loop->set, size, p,
                                         APR_POLLSET_NOCOPY
                                             | APR_POLLSET_WAKEABLE);

    if (rv != APR_SUCCESS) {
        char text[120];

        fprintf(stderr, CHECK_PROGRAM " %s: %s\n", command,
                apr_strerror(rv, text, sizeof(text)));
        return NULL;
    }
    to_wake = loop->set;
    apr_signal(SIGINT, on_signal);
    apr_signal(SIGTERM, on_signal);
    return loop;
}

void check_loop_want(check_loop_t *loop, check_watch_t *watch,
                     apr_int16_t events)
{
    if (watch->entry.reqevents == events) {
        return;
    }
    if (watch->entry.reqevents) {
        apr_pollset_remove(loop->set, &watch->entry);
    }
    watch->entry.reqevents = events;
    if (events) {
        watch->entry.desc_type = APR_POLL_SOCKET;
        watch->entry.desc.s = watch->socket;
        watch->entry.client_data = watch;
        apr_pollset_add(loop->set, &watch->entry);
    }
}

int check_loop_wait(check_loop_t *loop, apr_interval_time_t timeout,
                    const apr_pollfd_t **ready)
{
    apr_int32_t count = 0;

    return apr_pollset_poll(loop->set, timeout, &count, ready) == APR_SUCCESS
               ? (int)count
               : 0;
}

int check_loop_is_over(void)
{
    return is_over != 0;
}
