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
 * What the test suite's own clients in C have in common.
 */

#ifndef PEER_H
#define PEER_H

#include <stdint.h>

/**
 * Connect to 127.0.0.1.
 * @param from the address to come from, e.g. 0x7f000001; 0 for any
 * @param port the port
 * @param limit_ms how long the connection, and each later read or write, may
 *        take; 0 for no limit
 * @return a blocking socket, or -1
 */
int peer_connect(uint32_t from, int port, int limit_ms);

/**
 * Begin to connect to 127.0.0.1, and do not wait for it.
 * @param from the address to come from; 0 for any
 * @param port the port
 * @return a non-blocking socket that can be written to once the connection is
 *         made or refused (SO_ERROR tells), or -1 with errno
 */
int peer_begin(uint32_t from, int port);

/** @return a time that only rises, in microseconds */
int64_t peer_now(void);

#endif /* PEER_H */
