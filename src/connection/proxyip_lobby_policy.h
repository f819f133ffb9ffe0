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
 * What a child's lobby does next, given counts and clocks.
 *
 * Pure: the mechanism that carries it out is in proxyip_lobby.c.  Times are
 * microseconds on proxyip_clock_now()'s clock.
 */

#ifndef PROXYIP_LOBBY_POLICY_H
#define PROXYIP_LOBBY_POLICY_H

#include <stdint.h>

/* Nothing is due. */
#define PROXYIP_LOBBY_NEVER INT64_MAX

/* How long a connection that may go on waits for this child's MPM before
 * another child is asked: several times what an idle MPM needs, and short for
 * whoever waits for an answer. */
#define PROXYIP_LOBBY_PATIENCE_US 20000

/* A child that nobody helped does not ask again for so long. */
#define PROXYIP_LOBBY_PAUSE_US 1000000

/* While connections keep coming the lobby wakes by itself this often, so that
 * each of them need not wake it. */
#define PROXYIP_LOBBY_TICK_US 500000

/* How often the lobby looks for other children, and whether the MPM goes on to
 * accept, ... */
#define PROXYIP_LOBBY_LOOK_US 1000000

/* ... how long it may have stopped although workers are idle, and how long it
 * is given after it was woken: there can be a reason, such as many connections
 * that are kept alive. */
#define PROXYIP_LOBBY_ASLEEP_US 50000
#define PROXYIP_LOBBY_WOKEN_US 1000000

/* How it stands. */
typedef struct {
    int64_t now;
    int waiting;            /* connections that wait for bytes */
    int ready;              /* those that wait for the MPM to take them */
    int leaving;            /* those of `ready` that are given up for want of
                               descriptors: theirs is as good as free */
    int most;               /* descriptors that the lobby may use */
    int64_t first_deadline; /* of those that wait; NEVER when none does */
    int64_t ready_moved;    /* when one of `ready` was taken last, or the
                               first of them came; unused when there is none */
    int64_t last_entry;     /* when the last connection came to wait; 0 none
                               has */
    int64_t asked_in_vain;  /* when a connection that was offered to others
                               came back to this child; 0 never */
    int has_siblings;       /* other children are there that may help */
    int64_t asleep_since;   /* since when the MPM has been seen not to accept,
                               although workers are idle; 0 it was not */
    int64_t woken;          /* when it was woken last; 0 never */
} proxyip_lobby_state_t;

/* What to do. */
typedef struct {
    int give_up;         /* so many of those that wait, the oldest first */
    int offer;           /* so many of `ready` to other children */
    int takes;           /* take connections that others offer */
    int wakes_mpm;       /* make the MPM look whether it can accept */
    int64_t sleep_until;
} proxyip_lobby_plan_t;

/**
 * Decide what to do next.
 * @param state how it stands
 * @return the plan
 */
proxyip_lobby_plan_t proxyip_lobby_plan(const proxyip_lobby_state_t *state);

/**
 * Say whether a child's MPM may be left without a connection when it has set
 * a worker aside for one.  Event keeps that worker aside until the next
 * connection (get_worker() in listener_thread()).  If it is the last idle
 * one, the child stops to accept, and nothing comes back from its lobby.
 * @param idle workers that look idle, the one set aside included; those that
 *        were just given a connection may still be among them
 * @param threads workers of the child
 * @return 1 or 0
 */
int proxyip_lobby_may_accept_none(int idle, int threads);

#endif /* PROXYIP_LOBBY_POLICY_H */
