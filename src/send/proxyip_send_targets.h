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
 * What the ProxyPass lines of a server lead to, and which settings requests
 * to it have, as far as that is known before there is a request.
 */

#ifndef PROXYIP_SEND_TARGETS_H
#define PROXYIP_SEND_TARGETS_H

#include <mod_proxy.h>

#include "send/proxyip_send_conf.h"
#include "send/proxyip_send_private.h"

/** One target. */
typedef struct {
    apr_pool_t *p;
    server_rec *s;
    const proxy_server_conf *proxy; /* the server's, of mod_proxy */
    const char *path; /* what it is for; NULL for a pattern */
    const char *url;  /* behind any `unix:...|` */
    const proxyip_send_conf_t *conf; /* of its ProxyIPSend alone; NULL where
                                        sections with a pattern make it
                                        unknown */
} proxyip_send_target_t;

/** @return 1 to go on, 0 to stop */
typedef int proxyip_send_visit_t(const proxyip_send_target_t *target,
                                 void *baton);

/**
 * Visit each ProxyPass of a server, in <Location> or not, but those with `!`.
 * @param p where texts are made
 * @param s the server
 * @param visit called for each
 * @param baton handed to it
 * @return 0 where a visit stopped it, else 1
 */
int proxyip_send_targets_each(apr_pool_t *p, server_rec *s,
                              proxyip_send_visit_t *visit, void *baton);

/**
 * Visit each <Proxy> section that is no pattern and has a ProxyIPSend.
 * Parameters as above.
 */
int proxyip_send_targets_each_section(apr_pool_t *p, server_rec *s,
                                      proxyip_send_visit_t *visit,
                                      void *baton);

#endif /* PROXYIP_SEND_TARGETS_H */
