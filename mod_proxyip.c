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
 * mod_proxyip: takes the PROXY protocol header off a connection and makes
 * the client it names the connection's client.
 *
 * The life of a connection to a listener that is On, nearly all of it in our
 * pre_connection hook, which runs before every other module's:
 *
 *  1. The peer's address decides (ProxyIPPeer): rejected, left alone, or ours.
 *     The bytes that have come are looked at, and stay in the socket.
 *  2. The header is there, and a first byte behind it: the client that it
 *     names becomes the connection's, and the other modules meet the
 *     connection in httpd's own order, as if the client had made it.  The
 *     header is taken off before anybody reads (process_connection).  From
 *     there the module costs nothing.
 *  3. They are not there: the connection leaves the MPM for the lobby, which
 *     waits without a worker, and comes back as one just accepted: at 1.
 *     Where there is no lobby, the worker waits here.
 *  4. Where the header comes inside TLS (ProxyIPInTLS), 1 and 3 wait for TLS
 *     alone; the other modules meet the connection as the balancer's, and 2
 *     happens behind mod_ssl's handshake (process_connection).
 *  5. Anything wrong: one line in the error log, and the connection is closed
 *     without an answer.
 *
 * Where things are, in src/, by rooms; none looks into one that stands below
 * it in this list:
 *   protocol     the protocol's bytes, and nothing of httpd
 *   settings     conf (directives), peers (who may send), listeners (what
 *                settings belong to), checks (start-up)
 *   (src itself) conn (the record of one connection, which all rooms share)
 *   report       report (what operators learn of a connection), log (its
 *                lines), flood (lines that repeat), block (memory that all
 *                processes share); in it counters, refusals (and warnings of
 *                them) and children (who waits where); start (the version),
 *                status (mod_status), dump (DUMP_PROXYIP)
 *   facts        facts (all by name), vars (expressions, logs, environment),
 *                authz (Require)
 *   connection   process (the hook above), look (bytes without taking them),
 *                adopt, strip (taking the header off), server
 *                (ProxyIPServerAddr), https (ProxyIPHTTPS); in_tls
 *                (ProxyIPInTLS), unread (giving back what was read), alarm
 *                (waiting in the MPM); wait (in a worker), stage (for how
 *                long); lobby (waiting outside the MPM), and its parts:
 *                lobby_start (is there one), lobby_policy (what to do next),
 *                waiter (who waits), watch (for bytes), back (into the MPM),
 *                handover (to other children), leave (when the child stops)
 *   send         the second module, mod_proxyip_send, with a list of its own
 */

#include "proxyip_private.h"

#include <ap_mpm.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_ssl.h>
#include <mod_status.h>
#include <mpm_common.h>

#include "connection/proxyip_https.h"
#include "connection/proxyip_in_tls.h"
#include "connection/proxyip_lobby.h"
#include "connection/proxyip_lobby_start.h"
#include "connection/proxyip_process.h"
#include "connection/proxyip_strip.h"
#include "connection/proxyip_unread.h"
#include "connection/proxyip_wait.h"
#include "facts/proxyip_authz.h"
#include "facts/proxyip_facts.h"
#include "facts/proxyip_vars.h"
#include "report/proxyip_block.h"
#include "report/proxyip_children.h"
#include "report/proxyip_dump.h"
#include "report/proxyip_flood.h"
#include "report/proxyip_refusals.h"
#include "report/proxyip_start.h"
#include "report/proxyip_status.h"
#include "settings/proxyip_checks.h"
#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    proxyip_vars_register_logs(pconf);
    return OK;
}

static int check_config(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s)
{
    const apr_array_header_t *listeners = proxyip_listeners_find(ptemp, s);
    int is_test = ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
    int rc = proxyip_checks_run(ptemp, s, listeners);

    (void)plog;
    proxyip_lobby_check_config(pconf, s);
    /* `-t` never gets as far as post_config, and where this fails not even to
     * test_config: who looks for the mistake is shown the settings here. */
    if (is_test && rc == OK) {
        proxyip_checks_warn(ptemp, s, listeners);
    }
    else if (is_test) {
        proxyip_dump(ptemp, s, proxyip_lobby_describe(ptemp));
    }
    return rc;
}

static void test_config(apr_pool_t *pconf, server_rec *s)
{
    proxyip_dump(pconf, s, proxyip_lobby_describe(pconf));
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        const apr_array_header_t *listeners;

        listeners = proxyip_listeners_attach(pconf, s);
        proxyip_block_attach(s, listeners);
        proxyip_refusals_attach(listeners);
        proxyip_start_announce(s, listeners);
        proxyip_checks_warn(ptemp, s, listeners);
        proxyip_lobby_post_config(plog, ptemp, s);
    }
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    proxyip_children_init();
    proxyip_flood_child_init(pchild);
    proxyip_lobby_child_init(pchild, s);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    proxyip_wait_stopping(graceful);
    proxyip_lobby_stopping(graceful);
}

static void add_env_hooks(void)
{
    /* Before mod_setenvif and mod_rewrite (both APR_HOOK_MIDDLE or later),
     * whose conditions read the environment. */
    ap_hook_post_read_request(proxyip_vars_set_env, NULL, NULL,
                              APR_HOOK_FIRST);
}

/* Before all others: event's own hook is at REALLY_FIRST, and a module that
 * met the connection before us would meet the peer. */
#define BEFORE_ALL (APR_HOOK_REALLY_FIRST - 10)

static void add_in_tls_hooks(void)
{
    /* Behind mod_ssl's (MIDDLE), in which it shakes hands, and before
     * mod_http2's (LAST), which looks for its preface. */
    static const char *const mod_ssl[] = {"mod_ssl.c", NULL};

    proxyip_unread_register();
    ap_hook_pre_connection(proxyip_in_tls_pre_connection, NULL, NULL,
                           BEFORE_ALL + 1);
    ap_hook_process_connection(proxyip_in_tls_process_connection, mod_ssl,
                               NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(proxyip_in_tls_child_init, NULL, NULL,
                       APR_HOOK_MIDDLE);
}

static void add_https_hooks(void)
{
    /* After mod_http2's second hook, which is at LAST.  A number, because the
     * name of a module stands for the first of its hooks only. */
    const int after_http2 = APR_HOOK_LAST + 5;

    /* The order of these three does not matter: mod_ssl answers for its own
     * connections only, and core answers at REALLY_LAST. */
    ap_hook_ssl_conn_is_ssl(proxyip_https_conn_is_ssl, NULL, NULL,
                            APR_HOOK_MIDDLE);
    ap_hook_http_scheme(proxyip_https_scheme, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_default_port(proxyip_https_default_port, NULL, NULL,
                         APR_HOOK_MIDDLE);
    /* After mod_http2, which looks for its preface, and before core
     * (APR_HOOK_REALLY_LAST), which reads requests. */
    ap_hook_process_connection(proxyip_https_process_connection, NULL, NULL,
                               after_http2);
    /* Before mod_headers' `early` (FIRST) and mod_setenvif (MIDDLE), which
     * read the environment and may take HTTPS out of it again. */
    ap_hook_post_read_request(proxyip_https_post_read_request, NULL, NULL,
                              APR_HOOK_REALLY_FIRST);
}

/* These hooks run for each request, so they are added only where a directive
 * needs them. */
static void add_hooks_for(proxyip_setting_t setting)
{
    if (setting == PROXYIP_SET_ENV) {
        add_env_hooks();
    }
    else if (setting == PROXYIP_SET_HTTPS) {
        add_https_hooks();
    }
    else if (setting == PROXYIP_SET_IN_TLS) {
        add_in_tls_hooks();
    }
}

static void register_hooks(apr_pool_t *p)
{
    proxyip_conf_begin(add_hooks_for);
    proxyip_authz_register(p);
    proxyip_facts_export();

    /* All modules are loaded, no log format is parsed yet. */
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(test_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* Right behind event's (APR_HOOK_REALLY_FIRST), which counts listeners. */
    ap_hook_open_logs(proxyip_lobby_open_logs, NULL, NULL, APR_HOOK_FIRST);
    /* Late: other modules' errors come first. */
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(proxyip_children_status, NULL, NULL,
                         APR_HOOK_MIDDLE);
    ap_hook_monitor(proxyip_refusals_monitor, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, proxyip_status_show, NULL, NULL,
                      APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);

    ap_hook_pre_connection(proxyip_process_pre_connection, NULL, NULL,
                           BEFORE_ALL);
    /* Before mod_ssl reads for its handshake and mod_http2 for its preface. */
    ap_hook_process_connection(proxyip_strip_process_connection, NULL, NULL,
                               BEFORE_ALL);
    ap_hook_expr_lookup(proxyip_vars_expr_lookup, NULL, NULL,
                        APR_HOOK_MIDDLE);
    /* Late: every module has registered its `Require` words, and none has
     * been looked up. */
    ap_hook_pre_config(proxyip_https_pre_config, NULL, NULL, APR_HOOK_LAST);
}

module AP_MODULE_DECLARE_DATA proxyip_module = {
    STANDARD20_MODULE_STUFF,
    NULL,                    /* per-directory configuration: none */
    NULL,                    /* its merge */
    proxyip_conf_create,     /* per-server configuration */
    proxyip_conf_merge,      /* its merge */
    proxyip_conf_directives, /* directives */
    register_hooks,          /* hooks */
    AP_MODULE_FLAG_NONE
};
