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
 * Another module, which asks mod_proxyip as mod_proxyip.h says: in its own
 * pre_connection hook, in a fixup and when a request is logged.  What it is
 * told goes into the headers X-Pre-Connection and X-Fixup, and the error log.
 */

#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include "mod_proxyip.h"

APLOG_USE_MODULE(consumer);

module AP_MODULE_DECLARE_DATA consumer_module;

static APR_OPTIONAL_FN_TYPE(proxyip_fact) *get_fact;
static APR_OPTIONAL_FN_TYPE(proxyip_tlv) *get_tlv;

/* Facts of each kind, a name in small letters, one that does not exist. */
static const char *const names[] = {
    "", "CLIENT_ADDR", "CLIENT_PORT", "SERVER_ADDR", "PEER_ADDR", "PEER_PORT",
    "COMMAND", "AUTHORITY", "authority", "SSL_CN", "AWS_VPCE_ID", "TLV_EA",
    "NO_SUCH_FACT", "PROXYIP_COMMAND"};

static const int types[] = {0x02, 0xea, 0xf0, 0xf1, -1, 256, 0x102};

/* The bytes in hex: `none` without the TLV, `empty` for one without bytes. */
static const char *describe_tlv(apr_pool_t *p, conn_rec *c, int type)
{
    const unsigned char *value = (const unsigned char *)"untouched";
    const unsigned char *const before = value;
    apr_size_t len = 4711;
    const char *text = "";
    apr_size_t i;

    if (!get_tlv(c, type, &value, &len)) {
        return value == before && len == 4711 ? "none" : "touched";
    }
    for (i = 0; i < len; i++) {
        text = apr_psprintf(p, "%s%02x", text, value[i]);
    }
    return len > 0 ? text : "empty";
}

/* All that is told of a connection, as `name=[value] ...`. */
static const char *describe(apr_pool_t *p, conn_rec *c)
{
    const char *text = "";
    size_t i;

    if (!get_fact || !get_tlv) {
        return "mod_proxyip is not loaded";
    }
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = get_fact(p, c, names[i]);

        text = apr_pstrcat(p, text, names[i], "=[", value ? value : "absent",
                           "] ", NULL);
    }
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        text = apr_psprintf(p, "%s%d=[%s] ", text, types[i],
                            describe_tlv(p, c, types[i]));
    }
    return text;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    get_fact = APR_RETRIEVE_OPTIONAL_FN(proxyip_fact);
    get_tlv = APR_RETRIEVE_OPTIONAL_FN(proxyip_tlv);
    return OK;
}

static int pre_connection(conn_rec *c, void *csd)
{
    const char *told = describe(c->pool, c);

    (void)csd;
    ap_set_module_config(c->conn_config, &consumer_module, (void *)told);
    ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, c,
                  "pre_connection outgoing=%d stream=%d client=%s: %s",
                  c->outgoing ? 1 : 0, c->master ? 1 : 0, c->client_ip, told);
    return OK;
}

static int fixup(request_rec *r)
{
    conn_rec *c = r->connection;
    const char *at_start = ap_get_module_config(c->conn_config,
                                                &consumer_module);

    if (at_start) {
        apr_table_setn(r->err_headers_out, "X-Pre-Connection", at_start);
    }
    apr_table_setn(r->err_headers_out, "X-Fixup", describe(r->pool, c));
    return DECLINED;
}

static int log_transaction(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "log_transaction %s: %s",
                  r->uri, describe(r->pool, r->connection));
    return DECLINED;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* As early as a module may be. */
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixup, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA consumer_module = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    register_hooks,
    0
};
