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
 * The life of a connection.
 */

#include "connection/proxyip_process.h"

#include "connection/proxyip_filter.h"
#include "connection/proxyip_preconn.h"
#include "connection/proxyip_server.h"
#include "connection/proxyip_wait.h"
#include "proxyip_conn.h"
#include "report/proxyip_log.h"
#include "report/proxyip_report.h"
#include "report/proxyip_stats.h"
#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"

#include <http_core.h>

static int reject(proxyip_conn_t *conn)
{
    conn->outcome = PROXYIP_REJECTED;
    proxyip_report_closed(conn, NULL, NULL, 0);
    return HTTP_FORBIDDEN; /* no answer: the MPM closes the socket */
}

int proxyip_process_pre_connection(conn_rec *c, void *csd)
{
    const proxyip_conf_t *conf;
    const proxyip_listener_t *listener;
    const proxyip_rule_t *rule;
    proxyip_conn_t *conn;
    pp_addr_t peer;

    if (c->outgoing || c->master) {
        return DECLINED; /* to a backend; a stream of an HTTP/2 connection */
    }
    conf = proxyip_conf_get(c->base_server);
    if (!conf->enabled) {
        return DECLINED;
    }
    proxyip_conn_read_addr(c->client_addr, &peer);
    rule = proxyip_peers_find(conf->peers, &peer);
    listener = proxyip_listeners_of(c);
    if (rule && rule->policy == PROXYIP_DIRECT) {
        proxyip_stats_count_direct(listener);
        return DECLINED;
    }
    conn = proxyip_conn_make(c, listener, conf, rule);
    if (!rule || rule->policy == PROXYIP_REJECT) {
        return reject(conn);
    }
    ap_set_module_config(c->conn_config, &proxyip_module, conn);
    proxyip_preconn_run_core(c, csd);
    proxyip_filter_add(conn, csd);
    return DONE;
}

static int close_connection(proxyip_conn_t *conn)
{
    conn_rec *c = conn->c;

    conn->is_over = 1;
    c->aborted = 1;
    if (c->cs) {
        c->cs->state = CONN_STATE_LINGER;
    }
    return OK;
}

/* Without a worker where the MPM can.  One case it cannot: the MPM calls
 * back when there is something to read, and where the server is to speak
 * first (ProxyIPDefer Off) a silent optional peer must be served before. */
static int must_block(const proxyip_conn_t *conn)
{
    return !proxyip_wait_is_possible() || !conn->c->cs
           || (conn->rule->policy == PROXYIP_OPTIONAL
               && !conn->conf->defer_us);
}

static int return_to_mpm(proxyip_conn_t *conn)
{
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
    proxyip_filter_wait(conn);
    conn->c->cs->state = CONN_STATE_ASYNC_WAITIO;
    conn->c->cs->sense = CONN_SENSE_WANT_READ;
    return OK;
#else
    return close_connection(conn); /* not reached: must_block() */
#endif
}

/* The header's part ends here; to the other modules it is as if the client
 * had made the connection. */
static int hand_over(proxyip_conn_t *conn)
{
    conn_rec *c = conn->c;
    const uint8_t *payload;
    apr_size_t len;
    int rc;

    if (proxyip_filter_finish(conn) != PROXYIP_READ_READY) {
        return close_connection(conn);
    }
    proxyip_conn_adopt(conn);
    len = proxyip_filter_payload(conn, &payload);
    proxyip_report_taken(conn, payload, len);
    /* Last: what was logged up to here is the listener's. */
    proxyip_server_adopt(conn);
    conn->is_over = 1;
    rc = proxyip_preconn_run_rest(c, ap_get_conn_socket(c));
    if (rc != OK) {
        proxyip_log_refused(conn, rc);
        return close_connection(conn);
    }
    return DECLINED;
}

int proxyip_process_connection(conn_rec *c)
{
    proxyip_conn_t *conn = proxyip_conn_get(c);

    if (!conn || conn->is_over) {
        return DECLINED;
    }
    switch (proxyip_filter_advance(conn, must_block(conn))) {
    case PROXYIP_READ_WAIT:
        return return_to_mpm(conn);
    case PROXYIP_READ_FAILED:
        return close_connection(conn);
    case PROXYIP_READ_READY:
        break;
    }
    return hand_over(conn);
}

void proxyip_process_resume(conn_rec *c, request_rec *r)
{
    proxyip_conn_t *conn = proxyip_conn_get(c);

    (void)r;
    /* Also called when the socket is readable; then process_connection is
     * next, in another state. */
    if (conn && !conn->is_over && c->cs
        && c->cs->state == CONN_STATE_LINGER) {
        conn->is_over = 1;
        proxyip_filter_fail(conn, PROXYIP_MPM_TIMED_OUT);
    }
}
