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
 * What the bench's clients have in common.  They send a PROXY header that
 * names the connection's own addresses, so that a server with the module
 * writes the same log lines as one without.
 */

#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stddef.h>
#include <stdint.h>

/**
 * Write the header for a connection.
 * @param fd a connected socket
 * @param version 0 for none, 1 or 2
 * @param wire_len the whole header's length: a v2 header is filled up with
 *        one TLV; 0 for none
 * @param bytes where to write, PP_V2_MAX bytes
 * @return the header's length
 */
size_t bench_header(int fd, int version, size_t wire_len, uint8_t *bytes);

/** Sort times, the least first. */
void bench_sort_times(int64_t *times_us, size_t count);

#endif /* BENCH_COMMON_H */
