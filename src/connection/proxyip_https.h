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
 * ProxyIPHTTPS: making httpd itself believe that a connection is https when
 * TLS ended at the load balancer.
 */

#ifndef PROXYIP_HTTPS_H
#define PROXYIP_HTTPS_H

#include "proxyip_private.h"

/**
 * pre_config: put a `Require ssl` in front of mod_ssl's, which grants what
 * holds here and else asks mod_ssl's.  Without mod_ssl there is none.
 * @param pconf the configuration's pool
 * @param plog unused
 * @param ptemp unused
 * @return OK
 */
int proxyip_https_pre_config(apr_pool_t *pconf, apr_pool_t *plog,
                             apr_pool_t *ptemp);

/**
 * process_connection, behind mod_http2's: note that nobody but core, with
 * HTTP/1, is left to take the connection.  Before this nothing may be told
 * that it is https: mod_http2 looks for the preface of a client with prior
 * knowledge of HTTP/2 only where it is not.
 * @param c a connection; also called again, as the MPM does
 * @return DECLINED
 */
int proxyip_https_process_connection(conn_rec *c);

/**
 * ssl_conn_is_ssl: answers for streams, and for a connection that
 * proxyip_https_process_connection() has seen.
 * @param c any connection
 * @return OK: it is https; else DECLINED, and others are asked
 */
int proxyip_https_conn_is_ssl(conn_rec *c);

/**
 * post_read_request: HTTPS=on in the environment, and the port in redirects.
 * Run for internal redirects too; subrequests copy the environment.
 * @param r the request
 * @return DECLINED
 */
int proxyip_https_post_read_request(request_rec *r);

/**
 * http_scheme.
 * @param r a request
 * @return "https", or NULL: others are asked
 */
const char *proxyip_https_scheme(const request_rec *r);

/**
 * default_port.
 * @param r a request
 * @return 443, or 0: others are asked
 */
apr_port_t proxyip_https_default_port(const request_rec *r);

#endif /* PROXYIP_HTTPS_H */
