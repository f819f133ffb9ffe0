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
 * ProxyIPHTTPS: making httpd itself believe that a connection is https when
 * TLS ended at the load balancer.
 *
 * Everything in httpd that asks goes one of these ways, and each has a hook
 * here: ssl_conn_is_ssl (%{HTTPS} in expressions and mod_rewrite, mod_md,
 * mod_lua, AJP), http_scheme and default_port (REQUEST_SCHEME, URLs that the
 * server makes of itself), the variable HTTPS, and `Require ssl`.  What asks
 * OpenSSL, mod_ssl's own variables and SSLRequireSSL, cannot be told.
 *
 * The header was taken before any of them can ask, and it does not change:
 * the answer is found anew each time rather than kept, because it is one
 * comparison, or a walk over TLVs that were validated.
 */

#include "connection/proxyip_https.h"

#include <string.h>

#include <ap_provider.h>
#include <http_ssl.h>
#include <mod_auth.h>

#include "protocol/pp.h"
#include "proxyip_conn.h"
#include "settings/proxyip_conf.h"

/* mod_ssl's `Require ssl`; written by pre_config, NULL without mod_ssl. */
static const authz_provider *mod_ssl_require;

/* Of duplicates the first counts. */
static int tlv_says_tls(const pp_header_t *header)
{
    pp_tlv_t tlv;

    return pp_tlv_find_ssl(header->tlvs, header->tlvs_len, &tlv, NULL)
           && (tlv.value[0] & PP_CLIENT_SSL) != 0;
}

static int is_https(const proxyip_conn_t *conn)
{
    if (!conn->has_header || conn->header.command != PP_PROXY) {
        return 0; /* a health checker's, or the balancer's own */
    }
    switch (conn->conf->https) {
    case PROXYIP_HTTPS_ON:
        return 1;
    case PROXYIP_HTTPS_TLV:
        return tlv_says_tls(&conn->header);
    case PROXYIP_HTTPS_PORT:
        /* 0, which no setting has, where the header has no addresses */
        return conn->header.dst_port == conn->conf->https_port;
    case PROXYIP_HTTPS_OFF:
    case PROXYIP_HTTPS_UNSET:
        break;
    }
    return 0;
}

/* The record to ask, NULL where the answer is no without asking. */
static proxyip_conn_t *conn_to_ask(const conn_rec *c)
{
    proxyip_conn_t *conn = proxyip_conn_get(c->master ? c->master : c);

    return conn && conn->conf->https != PROXYIP_HTTPS_OFF ? conn : NULL;
}

/* Whether a connection is https because its header was taken and ProxyIPHTTPS
 * says so; not for TLS that ends in this server alone. */
static int holds(const conn_rec *c)
{
    const proxyip_conn_t *conn = conn_to_ask(c);

    return conn && is_https(conn);
}

int proxyip_https_conn_is_ssl(conn_rec *c)
{
    const proxyip_conn_t *conn = conn_to_ask(c);

    /* A stream exists only once mod_http2 has found its preface. */
    if (!conn || !(c->master || conn->is_left_to_http1)) {
        return DECLINED;
    }
    return is_https(conn) ? OK : DECLINED;
}

int proxyip_https_process_connection(conn_rec *c)
{
    proxyip_conn_t *conn = conn_to_ask(c);

    /* A stream's record is its connection's, which is another thread's. */
    if (conn && !c->master) {
        conn->is_left_to_http1 = 1;
    }
    return DECLINED;
}

/* TLS ends in this server as well. */
static int is_mod_ssls(request_rec *r)
{
    const char *https = ap_ssl_var_lookup(r->pool, r->server, r->connection,
                                          r, "HTTPS");

    return https && strcmp(https, "on") == 0;
}

/* A URL that the server makes of itself has the port of Host, else that of
 * ServerName, else that of <VirtualHost>: the listener's, which the client
 * did not dial.  Without one in Host the client dialled https's own. */
static void correct_port(request_rec *r)
{
    if (!r->parsed_uri.port_str
        && r->server->port == r->connection->local_addr->port
        && !is_mod_ssls(r)) {
        r->parsed_uri.port = DEFAULT_HTTPS_PORT;
        r->parsed_uri.port_str = "443";
    }
}

int proxyip_https_post_read_request(request_rec *r)
{
    if (holds(r->connection)) {
        apr_table_setn(r->subprocess_env, "HTTPS", "on");
        correct_port(r);
    }
    return DECLINED;
}

const char *proxyip_https_scheme(const request_rec *r)
{
    return holds(r->connection) ? "https" : NULL;
}

apr_port_t proxyip_https_default_port(const request_rec *r)
{
    return holds(r->connection) ? DEFAULT_HTTPS_PORT : 0;
}

static authz_status check_require_ssl(request_rec *r,
                                      const char *require_line,
                                      const void *parsed)
{
    if (holds(r->connection)) {
        return AUTHZ_GRANTED;
    }
    return mod_ssl_require->check_authorization(r, require_line, parsed);
}

static const char *parse_require_ssl(cmd_parms *cmd, const char *require_line,
                                     const void **parsed)
{
    return mod_ssl_require->parse_require_line
               ? mod_ssl_require->parse_require_line(cmd, require_line, parsed)
               : NULL;
}

static const authz_provider require_ssl = {
    check_require_ssl,
    parse_require_ssl
};

int proxyip_https_pre_config(apr_pool_t *pconf, apr_pool_t *plog,
                             apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    mod_ssl_require = ap_lookup_provider(AUTHZ_PROVIDER_GROUP, "ssl",
                                         AUTHZ_PROVIDER_VERSION);
    if (mod_ssl_require) {
        /* Not ap_register_auth_provider(): it counts providers, and this
         * one takes another's place. */
        ap_register_provider(pconf, AUTHZ_PROVIDER_GROUP, "ssl",
                             AUTHZ_PROVIDER_VERSION, &require_ssl);
    }
    return OK;
}
