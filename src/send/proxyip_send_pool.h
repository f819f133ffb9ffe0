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
 * The connections to backends that begin with a header: which are in use,
 * which are kept for which client, and how many there may be.
 *
 * A kept connection serves the client connection that it was opened for, with
 * the same header, and nobody else.  What is in use and what is kept count
 * towards the real worker's max=.
 */

#ifndef PROXYIP_SEND_POOL_H
#define PROXYIP_SEND_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <mod_proxy.h>

#include "send/proxyip_send_private.h"

/** What is kept for one client connection. */
typedef struct proxyip_send_kept_t proxyip_send_kept_t;

/**
 * Make ready in this child.
 * @param pchild the child's pool
 * @remark for child_init
 */
void proxyip_send_pool_child_init(apr_pool_t *pchild);

/** Take the lock that guards all of this.  Held for moments only. */
void proxyip_send_pool_lock(void);

/** Give it back. */
void proxyip_send_pool_unlock(void);

/**
 * Begin keeping connections for a client.
 * @param p the client connection's pool
 * @param s its server, for mod_proxy's lines
 * @return what is kept: nothing yet
 */
proxyip_send_kept_t *proxyip_send_pool_open(apr_pool_t *p, server_rec *s);

/**
 * Close what is kept for a client, and keep nothing for it from now on.
 * @param kept what is kept; twice is harmless
 */
void proxyip_send_pool_close(proxyip_send_kept_t *kept);

/**
 * Find a place for a request: the connection that is kept for this client
 * with this header, or none yet.  Waits where the worker's max= is reached
 * and all of them are in use, for its acquire= or, without one, the server's
 * Timeout.
 * @param kept what is kept for the request's client
 * @param r the request
 * @param real the worker that mod_proxy has chosen
 * @param head the request's header
 * @param len its length in bytes
 * @param slot set to the place, which the caller alone has until it gives it
 *        back
 * @param is_kept set to whether a connection was kept
 * @return APR_SUCCESS; APR_TIMEUP where none became free; another error
 *         where mod_proxy could make no worker
 */
apr_status_t proxyip_send_pool_take(proxyip_send_kept_t *kept, request_rec *r,
                                    const proxy_worker *real,
                                    const uint8_t *head, size_t len,
                                    proxyip_send_slot_t **slot,
                                    int *is_kept);

/**
 * Give a place back.
 * @param slot the place
 * @param kept what is kept for the client; NULL: close the connection
 * @param s a server, for mod_proxy's lines
 */
void proxyip_send_pool_give(proxyip_send_slot_t *slot,
                            proxyip_send_kept_t *kept, server_rec *s);

#endif /* PROXYIP_SEND_POOL_H */
