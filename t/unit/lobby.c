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
 * What a child's lobby does next: the policy, moment by moment, in what
 * befalls a lobby.
 */

#include "connection/proxyip_lobby_policy.h"
#include "tap.h"

#include <stddef.h>

#define MS (INT64_C(1000))
#define S (1000 * MS)

/* The clock as the lobby meets it: it does not begin at 0. */
#define T (5000 * S)

#define NEVER PROXYIP_LOBBY_NEVER

/* How it stands, and what is to be done. */
typedef struct {
    const char *when;
    proxyip_lobby_state_t state;
    proxyip_lobby_plan_t plan;
} moment_t;

static void check_moment(const moment_t *moment)
{
    proxyip_lobby_plan_t plan = proxyip_lobby_plan(&moment->state);

    tap_check(plan.give_up == moment->plan.give_up, "%s: gives up %d, not %d",
              moment->when, plan.give_up, moment->plan.give_up);
    tap_check(plan.offer == moment->plan.offer, "%s: offers %d, not %d",
              moment->when, plan.offer, moment->plan.offer);
    tap_check(plan.takes == moment->plan.takes, "%s: takes is %d", moment->when,
              plan.takes);
    tap_check(plan.wakes_mpm == moment->plan.wakes_mpm, "%s: wakes is %d",
              moment->when, plan.wakes_mpm);
    tap_check(plan.sleep_until == moment->plan.sleep_until,
              "%s: sleeps until %lld us, not %lld us", moment->when,
              (long long)(plan.sleep_until - T),
              (long long)(moment->plan.sleep_until - T));
}

#define CHECK_TRACE(name, moments)                                             \
    check_trace(name, moments, sizeof(moments) / sizeof((moments)[0]))

static void check_trace(const char *name, const moment_t *moments, size_t count)
{
    size_t i;

    tap_begin(name);
    for (i = 0; i < count; i++) {
        check_moment(&moments[i]);
    }
    tap_end();
}

/* The MPM has not been seen asleep, and is not woken. */
#define STATE(now, waiting, ready, leaving, most, first_deadline, ready_moved, \
              last_entry, asked_in_vain, has_siblings)                         \
    {                                                                          \
        now, waiting, ready, leaving, most, first_deadline, ready_moved,       \
            last_entry, asked_in_vain, has_siblings, 0, 0                      \
    }
#define PLAN(give_up, offer, takes, sleep_until)                               \
    {                                                                          \
        give_up, offer, takes, 0, sleep_until                                  \
    }

static void test_idle(void)
{
    static const moment_t moments[] = {
        {"new", STATE(T, 0, 0, 0, 500, NEVER, 0, 0, 0, 0),
         PLAN(0, 0, 1, T + 1 * S)},
        {"with siblings", STATE(T, 0, 0, 0, 500, NEVER, 0, 0, 0, 1),
         PLAN(0, 0, 1, T + 1 * S)},
        {"all have gone, just now",
         STATE(T, 0, 0, 0, 500, NEVER, T - MS, T - 2 * MS, 0, 1),
         PLAN(0, 0, 1, T + 500 * MS)},
        {"the tick after that",
         STATE(T + 500 * MS, 0, 0, 0, 500, NEVER, T - MS, T - 2 * MS, 0, 1),
         PLAN(0, 0, 1, T + 1000 * MS)},
        {"and nobody has come since",
         STATE(T + 998 * MS, 0, 0, 0, 500, NEVER, T - MS, T - 2 * MS, 0, 1),
         PLAN(0, 0, 1, T + 1998 * MS)},
        {"a day later, when asking in vain is long ago",
         STATE(T + 86400 * S, 0, 0, 0, 500, NEVER, T, T, T, 1),
         PLAN(0, 0, 1, T + 86401 * S)},
    };

    CHECK_TRACE("idle", moments);
}

/* Thousands come within some milliseconds, and all speak. */
static void test_burst(void)
{
    static const moment_t moments[] = {
        {"the first", STATE(T, 1, 0, 0, 5000, T + 5 * S, 0, T, 0, 1),
         PLAN(0, 0, 1, T + 500 * MS)},
        {"4,000 of them",
         STATE(T + 30 * MS, 4000, 0, 0, 5000, T + 5 * S, 0, T + 30 * MS, 0, 1),
         PLAN(0, 0, 1, T + 530 * MS)},
        {"the first to speak",
         STATE(T + 31 * MS, 3999, 1, 0, 5000, T + 5 * S, T + 31 * MS,
               T + 30 * MS, 0, 1),
         PLAN(0, 0, 1, T + 51 * MS)},
        {"half have spoken, and the MPM takes them",
         STATE(T + 100 * MS, 2000, 700, 0, 5000, T + 5 * S, T + 99 * MS,
               T + 30 * MS, 0, 1),
         PLAN(0, 0, 1, T + 120 * MS)},
        {"the same without siblings",
         STATE(T + 100 * MS, 2000, 700, 0, 5000, T + 5 * S, T + 99 * MS,
               T + 30 * MS, 0, 0),
         PLAN(0, 0, 1, T + 600 * MS)},
        {"the MPM has them all",
         STATE(T + 400 * MS, 0, 0, 0, 5000, NEVER, T + 390 * MS, T + 30 * MS, 0,
               1),
         PLAN(0, 0, 1, T + 900 * MS)},
    };

    CHECK_TRACE("a burst", moments);
}

/* They come, and say nothing, until there are as many as may be. */
static void test_silent_crowd(void)
{
    static const moment_t moments[] = {
        {"almost full", STATE(T, 499, 0, 0, 500, T + 3 * S, 0, T, 0, 1),
         PLAN(0, 0, 1, T + 500 * MS)},
        {"full: nothing is taken that others give",
         STATE(T, 500, 0, 0, 500, T + 3 * S, 0, T, 0, 1),
         PLAN(0, 0, 0, T + 500 * MS)},
        {"one too many", STATE(T, 501, 0, 0, 500, T + 3 * S, 0, T, 0, 1),
         PLAN(1, 0, 0, T + 500 * MS)},
        {"many too many at once",
         STATE(T, 730, 0, 0, 500, T + 3 * S, 0, T, 0, 1),
         PLAN(230, 0, 0, T + 500 * MS)},
        {"those given up are on their way to the MPM",
         STATE(T, 500, 230, 230, 500, T + 3 * S, T, T, 0, 1),
         PLAN(0, 0, 0, T + 20 * MS)},
        {"nobody comes any more",
         STATE(T + 2 * S, 500, 0, 0, 500, T + 3 * S, 0, T + 1 * S, 0, 1),
         PLAN(0, 0, 0, T + 3 * S)},
        {"there is room again",
         STATE(T + 3 * S, 499, 0, 0, 500, T + 3 * S, 0, T + 1 * S, 0, 1),
         PLAN(0, 0, 1, T + 3 * S)},
        {"their time is up",
         STATE(T + 3 * S, 500, 0, 0, 500, T + 3 * S, 0, T + 1 * S, 0, 1),
         PLAN(0, 0, 0, T + 3 * S)},
        {"and was up before it was looked",
         STATE(T + 4 * S, 500, 0, 0, 500, T + 3 * S, 0, T + 1 * S, 0, 1),
         PLAN(0, 0, 0, T + 3 * S)},
    };

    CHECK_TRACE("a silent crowd, up to the limit", moments);
}

/* Those that are ready hold descriptors too; what is given up once is not
 * given up again because the MPM is slow. */
static void test_descriptors(void)
{
    static const moment_t moments[] = {
        {"ready ones count", STATE(T, 300, 210, 0, 500, T + S, T, T, 0, 0),
         PLAN(10, 0, 0, T + 500 * MS)},
        {"the ten have been given up",
         STATE(T, 290, 220, 10, 500, T + S, T, T, 0, 0),
         PLAN(0, 0, 0, T + 500 * MS)},
        {"the MPM has taken none, and five came",
         STATE(T + 15 * MS, 295, 220, 10, 500, T + S, T, T + 15 * MS, 0, 0),
         PLAN(5, 0, 0, T + 515 * MS)},
        {"the MPM has taken none for long",
         STATE(T + 300 * MS, 290, 225, 15, 500, T + S, T, T + 15 * MS, 0, 0),
         PLAN(0, 0, 0, T + 800 * MS)},
        {"more are ready than there is room: all that wait must go",
         STATE(T + 310 * MS, 4, 540, 15, 500, T + S, T, T + 15 * MS, 0, 0),
         PLAN(4, 0, 0, T + 810 * MS)},
        {"and then none is left to be given up",
         STATE(T + 310 * MS, 0, 544, 19, 500, NEVER, T, T + 15 * MS, 0, 0),
         PLAN(0, 0, 0, T + 810 * MS)},
        {"no room at all", STATE(T, 3, 0, 0, 0, T + S, 0, 0, 0, 0),
         PLAN(3, 0, 0, T + S)},
    };

    CHECK_TRACE("descriptors run out, and the MPM is slow", moments);
}

/* All workers of this child are busy, those of another are not. */
static void test_busy_child(void)
{
    static const moment_t moments[] = {
        {"one is ready", STATE(T, 0, 1, 0, 500, NEVER, T, 0, 0, 1),
         PLAN(0, 0, 1, T + 20 * MS)},
        {"patience", STATE(T + 20 * MS - 1, 0, 1, 0, 500, NEVER, T, 0, 0, 1),
         PLAN(0, 0, 1, T + 40 * MS - 1)},
        {"it is offered", STATE(T + 20 * MS, 0, 1, 0, 500, NEVER, T, 0, 0, 1),
         PLAN(0, 1, 0, T + 40 * MS)},
        {"half of seven, and one",
         STATE(T + 20 * MS, 9, 7, 0, 500, T + S, T, 0, 0, 1),
         PLAN(0, 4, 0, T + 40 * MS)},
        {"half of those that are left",
         STATE(T + 20 * MS, 9, 3, 0, 500, T + S, T, 0, 0, 1),
         PLAN(0, 2, 0, T + 40 * MS)},
        {"the MPM takes one in between",
         STATE(T + 40 * MS, 9, 2, 0, 500, T + S, T + 30 * MS, 0, 0, 1),
         PLAN(0, 0, 1, T + 60 * MS)},
        {"the first deadline is earlier than patience",
         STATE(T + 40 * MS, 9, 2, 0, 500, T + 45 * MS, T + 30 * MS, 0, 0, 1),
         PLAN(0, 0, 1, T + 45 * MS)},
        {"nobody is there to ask",
         STATE(T + 90 * MS, 9, 2, 0, 500, T + S, T + 30 * MS, 0, 0, 0),
         PLAN(0, 0, 0, T + S)},
        {"those given up are offered as well: a sibling ends them sooner",
         STATE(T + 90 * MS, 0, 2, 2, 500, NEVER, T + 30 * MS, 0, 0, 1),
         PLAN(0, 1, 0, T + 110 * MS)},
    };

    CHECK_TRACE("a busy child, and a sibling that is idle", moments);
}

/* What was offered came back: all are busy. */
static void test_asked_in_vain(void)
{
    static const moment_t moments[] = {
        {"it has come back",
         STATE(T + 25 * MS, 0, 4, 0, 500, NEVER, T, 0, T + 25 * MS, 1),
         PLAN(0, 0, 0, T + 45 * MS)},
        {"not again within a second",
         STATE(T + 1025 * MS - 1, 0, 4, 0, 500, NEVER, T, 0, T + 25 * MS, 1),
         PLAN(0, 0, 0, T + 1045 * MS - 1)},
        {"then again",
         STATE(T + 1025 * MS, 0, 4, 0, 500, NEVER, T, 0, T + 25 * MS, 1),
         PLAN(0, 2, 0, T + 1045 * MS)},
        {"the MPM takes one: no need",
         STATE(T + 1025 * MS, 0, 3, 0, 500, NEVER, T + 1024 * MS, 0,
               T + 25 * MS, 1),
         PLAN(0, 0, 1, T + 1045 * MS)},
    };

    CHECK_TRACE("an own offer came back", moments);
}

/* The MPM does not accept, although workers are idle. */
static void test_asleep(void)
{
    static const moment_t moments[] = {
        {"seen for the first time",
         {T, 0, 3, 0, 500, NEVER, T, 0, 0, 0, T, 0},
         {0, 0, 1, 0, T + 50 * MS}},
        {"it may be about to accept",
         {T + 50 * MS - 1, 0, 3, 0, 500, NEVER, T, 0, 0, 0, T, 0},
         {0, 0, 0, 0, T + 100 * MS - 1}},
        {"it is woken",
         {T + 50 * MS, 0, 3, 0, 500, NEVER, T, 0, 0, 0, T, 0},
         {0, 0, 0, 1, T + 100 * MS}},
        {"even if nobody is ready: others may wait to be accepted",
         {T + 50 * MS, 7, 0, 0, 500, T + 5 * S, 0, 0, 0, 1, T, 0},
         {0, 0, 1, 1, T + 100 * MS}},
        {"it has been woken, and still sleeps",
         {T + 100 * MS, 0, 3, 0, 500, NEVER, T, 0, 0, 0, T, T + 50 * MS},
         {0, 0, 0, 0, T + 150 * MS}},
        {"for just less than a second",
         {T + 1050 * MS - 1, 0, 3, 0, 500, NEVER, T, 0, 0, 0, T, T + 50 * MS},
         {0, 0, 0, 0, T + 1100 * MS - 1}},
        {"then once more",
         {T + 1050 * MS, 0, 3, 0, 500, NEVER, T, 0, 0, 0, T, T + 50 * MS},
         {0, 0, 0, 1, T + 1100 * MS}},
        {"it accepts",
         {T + 1100 * MS, 0, 3, 0, 500, NEVER, T, 0, 0, 0, 0, T + 1050 * MS},
         {0, 0, 0, 0, T + 2100 * MS}},
        {"and has them all",
         {T + 1120 * MS, 0, 0, 0, 500, NEVER, T, 0, 0, 0, 0, T + 1050 * MS},
         {0, 0, 1, 0, T + 2120 * MS}},
        {"a deadline is earlier than the next look",
         {T, 2, 0, 0, 500, T + 30 * MS, 0, 0, 0, 0, T, 0},
         {0, 0, 1, 0, T + 30 * MS}},
    };

    CHECK_TRACE("an MPM that sleeps", moments);
}

/* Whatever the state: what is planned can be done. */
static void test_bounds(void)
{
    proxyip_lobby_state_t state = STATE(T, 0, 0, 0, 0, T + S, T, T, 0, 1);
    proxyip_lobby_plan_t plan;

    tap_begin("no plan is for more than there are");
    for (state.waiting = 0; state.waiting < 12; state.waiting++) {
        for (state.ready = 0; state.ready < 12; state.ready++) {
            for (state.leaving = 0; state.leaving <= state.ready;
                 state.leaving++) {
                state.most = (state.waiting * 5 + state.ready * 3) % 11;
                state.now = T + (state.ready % 3) * 15 * MS;
                plan = proxyip_lobby_plan(&state);
                tap_check(plan.give_up >= 0 && plan.give_up <= state.waiting
                              && plan.offer >= 0 && plan.offer <= state.ready,
                          "%d waiting, %d ready: %d, %d", state.waiting,
                          state.ready, plan.give_up, plan.offer);
                tap_check(!plan.takes || (plan.offer == 0 && plan.give_up == 0),
                          "who asks for help, or has no room, takes nothing");
                tap_check(plan.sleep_until <= T + S, "a deadline is kept");
            }
        }
    }
    tap_end();
}

static void test_accept_none(void)
{
    static const struct {
        int idle;
        int threads;
        int may;
    } cases[] = {
        {0, 1, 0},   {1, 1, 0},   {2, 1, 0},   {3, 1, 1},  {2, 2, 0},
        {2, 4, 0},   {3, 4, 1},   {5, 25, 0},  {6, 25, 1}, {25, 25, 1},
        {10, 64, 0}, {11, 64, 1}, {64, 64, 1},
    };
    size_t i;

    tap_begin("whether the MPM may be left without a connection");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tap_check(proxyip_lobby_may_accept_none(cases[i].idle, cases[i].threads)
                      == cases[i].may,
                  "%d idle of %d", cases[i].idle, cases[i].threads);
    }
    tap_end();
}

int main(void)
{
    test_idle();
    test_burst();
    test_silent_crowd();
    test_descriptors();
    test_busy_child();
    test_asked_in_vain();
    test_asleep();
    test_bounds();
    test_accept_none();
    return tap_finish();
}
