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
 * The record of one client connection: what was kept open to backends for it,
 * and what is said of it in each header.
 */

#ifndef PROXYIP_SEND_CLIENT_H
#define PROXYIP_SEND_CLIENT_H

#include "send/proxyip_send_pool.h"
#include "send/proxyip_send_private.h"

/**
 * Give a client's connection its record.
 * @param c the connection, not one to a backend nor an HTTP/2 stream's
 * @remark for pre_connection
 */
void proxyip_send_client_make(conn_rec *c);

/**
 * The record of the client connection that a request came by.
 * @param r the request; of HTTP/2, the stream's
 * @return the record; NULL where pre_connection has made none
 */
proxyip_send_client_t *proxyip_send_client_of(const request_rec *r);

/** @return the client's connection */
conn_rec *proxyip_send_client_conn(const proxyip_send_client_t *client);

/** @return what is kept open for it */
proxyip_send_kept_t *
proxyip_send_client_kept(const proxyip_send_client_t *client);

/**
 * An identifier of the connection that no other has, made at the first call.
 * @param client the record
 * @return 32 hex digits, as long-lived as the connection
 */
const char *proxyip_send_client_unique_id(proxyip_send_client_t *client);

/**
 * Close what is kept open for a client that closes.
 * @param c any connection
 * @remark for pre_close_connection
 */
int proxyip_send_client_pre_close(conn_rec *c);

#endif /* PROXYIP_SEND_CLIENT_H */
