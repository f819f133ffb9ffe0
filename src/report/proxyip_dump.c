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
 * `apachectl -t -D DUMP_PROXYIP`: what the configuration means for each
 * listener.
 *
 * Laid out like `apachectl -S`: an entry for each address and port, in the
 * first column, and what belongs to it below, indented.  Peers are a tree: a
 * range stands below the range that holds it, and the innermost that holds an
 * address decides.
 */

#include "report/proxyip_dump.h"

#include <string.h>

#include <http_core.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include "settings/proxyip_checks.h"
#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"
#include "settings/proxyip_peers.h"
#include "version.h"

#define INDENT "         "

/* Ranges of one family can be nested by each length of a mask. */
#define DEEPEST 129

typedef struct {
    apr_pool_t *p;
    apr_file_t *out;
    const server_rec *main_s;
    const apr_array_header_t *errors;   /* of proxyip_finding_t */
    const apr_array_header_t *warnings; /* of the same */
} dump_t;

static void dump_setting(const dump_t *dump, const proxyip_conf_t *conf,
                         proxyip_setting_t setting)
{
    apr_file_printf(dump->out, INDENT "%-17s %s (%s)\n",
                    proxyip_conf_directive(setting),
                    proxyip_conf_value(dump->p, conf, setting),
                    proxyip_conf_where(dump->p, conf, setting));
}

static void dump_servers(const dump_t *dump,
                         const proxyip_listener_t *listener)
{
    int i;

    for (i = 0; i < listener->servers->nelts; i++) {
        const server_rec *s = proxyip_listeners_server(listener, i);
        const proxyip_conf_t *conf = proxyip_conf_get(s);

        apr_file_printf(dump->out, INDENT "%s%s",
                        proxyip_listeners_place(dump->p, s),
                        conf->env == PROXYIP_ENV_OFF ? "\n" : "");
        if (conf->env != PROXYIP_ENV_OFF) {
            apr_file_printf(dump->out, ", ProxyIPEnv %s (%s)\n",
                            proxyip_conf_value(dump->p, conf,
                                               PROXYIP_SET_ENV),
                            proxyip_conf_where(dump->p, conf,
                                               PROXYIP_SET_ENV));
        }
    }
}

/* `all` is one word for two ranges. */
static const char *range_text(const proxyip_rule_t *rule)
{
    if (strcasecmp(rule->text, "all") != 0) {
        return rule->text;
    }
    return rule->addr.family == PP_INET ? "all IPv4" : "all IPv6";
}

static void dump_rule(const dump_t *dump, const proxyip_rule_t *rule,
                      int depth)
{
    int column = 2 * depth;

    apr_file_printf(dump->out, INDENT "  %*s%-*s %-8s (%s:%d)\n", column, "",
                    column < 30 ? 40 - column : 10, range_text(rule),
                    proxyip_policy_name(rule->policy), rule->filename,
                    rule->line);
}

static void dump_peers(const dump_t *dump, const proxyip_peers_t *peers)
{
    const proxyip_rule_t *within[DEEPEST];
    const proxyip_rule_t *rule;
    int depth = 0;
    int families_left = 2;
    int i;

    apr_file_printf(dump->out, INDENT "peers, of which the innermost range"
                    " that holds an address decides:\n");
    for (i = 0; (rule = proxyip_peers_rule(peers, i)) != NULL; i++) {
        while (depth > 0 && !proxyip_peers_holds(within[depth - 1], rule)) {
            depth--;
        }
        dump_rule(dump, rule, depth);
        within[depth++] = rule;
        families_left -= rule->bits == 0;
    }
    if (families_left > 0) {
        apr_file_printf(dump->out, INDENT "  %-40s reject\n",
                        "everyone else");
    }
}

/* As in the configuration: a file, or what core takes for something else. */
static const char *error_log_text(apr_pool_t *p, const char *name)
{
    const char *file;

    if (*name == '|' || strncmp(name, "syslog", 6) == 0) {
        return name;
    }
    file = ap_server_root_relative(p, name);
    return file ? file : name;
}

static const char *level_name(int level)
{
    static const char *const names[] = {
        "emerg",  "alert",  "crit",   "error",  "warn",   "notice",
        "info",   "debug",  "trace1", "trace2", "trace3", "trace4",
        "trace5", "trace6", "trace7", "trace8",
    };
    const int last = sizeof(names) / sizeof(names[0]) - 1;

    return names[level < 0 ? 0 : level > last ? last : level];
}

/* Where lines about connections go, and which: before a name is known they
 * are the first one's (ap_log_cerror, by c->base_server). */
static void dump_log(const dump_t *dump, const server_rec *s)
{
    const char *name = s->error_fname ? s->error_fname
                                      : dump->main_s->error_fname;
    int level = ap_get_server_module_loglevel(s, APLOG_NO_MODULE);
    int own = ap_get_server_module_loglevel(s, APLOG_MODULE_INDEX);

    if (name) {
        apr_file_printf(dump->out, INDENT "%-17s %s\n", "ErrorLog",
                        error_log_text(dump->p, name));
    }
    apr_file_printf(dump->out, INDENT "%-17s %s", "LogLevel",
                    level_name(level));
    apr_file_printf(dump->out, own == level ? "\n" : " proxyip:%s\n",
                    level_name(own));
}

static void dump_findings(const dump_t *dump, const char *what,
                          const apr_array_header_t *findings,
                          const proxyip_listener_t *listener)
{
    const char *indent = listener ? INDENT : "";
    int i;

    for (i = 0; i < findings->nelts; i++) {
        const proxyip_finding_t *finding;

        finding = &APR_ARRAY_IDX(findings, i, proxyip_finding_t);
        if (finding->listener == listener) {
            apr_file_printf(dump->out, "%s%s: %s\n", indent, what,
                            finding->text);
        }
    }
}

/* Settings that must agree are shown as the first name has them; where another
 * differs, an error says so. */
static void dump_listener(const dump_t *dump,
                          const proxyip_listener_t *listener)
{
    server_rec *first = proxyip_listeners_server(listener, 0);
    const proxyip_conf_t *conf = proxyip_conf_get(first);
    int setting;

    apr_file_printf(dump->out, "%-22s ProxyIP %s (%s)\n", listener->name,
                    proxyip_conf_value(dump->p, conf, PROXYIP_SET_ENABLED),
                    proxyip_conf_where(dump->p, conf, PROXYIP_SET_ENABLED));
    dump_servers(dump, listener);
    dump_findings(dump, "error", dump->errors, listener);
    if (conf->enabled != 1) {
        if (conf->adopts_server_addr) {
            dump_setting(dump, conf, PROXYIP_SET_SERVER_ADDR);
        }
        return;
    }
    dump_peers(dump, conf->peers);
    for (setting = PROXYIP_SET_FORMATS; setting < PROXYIP_SET_ENV;
         setting++) {
        dump_setting(dump, conf, setting);
    }
    dump_log(dump, first);
    dump_findings(dump, "warning", dump->warnings, listener);
}

void proxyip_dump(apr_pool_t *ptemp, server_rec *main_s, const char *waiting)
{
    dump_t dump = {ptemp, NULL, main_s, NULL, NULL};
    apr_array_header_t *listeners;
    int i;

    if (!ap_exists_config_define("DUMP_PROXYIP")
        || apr_file_open_stdout(&dump.out, ptemp) != APR_SUCCESS) {
        return;
    }
    listeners = proxyip_listeners_find(ptemp, main_s);
    dump.errors = proxyip_checks_find_errors(ptemp, main_s, listeners);
    dump.warnings = proxyip_checks_find_warnings(ptemp, main_s, listeners);
    apr_file_printf(dump.out, "PROXY protocol configuration (mod_proxyip/"
                    PROXYIP_VERSION "):\n");
    for (i = 0; i < listeners->nelts; i++) {
        dump_listener(&dump, APR_ARRAY_IDX(listeners, i,
                                           proxyip_listener_t *));
    }
    dump_findings(&dump, "warning", dump.warnings, NULL);
    apr_file_printf(dump.out, "%s\n", waiting);
}
