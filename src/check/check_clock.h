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
 * Points in time, in text.
 */

#ifndef CHECK_CLOCK_H
#define CHECK_CLOCK_H

#include <apr_time.h>

#define CHECK_CLOCK_MAX 100

/** Write a local time as RFC 3339 has it: 2026-11-24T10:02:03.123+01:00.
 * @param text room for CHECK_CLOCK_MAX bytes */
void check_clock_format(char *text, apr_time_t when);

#endif /* CHECK_CLOCK_H */
