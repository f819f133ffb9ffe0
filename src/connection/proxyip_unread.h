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
 * Giving bytes back that were read from mod_ssl.
 */

#ifndef PROXYIP_UNREAD_H
#define PROXYIP_UNREAD_H

#include <stddef.h>
#include <stdint.h>

#include "proxyip_private.h"

/** Register the input filter.  While directives are read. */
void proxyip_unread_register(void);

/**
 * Let the next readers of a connection have bytes before those that mod_ssl
 * still has, in whatever mode they read.
 * @param c the connection; nobody but mod_ssl and those below it has read
 * @param bytes the bytes, in the connection's pool
 * @param len number of bytes, more than 0
 */
void proxyip_unread(conn_rec *c, const uint8_t *bytes, size_t len);

#endif /* PROXYIP_UNREAD_H */
