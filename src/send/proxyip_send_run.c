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
 * A request to a backend: its header, the connection that begins with it, and
 * the handler that mod_proxy has for its scheme.
 *
 * mod_proxy's pool of connections knows no clients, and a header names one.
 * So the handlers run on a private worker (proxyip_send_slot.h), whose one
 * connection begins with this request's header.
 */

#include "send/proxyip_send_run.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include "send/proxyip_send_client.h"
#include "send/proxyip_send_conf.h"
#include "send/proxyip_send_header.h"
#include "send/proxyip_send_pool.h"
#include "send/proxyip_send_slot.h"
#include "send/proxyip_send_stats.h"
#include "send/proxyip_send_wire.h"

/* Notes of the request, for logs and expressions. */
#define NOTE_HEADER "PROXYIP_SEND"
#define NOTE_REUSED "PROXYIP_SEND_REUSED"

/* Makes mod_proxy_http ask the backend to close behind the answer. */
#define NO_KEEPALIVE "proxy-nokeepalive"

/* A slot whose handler goes on after it has returned. */
typedef struct {
    proxyip_send_slot_t *slot;
    server_rec *s;
} lent_t;

static int has_scheme(const char *url, const char *scheme)
{
    while (*scheme && apr_tolower(*url) == *scheme) {
        url++;
        scheme++;
    }
    return !*scheme && *url == ':';
}

static int has_scheme_of(const char *url, const char *const *schemes)
{
    for (; *schemes; schemes++) {
        if (has_scheme(url, *schemes)) {
            return 1;
        }
    }
    return 0;
}

int proxyip_send_run_can(const char *url)
{
    static const char *const schemes[] = {"http", "https", "ws",  "wss",
                                          "h2",   "h2c",   NULL};

    return has_scheme_of(url, schemes);
}

const char *proxyip_send_run_instead(const char *url)
{
    static const char *const schemes[] = {"fcgi", "scgi", "ajp", "uwsgi",
                                          NULL};

    return has_scheme_of(url, schemes)
               ? "this protocol carries the client's address itself, as"
                 " REMOTE_ADDR: say ProxyIPSend Off here"
               : "say ProxyIPSend Off here";
}

/* Run the handlers with `current` set.  They include ours, which declines
 * what is its own. */
static int run_handlers(const proxyip_send_current_t *current,
                        proxy_worker *worker, proxy_server_conf *conf,
                        char *url, const char *proxyhost,
                        apr_port_t proxyport)
{
    const proxyip_send_current_t *outer = proxyip_send_wire_begin(current);
    int rc = proxy_run_scheme_handler(current->r, worker, conf, url,
                                      proxyhost, proxyport);

    proxyip_send_wire_begin(outer);
    return rc;
}

static int refuse(request_rec *r, const char *url, const char *proxyhost)
{
    if (!proxyip_send_run_can(url)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, PROXYIP_LOGNO(0101)
                      "refused: no PROXY header can be sent to %s, and"
                      " ProxyIPSend asks for one: %s", url,
                      proxyip_send_run_instead(url));
        return 1;
    }
    if (proxyhost) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, PROXYIP_LOGNO(0102)
                      "refused: no PROXY header can be sent to %s, and"
                      " ProxyIPSend asks for one: ProxyRemote has another"
                      " proxy, %s, between; name the backend in NoProxy, or"
                      " say ProxyIPSend Off here", url, proxyhost);
        return 1;
    }
    return 0;
}

static int log_no_slot(request_rec *r, const proxy_worker *worker,
                       apr_status_t rv)
{
    proxyip_send_stats_count(PROXYIP_SEND_COUNT_REFUSED);
    if (APR_STATUS_IS_TIMEUP(rv)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, PROXYIP_LOGNO(0104)
                      "no connection to %s became free in time: max=%d of"
                      " this child are in use; raise max=, or acquire=, of the"
                      " worker", worker->s->name, worker->s->hmax);
    }
    else {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r, PROXYIP_LOGNO(0109)
                      "no place for a connection to %s could be made",
                      worker->s->name);
    }
    return HTTP_SERVICE_UNAVAILABLE;
}

static apr_status_t take_back(void *data)
{
    const lent_t *lent = data;

    proxyip_send_pool_give(lent->slot, NULL, lent->s);
    return APR_SUCCESS;
}

static void give_back(request_rec *r, proxyip_send_slot_t *slot,
                      proxyip_send_kept_t *kept, int rc)
{
    if (rc == SUSPENDED) {
        lent_t *lent = apr_palloc(r->pool, sizeof(*lent));

        lent->slot = slot;
        lent->s = r->server;
        apr_pool_cleanup_register(r->pool, lent, take_back,
                                  apr_pool_cleanup_null);
        return;
    }
    proxyip_send_pool_give(slot, kept, r->server);
}

/* The request's note of what was sent stays, also where it failed.  Once for
 * each header, because it takes as long as all else that is done here. */
static const char *note(request_rec *r, proxyip_send_slot_t *slot,
                        const proxyip_send_header_t *header, int is_kept)
{
    char *text = proxyip_send_slot_text(slot);

    if (!is_kept) {
        proxyip_send_header_text(header, text);
    }
    text = apr_pstrdup(r->pool, text);
    apr_table_setn(r->notes, NOTE_HEADER, text);
    return text;
}

static int run_on_slot(request_rec *r, proxy_worker *worker,
                       proxy_server_conf *conf, char *url,
                       const proxyip_send_conf_t *settings)
{
    proxyip_send_client_t *client = proxyip_send_client_of(r);
    proxyip_send_kept_t *kept;
    int reuses = proxyip_send_conf_reuses(settings);
    proxyip_send_current_t current = {r, NULL, NULL, NULL,
                                      settings->version};
    proxyip_send_header_t header;
    const char *why;
    apr_status_t rv;
    int is_kept;
    int rc;

    why = client ? proxyip_send_header_make(r, client, settings, &header)
                 : "pre_connection was not run for its client's connection";
    if (why) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, PROXYIP_LOGNO(0103)
                      "refused: no PROXY header can be made for %s: %s", url,
                      why);
        proxyip_send_stats_count(PROXYIP_SEND_COUNT_REFUSED);
        /* Not 500 or 503: mod_proxy would take the worker for broken, and for
         * the other clients too. */
        return HTTP_BAD_GATEWAY;
    }
    kept = proxyip_send_client_kept(client);
    rv = proxyip_send_pool_take(kept, r, worker, header.bytes, header.len,
                                &current.slot, &is_kept);
    if (rv != APR_SUCCESS) {
        return log_no_slot(r, worker, rv);
    }
    current.worker = proxyip_send_slot_worker(current.slot);
    current.text = note(r, current.slot, &header, is_kept);
    if (is_kept) {
        proxyip_send_stats_count(PROXYIP_SEND_COUNT_REUSED);
    }
    rc = run_handlers(&current, proxyip_send_slot_worker(current.slot), conf,
                      url, NULL, 0);
    /* Behind the handlers: they look for notes whose names begin alike. */
    apr_table_setn(r->notes, NOTE_REUSED, is_kept ? "1" : "0");
    give_back(r, current.slot, reuses ? kept : NULL, rc);
    return rc;
}

/* Behind us stand the handlers that would use the shared worker. */
static int send_or_fail(request_rec *r, proxy_worker *worker,
                        proxy_server_conf *conf, char *url,
                        const proxyip_send_conf_t *settings)
{
    int has_set = 0;
    int rc;

    if (!proxyip_send_conf_reuses(settings)
        && !apr_table_get(r->subprocess_env, NO_KEEPALIVE)) {
        apr_table_setn(r->subprocess_env, NO_KEEPALIVE, "1");
        has_set = 1;
    }
    rc = run_on_slot(r, worker, conf, url, settings);
    if (has_set) {
        apr_table_unset(r->subprocess_env, NO_KEEPALIVE);
    }
    if (rc == DECLINED) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, PROXYIP_LOGNO(0110)
                      "refused: no module that is loaded serves %s; it takes"
                      " mod_proxy_http, or mod_proxy_http2 for h2 and h2c, and"
                      " mod_ssl for https, wss and h2", url);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return rc;
}

int proxyip_send_run(request_rec *r, proxy_worker *worker,
                     proxy_server_conf *conf, char *url,
                     const char *proxyhost, apr_port_t proxyport)
{
    const proxyip_send_current_t *outer = proxyip_send_wire_current();
    const proxyip_send_conf_t *settings;
    proxyip_send_current_t none = {r, worker, NULL, NULL, 0};

    if (outer && outer->r == r && outer->worker == worker) {
        return DECLINED; /* called by run_handlers() */
    }
    settings = proxyip_send_conf_get(r->per_dir_config);
    /* A forward proxy's servers are not the administrator's, nor do they
     * expect a header. */
    if (r->proxyreq != PROXYREQ_REVERSE
        || !proxyip_send_conf_is_on(settings)) {
        /* So that what it opens is not taken for a health check's, nor, in a
         * subrequest, for the outer request's. */
        return run_handlers(&none, worker, conf, url, proxyhost, proxyport);
    }
    if (refuse(r, url, proxyhost)) {
        proxyip_send_stats_count(PROXYIP_SEND_COUNT_REFUSED);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return send_or_fail(r, worker, conf, url, settings);
}
