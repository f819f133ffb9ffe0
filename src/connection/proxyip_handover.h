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
 * Handing connections that wait to another child: at a graceful restart to
 * those of the new generation, and when this child's workers are all busy to
 * a sibling.
 *
 * A pair of sockets, made once by the parent and inherited by all children,
 * holds the descriptors on their way (SCM_RIGHTS).  Children write it and
 * children read it; the parent, which is root, never reads what they write.
 *
 * At a restart the parent's ends are closed with its pool for logs, which httpd
 * clears once it has read the new configuration and run check_config (main.c).
 * By then the module, if it is wanted still, has made itself copies.  If it is
 * not, nobody takes what the old children hand over; and when the last of them
 * has left, the system closes all that is on its way.
 */

#ifndef PROXYIP_HANDOVER_H
#define PROXYIP_HANDOVER_H

#include "connection/proxyip_waiter.h"
#include "proxyip_private.h"

/**
 * Keep the pair of the configuration before, if there was one.
 * @param is_wanted whether this configuration's children take connections
 * @remark in the parent, for check_config
 */
void proxyip_handover_keep(int is_wanted);

/**
 * Make the pair where none was kept, and see to it that the parent's ends are
 * closed at the next restart.
 * @param plog the pool for logs
 * @return APR_SUCCESS, or why there is none; then nothing is handed over
 * @remark in the parent, for post_config
 */
apr_status_t proxyip_handover_prepare(apr_pool_t *plog);

/**
 * Close this process's ends.
 * @remark in a child, once it neither gives nor takes any more: as long as
 *         one end to read is open, what is on its way stays there.  When the
 *         process ends, the pool for logs closes these numbers once more, as
 *         all others
 */
void proxyip_handover_close(void);

/** @return the descriptor that is readable when a connection was handed over;
 * -1 when there is no pair */
int proxyip_handover_descriptor(void);

/**
 * Hand a connection to whichever child takes it first.
 * @param waiter the connection; this child's descriptor stays open
 * @return APR_SUCCESS: the waiter can be closed here;
 *         APR_EAGAIN: no room now; else it cannot be done
 */
apr_status_t proxyip_handover_give(const proxyip_waiter_t *waiter);

/**
 * Take a connection that another child has handed over.
 * @param waiter set to a waiter without conf and rule, now the caller's;
 *        addresses are the socket's, not what the message said
 * @param is_own set to whether this child itself had given it
 * @return APR_SUCCESS; APR_EAGAIN: none is there; APR_EGENERAL: what was there
 *         is no connection, and is closed
 */
apr_status_t proxyip_handover_take(proxyip_waiter_t **waiter, int *is_own);

#endif /* PROXYIP_HANDOVER_H */
