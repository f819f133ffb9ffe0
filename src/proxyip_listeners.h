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
 * Listeners, and what must hold for each before the server may start.
 *
 * A PROXY header comes before SNI and Host, so its settings belong to the
 * address and port a connection came in on.  A listener here is httpd's own
 * unit: the chain of virtual hosts that `apachectl -S` prints as one entry
 * (server/vhost.c), or the main server for addresses no virtual host has.
 */

#ifndef PROXYIP_LISTENERS_H
#define PROXYIP_LISTENERS_H

#include "proxyip_private.h"

/**
 * Finish every server's settings and judge every listener.  Logs what is
 * wrong, each with the places it was said at.
 * @param ptemp for what is needed only here
 * @param main_s the main server
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR when the server must not start
 * @remark for the check_config hook: virtual hosts have their addresses by
 *         then, and `-t` runs it
 */
int proxyip_listeners_check(apr_pool_t *ptemp, server_rec *main_s);

/**
 * Log what works but surely not as it was meant.
 * @param ptemp for what is needed only here
 * @param main_s the main server, checked before
 */
void proxyip_listeners_warn(apr_pool_t *ptemp, server_rec *main_s);

#endif /* PROXYIP_LISTENERS_H */
