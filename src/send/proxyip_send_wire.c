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
 *
 * mod_proxy opens and opens again on its own, in the middle of a scheme
 * handler; every connection that it makes passes pre_connection, in the thread
 * that the handler runs in.  So the header goes where nothing can pass it by:
 * into a filter of the connection.
 *
 * The filter is the second of two locks.  The first is that a slot is kept
 * for one client and one header (proxyip_send_pool.c); this one looks at each
 * write, and ends the connection rather than let a byte of another request
 * through.
 */

#include "send/proxyip_send_wire.h"

#include <apr_buckets.h>

#include "send/proxyip_send_conf.h"
#include "send/proxyip_send_header.h"
#include "send/proxyip_send_slot.h"
#include "send/proxyip_send_stats.h"

#define FILTER_NAME "PROXYIP_SEND"

/* Directly above core's own (AP_FTYPE_NETWORK), so that TLS and all else is
 * above it, and the header is the first thing on the wire, in clear. */
#define FILTER_TYPE ((ap_filter_type)(AP_FTYPE_NETWORK - 1))

/* A connection to a backend. */
typedef struct {
    const proxyip_send_conf_t *check; /* a connection that may be a check's */
    const proxyip_send_slot_t *slot;  /* NULL for a check */
    apr_uint32_t serial;              /* of the slot, at the beginning */
    const uint8_t *head;              /* in c->pool; NULL once it is written */
    apr_size_t len;
} wire_t;

static __thread const proxyip_send_current_t *current;

const proxyip_send_current_t *proxyip_send_wire_current(void)
{
    return current;
}

const proxyip_send_current_t *
proxyip_send_wire_begin(const proxyip_send_current_t *next)
{
    const proxyip_send_current_t *last = current;

    current = next;
    return last;
}

static wire_t *wire_of(conn_rec *c)
{
    wire_t *wire = ap_get_module_config(c->conn_config, &proxyip_send_module);

    if (!wire) {
        wire = apr_pcalloc(c->pool, sizeof(*wire));
        ap_set_module_config(c->conn_config, &proxyip_send_module, wire);
    }
    return wire;
}

/* What is written belongs to the request that the connection was opened for,
 * or to nobody, as when it is shut down. */
static int is_own(const wire_t *wire)
{
    if (!wire->slot || proxyip_send_slot_is_closing(wire->slot)) {
        return 1;
    }
    return wire->serial == proxyip_send_slot_serial(wire->slot)
           && (!current || current->slot == wire->slot);
}

static apr_status_t write_header(ap_filter_t *f, apr_bucket_brigade *bb)
{
    wire_t *wire = f->ctx;

    if (!is_own(wire)) {
        ap_log_cerror(APLOG_MARK, APLOG_CRIT, 0, f->c, PROXYIP_LOGNO(0105)
                      "closed: a request was about to leave on a connection"
                      " that was opened for another client; nothing of it was"
                      " sent. This is a fault of mod_proxyip_send, or of a"
                      " module that writes to connections of mod_proxy's:"
                      " please report it; ProxyIPSendReuse Off avoids it");
        apr_brigade_cleanup(bb);
        f->c->aborted = 1;
        return APR_ECONNABORTED;
    }
    /* A connection that ends without a byte ends without a header. */
    if (wire->head && !APR_BRIGADE_EMPTY(bb)
        && !AP_BUCKET_IS_EOC(APR_BRIGADE_FIRST(bb))) {
        apr_bucket *header;

        header = apr_bucket_pool_create((const char *)wire->head, wire->len,
                                        f->c->pool, f->c->bucket_alloc);
        APR_BRIGADE_INSERT_HEAD(bb, header);
        wire->head = NULL;
    }
    return ap_pass_brigade(f->next, bb);
}

void proxyip_send_wire_register(void)
{
    ap_register_output_filter(FILTER_NAME, write_header, NULL, FILTER_TYPE);
}

int proxyip_send_wire_bind(conn_rec *c, ap_conf_vector_t *dirs,
                           int enable_ssl)
{
    (void)enable_ssl;
    /* mod_proxy binds once more for each request on a kept connection. */
    if (!current && dirs
        && !ap_get_module_config(c->conn_config, &proxyip_send_module)) {
        wire_of(c)->check = proxyip_send_conf_get(dirs);
    }
    return DECLINED; /* another module's to answer */
}

/* A connection that no request is behind: mod_proxy_hcheck's. */
static int begin_check(conn_rec *c, const proxyip_send_conf_t *conf)
{
    wire_t *wire = wire_of(c);
    proxyip_send_header_t header;
    char text[PROXYIP_SEND_TEXT_MAX];
    const char *why;

    if (!proxyip_send_conf_is_on(conf)
        || proxyip_send_conf_check(conf) == PROXYIP_SEND_CHECK_OFF) {
        return OK;
    }
    why = proxyip_send_header_make_own(c, conf, &header);
    if (why) {
        ap_log_cerror(APLOG_MARK, APLOG_ERR, 0, c, PROXYIP_LOGNO(0106)
                      "closed: no PROXY header for a health check: %s", why);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    proxyip_send_header_text(&header, text);
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, c, PROXYIP_LOGNO(0107)
                  "a connection of httpd's own to %pI begins with a PROXY"
                  " header: %s", c->client_addr, text);
    wire->head = header.bytes;
    wire->len = header.len;
    proxyip_send_stats_count(PROXYIP_SEND_COUNT_CHECKS);
    ap_add_output_filter(FILTER_NAME, wire, NULL, c);
    return OK;
}

int proxyip_send_wire_pre_connection(conn_rec *c)
{
    const uint8_t *head;
    wire_t *wire;
    size_t len;

    if (!current) {
        wire = ap_get_module_config(c->conn_config, &proxyip_send_module);
        return wire && wire->check ? begin_check(c, wire->check) : OK;
    }
    if (!current->slot) {
        return OK;
    }
    wire = wire_of(c);
    head = proxyip_send_slot_head(current->slot, &len);
    wire->slot = current->slot;
    wire->serial = proxyip_send_slot_serial(current->slot);
    wire->head = apr_pmemdup(c->pool, head, len);
    wire->len = len;
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, c, PROXYIP_LOGNO(0108)
                  "a connection to %pI begins with a PROXY header: %s",
                  c->client_addr, current->text);
    proxyip_send_stats_count(current->version == 1 ? PROXYIP_SEND_COUNT_V1
                                                   : PROXYIP_SEND_COUNT_V2);
    ap_add_output_filter(FILTER_NAME, wire, NULL, c);
    return OK;
}
