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
 * A ClientHello: asks a listener whether it speaks TLS, and no more.
 */

#ifndef CHECK_HELLO_H
#define CHECK_HELLO_H

#include "check/check_bytes.h"

/** Room that is always enough. */
#define CHECK_HELLO_MAX 512

/**
 * Append a ClientHello.  Whoever speaks TLS answers with a ServerHello or an
 * alert.
 * @param host named in it, unless it is an address
 * @param row where to; CHECK_HELLO_MAX of room
 */
void check_hello_append(const char *host, check_row_t *row);

#endif /* CHECK_HELLO_H */
