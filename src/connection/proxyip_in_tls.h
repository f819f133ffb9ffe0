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
 * ProxyIPInTLS: the header as the first thing inside the TLS connection that
 * a load balancer makes.
 *
 * mod_ssl shakes hands in its own process_connection hook, and mod_http2 looks
 * there for its preface, so this stands between them.  It reads from mod_ssl's
 * input filter itself, so that filters above that one never meet the header.
 *
 * Relied on (ssl_engine_io.c, read in httpd 2.4.52 to 2.4.63): the filter
 * answers INIT with APR_SUCCESS once hands are shaken, READBYTES with no more
 * than was asked for, and a read that does not block, and for which nothing is
 * there, with APR_EAGAIN.
 */

#ifndef PROXYIP_IN_TLS_H
#define PROXYIP_IN_TLS_H

#include "proxyip_private.h"

/**
 * Prepare a child for connections that wait for their header.
 * @param pchild the child's pool
 * @param s the main server
 * @remark for child_init
 */
void proxyip_in_tls_child_init(apr_pool_t *pchild, server_rec *s);

/**
 * pre_connection, right behind proxyip_process_pre_connection(): note that a
 * connection on which TLS begins is to have its header inside.  Whatever
 * becomes of it from here on is reported once.
 * @param c any connection
 * @param csd unused
 * @return DECLINED
 */
int proxyip_in_tls_pre_connection(conn_rec *c, void *csd);

/**
 * process_connection, behind mod_ssl's and before mod_http2's: read the header
 * and adopt its client.  Where the MPM waits for it (AP_MPMQ_CAN_WAITIO), one
 * that has not come whole holds no worker, and this is called again.
 * @param c any connection
 * @return DECLINED: the others go on with it; OK: it is to be closed, or
 *         waited for
 */
int proxyip_in_tls_process_connection(conn_rec *c);

#endif /* PROXYIP_IN_TLS_H */
