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
 * Leaving the lobby of a child that stops.
 */

#include "connection/proxyip_leave.h"

#include <ap_mpm.h>
#include <apr_time.h>
#include <scoreboard.h>

#include "connection/proxyip_handover.h"
#include "proxyip_clock.h"

/* How long it is waited for the children of a new generation: the parent reads
 * its configuration first, which can take long.  The clients notice nothing:
 * what they send meanwhile stays in their sockets. */
#define RESTART_US apr_time_from_sec(60)

/* And for siblings, or for the child that replaces this one (event's parent
 * looks each second).  At a graceful stop nobody comes. */
#define REPLACED_US apr_time_from_sec(10)

/* How often it is looked. */
#define PERIOD_US apr_time_from_msec(5)

typedef struct {
    int64_t began;
    int (*may_hand_over)(void);
    int given;
    int closed;
} leaving_t;

/* The parent counts generations before it tells its children to stop
 * (event.c, event_run). */
static int is_restart(void)
{
    const global_score *global = ap_get_scoreboard_global();
    int own = 0;

    return global && ap_mpm_query(AP_MPMQ_GENERATION, &own) == APR_SUCCESS
           && own != (int)global->running_generation;
}

static int goes_on(const leaving_t *leaving)
{
    int64_t limit = is_restart() ? RESTART_US : REPLACED_US;

    return leaving->may_hand_over()
           && proxyip_clock_now() < leaving->began + limit;
}

static int hand_over(const leaving_t *leaving, const proxyip_waiter_t *waiter)
{
    apr_status_t rv = APR_EAGAIN;

    while (goes_on(leaving)) {
        rv = proxyip_handover_give(waiter);
        if (!APR_STATUS_IS_EAGAIN(rv)) {
            break;
        }
        apr_sleep(PERIOD_US);
    }
    return rv == APR_SUCCESS;
}

/* What is left in the pair is nobody's: the clients would wait for ever. */
static int close_untaken(void)
{
    proxyip_waiter_t *waiter;
    int is_own;
    int count = 0;
    apr_status_t rv;

    do {
        rv = proxyip_handover_take(&waiter, &is_own);
        if (rv == APR_SUCCESS) {
            proxyip_waiter_close(waiter);
            count++;
        }
    } while (!APR_STATUS_IS_EAGAIN(rv));
    return count;
}

static void wait_until_taken(leaving_t *leaving)
{
    while (!proxyip_handover_is_empty()) {
        if (!goes_on(leaving)) {
            leaving->closed += close_untaken();
            return;
        }
        apr_sleep(PERIOD_US);
    }
}

static void log_leaving(server_rec *s, const leaving_t *leaving)
{
    if (leaving->closed && leaving->may_hand_over()) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, PROXYIP_LOGNO(0051)
                     "%d connection%s closed that waited for a header or for"
                     " what follows it: this child stops, and no other took"
                     " over", leaving->closed,
                     leaving->closed == 1 ? " was" : "s were");
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, s, PROXYIP_LOGNO(0052)
                 "this child stops: of the connections that waited for a"
                 " header or for what follows it %d were handed over, %d"
                 " closed", leaving->given, leaving->closed);
}

void proxyip_leave(server_rec *s, proxyip_waiter_t *(*next)(void),
                   int (*may_hand_over)(void))
{
    leaving_t leaving = {proxyip_clock_now(), may_hand_over, 0, 0};
    proxyip_waiter_t *waiter;

    while ((waiter = next())) {
        if (hand_over(&leaving, waiter)) {
            leaving.given++;
        }
        else {
            leaving.closed++;
        }
        proxyip_waiter_close(waiter);
    }
    if (leaving.given) {
        wait_until_taken(&leaving);
    }
    if (leaving.given || leaving.closed) {
        log_leaving(s, &leaving);
    }
}
