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
 * The section that mod_status shows of the counters.
 */

#include "report/proxyip_status.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "report/proxyip_block.h"
#include "report/proxyip_children.h"
#include "report/proxyip_counters.h"
#include "report/proxyip_refusals.h"
#include "version.h"

static apr_uint64_t total_of(int which)
{
    apr_uint64_t total = 0;
    int n;

    for (n = 0; n < proxyip_block_rows(); n++) {
        total += proxyip_counters_read(n, which);
    }
    return total;
}

static const char *time_text(apr_pool_t *p, apr_time_t time)
{
    return ap_ht_time(p, time, "%Y-%m-%dT%H:%M:%SZ", 1);
}

static const char *reason_text(apr_pool_t *p, const proxyip_refused_t *last)
{
    return last->why ? apr_pstrcat(p, last->what, ": ", last->why, NULL)
                     : last->what;
}

static void show_totals(request_rec *r)
{
    proxyip_refused_t last;
    const char *name;
    int i;

    ap_rputs("ProxyIPVersion: " PROXYIP_VERSION "\n", r);
    for (i = 0; (name = proxyip_counters_name(i)) != NULL; i++) {
        ap_rprintf(r, "ProxyIP%s: %" APR_UINT64_T_FMT "\n", name,
                   total_of(i));
    }
    ap_rprintf(r, "ProxyIPWaiting: %u\n", proxyip_children_waiting());
    if (proxyip_refusals_last(&last)) {
        ap_rprintf(r, "ProxyIPLastRefusedPeer: %s\n"
                   "ProxyIPLastRefusedReason: %s\n"
                   "ProxyIPLastRefusedListener: %s\n"
                   "ProxyIPLastRefusedTime: %s\n",
                   last.peer_ip, reason_text(r->pool, &last), last.listener,
                   time_text(r->pool, last.time));
    }
}

/* `ProxyIPListener[0]AcceptedV1: 7`, after mod_proxy's
 * `ProxyBalancer[0]Name: ...`. */
static void show_listener_keys(request_rec *r, int n)
{
    const char *name;
    int i;

    ap_rprintf(r, "ProxyIPListener[%d]Name: %s\n", n,
               proxyip_block_name(proxyip_block_row(n)));
    for (i = 0; (name = proxyip_counters_name(i)) != NULL; i++) {
        ap_rprintf(r, "ProxyIPListener[%d]%s: %" APR_UINT64_T_FMT "\n", n,
                   name, proxyip_counters_read(n, i));
    }
}

static void show_keys(request_rec *r, int is_extended)
{
    int n;

    show_totals(r);
    for (n = 0; is_extended && n < proxyip_block_rows(); n++) {
        show_listener_keys(r, n);
    }
}

/* `?notable` */
static void show_list(request_rec *r)
{
    const char *name;
    int i;

    ap_rputs("<dl>\n", r);
    for (i = 0; (name = proxyip_counters_name(i)) != NULL; i++) {
        ap_rprintf(r, "<dt>%s: %" APR_UINT64_T_FMT "</dt>\n", name,
                   total_of(i));
    }
    ap_rprintf(r, "<dt>Waiting: %u</dt>\n</dl>\n",
               proxyip_children_waiting());
}

static void show_names(request_rec *r)
{
    const char *name;
    int i;

    ap_rputs("<table border=\"1\">\n<tr><th>Listener</th>", r);
    for (i = 0; (name = proxyip_counters_name(i)) != NULL; i++) {
        ap_rprintf(r, "<th>%s</th>", name);
    }
    ap_rputs("<th>Waiting</th></tr>\n", r);
}

/* Who waits is counted by child, not by listener. */
static void show_listener_row(request_rec *r, int n)
{
    const char *name = proxyip_block_name(proxyip_block_row(n));
    int i;

    ap_rprintf(r, "<tr><td>%s</td>", ap_escape_html(r->pool, name));
    for (i = 0; proxyip_counters_name(i); i++) {
        ap_rprintf(r, "<td>%" APR_UINT64_T_FMT "</td>",
                   proxyip_counters_read(n, i));
    }
    ap_rputs("<td></td></tr>\n", r);
}

static void show_table(request_rec *r, int is_extended)
{
    int n;
    int i;

    show_names(r);
    for (n = 0; is_extended && n < proxyip_block_rows(); n++) {
        show_listener_row(r, n);
    }
    ap_rputs("<tr><td>all</td>", r);
    for (i = 0; proxyip_counters_name(i); i++) {
        ap_rprintf(r, "<td>%" APR_UINT64_T_FMT "</td>", total_of(i));
    }
    ap_rprintf(r, "<td>%u</td></tr>\n</table>\n", proxyip_children_waiting());
}

static void show_page(request_rec *r, int flags)
{
    proxyip_refused_t last;

    ap_rputs("<hr />\n<h1>PROXY protocol</h1>\n", r);
    ap_rprintf(r, "<p>mod_proxyip/" PROXYIP_VERSION ": connections to"
               " listeners with ProxyIP On since %s, each counted once</p>\n",
               time_text(r->pool, proxyip_block_since()));
    if (flags & AP_STATUS_NOTABLE) {
        show_list(r);
    }
    else {
        show_table(r, flags & AP_STATUS_EXTENDED);
    }
    if (proxyip_refusals_last(&last)) {
        ap_rprintf(r, "<p>Last refused: %s on %s at %s (%s)</p>\n",
                   last.peer_ip, ap_escape_html(r->pool, last.listener),
                   time_text(r->pool, last.time),
                   ap_escape_html(r->pool, reason_text(r->pool, &last)));
    }
}

int proxyip_status_show(request_rec *r, int flags)
{
    if (flags & AP_STATUS_SHORT) {
        show_keys(r, flags & AP_STATUS_EXTENDED);
    }
    else {
        show_page(r, flags);
    }
    return OK;
}
