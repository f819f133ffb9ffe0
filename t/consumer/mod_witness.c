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
 * Another module, which watches how it meets connections: it says in the
 * error log when each of its hooks runs, with the client's address then, and
 * what its connection filters see.
 *
 *   witness N: pre_connection first client=192.0.2.77
 *   witness N: filter network-1 meets HEAD
 *
 * N is the connection; first, middle and last are where the hook stands.  A
 * hook for a connection that none of the three has met says `stranger'.  Each
 * of four input filters, added by the middle hook, says once what the first
 * bytes are that pass: `header' when a PROXY header's, else the first word.
 */

#include <apr_atomic.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_log.h>
#include <mpm_common.h>
#include <util_filter.h>

#include <string.h>

APLOG_USE_MODULE(witness);

module AP_MODULE_DECLARE_DATA witness_module;

#define WORD_MAX 12

/* What a filter remembers. */
typedef struct {
    const char *name;
    int has_spoken;
} view_t;

static const struct {
    const char *name;
    int type;
} filters[] = {
    /* By type: core's own is NETWORK, TLS CONNECTION + 5. */
    {"connection", AP_FTYPE_CONNECTION},
    {"connection+7", AP_FTYPE_CONNECTION + 7},
    {"network-1", AP_FTYPE_NETWORK - 1},
    {"network", AP_FTYPE_NETWORK},
};

#define FILTERS (sizeof(filters) / sizeof(filters[0]))

static ap_filter_rec_t *recs[FILTERS];

static apr_uint32_t last_number;

/* The connection's number, which its first pre_connection hook gives it. */
static apr_uint32_t number_of(conn_rec *c)
{
    const apr_uint32_t *number = ap_get_module_config(c->conn_config,
                                                      &witness_module);

    return number ? *number : 0;
}

static void say(conn_rec *c, const char *what, const char *which)
{
    apr_uint32_t number = number_of(c);

    if (c->outgoing || c->master) {
        return;
    }
    if (number == 0) {
        ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, c,
                      "witness stranger: %s%s client=%s", what, which,
                      c->client_ip);
        return;
    }
    ap_log_cerror(APLOG_MARK, APLOG_INFO, 0, c, "witness %u: %s%s client=%s",
                  number, what, which, c->client_ip);
}

static int is_header(const char *bytes, apr_size_t len)
{
    return (len >= 6 && memcmp(bytes, "PROXY ", 6) == 0)
           || (len >= 4 && memcmp(bytes, "\r\n\r\n", 4) == 0);
}

/* The first word, without what is no letter. */
static const char *word_of(apr_pool_t *p, const char *bytes, apr_size_t len)
{
    char *word = apr_pstrndup(p, bytes, len < WORD_MAX ? len : WORD_MAX);
    char *at;

    for (at = word; *at >= 'A' && *at <= 'Z'; at++) {
    }
    *at = '\0';
    return word == at ? "other" : word;
}

static apr_status_t watch(ap_filter_t *f, apr_bucket_brigade *bb,
                          ap_input_mode_t mode, apr_read_type_e block,
                          apr_off_t bytes)
{
    view_t *view = f->ctx;
    apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, bytes);
    apr_bucket *first = APR_BRIGADE_EMPTY(bb) ? NULL : APR_BRIGADE_FIRST(bb);
    const char *data;
    apr_size_t len;

    if (rv != APR_SUCCESS || view->has_spoken || !first
        || APR_BUCKET_IS_METADATA(first)
        || apr_bucket_read(first, &data, &len, APR_NONBLOCK_READ)
               != APR_SUCCESS
        || len == 0) {
        return rv;
    }
    view->has_spoken = 1;
    say(f->c, apr_pstrcat(f->c->pool, "filter ", view->name, " meets ", NULL),
        is_header(data, len) ? "header" : word_of(f->c->pool, data, len));
    return rv;
}

static int pre_first(conn_rec *c, void *csd)
{
    apr_uint32_t *number = apr_palloc(c->pool, sizeof(*number));

    (void)csd;
    if (number_of(c) == 0) {
        *number = apr_atomic_inc32(&last_number) + 1;
        ap_set_module_config(c->conn_config, &witness_module, number);
    }
    say(c, "pre_connection ", "first");
    return OK;
}

static int pre_middle(conn_rec *c, void *csd)
{
    size_t i;

    (void)csd;
    say(c, "pre_connection ", "middle");
    if (c->outgoing || c->master) {
        return OK;
    }
    for (i = 0; i < FILTERS; i++) {
        view_t *view = apr_pcalloc(c->pool, sizeof(*view));

        view->name = filters[i].name;
        ap_add_input_filter_handle(recs[i], view, NULL, c);
    }
    return OK;
}

static int pre_last(conn_rec *c, void *csd)
{
    (void)csd;
    say(c, "pre_connection ", "last");
    return OK;
}

static int process(conn_rec *c)
{
    say(c, "process_connection", "");
    return DECLINED;
}

static void suspends(conn_rec *c, request_rec *r)
{
    (void)r;
    say(c, "suspend_connection", "");
}

static void resumes(conn_rec *c, request_rec *r)
{
    (void)r;
    say(c, "resume_connection", "");
}

static int pre_close(conn_rec *c)
{
    say(c, "pre_close_connection", "");
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    size_t i;

    (void)p;
    for (i = 0; i < FILTERS; i++) {
        recs[i] = ap_register_input_filter(
            apr_pstrcat(p, "WITNESS-", filters[i].name, NULL), watch, NULL,
            (ap_filter_type)filters[i].type);
    }
    /* As early as a module may be, with most others, and as late as a hook
     * is run: core's own ends the row. */
    ap_hook_pre_connection(pre_first, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_pre_connection(pre_middle, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_connection(pre_last, NULL, NULL, APR_HOOK_LAST);
    ap_hook_process_connection(process, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_suspend_connection(suspends, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_resume_connection(resumes, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_close_connection(pre_close, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA witness_module = {
    STANDARD20_MODULE_STUFF,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    register_hooks,
    0
};
