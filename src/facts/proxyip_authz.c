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
 * Require: authorization by what the load balancer said, and by which it was.
 *
 * Arguments are judged and prepared when the configuration is read; a request
 * is only compared.
 */

#include "facts/proxyip_authz.h"

#include <string.h>

#include <ap_provider.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <http_request.h>
#include <mod_auth.h>

#include "facts/proxyip_facts.h"
#include "proxyip_conn.h"
#include "settings/proxyip_peers.h"

/* `proxyip-tlv NAME VALUE ...`, prepared. */
typedef struct {
    const proxyip_fact_t *fact;
    int tlv_type;
    apr_array_header_t *values; /* of const char * */
} wanted_t;

static authz_status check_adopted(request_rec *r, const char *line,
                                  const void *parsed)
{
    (void)line;
    (void)parsed;
    return proxyip_facts_lookup(r->pool, r->connection, "") ? AUTHZ_GRANTED
                                                            : AUTHZ_DENIED;
}

static const char *parse_adopted(cmd_parms *cmd, const char *line,
                                 const void **parsed)
{
    (void)cmd;
    (void)parsed;
    return *line ? "'Require proxyip' takes no arguments" : NULL;
}

static authz_status check_peer(request_rec *r, const char *line,
                               const void *parsed)
{
    const apr_sockaddr_t *peer = proxyip_facts_peer(r->connection);
    pp_addr_t addr;

    (void)line;
    if (!peer) {
        return AUTHZ_DENIED;
    }
    proxyip_conn_read_addr(peer, &addr);
    return proxyip_peers_find(parsed, &addr) ? AUTHZ_GRANTED : AUTHZ_DENIED;
}

/* The ranges of ProxyIPPeer, but it matters only whether one holds. */
static const char *parse_peer(cmd_parms *cmd, const char *line,
                              const void **parsed)
{
    proxyip_peers_t *peers = proxyip_peers_make(cmd->pool);
    const ap_directive_t *here = cmd->directive;
    const char *error = NULL;
    int added = 0;

    while (!error && *line) {
        char *words = ap_getword_conf(cmd->temp_pool, &line);

        error = proxyip_peers_add_words(peers, PROXYIP_REQUIRE, words,
                                        here->filename, here->line_num,
                                        &added);
    }
    if (error) {
        return apr_pstrcat(cmd->pool, "'Require proxyip-peer': ", error,
                           NULL);
    }
    if (!added) {
        return "'Require proxyip-peer' needs addresses or CIDR ranges of load"
               " balancers";
    }
    proxyip_peers_compile(peers);
    *parsed = peers;
    return NULL;
}

static authz_status check_tlv(request_rec *r, const char *line,
                              const void *parsed)
{
    const wanted_t *wanted = parsed;
    const char *value = proxyip_facts_get(r->pool, r->connection,
                                          wanted->fact, wanted->tlv_type);
    int i;

    (void)line;
    if (!value
        || !proxyip_facts_is_proven(r->pool, r->connection, wanted->fact)) {
        return AUTHZ_DENIED;
    }
    for (i = 0; i < wanted->values->nelts; i++) {
        if (strcmp(value, APR_ARRAY_IDX(wanted->values, i, const char *))
            == 0) {
            return AUTHZ_GRANTED;
        }
    }
    return AUTHZ_DENIED;
}

static const char *parse_tlv(cmd_parms *cmd, const char *line,
                             const void **parsed)
{
    wanted_t *wanted = apr_pcalloc(cmd->pool, sizeof(*wanted));
    const char *name = ap_getword_conf(cmd->temp_pool, &line);

    if (!*name || !*line) {
        return "'Require proxyip-tlv' needs a name and one or more values";
    }
    wanted->fact = proxyip_facts_find(name, &wanted->tlv_type);
    if (!wanted->fact) {
        return apr_psprintf(cmd->pool, "'Require proxyip-tlv': '%s' is not"
                            " the name of a PROXYIP_ variable without its"
                            " prefix, such as AWS-VPCE-ID or TLV-EA", name);
    }
    wanted->values = apr_array_make(cmd->pool, 2, sizeof(const char *));
    while (*line) {
        APR_ARRAY_PUSH(wanted->values, const char *) =
            ap_getword_conf(cmd->pool, &line);
    }
    *parsed = wanted;
    return NULL;
}

static const authz_provider provider_adopted = {check_adopted, parse_adopted};
static const authz_provider provider_peer = {check_peer, parse_peer};
static const authz_provider provider_tlv = {check_tlv, parse_tlv};

void proxyip_authz_register(apr_pool_t *p)
{
    /* Decided by the connection: a subrequest or an internal redirect with
     * the same configuration gets the same answer (PER_CONF). */
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "proxyip",
                              AUTHZ_PROVIDER_VERSION, &provider_adopted,
                              AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "proxyip-peer",
                              AUTHZ_PROVIDER_VERSION, &provider_peer,
                              AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "proxyip-tlv",
                              AUTHZ_PROVIDER_VERSION, &provider_tlv,
                              AP_AUTH_INTERNAL_PER_CONF);
}
