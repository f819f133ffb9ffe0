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
 * Taking the header off: exactly its bytes, before TLS and HTTP see one.
 *
 * It is done in our process_connection hook, the first of all, so that nothing
 * of it is left when a request is made: a filter that goes while a request
 * has it breaks the request's chain (util_filter.c, add_any_filter_handle).
 * Until then a filter directly above core's stands for a module that reads
 * from the connection in its pre_connection hook: it would do the same.
 */

#ifndef PROXYIP_STRIP_H
#define PROXYIP_STRIP_H

#include <stddef.h>

#include "proxyip_conn.h"

/**
 * Register the filter.
 * @remark for the module's register_hooks
 */
void proxyip_strip_register(void);

/**
 * Have the header taken off.
 * @param conn the record of a connection whose header has been seen whole
 * @param len the header's bytes
 * @remark in pre_connection, before core's own hook
 */
void proxyip_strip_add(proxyip_conn_t *conn, size_t len);

/**
 * process_connection: take the header off, the first time.
 * @param c any connection
 * @return DECLINED; OK for one that has to be closed, because its header is
 *         there no more
 */
int proxyip_strip_process_connection(conn_rec *c);

#endif /* PROXYIP_STRIP_H */
