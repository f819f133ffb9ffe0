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
 * Taking the header off: the connection input filter that consumes exactly
 * the header's bytes, before TLS and HTTP see one, and removes itself.
 */

#ifndef PROXYIP_STRIP_H
#define PROXYIP_STRIP_H

#include <stddef.h>

#include "proxyip_private.h"

/**
 * Register the filter.
 * @remark for the module's register_hooks
 */
void proxyip_strip_register(void);

/**
 * Put the filter on a connection.
 * @param c a connection whose header has been seen whole
 * @param len the header's bytes
 * @remark in pre_connection, before core's own hook
 */
void proxyip_strip_add(conn_rec *c, size_t len);

#endif /* PROXYIP_STRIP_H */
