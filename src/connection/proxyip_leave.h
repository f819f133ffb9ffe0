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
 * Leaving the lobby of a child that stops: to other children, or for good.
 */

#ifndef PROXYIP_LEAVE_H
#define PROXYIP_LEAVE_H

#include "connection/proxyip_waiter.h"
#include "proxyip_private.h"

/**
 * Empty a lobby: each connection is handed over as long as it may be, and
 * closed otherwise.  It is not waited until others have taken them: the parent
 * keeps what is on its way, and may have to wait for this child's end before
 * it can start another (event.c, perform_idle_server_maintenance: a slot of
 * the scoreboard is free when its child is gone).
 * @param s the main server, for logging
 * @param next gives the next connection, which is the caller's no more, or
 *        NULL when there is none
 * @param may_hand_over whether it may still be handed over; asked repeatedly
 */
void proxyip_leave(server_rec *s, proxyip_waiter_t *(*next)(void),
                   int (*may_hand_over)(void));

#endif /* PROXYIP_LEAVE_H */
