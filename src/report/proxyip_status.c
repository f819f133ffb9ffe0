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

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "report/proxyip_block.h"
#include "report/proxyip_children.h"
#include "report/proxyip_counters.h"
#include "report/proxyip_refusals.h"
#include "version.h"

/* The page fits a window of 1,024 pixels with so many columns of listeners. */
#define LISTENERS_SHOWN 6

/* A listener's counters, or those of several together. */
typedef struct {
    const char *name;
    apr_uint64_t counts[PROXYIP_COUNTS];
    apr_uint64_t sum;
} column_t;

static void add_row(column_t *column, int n)
{
    int i;

    for (i = 0; i < PROXYIP_COUNTS; i++) {
        apr_uint64_t count = proxyip_counters_read(n, i);

        column->counts[i] += count;
        column->sum += count;
    }
}

static void add_column(column_t *column, const column_t *other)
{
    int i;

    for (i = 0; i < PROXYIP_COUNTS; i++) {
        column->counts[i] += other->counts[i];
    }
    column->sum += other->sum;
}

static void read_total(column_t *total)
{
    int n;

    for (n = 0; n < proxyip_block_rows(); n++) {
        add_row(total, n);
    }
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

/* Keys: `?auto`. */

static void show_counts(request_rec *r, const char *prefix,
                        const column_t *column)
{
    const proxyip_counter_t *counter;
    int i;

    for (i = 0; (counter = proxyip_counters_describe(i)) != NULL; i++) {
        ap_rprintf(r, "%s%s: %" APR_UINT64_T_FMT "\n", prefix, counter->name,
                   column->counts[i]);
    }
}

static void show_totals(request_rec *r)
{
    column_t total = {"all", {0}, 0};
    proxyip_refused_t last;

    read_total(&total);
    ap_rputs("ProxyIPVersion: " PROXYIP_VERSION "\n", r);
    show_counts(r, "ProxyIP", &total);
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
    const char *prefix = apr_psprintf(r->pool, "ProxyIPListener[%d]", n);
    column_t column = {proxyip_block_name(proxyip_block_row(n)), {0}, 0};

    add_row(&column, n);
    ap_rprintf(r, "%sName: %s\n", prefix, column.name);
    show_counts(r, prefix, &column);
}

static void show_keys(request_rec *r, int is_extended)
{
    int n;

    show_totals(r);
    for (n = 0; is_extended && n < proxyip_block_rows(); n++) {
        show_listener_keys(r, n);
    }
}

/* The page. */

static int by_sum(const void *a, const void *b)
{
    const column_t *one = a;
    const column_t *other = b;

    return one->sum < other->sum ? 1 : one->sum > other->sum ? -1 : 0;
}

/* Beyond what fits, the busiest are shown, and the others in one column. */
static void fold(apr_array_header_t *columns)
{
    column_t *others;
    int n;

    if (columns->nelts <= LISTENERS_SHOWN) {
        return;
    }
    qsort(columns->elts, columns->nelts, sizeof(column_t), by_sum);
    others = &APR_ARRAY_IDX(columns, LISTENERS_SHOWN - 1, column_t);
    for (n = LISTENERS_SHOWN; n < columns->nelts; n++) {
        add_column(others, &APR_ARRAY_IDX(columns, n, column_t));
    }
    others->name = apr_psprintf(columns->pool, "%d others",
                                columns->nelts - LISTENERS_SHOWN + 1);
    columns->nelts = LISTENERS_SHOWN;
}

/* The listeners that have had connections.  The total is theirs, so that what
 * stands in a row adds up. */
static apr_array_header_t *read_listeners(apr_pool_t *p, column_t *total)
{
    apr_array_header_t *columns = apr_array_make(p, 8, sizeof(column_t));
    int n;

    for (n = 0; n < proxyip_block_rows(); n++) {
        column_t column = {proxyip_block_name(proxyip_block_row(n)), {0}, 0};

        add_row(&column, n);
        if (column.sum) {
            APR_ARRAY_PUSH(columns, column_t) = column;
            add_column(total, &column);
        }
    }
    fold(columns);
    return columns;
}

/* May be broken within, so that an address makes no column wide. */
static const char *heading(apr_pool_t *p, const char *name)
{
    const char *text = "";
    const char *end;

    for (; (end = strpbrk(name, ".:")) != NULL; name = end + 1) {
        text = apr_pstrcat(p, text,
                           ap_escape_html(p, apr_pstrmemdup(p, name,
                                                            end + 1 - name)),
                           "<wbr />", NULL);
    }
    return apr_pstrcat(p, text, ap_escape_html(p, name), NULL);
}

static void show_headings(request_rec *r, const apr_array_header_t *columns)
{
    int n;

    ap_rputs("<tr><th>Connections</th><th width=\"260\">What became of them"
             "</th><th>Log</th><th>all</th>", r);
    for (n = 0; n < columns->nelts; n++) {
        ap_rprintf(r, "<th>%s</th>",
                   heading(r->pool, APR_ARRAY_IDX(columns, n, column_t).name));
    }
    ap_rputs("</tr>\n", r);
}

static void show_row(request_rec *r, int which, const column_t *total,
                     const apr_array_header_t *columns)
{
    const proxyip_counter_t *counter = proxyip_counters_describe(which);
    int n;

    ap_rprintf(r, "<tr align=\"right\"><th align=\"left\">%s</th>"
               "<td align=\"left\">%s</td><td align=\"left\">%s</td>"
               "<td>%" APR_UINT64_T_FMT "</td>", counter->name,
               counter->meaning, counter->lines ? counter->lines : "",
               total->counts[which]);
    for (n = 0; n < columns->nelts; n++) {
        ap_rprintf(r, "<td>%" APR_UINT64_T_FMT "</td>",
                   APR_ARRAY_IDX(columns, n, column_t).counts[which]);
    }
    ap_rputs("</tr>\n", r);
}

/* Who waits is counted by child, not by listener. */
static void show_waiting(request_rec *r, const apr_array_header_t *columns)
{
    int n;

    ap_rprintf(r, "<tr align=\"right\"><th align=\"left\">Waiting</th>"
               "<td align=\"left\">now, for a header or the first byte behind"
               " it</td><td></td><td>%u</td>", proxyip_children_waiting());
    for (n = 0; n < columns->nelts; n++) {
        ap_rputs("<td></td>", r);
    }
    ap_rputs("</tr>\n", r);
}

static void show_table(request_rec *r, int is_extended)
{
    column_t total = {"all", {0}, 0};
    apr_array_header_t *columns = read_listeners(r->pool, &total);
    int i;

    if (!is_extended) {
        apr_array_clear(columns);
    }
    ap_rputs("<table id=\"proxyip\" border=\"1\" cellspacing=\"0\""
             " cellpadding=\"3\" style=\"font-size: smaller\">\n", r);
    show_headings(r, columns);
    for (i = 0; i < PROXYIP_COUNTS; i++) {
        show_row(r, i, &total, columns);
    }
    show_waiting(r, columns);
    ap_rputs("</table>\n", r);
    if (is_extended) {
        ap_rputs("<p>Listeners without a connection are left out.</p>\n", r);
    }
}

/* `?notable` */
static void show_list(request_rec *r)
{
    column_t total = {"all", {0}, 0};
    const proxyip_counter_t *counter;
    int i;

    read_total(&total);
    ap_rputs("<dl>\n", r);
    for (i = 0; (counter = proxyip_counters_describe(i)) != NULL; i++) {
        ap_rprintf(r, "<dt>%s: %" APR_UINT64_T_FMT "</dt><dd>%s</dd>\n",
                   counter->name, total.counts[i], counter->meaning);
    }
    ap_rprintf(r, "<dt>Waiting: %u</dt>\n</dl>\n",
               proxyip_children_waiting());
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
