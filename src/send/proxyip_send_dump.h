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
 * httpd -t -D DUMP_PROXYIP, the part of sending: to what, and how.
 */

#ifndef PROXYIP_SEND_DUMP_H
#define PROXYIP_SEND_DUMP_H

#include "send/proxyip_send_private.h"

/**
 * Print it, where `-D DUMP_PROXYIP` was said.
 * @param ptemp where texts are made
 * @param main_s the main server
 * @remark for test_config
 */
void proxyip_send_dump(apr_pool_t *ptemp, server_rec *main_s);

#endif /* PROXYIP_SEND_DUMP_H */
