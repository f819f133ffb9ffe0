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

#include <apr_time.h>

#include "connection/proxyip_handover.h"
#include "proxyip_clock.h"

/* How long it is waited for room, while children that stop give more than
 * those that start have taken. */
#define LIMIT_US apr_time_from_sec(10)

/* How often it is tried. */
#define PERIOD_US apr_time_from_msec(2)

typedef struct {
    int64_t until;
    int (*may_hand_over)(void);
    int given;
    int closed;
} leaving_t;

static int hand_over(const leaving_t *leaving, const proxyip_waiter_t *waiter)
{
    for (;;) {
        apr_status_t rv;

        if (!leaving->may_hand_over()) {
            return 0;
        }
        rv = proxyip_handover_give(waiter);
        if (rv == APR_SUCCESS) {
            return 1;
        }
        if (!APR_STATUS_IS_EAGAIN(rv)
            || proxyip_clock_now() >= leaving->until) {
            return 0;
        }
        apr_sleep(PERIOD_US);
    }
}

static void log_leaving(server_rec *s, const leaving_t *leaving)
{
    if (leaving->closed && leaving->may_hand_over()) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, PROXYIP_LOGNO(0051)
                     "%d connection%s closed that waited for a header or for"
                     " what follows it: this child stops, and there was no"
                     " room to hand them to other children",
                     leaving->closed, leaving->closed == 1 ? " was" : "s were");
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, s, PROXYIP_LOGNO(0052)
                 "this child stops: of the connections that waited for a"
                 " header or for what follows it %d were handed to other"
                 " children, %d closed", leaving->given, leaving->closed);
}

void proxyip_leave(server_rec *s, proxyip_waiter_t *(*next)(void),
                   int (*may_hand_over)(void))
{
    leaving_t leaving = {proxyip_clock_now() + LIMIT_US, may_hand_over, 0, 0};
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
    if (leaving.given || leaving.closed) {
        log_leaving(s, &leaving);
    }
}
