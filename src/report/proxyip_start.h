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
 * What the error log says of the module at each start.
 */

#ifndef PROXYIP_START_H
#define PROXYIP_START_H

#include <apr_tables.h>

#include "proxyip_private.h"

/**
 * Log which version runs and how many listeners have ProxyIP On, also when
 * none has: who put On where it has no effect learns of it here.
 * @param main_s the main server, to whose error log it goes
 * @param listeners what proxyip_listeners_attach() found
 * @remark for post_config, and there not for the first of its two runs at the
 *         start
 */
void proxyip_start_announce(const server_rec *main_s,
                            const apr_array_header_t *listeners);

#endif /* PROXYIP_START_H */
