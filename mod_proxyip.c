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
 * The life of a connection to a listener that is On:
 *
 *  1. pre_connection, before every other module.  The peer's address decides
 *     (ProxyIPPeer): rejected, left alone, or ours.  For ours core's own hook
 *     is run, which installs the network filters, our filter is put on top,
 *     and the row of hooks ends: no other module has met the connection.
 *  2. process_connection, before every other module.  The filter reads what
 *     has come.  While the header, or the first byte behind it, is missing,
 *     the connection goes back to the MPM where that can wait for it, and
 *     takes a worker's time only when bytes arrive.
 *  3. The header is there: the client is adopted, the filter is removed, and
 *     the other modules' pre_connection hooks are run.  From here on the
 *     module costs nothing.
 *  4. Anything wrong: one line in the error log, and the connection is closed
 *     without an answer.
 *
 * Where things are: src/pp_*.c the protocol's bytes; src/proxyip_conf.c
 * directives, _listeners.c start-up checks, _peers.c who may send; _process.c
 * the hooks above, _preconn.c the other modules' hooks, _filter.c reading,
 * _wait.c waiting in the MPM, _conn.c the record and the client's adoption,
 * _log.c the lines about a connection.
 */

#include "src/proxyip_private.h"

#include <ap_mpm.h>
#include <http_connection.h>
#include <http_core.h>
#include <mpm_common.h>

#include "src/proxyip_conf.h"
#include "src/proxyip_filter.h"
#include "src/proxyip_listeners.h"
#include "src/proxyip_preconn.h"
#include "src/proxyip_process.h"
#include "src/proxyip_wait.h"

static int check_config(apr_pool_t *pconf, apr_pool_t *plog,
                        apr_pool_t *ptemp, server_rec *s)
{
    int rc = proxyip_listeners_check(ptemp, s);

    (void)pconf;
    (void)plog;
    /* `-t` never gets as far as post_config. */
    if (rc == OK && ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST) {
        proxyip_listeners_warn(ptemp, s);
    }
    return rc;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog,
                       apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    if (!proxyip_preconn_find(proxyip_process_pre_connection)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, PROXYIP_LOGNO(0008)
                     "core's pre_connection hook was not found behind ours:"
                     " this httpd is not one that mod_proxyip knows");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    proxyip_wait_configure(ptemp);
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG) {
        proxyip_listeners_warn(ptemp, s);
    }
    return OK;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    proxyip_wait_child_init(pchild, s);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    proxyip_wait_stopping(graceful);
}

static void register_hooks(apr_pool_t *p)
{
    /* Before all others: event's own hook stands at REALLY_FIRST, and a
     * module that met the connection before us would meet the peer. */
    const int before_all = APR_HOOK_REALLY_FIRST - 10;

    proxyip_filter_register(p);

    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    /* Late: the hooks' order is final, and other modules' errors come
     * first. */
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);

    ap_hook_pre_connection(proxyip_process_pre_connection, NULL, NULL,
                           before_all);
    ap_hook_process_connection(proxyip_process_connection, NULL, NULL,
                               before_all);
    ap_hook_resume_connection(proxyip_process_resume, NULL, NULL,
                              APR_HOOK_FIRST);
    /* Before core's (APR_HOOK_REALLY_LAST), which adds the socket itself:
     * what we have read of it comes first. */
    ap_hook_insert_network_bucket(proxyip_filter_insert_payload, NULL, NULL,
                                  APR_HOOK_FIRST);
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
