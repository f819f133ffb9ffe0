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
 * Lines that repeat: after a few of a kind a child says how many more there
 * were, and no longer each.
 */

#ifndef PROXYIP_FLOOD_H
#define PROXYIP_FLOOD_H

#include "proxyip_conn.h"

/**
 * Make the child's table.
 * @param pchild the child's pool; what was left out is said before it ends
 * @remark for child_init; before it every line is admitted
 */
void proxyip_flood_child_init(apr_pool_t *pchild);

/**
 * Say whether a line about a connection is to be logged.  Lines are of a kind
 * when they say the same at the same level of the same peer (an IPv4 address
 * or an IPv6 /64) and the same listener.
 * @param conn the connection's record
 * @param level the line's; it would be logged
 * @param what what the line says, a constant string
 * @param why more of it, a constant string; or NULL
 * @return 1 to log it; 0 when it was only counted
 * @remark where the listener's LogLevel is trace1 or more all are logged
 */
int proxyip_flood_admit(const proxyip_conn_t *conn, int level,
                        const char *what, const char *why);

/** Say how many lines were left out, of kinds whose minute is over.  Costs a
 * look at one number when there are none. */
void proxyip_flood_settle(void);

#endif /* PROXYIP_FLOOD_H */
