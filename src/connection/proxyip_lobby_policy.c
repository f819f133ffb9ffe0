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
 */

#include "connection/proxyip_lobby_policy.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The MPM is busy, or has stopped to accept. */
static int is_stuck(const proxyip_lobby_state_t *state)
{
    return state->ready > 0
           && state->now - state->ready_moved >= PROXYIP_LOBBY_PATIENCE_US;
}

static int may_ask(const proxyip_lobby_state_t *state)
{
    return state->has_siblings
           && (!state->asked_in_vain
               || state->now - state->asked_in_vain >= PROXYIP_LOBBY_PAUSE_US);
}

/* Half of them a time: this child goes on serving as well. */
static int count_offers(const proxyip_lobby_state_t *state)
{
    return is_stuck(state) && may_ask(state) ? (state->ready + 1) / 2 : 0;
}

/* Descriptors beyond those that the lobby may use; below 0: still free. */
static int count_excess(const proxyip_lobby_state_t *state)
{
    return state->waiting + state->ready - state->leaving - state->most;
}

static int count_to_give_up(const proxyip_lobby_state_t *state)
{
    int excess = count_excess(state);

    if (excess < 0) {
        return 0;
    }
    return excess < state->waiting ? excess : state->waiting;
}

static int must_wake_mpm(const proxyip_lobby_state_t *state)
{
    return state->asleep_since
           && state->now - state->asleep_since >= PROXYIP_LOBBY_ASLEEP_US
           && (!state->woken
               || state->now - state->woken >= PROXYIP_LOBBY_WOKEN_US);
}

static int64_t sleep_until(const proxyip_lobby_state_t *state)
{
    int64_t until = earlier(state->first_deadline,
                            state->now + (state->asleep_since
                                              ? PROXYIP_LOBBY_ASLEEP_US
                                              : PROXYIP_LOBBY_LOOK_US));

    if (state->last_entry
        && (state->now - state->last_entry) / 2 < PROXYIP_LOBBY_TICK_US) {
        until = earlier(until, state->now + PROXYIP_LOBBY_TICK_US);
    }
    if (state->ready > 0 && state->has_siblings) {
        until = earlier(until, state->now + PROXYIP_LOBBY_PATIENCE_US);
    }
    return until;
}

proxyip_lobby_plan_t proxyip_lobby_plan(const proxyip_lobby_state_t *state)
{
    proxyip_lobby_plan_t plan;

    plan.give_up = count_to_give_up(state);
    plan.offer = count_offers(state);
    /* A descriptor that is taken without room for it is lost. */
    plan.takes = !is_stuck(state) && count_excess(state) < 0;
    plan.wakes_mpm = must_wake_mpm(state);
    plan.sleep_until = sleep_until(state);
    return plan;
}

int proxyip_lobby_may_accept_none(int idle, int threads)
{
    return idle > 2 + threads / 8;
}
