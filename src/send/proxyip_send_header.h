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
 * The bytes of a header: of a request's, and of a health check's.
 */

#ifndef PROXYIP_SEND_HEADER_H
#define PROXYIP_SEND_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/pp.h"
#include "send/proxyip_send_conf.h"
#include "send/proxyip_send_private.h"

/** A header. */
typedef struct {
    const uint8_t *bytes;
    size_t len;
    pp_header_t fields; /* that it was made of */
} proxyip_send_header_t;

/**
 * Make the header of a request.
 * @param r the request
 * @param client its client connection's record
 * @param conf its settings, which are on
 * @param header filled, in r->pool, on success
 * @return NULL, or why there can be no such header
 */
const char *proxyip_send_header_make(request_rec *r,
                                     proxyip_send_client_t *client,
                                     const proxyip_send_conf_t *conf,
                                     proxyip_send_header_t *header);

/**
 * Make the header of a connection that this server makes for itself.
 * @param c the connection to the backend
 * @param conf the settings, which are on, for checks too
 * @param header filled, in c->pool
 * @return NULL, or why there can be no such header
 */
const char *proxyip_send_header_make_own(conn_rec *c,
                                         const proxyip_send_conf_t *conf,
                                         proxyip_send_header_t *header);

/**
 * How a log tells of a header: "v2 192.0.2.77:40001 198.51.100.1:443".
 * @param header the header
 * @param text room for PROXYIP_SEND_TEXT_MAX
 */
void proxyip_send_header_text(const proxyip_send_header_t *header,
                              char *text);

#endif /* PROXYIP_SEND_HEADER_H */
