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
 * mod_proxyip_send: sends PROXY headers to mod_proxy's backends.
 *
 * The life of a request to a backend, where ProxyIPSend says v1 or v2:
 *
 *  1. mod_proxy has chosen a worker and runs its scheme handlers; ours comes
 *     first.  It makes this request's header.
 *  2. A private worker takes the real one's place, in which it shares all but
 *     the connections: the one whose connection was kept for this client
 *     connection and begins with the very same header, or one without a
 *     connection.  mod_proxy's own handlers run on it.
 *  3. Whenever they open a connection, the header goes into its lowest
 *     filter, before the first byte, TLS's included.
 *  4. The private worker is given back: its connection is kept for this
 *     client connection and closed with it, or closed at once.
 *
 * Its rule: no request leaves under another client's header, and none without
 * one.  What cannot keep it is refused.
 *
 * Where things are, in src/send/: conf (directives), targets (what ProxyPass
 * leads to), checks (start-up), dump (DUMP_PROXYIP); run (1 and 2), header (the
 * bytes), facts (its TLVs), client (the record of a client connection), pool
 * (who has which private worker), slot (one private worker), wire (3, and
 * health checks); stats (mod_status).
 */

#include "send/proxyip_send_private.h"

#include <http_connection.h>
#include <http_ssl.h>
#include <mod_proxy.h>
#include <mod_status.h>

#include "send/proxyip_send_checks.h"
#include "send/proxyip_send_client.h"
#include "send/proxyip_send_conf.h"
#include "send/proxyip_send_dump.h"
#include "send/proxyip_send_facts.h"
#include "send/proxyip_send_pool.h"
#include "send/proxyip_send_run.h"
#include "send/proxyip_send_stats.h"
#include "send/proxyip_send_wire.h"

static int check_config(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    return proxyip_send_checks_run(ptemp, s);
}

static void test_config(apr_pool_t *pconf, server_rec *s)
{
    proxyip_send_dump(pconf, s);
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    proxyip_send_facts_attach();
    proxyip_send_checks_note_sections(s);
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        proxyip_send_stats_attach(s);
    }
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    (void)s;
    proxyip_send_pool_child_init(pchild);
}

static int pre_connection(conn_rec *c, void *csd)
{
    (void)csd;
    if (c->outgoing) {
        return proxyip_send_wire_pre_connection(c);
    }
    if (!c->master) {
        proxyip_send_client_make(c);
    }
    return OK;
}

/* What each request and connection would run through for nothing is there
 * only where a ProxyIPSend wants it. */
static void add_hooks(void)
{
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* Behind mod_proxyip's part. */
    ap_hook_test_config(test_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, proxyip_send_stats_show, NULL, NULL,
                      APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    /* In any place: filters stand where their type says, and mod_proxyip has
     * read what came in before all others. */
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_close_connection(proxyip_send_client_pre_close, NULL, NULL,
                                 APR_HOOK_MIDDLE);
    /* Before mod_ssl's, which may answer. */
    ap_hook_ssl_bind_outgoing(proxyip_send_wire_bind, NULL, NULL,
                              APR_HOOK_REALLY_FIRST);
    /* Before all of mod_proxy's, which it runs itself. */
    proxy_hook_scheme_handler(proxyip_send_run, NULL, NULL,
                              APR_HOOK_REALLY_FIRST);
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    proxyip_send_conf_begin(add_hooks);
    proxyip_send_wire_register();
}

module AP_MODULE_DECLARE_DATA proxyip_send_module = {
    STANDARD20_MODULE_STUFF,
    proxyip_send_conf_create,     /* per-directory configuration */
    proxyip_send_conf_merge,      /* its merge */
    NULL,                         /* per-server configuration: none */
    NULL,                         /* its merge */
    proxyip_send_conf_directives, /* directives */
    register_hooks,               /* hooks */
    AP_MODULE_FLAG_NONE
};
