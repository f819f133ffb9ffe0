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
 * How far a connection that waits has come, and until when it may wait.
 */

#include "connection/proxyip_stage.h"
#include "tap.h"

#include <stddef.h>

#define MS (INT64_C(1000))
#define S (1000 * MS)
#define T (5000 * S)

/* ProxyIPTimeout and ProxyIPDefer. */
#define TIMEOUT (5 * S)
#define DEFER (20 * S)

static const proxyip_stage_t stages[] = {
    PROXYIP_STAGE_OPEN, PROXYIP_STAGE_HEADER, PROXYIP_STAGE_PAYLOAD};

#define STAGES (sizeof(stages) / sizeof(stages[0]))

/* Enter a stage, and say what must come of it. */
static void enter(proxyip_wait_t *wait, proxyip_stage_t stage, int64_t now,
                  int is_new, int64_t deadline)
{
    int64_t accepted = wait->accepted ? wait->accepted : now;
    int answer = proxyip_stage_enter(wait, stage, now, TIMEOUT, DEFER);

    tap_check(answer == is_new, "stage %d: new is %d", stage, answer);
    tap_check(wait->stage == stage, "stage %d: is %d", stage, wait->stage);
    tap_check(wait->accepted == accepted, "stage %d: accepted at %lld us",
              stage, (long long)(wait->accepted - T));
    tap_check(wait->deadline == deadline,
              "stage %d: until %lld us, not %lld us", stage,
              (long long)(wait->deadline - T), (long long)(deadline - T));
}

static void test_times(void)
{
    tap_begin("how long a stage may last");
    tap_check(proxyip_stage_time(PROXYIP_STAGE_OPEN, TIMEOUT, DEFER)
                  == TIMEOUT + DEFER,
              "who need not send a header is waited for as if it did");
    tap_check(proxyip_stage_time(PROXYIP_STAGE_HEADER, TIMEOUT, DEFER)
                  == TIMEOUT,
              "the header");
    tap_check(proxyip_stage_time(PROXYIP_STAGE_PAYLOAD, TIMEOUT, DEFER)
                  == DEFER,
              "the payload");
    tap_check(proxyip_stage_time(PROXYIP_STAGE_OPEN, TIMEOUT, 0) == TIMEOUT,
              "ProxyIPDefer Off");
    tap_end();
}

static void test_first(void)
{
    static const int64_t deadlines[] = {T + TIMEOUT + DEFER, T + TIMEOUT,
                                        T + DEFER};
    size_t i;

    tap_begin("the first stage, whichever it is, begins a wait");
    for (i = 0; i < STAGES; i++) {
        proxyip_wait_t wait = {PROXYIP_STAGE_OPEN, 0, 0};

        enter(&wait, stages[i], T, 1, deadlines[i]);
    }
    tap_end();
}

static void test_same(void)
{
    size_t i;

    tap_begin("bytes that bring no other stage give no more time");
    for (i = 0; i < STAGES; i++) {
        proxyip_wait_t wait = {PROXYIP_STAGE_OPEN, 0, 0};
        int64_t deadline = T + proxyip_stage_time(stages[i], TIMEOUT, DEFER);

        enter(&wait, stages[i], T, 1, deadline);
        enter(&wait, stages[i], T + 1, 0, deadline);
        enter(&wait, stages[i], deadline, 0, deadline);
        enter(&wait, stages[i], deadline + S, 0, deadline);
    }
    tap_end();
}

static void test_all_in_order(void)
{
    proxyip_wait_t wait = {PROXYIP_STAGE_OPEN, 0, 0};

    tap_begin("from nothing to a header to its payload");
    enter(&wait, PROXYIP_STAGE_OPEN, T, 1, T + TIMEOUT + DEFER);
    enter(&wait, PROXYIP_STAGE_HEADER, T + 2 * S, 1, T + 2 * S + TIMEOUT);
    enter(&wait, PROXYIP_STAGE_HEADER, T + 3 * S, 0, T + 2 * S + TIMEOUT);
    enter(&wait, PROXYIP_STAGE_PAYLOAD, T + 4 * S, 1, T + 4 * S + DEFER);
    enter(&wait, PROXYIP_STAGE_PAYLOAD, T + 9 * S, 0, T + 4 * S + DEFER);
    tap_end();

    tap_begin("a required header, and its payload");
    wait.accepted = 0;
    enter(&wait, PROXYIP_STAGE_HEADER, T, 1, T + TIMEOUT);
    enter(&wait, PROXYIP_STAGE_PAYLOAD, T + TIMEOUT, 1, T + TIMEOUT + DEFER);
    tap_end();

    tap_begin("a header that comes whole at once to who had been silent");
    wait.accepted = 0;
    enter(&wait, PROXYIP_STAGE_OPEN, T, 1, T + TIMEOUT + DEFER);
    enter(&wait, PROXYIP_STAGE_PAYLOAD, T + S, 1, T + S + DEFER);
    tap_end();
}

/* ProxyIPTimeout from the moment at which it is known that a header is meant,
 * be that after ProxyIPTimeout itself. */
static void test_late(void)
{
    proxyip_wait_t wait = {PROXYIP_STAGE_OPEN, 0, 0};

    tap_begin("an optional peer that commits itself late");
    enter(&wait, PROXYIP_STAGE_OPEN, T, 1, T + TIMEOUT + DEFER);
    enter(&wait, PROXYIP_STAGE_HEADER, T + TIMEOUT + DEFER - 1, 1,
          T + 2 * TIMEOUT + DEFER - 1);
    tap_end();

    tap_begin("its deadline may come to be an earlier one");
    wait.accepted = 0;
    enter(&wait, PROXYIP_STAGE_OPEN, T, 1, T + TIMEOUT + DEFER);
    enter(&wait, PROXYIP_STAGE_HEADER, T + S, 1, T + S + TIMEOUT);
    tap_end();
}

/* Settings may have changed while a connection was handed to another child:
 * what is not finished there begins anew. */
static void test_back(void)
{
    proxyip_wait_t wait = {PROXYIP_STAGE_OPEN, 0, 0};

    tap_begin("from a later stage to an earlier one");
    enter(&wait, PROXYIP_STAGE_PAYLOAD, T, 1, T + DEFER);
    enter(&wait, PROXYIP_STAGE_HEADER, T + S, 1, T + S + TIMEOUT);
    enter(&wait, PROXYIP_STAGE_OPEN, T + 2 * S, 1, T + 2 * S + TIMEOUT + DEFER);
    tap_end();
}

int main(void)
{
    test_times();
    test_first();
    test_same();
    test_all_in_order();
    test_late();
    test_back();
    return tap_finish();
}
