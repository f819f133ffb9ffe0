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
 * The facts where administrators write conditions and formats.
 */

#include "facts/proxyip_vars.h"

#include <string.h>

#include <apr_optional.h>
#include <apr_strings.h>
#include <http_core.h>
#include <mod_log_config.h>

#include "facts/proxyip_facts.h"
#include "settings/proxyip_conf.h"

#define PREFIX_LEN (sizeof(PROXYIP_FACTS_PREFIX) - 1)

/* Longest value that is put into the environment: a kernel's limit for all
 * of a CGI program's environment must hold many. */
#define MAX_ENV_VALUE 8192

/* A fact that an expression names, looked up when it was parsed. */
typedef struct {
    const proxyip_fact_t *fact;
    int tlv_type;
} named_t;

/* Expressions make headers, so what they get is one line: a certificate has
 * spaces for its line ends, as mod_headers gives mod_ssl's and as Tomcat and
 * Keycloak read it.  No other fact has control characters. */
static const char *one_line(apr_pool_t *p, const char *value)
{
    char *line;
    char *at;

    if (!value || !strchr(value, '\n')) {
        return value;
    }
    line = apr_pstrdup(p, value);
    for (at = strchr(line, '\n'); at; at = strchr(at, '\n')) {
        *at = at[1] ? ' ' : '\0'; /* the last one ends it */
    }
    return line;
}

static const char *eval_var(ap_expr_eval_ctx_t *ctx, const void *data)
{
    const named_t *named = data;

    return ctx->c ? one_line(ctx->p, proxyip_facts_get(ctx->p, ctx->c,
                                                       named->fact,
                                                       named->tlv_type))
                  : NULL;
}

static const char *eval_function(ap_expr_eval_ctx_t *ctx, const void *data,
                                 const char *arg)
{
    (void)data;
    return ctx->c ? one_line(ctx->p, proxyip_facts_lookup(ctx->p, ctx->c,
                                                          arg))
                  : NULL;
}

/* The name behind PROXYIP_; empty for PROXYIP itself, NULL for others. */
static const char *strip_prefix(const char *name)
{
    if (strncasecmp(name, PROXYIP_FACTS_PREFIX, PREFIX_LEN) != 0) {
        return NULL;
    }
    name += PREFIX_LEN;
    if (*name == '\0') {
        return name;
    }
    return name[0] == '_' && name[1] != '\0' ? name + 1 : NULL;
}

static int lookup_var(ap_expr_lookup_parms *parms)
{
    const char *name = strip_prefix(parms->name);
    named_t *named;
    int tlv_type;
    const proxyip_fact_t *fact = name ? proxyip_facts_find(name, &tlv_type)
                                      : NULL;

    if (!fact) {
        return DECLINED;
    }
    named = apr_palloc(parms->pool, sizeof(*named));
    named->fact = fact;
    named->tlv_type = tlv_type;
    *parms->func = (const void *)eval_var;
    *parms->data = named;
    return OK;
}

/* A name that is written out is judged now: a misspelt one would be absent on
 * every connection, and what is denied by it let in. */
static int lookup_function(ap_expr_lookup_parms *parms)
{
    int tlv_type;

    if (strcasecmp(parms->name, PROXYIP_FACTS_PREFIX) != 0) {
        return DECLINED;
    }
    if (parms->arg && !proxyip_facts_find(parms->arg, &tlv_type)) {
        *parms->err = apr_psprintf(parms->ptemp, "%s: '%s' is not the name of"
                                   " a PROXYIP_ variable without its prefix,"
                                   " such as PEER_ADDR", parms->name,
                                   parms->arg);
        return !OK;
    }
    *parms->func = (const void *)eval_function;
    *parms->data = NULL;
    return OK;
}

int proxyip_vars_expr_lookup(ap_expr_lookup_parms *parms)
{
    if (parms->type == AP_EXPR_FUNC_VAR) {
        return lookup_var(parms);
    }
    return parms->type == AP_EXPR_FUNC_STRING ? lookup_function(parms)
                                              : DECLINED;
}

/* Formats cannot tell of a wrong name, so they take the whole one too:
 * PROXYIP itself has no other. */
static const char *lookup_logged(apr_pool_t *p, const conn_rec *c,
                                 const char *name)
{
    const char *stripped = strip_prefix(name);

    return proxyip_facts_lookup(p, c, stripped ? stripped : name);
}

/* NULL is written as `-`. */
static const char *log_access(request_rec *r, char *name)
{
    const char *value = lookup_logged(r->pool, r->connection, name);

    return value ? ap_escape_logitem(r->pool, value) : NULL;
}

/* A line may be about a connection, a request, both, or neither. */
static int log_error(const ap_errorlog_info *info, const char *name,
                     char *buf, int buflen)
{
    const conn_rec *c = info->c;
    const char *value;
    apr_pool_t *p;
    int len = 0;

    if (!c && info->r) {
        c = info->r->connection;
    }
    if (!c || !name || buflen < 1) {
        return 0;
    }
    /* A pool for this line alone, as http_core.h asks for. */
    apr_pool_create(&p, info->r ? info->r->pool : c->pool);
    value = lookup_logged(p, c, name);
    if (value) {
        len = (int)ap_escape_errorlog_item(buf, value, (apr_size_t)buflen);
    }
    apr_pool_destroy(p);
    return len;
}

void proxyip_vars_register_logs(apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_register_log_handler) *register_item;

    /* Letters of our own: `x` and `c` are mod_ssl's. */
    register_item = APR_RETRIEVE_OPTIONAL_FN(ap_register_log_handler);
    if (register_item) {
        register_item(pconf, "^PX", log_access, 0);
    }
    ap_register_errorlog_handler(pconf, "X", log_error, 0);
}

static void set_one(void *table, const char *name, const char *value)
{
    if (strlen(value) <= MAX_ENV_VALUE) {
        apr_table_setn(table, name, value);
    }
}

int proxyip_vars_set_env(request_rec *r)
{
    proxyip_env_t env = proxyip_conf_get(r->server)->env;

    if (env != PROXYIP_ENV_OFF) {
        proxyip_facts_each(r->pool, r->connection, env == PROXYIP_ENV_ALL,
                           set_one, r->subprocess_env);
    }
    return DECLINED;
}
