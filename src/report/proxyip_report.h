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
 * What operators learn of a connection: it is counted, and logged where that
 * says something that was not said often enough already.
 */

#ifndef PROXYIP_REPORT_H
#define PROXYIP_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "proxyip_conn.h"

/**
 * Report that a connection is closed.
 * @param conn its record; outcome says what was decided
 * @param answer what the decoder objected to and where, or NULL
 * @param bytes what has come of the header so far; may be NULL when len is 0
 * @param len bytes there
 * @remark once per connection
 */
void proxyip_report_closed(const proxyip_conn_t *conn,
                           const pp_answer_t *answer, const uint8_t *bytes,
                           size_t len);

/**
 * Report that a connection goes on, with a header or without.
 * @param conn its record; outcome is ACCEPTED or ABSENT, and the client is
 *        adopted
 * @param payload the first bytes behind the header
 * @param len bytes there
 * @remark once per connection
 */
void proxyip_report_taken(const proxyip_conn_t *conn, const uint8_t *payload,
                          size_t len);

#endif /* PROXYIP_REPORT_H */
