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
 * The lines about one connection in the error log: one for each header that
 * was taken, one for each connection that was closed.
 */

#ifndef PROXYIP_LOG_H
#define PROXYIP_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "proxyip_conn.h"

/**
 * The level of a fault of the peer's: error, or info where it is a stranger.
 * @param conn the connection's record
 * @return APLOG_ERR or APLOG_INFO
 */
int proxyip_log_fault_level(const proxyip_conn_t *conn);

/**
 * The level of the line that proxyip_log_closed() would log.
 * @param conn its record; outcome says what was decided
 * @param bytes what has come of the header so far; may be NULL when len is 0
 * @param len bytes there
 * @return APLOG_ERR, APLOG_INFO or APLOG_DEBUG
 */
int proxyip_log_level(const proxyip_conn_t *conn, const uint8_t *bytes,
                      size_t len);

/**
 * Log why a connection is closed: what was decided, why, the peer and the
 * rule that applied to it, the listener, the first bytes that came, and what
 * they look like.
 * @param conn its record; outcome says what was decided
 * @param level what proxyip_log_level() said
 * @param answer what the decoder objected to and where, or NULL
 * @param bytes what has come of the header so far; may be NULL when len is 0
 * @param len bytes there; at most 32 of them are shown
 * @remark once per connection
 */
void proxyip_log_closed(const proxyip_conn_t *conn, int level,
                        const pp_answer_t *answer, const uint8_t *bytes,
                        size_t len);

/**
 * Log that a connection goes on, with a header or without.
 * @param conn its record; outcome is ACCEPTED or ABSENT, and the client is
 *        adopted
 */
void proxyip_log_taken(const proxyip_conn_t *conn);

/**
 * Log that what follows the header is another header.
 * @param conn its record
 * @param level what proxyip_log_fault_level() said
 * @param bytes the first payload bytes
 * @param len bytes there
 */
void proxyip_log_second_header(const proxyip_conn_t *conn, int level,
                               const uint8_t *bytes, size_t len);

/**
 * Log that the header's SSL TLV cannot be read, and so says nothing.
 * @param conn its record
 * @param level the line's
 * @param ssl_len the TLV's length in bytes
 * @param fault what is wrong with it
 */
void proxyip_log_bad_ssl(const proxyip_conn_t *conn, int level,
                         size_t ssl_len, pp_reason_t fault);

/**
 * Log bytes in hex, all of them, at trace4.
 * @param conn the connection's record
 * @param what what they are
 * @param bytes the bytes
 * @param len bytes there
 */
void proxyip_log_bytes(const proxyip_conn_t *conn, const char *what,
                       const uint8_t *bytes, size_t len);

#endif /* PROXYIP_LOG_H */
