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
 * What a v2 header says beside the addresses: its TLVs.
 *
 * Where TLS ends here, this server's own view of it is told; elsewhere, what
 * came in is handed on.  Nothing is taken from the request's headers, but by
 * an expression of the administrator's.
 */

#include "send/proxyip_send_facts.h"

#include <string.h>

#include <apr_optional.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <http_ssl.h>

#include "mod_proxyip.h"
#include "protocol/pp.h"
#include "send/proxyip_send_client.h"

/* A row that fits its header's length field, with room for addresses, or for
 * the paths of a UNIX header, before it and a checksum behind it. */
#define LARGEST_ROW (65535 - 2 * 108 - 7)

/* NULL where mod_proxyip is not loaded; set in post_config. */
static APR_OPTIONAL_FN_TYPE(proxyip_fact) *get_fact;
static APR_OPTIONAL_FN_TYPE(proxyip_tlv) *get_tlv;

/* TLVs in a buffer that grows. */
typedef struct {
    apr_pool_t *p;
    uint8_t *bytes;
    size_t len;
    size_t size;
    int is_full; /* something did not fit */
} row_t;

void proxyip_send_facts_attach(void)
{
    get_fact = APR_RETRIEVE_OPTIONAL_FN(proxyip_fact);
    get_tlv = APR_RETRIEVE_OPTIONAL_FN(proxyip_tlv);
}

int proxyip_send_facts_dialled(apr_pool_t *p, conn_rec *c, const char **ip,
                               uint16_t *port)
{
    const char *its_ip = get_fact ? get_fact(p, c, "SERVER_ADDR") : NULL;
    const char *its_port = its_ip ? get_fact(p, c, "SERVER_PORT") : NULL;

    if (!its_port) {
        return 0;
    }
    *ip = its_ip;
    *port = (uint16_t)apr_atoi64(its_port);
    return 1;
}

static void add_bytes(row_t *row, int type, const void *value, size_t len)
{
    size_t needed = row->len + 3 + len;

    if (row->is_full || len > LARGEST_ROW || needed > LARGEST_ROW) {
        row->is_full = 1;
        return;
    }
    if (needed > row->size) {
        size_t size = needed < 256 ? 256 : 2 * needed;
        uint8_t *bytes = apr_palloc(row->p, size);

        if (row->len > 0) {
            memcpy(bytes, row->bytes, row->len);
        }
        row->bytes = bytes;
        row->size = size;
    }
    pp_tlv_append(row->bytes, row->size, &row->len, (uint8_t)type, value,
                  (uint16_t)len);
}

/* An empty text is an absent one. */
static void add_text(row_t *row, int type, const char *text)
{
    if (text && *text) {
        add_bytes(row, type, text, strlen(text));
    }
}

static void relay(row_t *row, conn_rec *c, int type)
{
    const unsigned char *value;
    apr_size_t len;

    if (get_tlv && get_tlv(c, type, &value, &len)) {
        add_bytes(row, type, value, len);
    }
}

/* One of mod_ssl's variables; NULL where it has no value. */
static const char *ssl_value(request_rec *r, const char *name)
{
    const char *value = ap_ssl_var_lookup(r->pool, r->server, r->connection,
                                          r, name);

    return value && *value ? value : NULL;
}

/* The client's bits and the result of its certificate's verification
 * (section 2.2.6): the latter is zero only for one that was verified. */
static void set_fixed(request_rec *r, uint8_t *fixed)
{
    const char *verify = ssl_value(r, "SSL_CLIENT_VERIFY");
    const char *resumed = ssl_value(r, "SSL_SESSION_RESUMED");

    memset(fixed, 0, PP_SSL_FIXED);
    fixed[0] = PP_CLIENT_SSL;
    if (verify && strcmp(verify, "NONE") != 0) {
        fixed[0] |= PP_CLIENT_CERT_SESS;
        if (!resumed || strcmp(resumed, "Resumed") != 0) {
            fixed[0] |= PP_CLIENT_CERT_CONN;
        }
    }
    fixed[4] = !verify || strcmp(verify, "SUCCESS") != 0;
}

static void add_ssl(row_t *row, request_rec *r, const char *protocol,
                    int with_cn)
{
    row_t sub = {r->pool, NULL, 0, 0, 0};
    uint8_t fixed[PP_SSL_FIXED];
    uint8_t *whole;

    set_fixed(r, fixed);
    add_text(&sub, PP_SSL_VERSION, protocol);
    add_text(&sub, PP_SSL_CIPHER, ssl_value(r, "SSL_CIPHER"));
    if (with_cn && (fixed[0] & PP_CLIENT_CERT_SESS)) {
        add_text(&sub, PP_SSL_CN, ssl_value(r, "SSL_CLIENT_S_DN_CN"));
    }
    row->is_full |= sub.is_full;
    whole = apr_palloc(r->pool, PP_SSL_FIXED + sub.len);
    memcpy(whole, fixed, PP_SSL_FIXED);
    if (sub.len > 0) {
        memcpy(whole + PP_SSL_FIXED, sub.bytes, sub.len);
    }
    add_bytes(row, PP_TLV_SSL, whole, PP_SSL_FIXED + sub.len);
}

/* Of this connection's own TLS, or, where it has none, what came in. */
static void add_tls(row_t *row, request_rec *r, conn_rec *c, int facts)
{
    const char *protocol = ssl_value(r, "SSL_PROTOCOL");

    if (facts & PROXYIP_SEND_ALPN) {
        if (protocol) {
            add_text(row, PP_TLV_ALPN, ap_get_protocol(c));
        }
        else {
            relay(row, c, PP_TLV_ALPN);
        }
    }
    if (facts & PROXYIP_SEND_AUTHORITY) {
        if (protocol) {
            add_text(row, PP_TLV_AUTHORITY, ssl_value(r, "SSL_TLS_SNI"));
        }
        else {
            relay(row, c, PP_TLV_AUTHORITY);
        }
    }
    if (facts & PROXYIP_SEND_SSL) {
        if (protocol) {
            add_ssl(row, r, protocol, facts & PROXYIP_SEND_CN);
        }
        else {
            relay(row, c, PP_TLV_SSL);
        }
    }
}

static void add_unique_id(row_t *row, proxyip_send_client_t *client)
{
    size_t len = row->len;

    relay(row, proxyip_send_client_conn(client), PP_TLV_UNIQUE_ID);
    if (row->len == len) {
        add_text(row, PP_TLV_UNIQUE_ID,
                 proxyip_send_client_unique_id(client));
    }
}

/* Whether ProxyIPSendTLV has a type to itself. */
static int is_given(const proxyip_send_conf_t *conf, int type)
{
    int i;

    for (i = 0; conf->tlvs && i < conf->tlvs->nelts; i++) {
        if (APR_ARRAY_IDX(conf->tlvs, i, proxyip_send_tlv_t).type == type) {
            return 1;
        }
    }
    return 0;
}

/* What has no name here.  A checksum, padding and a namespace are matters of
 * the hop that they came by. */
static void relay_rest(row_t *row, conn_rec *c,
                       const proxyip_send_conf_t *conf)
{
    int type;

    for (type = 0; get_tlv && type <= 255; type++) {
        switch (type) {
        case PP_TLV_ALPN:
        case PP_TLV_AUTHORITY:
        case PP_TLV_CRC32C:
        case PP_TLV_NOOP:
        case PP_TLV_UNIQUE_ID:
        case PP_TLV_SSL:
        case PP_TLV_NETNS:
            break;
        default:
            if (!is_given(conf, type)) {
                relay(row, c, type);
            }
        }
    }
}

static const char *add_given(row_t *row, request_rec *r,
                             const proxyip_send_conf_t *conf)
{
    int i;

    for (i = 0; conf->tlvs && i < conf->tlvs->nelts; i++) {
        const proxyip_send_tlv_t *tlv;
        const char *error;
        const char *text;

        tlv = &APR_ARRAY_IDX(conf->tlvs, i, proxyip_send_tlv_t);
        text = ap_expr_str_exec(r, tlv->expr, &error);
        if (error) {
            return apr_psprintf(r->pool, "the expression of ProxyIPSendTLV"
                                " 0x%02X has no value: %s",
                                (unsigned int)tlv->type, error);
        }
        add_text(row, tlv->type, text);
    }
    return NULL;
}

const char *proxyip_send_facts_make(request_rec *r,
                                    proxyip_send_client_t *client,
                                    const proxyip_send_conf_t *conf,
                                    const uint8_t **tlvs, size_t *len)
{
    row_t row = {r->pool, NULL, 0, 0, 0};
    conn_rec *c = proxyip_send_client_conn(client);
    int facts = proxyip_send_conf_facts(conf);
    const char *why;

    if (facts & (PROXYIP_SEND_ALPN | PROXYIP_SEND_AUTHORITY
                 | PROXYIP_SEND_SSL)) {
        add_tls(&row, r, c, facts);
    }
    if (facts & PROXYIP_SEND_UNIQUE_ID) {
        add_unique_id(&row, client);
    }
    why = add_given(&row, r, conf);
    if (facts & PROXYIP_SEND_RELAY) {
        relay_rest(&row, c, conf);
    }
    if (!why && row.is_full) {
        why = "its TLVs are longer than a header can be";
    }
    *tlvs = row.bytes;
    *len = row.len;
    return why;
}
