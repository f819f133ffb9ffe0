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
 * Reading: the connection input filter that takes the header off.
 *
 * Bytes are received straight from the socket into a place of our own, and
 * those that are not the header's are handed to core's input filter when it
 * asks for its network bucket.  So nothing is read twice, a waiting
 * connection holds its part of a header and nothing else, and the filter can
 * be removed for good before any request exists.
 */

#ifndef PROXYIP_FILTER_H
#define PROXYIP_FILTER_H

#include <apr_buckets.h>

#include "proxyip_conn.h"

typedef enum {
    PROXYIP_READ_READY, /* header judged, and payload there or not awaited */
    PROXYIP_READ_WAIT,  /* nothing to read now */
    PROXYIP_READ_FAILED /* over: logged, outcome set, c->aborted set */
} proxyip_read_t;

/**
 * Register the filter.
 * @param p unused
 * @remark for the module's register_hooks
 */
void proxyip_filter_register(apr_pool_t *p);

/**
 * Put the filter on a connection.
 * @param conn its record
 * @param csd its socket, for which core's pre_connection hook was run
 */
void proxyip_filter_add(proxyip_conn_t *conn, apr_socket_t *csd);

/**
 * Read what has come, and judge it before the clock is looked at.
 * @param conn a record with its filter on
 * @param may_block wait here for more, within the deadlines, rather than
 *        answer PROXYIP_READ_WAIT
 * @return how it stands
 */
proxyip_read_t proxyip_filter_advance(proxyip_conn_t *conn, int may_block);

/**
 * Enter a connection among those that wait, with the deadline that holds.
 * @param conn a record that PROXYIP_READ_WAIT was just said of
 * @remark the caller then returns the connection to the MPM
 */
void proxyip_filter_wait(proxyip_conn_t *conn);

/**
 * End a wait from outside.
 * @param conn a record with its filter on
 * @param outcome how it ended; logged, c->aborted set
 */
void proxyip_filter_fail(proxyip_conn_t *conn, proxyip_outcome_t outcome);

/**
 * Take the filter off again.
 * @param conn a record that PROXYIP_READ_READY was just said of
 * @return PROXYIP_READ_READY, or PROXYIP_READ_FAILED when the socket was
 *         shut down meanwhile
 */
proxyip_read_t proxyip_filter_finish(proxyip_conn_t *conn);

/**
 * What was read behind the header and not asked for yet.
 * @param conn a record that has or had its filter on
 * @param bytes set to the payload's beginning, valid until it is read; NULL
 *        when there is none
 * @return bytes there
 */
apr_size_t proxyip_filter_payload(const proxyip_conn_t *conn,
                                  const uint8_t **bytes);

/**
 * Give core's input filter the payload that was read with the header; the
 * socket itself is then inserted by core's own hook.
 * @param c any connection
 * @param bb core's brigade
 * @param csd unused
 * @return AP_DECLINED, so that the other hooks run
 */
apr_status_t proxyip_filter_insert_payload(conn_rec *c,
                                           apr_bucket_brigade *bb,
                                           apr_socket_t *csd);

#endif /* PROXYIP_FILTER_H */
