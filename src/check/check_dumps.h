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
 * Dumps: bytes as xxd, hexdump -C, od -A x -t x1 and tcpdump -x or -X print
 * them, an offset at the head of each line.
 */

#ifndef CHECK_DUMPS_H
#define CHECK_DUMPS_H

#include <stddef.h>

#include "check/check_bytes.h"

/**
 * Read a dump.  Lines that are none are skipped; a `*` repeats the line above
 * it.  Of tcpdump's packets it takes what TCP carries, in the direction of the
 * first that carries anything, without what was sent twice.
 * @param text the text
 * @param len its length in bytes
 * @param row filled from its beginning
 * @return the form's name, for people; NULL when it is no dump
 */
const char *check_dumps_read(const char *text, size_t len, check_row_t *row);

#endif /* CHECK_DUMPS_H */
