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
 * Waiting in a worker.
 */

/* POLLRDHUP is Linux's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "connection/proxyip_wait.h"

#include <poll.h>

#include <apr_time.h>

#include "proxyip_clock.h"
#include "report/proxyip_children.h"
#include "settings/proxyip_conf.h"

/* Without it a peer's close is seen only when no byte is left to look at: one
 * that closes after its header is waited for until its deadline. */
#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

/* A worker looks at least this often whether its child stops. */
#define LONGEST_POLL_US apr_time_from_msec(500)

/* Under memory pressure the kernel reports fewer bytes than the low-water mark
 * says (tcp.c, tcp_epollin_ready): look again after so long. */
#define PAUSE_US apr_time_from_msec(10)

/* On a fast machine a worker looks before the peer has sent anything: what it
 * then sends comes within some 50 us. */
#define MOMENT_FOR_FIRST_US apr_time_from_msec(1)

/* What is sent right behind a header, in a packet of its own, comes within a
 * millisecond; from a busy machine it may take some more. */
#define MOMENT_FOR_MORE_US apr_time_from_msec(10)

/* Set by child_stopping; atomic. */
static int must_end;

void proxyip_wait_stopping(int is_graceful)
{
    if (!is_graceful) {
        __atomic_store_n(&must_end, 1, __ATOMIC_RELEASE);
    }
}

/* Until something is there to be looked at, or for a while.  Not by a
 * blocking read: a signal can make that start its wait again, as prefork's
 * graceful restart does. */
static int poll_once(int fd, int64_t left_us)
{
    struct pollfd pfd = {fd, POLLIN | POLLRDHUP, 0};

    if (left_us > LONGEST_POLL_US) {
        left_us = LONGEST_POLL_US;
    }
    return poll(&pfd, 1, (int)((left_us + 999) / 1000)) > 0 ? pfd.revents : 0;
}

int proxyip_wait_moment(int fd, const proxyip_seen_t *seen)
{
    if (seen->len == 0) {
        return poll_once(fd, MOMENT_FOR_FIRST_US) != 0;
    }
    proxyip_look_set_low_water(fd, seen->needed);
    if (!poll_once(fd, MOMENT_FOR_MORE_US)) {
        return 0;
    }
    proxyip_look_set_low_water(fd, 1);
    return 1;
}

/* One round: wait for more than has come, look, and say whether the wait goes
 * on. */
typedef struct {
    int fd;
    const proxyip_conf_t *conf;
    const proxyip_rule_t *rule;
    proxyip_buffer_t *buffer;
    int has_low_water;
} round_t;

static int wait_for_more(round_t *round, const proxyip_seen_t *seen,
                         int64_t left_us)
{
    if (seen->len > 0) {
        proxyip_look_set_low_water(round->fd, seen->needed);
        round->has_low_water = 1;
    }
    return poll_once(round->fd, left_us);
}

static void look_again(round_t *round, proxyip_wait_t *wait,
                       proxyip_seen_t *seen)
{
    proxyip_look(round->fd, round->conf, round->rule, NULL, round->buffer,
                 seen);
    if (seen->status == PROXYIP_SEEN_UNDECIDED) {
        proxyip_stage_enter(wait, seen->stage, proxyip_clock_now(),
                            round->conf->timeout_us, round->conf->defer_us);
    }
}

static proxyip_wait_end_t go_round(round_t *round, proxyip_wait_t *wait,
                                   proxyip_seen_t *seen)
{
    for (;;) {
        int64_t left_us = wait->deadline - proxyip_clock_now();
        size_t len = seen->len;
        int events;

        if (left_us <= 0) {
            return PROXYIP_WAIT_TIMED_OUT;
        }
        if (__atomic_load_n(&must_end, __ATOMIC_ACQUIRE)) {
            return PROXYIP_WAIT_STOPPING;
        }
        events = wait_for_more(round, seen, left_us);
        look_again(round, wait, seen);
        if (seen->status == PROXYIP_SEEN_END) {
            return PROXYIP_WAIT_CLOSED;
        }
        if (seen->status != PROXYIP_SEEN_UNDECIDED) {
            return PROXYIP_WAIT_READY;
        }
        if (events & (POLLRDHUP | POLLHUP | POLLERR)) {
            return PROXYIP_WAIT_CLOSED;
        }
        if (events && seen->len == len) {
            apr_sleep(PAUSE_US);
        }
    }
}

proxyip_wait_end_t proxyip_wait_here(int fd, const proxyip_conf_t *conf,
                                     const proxyip_rule_t *rule,
                                     proxyip_buffer_t *buffer,
                                     proxyip_wait_t *wait,
                                     proxyip_seen_t *seen)
{
    round_t round = {fd, conf, rule, buffer, 0};
    proxyip_wait_end_t end;

    proxyip_children_add_waiting(1);
    end = go_round(&round, wait, seen);
    proxyip_children_add_waiting(-1);
    if (round.has_low_water) {
        proxyip_look_set_low_water(fd, 1);
    }
    return end;
}

static proxyip_wait_end_t poll_until(int fd, int64_t deadline)
{
    for (;;) {
        int64_t left_us = deadline - proxyip_clock_now();

        if (left_us <= 0) {
            return PROXYIP_WAIT_TIMED_OUT;
        }
        if (__atomic_load_n(&must_end, __ATOMIC_ACQUIRE)) {
            return PROXYIP_WAIT_STOPPING;
        }
        if (poll_once(fd, left_us)) {
            return PROXYIP_WAIT_READY;
        }
    }
}

proxyip_wait_end_t proxyip_wait_readable(int fd, int64_t deadline)
{
    proxyip_wait_end_t end;

    proxyip_children_add_waiting(1);
    end = poll_until(fd, deadline);
    proxyip_children_add_waiting(-1);
    return end;
}
