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
 * What must hold before a server that sends headers may start.
 */

#ifndef PROXYIP_SEND_CHECKS_H
#define PROXYIP_SEND_CHECKS_H

#include "send/proxyip_send_private.h"

/**
 * Look for backends that are to be sent a header and cannot be, and for
 * settings without effect.  What only a request tells is refused when it
 * comes.
 * @param ptemp where texts are made
 * @param main_s the main server
 * @return OK, or !OK with a line that says why
 * @remark for check_config
 */
int proxyip_send_checks_run(apr_pool_t *ptemp, server_rec *main_s);

/**
 * Let health checks of a balancer know of the <Proxy balancer://...> section
 * that ours stands in: mod_proxy notes one only where its line has key=value
 * arguments.
 * @param main_s the main server
 * @remark for post_config
 */
void proxyip_send_checks_note_sections(server_rec *main_s);

#endif /* PROXYIP_SEND_CHECKS_H */
