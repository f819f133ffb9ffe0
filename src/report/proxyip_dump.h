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
 * `apachectl -t -D DUMP_PROXYIP`: what the configuration means for each
 * listener.
 */

#ifndef PROXYIP_DUMP_H
#define PROXYIP_DUMP_H

#include "proxyip_private.h"

/**
 * Print the module's version and every listener's effective settings, its
 * virtual hosts, its peers, where its lines go, what is wrong and what is to be
 * warned of, when `-D DUMP_PROXYIP` asks for it.
 * @param ptemp for what is needed only here
 * @param main_s the main server, its settings finished (proxyip_checks_run())
 * @param waiting a sentence that tells how connections wait
 * @remark for the test_config hook, and for check_config where that ends the
 *         start
 */
void proxyip_dump(apr_pool_t *ptemp, server_rec *main_s, const char *waiting);

#endif /* PROXYIP_DUMP_H */
