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
 * Whether this httpd has a lobby, found out and prepared in the parent.
 */

#ifndef PROXYIP_LOBBY_START_H
#define PROXYIP_LOBBY_START_H

#include "proxyip_private.h"

/**
 * Find out whether connections can wait in a lobby, make what the MPM is to
 * count with its listeners, and keep what those hand over that waited before a
 * restart.
 * @param pconf the configuration's pool
 * @param s the main server, checked before
 * @remark for check_config
 */
void proxyip_lobby_check_config(apr_pool_t *pconf, server_rec *s);

/**
 * Hide from other modules what the MPM has counted.
 * @param pconf unused
 * @param plog unused
 * @param ptemp unused
 * @param s unused
 * @return OK
 * @remark open_logs, behind the MPM's own hook (APR_HOOK_REALLY_FIRST)
 */
int proxyip_lobby_open_logs(apr_pool_t *pconf, apr_pool_t *plog,
                            apr_pool_t *ptemp, server_rec *s);

/**
 * Make what is kept over restarts; say so where connections that wait hold a
 * worker.
 * @param plog the pool for logs
 * @param ptemp for what is needed only here
 * @param s the main server
 * @remark for post_config
 */
void proxyip_lobby_post_config(apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s);

/**
 * Tell how this httpd waits, and for how many connections in a child.
 * @param p where the text is made
 * @return a sentence
 * @remark once the configuration has been checked
 */
const char *proxyip_lobby_describe(apr_pool_t *p);

/**
 * Tell how many connections a child's lobby may hold: half of the descriptors
 * that this process may still open.  The other half is the MPM's, which gives
 * a child up that has none for the next connection.
 * @return at least 1
 */
int proxyip_lobby_room(void);

#endif /* PROXYIP_LOBBY_START_H */
