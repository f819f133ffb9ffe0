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
 * The connection to a backend: the header before its first byte, and nothing
 * behind it that is another client's.
 */

#ifndef PROXYIP_SEND_WIRE_H
#define PROXYIP_SEND_WIRE_H

#include <util_filter.h>

#include "send/proxyip_send_private.h"

/** What this thread is doing while a scheme handler runs in it. */
typedef struct {
    request_rec *r;
    const void *worker;        /* the one that the handler was given */
    proxyip_send_slot_t *slot; /* NULL: this request's connections begin
                                  without a header */
    const char *text;          /* the header's, for logs */
    int version;               /* the header's */
} proxyip_send_current_t;

/** @return this thread's; NULL outside of scheme handlers */
const proxyip_send_current_t *proxyip_send_wire_current(void);

/**
 * Set it.
 * @param next lives until it is set again
 * @return what it was, to be set again when the handler returns
 */
const proxyip_send_current_t *
proxyip_send_wire_begin(const proxyip_send_current_t *next);

/** Register the filter.
 * @remark for the module's register_hooks */
void proxyip_send_wire_register(void);

/**
 * Remember the settings of a connection that no request is behind.
 * @remark for ssl_bind_outgoing, which is the only hook that learns of them
 */
int proxyip_send_wire_bind(conn_rec *c, ap_conf_vector_t *dirs,
                           int enable_ssl);

/**
 * Add the filter to a connection to a backend.
 * @param c the connection; c->outgoing is set
 * @return OK, or an HTTP error
 * @remark for pre_connection
 */
int proxyip_send_wire_pre_connection(conn_rec *c);

#endif /* PROXYIP_SEND_WIRE_H */
