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
 * A request to a backend: its header, the connection that begins with it, and
 * the handler that mod_proxy has for its scheme.
 */

#ifndef PROXYIP_SEND_RUN_H
#define PROXYIP_SEND_RUN_H

#include <mod_proxy.h>

#include "send/proxyip_send_private.h"

/**
 * Say whether a header can be sent to a URL's backend: over HTTP, WebSockets
 * or HTTP/2.
 * @param url a URL, or a scheme followed by a colon
 * @return 1 or 0
 */
int proxyip_send_run_can(const char *url);

/**
 * Say what carries the client's address to a backend that no header can be
 * sent to.
 * @param url as above
 * @return words that end a sentence
 */
const char *proxyip_send_run_instead(const char *url);

/** The scheme_handler hook, before all that mod_proxy has. */
int proxyip_send_run(request_rec *r, proxy_worker *worker,
                     proxy_server_conf *conf, char *url,
                     const char *proxyhost, apr_port_t proxyport);

#endif /* PROXYIP_SEND_RUN_H */
