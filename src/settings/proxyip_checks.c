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
 * What must hold for each listener before the server may start, and what the
 * server warns of.
 */

#include "settings/proxyip_checks.h"

#include <string.h>

#include <ap_listen.h>
#include <apr_hash.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"

/* Shorter header timeouts are warned of: a lost first segment is sent again
 * after 3 seconds (specification, section 2: "at least 3 seconds"). */
#define SHORT_TIMEOUT_US apr_time_from_sec(3)

static int is_same_setting(const proxyip_conf_t *a, const proxyip_conf_t *b,
                           proxyip_setting_t setting)
{
    const proxyip_rule_t *only_a;
    const proxyip_rule_t *only_b;

    switch (setting) {
    case PROXYIP_SET_ENABLED:
        return a->enabled == b->enabled;
    case PROXYIP_SET_PEERS:
        return proxyip_peers_equal(a->peers, b->peers, &only_a, &only_b);
    case PROXYIP_SET_FORMATS:
        return a->formats == b->formats;
    case PROXYIP_SET_TIMEOUT:
        return a->timeout_us == b->timeout_us;
    case PROXYIP_SET_MAX_HEADER:
        return a->max_header == b->max_header;
    case PROXYIP_SET_CHECKSUM:
        return a->checksum_required == b->checksum_required;
    case PROXYIP_SET_DEFER:
        return a->defer_us == b->defer_us;
    case PROXYIP_SET_CLOUD:
        return a->clouds == b->clouds;
    case PROXYIP_SET_SERVER_ADDR:
        return a->adopts_server_addr == b->adopts_server_addr;
    case PROXYIP_SET_HTTPS:
        return a->https == b->https && a->https_port == b->https_port;
    case PROXYIP_SET_IN_TLS:
        return a->in_tls == b->in_tls;
    case PROXYIP_SET_ENV: /* a name's own */
    case PROXYIP_SETTINGS:
        break;
    }
    return 1;
}

/* A setting's value and place; of peers, the rule that tells two sets apart. */
static const char *describe(apr_pool_t *p, const proxyip_conf_t *conf,
                            const proxyip_conf_t *other,
                            proxyip_setting_t setting)
{
    const proxyip_rule_t *own;
    const proxyip_rule_t *others;

    if (setting != PROXYIP_SET_PEERS) {
        return apr_psprintf(p, "%s (%s)",
                            proxyip_conf_value(p, conf, setting),
                            proxyip_conf_where(p, conf, setting));
    }
    proxyip_peers_equal(conf->peers, other->peers, &own, &others);
    if (own) {
        return apr_psprintf(p, "%s %s (%s:%d)",
                            proxyip_policy_name(own->policy), own->text,
                            own->filename, own->line);
    }
    return apr_psprintf(p, "not %s %s (its peers: %s)",
                        proxyip_policy_name(others->policy), others->text,
                        proxyip_conf_where(p, conf, setting));
}

static void add_finding(apr_array_header_t *findings, server_rec *s,
                        const proxyip_listener_t *listener, const char *text)
{
    proxyip_finding_t *finding = apr_array_push(findings);

    finding->s = s;
    finding->listener = listener;
    finding->text = text;
}

static int check_setting(apr_array_header_t *errors,
                         const proxyip_listener_t *listener,
                         proxyip_setting_t setting)
{
    apr_pool_t *p = errors->pool;
    server_rec *first = proxyip_listeners_server(listener, 0);
    const proxyip_conf_t *a = proxyip_conf_get(first);
    int i;

    for (i = 1; i < listener->servers->nelts; i++) {
        server_rec *s = proxyip_listeners_server(listener, i);
        const proxyip_conf_t *b = proxyip_conf_get(s);
        const char *text;

        if (is_same_setting(a, b, setting)) {
            continue;
        }
        text = apr_psprintf(p, PROXYIP_LOGNO(0001)
                            "%s differs within %s: %s for %s, %s for %s; a"
                            " PROXY header comes before any name, so all"
                            " virtual hosts of one address and port must"
                            " agree",
                            proxyip_conf_directive(setting), listener->name,
                            describe(p, a, b, setting),
                            proxyip_listeners_place(p, first),
                            describe(p, b, a, setting),
                            proxyip_listeners_place(p, s));
        add_finding(errors, s, listener, text);
        return 0;
    }
    return 1;
}

static int check_agreement(apr_array_header_t *errors,
                           const proxyip_listener_t *listener)
{
    int setting;

    /* A listener that is Off reads no header, but still takes, or refuses,
     * connections that others' headers bring. */
    if (!proxyip_listeners_is_on(listener)) {
        return check_setting(errors, listener, PROXYIP_SET_SERVER_ADDR);
    }
    for (setting = 0; setting < PROXYIP_SET_ENV; setting++) {
        if (!check_setting(errors, listener, setting)) {
            return 0;
        }
    }
    return 1;
}

static int check_trust(apr_array_header_t *errors,
                       const proxyip_listener_t *listener)
{
    apr_pool_t *p = errors->pool;
    server_rec *s = proxyip_listeners_server(listener, 0);
    const proxyip_conf_t *conf = proxyip_conf_get(s);
    const char *peers;
    const char *text;

    if (proxyip_peers_trust_any(conf->peers)) {
        return 1;
    }
    peers = conf->peers
                ? apr_psprintf(p, "; the peers at %s have neither",
                               proxyip_conf_where(p, conf, PROXYIP_SET_PEERS))
                : "";
    text = apr_psprintf(p, PROXYIP_LOGNO(0002)
                        "ProxyIP On (%s) for %s trusts nobody: it needs a"
                        " ProxyIPPeer or ProxyIPPeerList with 'require' or"
                        " 'optional' that names the load balancers, such as"
                        " ProxyIPPeer require 10.0.0.5%s",
                        proxyip_conf_where(p, conf, PROXYIP_SET_ENABLED),
                        proxyip_listeners_describe(p, listener), peers);
    add_finding(errors, s, listener, text);
    return 0;
}

static int check_checksum(apr_array_header_t *errors,
                          const proxyip_listener_t *listener)
{
    apr_pool_t *p = errors->pool;
    server_rec *s = proxyip_listeners_server(listener, 0);
    const proxyip_conf_t *conf = proxyip_conf_get(s);
    const char *text;

    if (!conf->checksum_required || conf->formats == PP_FORMAT_V2) {
        return 1;
    }
    text = apr_psprintf(p, PROXYIP_LOGNO(0003)
                        "ProxyIPChecksum require (%s) for %s needs"
                        " 'ProxyIPFormats v2': a v1 header has no checksum,"
                        " and the formats are %s (%s)",
                        proxyip_conf_where(p, conf, PROXYIP_SET_CHECKSUM),
                        proxyip_listeners_describe(p, listener),
                        proxyip_conf_value(p, conf, PROXYIP_SET_FORMATS),
                        proxyip_conf_where(p, conf, PROXYIP_SET_FORMATS));
    add_finding(errors, s, listener, text);
    return 0;
}

/* What mod_remoteip makes of its directive: every address of the server that
 * says it, On or Off.  The main server's address is any, with any port. */
typedef struct {
    const apr_sockaddr_t *addr;
    int is_on;
    int is_void; /* a later directive for the same address says otherwise */
    const ap_directive_t *origin;
} remoteip_t;

static int is_remoteip(const ap_directive_t *node)
{
    return strcasecmp(node->directive, "RemoteIPProxyProtocol") == 0;
}

static void add_remoteip(apr_array_header_t *entries, const server_rec *s,
                         const ap_directive_t *node, apr_pool_t *p)
{
    const char *args = node->args;
    int is_on = strcasecmp(ap_getword_conf(p, &args), "on") == 0;
    const server_addr_rec *sar;
    int i;

    for (sar = s->addrs; sar; sar = sar->next) {
        remoteip_t *entry;

        for (i = 0; i < entries->nelts; i++) {
            entry = &APR_ARRAY_IDX(entries, i, remoteip_t);
            if (entry->is_on != is_on
                && entry->addr->port == sar->host_addr->port
                && apr_sockaddr_equal(entry->addr, sar->host_addr)) {
                entry->is_void = 1;
            }
        }
        entry = apr_array_push(entries);
        entry->addr = sar->host_addr;
        entry->is_on = is_on;
        entry->is_void = 0;
        entry->origin = node;
    }
}

/* The virtual hosts by the places where they stand: "FILE:LINE". */
static apr_hash_t *index_servers(apr_pool_t *p, const server_rec *main_s)
{
    apr_hash_t *index = apr_hash_make(p);
    const server_rec *s;

    for (s = main_s->next; s; s = s->next) {
        if (s->defn_name) {
            apr_hash_set(index, apr_psprintf(p, "%s:%u", s->defn_name,
                                             s->defn_line_number),
                         APR_HASH_KEY_STRING, s);
        }
    }
    return index;
}

/* In the order in which mod_remoteip has read them. */
static apr_array_header_t *find_remoteip(apr_pool_t *p,
                                         const server_rec *main_s)
{
    apr_array_header_t *entries = apr_array_make(p, 4, sizeof(remoteip_t));
    apr_hash_t *servers = NULL;
    const ap_directive_t *node;
    const ap_directive_t *child;

    for (node = ap_conftree; node; node = node->next) {
        if (is_remoteip(node)) {
            add_remoteip(entries, main_s, node, p);
        }
        child = strcasecmp(node->directive, "<VirtualHost") == 0
                    ? node->first_child
                    : NULL;
        for (; child; child = child->next) {
            const server_rec *s;

            if (!is_remoteip(child)) {
                continue;
            }
            servers = servers ? servers : index_servers(p, main_s);
            s = apr_hash_get(servers, apr_psprintf(p, "%s:%d", node->filename,
                                                   node->line_num),
                             APR_HASH_KEY_STRING);
            if (s) {
                add_remoteip(entries, s, child, p);
            }
        }
    }
    return entries;
}

/* Whether an entry holds for all of a listener's connections. */
static int covers(const remoteip_t *entry, const proxyip_listener_t *listener)
{
    if (entry->is_void
        || (entry->addr->port && entry->addr->port != listener->port)) {
        return 0;
    }
    return proxyip_listeners_is_any(entry->addr)
           || (listener->addr
               && apr_sockaddr_equal(entry->addr, listener->addr));
}

/* The directive that makes mod_remoteip take headers of a listener: its Off
 * list is stronger than its On list. */
static const ap_directive_t *remoteip_of(const apr_array_header_t *entries,
                                         const proxyip_listener_t *listener)
{
    const ap_directive_t *origin = NULL;
    int i;

    for (i = 0; i < entries->nelts; i++) {
        const remoteip_t *entry = &APR_ARRAY_IDX(entries, i, remoteip_t);

        if (covers(entry, listener)) {
            if (!entry->is_on) {
                return NULL;
            }
            origin = entry->origin;
        }
    }
    return origin;
}

static void check_remoteip(apr_array_header_t *errors,
                           const proxyip_listener_t *listener,
                           const apr_array_header_t *entries)
{
    apr_pool_t *p = errors->pool;
    server_rec *s = proxyip_listeners_server(listener, 0);
    const ap_directive_t *remoteip = remoteip_of(entries, listener);
    const char *text;

    if (!remoteip) {
        return;
    }
    text = apr_psprintf(p, PROXYIP_LOGNO(0004)
                        "ProxyIP On (%s) and RemoteIPProxyProtocol On (%s:%d)"
                        " both hold for %s: each would take a header of its"
                        " own; remove RemoteIPProxyProtocol (RemoteIPHeader"
                        " may stay)",
                        proxyip_conf_where(p, proxyip_conf_get(s),
                                           PROXYIP_SET_ENABLED),
                        remoteip->filename, remoteip->line_num,
                        listener->name);
    add_finding(errors, s, listener, text);
}

/* The last SSLEngine among directives of one level, or what was found
 * before. */
static const ap_directive_t *last_engine(const ap_directive_t *node,
                                         const ap_directive_t *engine)
{
    for (; node; node = node->next) {
        if (strcasecmp(node->directive, "SSLEngine") == 0) {
            engine = node;
        }
    }
    return engine;
}

static int is_section_of(const ap_directive_t *node, const server_rec *s)
{
    return s->defn_name && strcasecmp(node->directive, "<VirtualHost") == 0
           && (unsigned int)node->line_num == s->defn_line_number
           && strcmp(node->filename, s->defn_name) == 0;
}

/* The SSLEngine that holds for a server: its own, else the main server's. */
static const ap_directive_t *find_engine(const server_rec *s)
{
    const ap_directive_t *engine = last_engine(ap_conftree, NULL);
    const ap_directive_t *node;

    for (node = ap_conftree; node; node = node->next) {
        if (is_section_of(node, s)) {
            return last_engine(node->first_child, engine);
        }
    }
    return engine;
}

/* httpd begins TLS by the first server of an address, whose names are told
 * apart inside it; `optional` begins without. */
static int check_in_tls(apr_array_header_t *errors,
                        const proxyip_listener_t *listener)
{
    apr_pool_t *p = errors->pool;
    server_rec *s = proxyip_listeners_server(listener, 0);
    const proxyip_conf_t *conf = proxyip_conf_get(s);
    const ap_directive_t *engine = conf->in_tls ? find_engine(s) : NULL;
    const char *args = engine ? engine->args : "";
    const char *found = "no SSLEngine is said";
    const char *text;

    if (!conf->in_tls || strcasecmp(ap_getword_conf(p, &args), "on") == 0) {
        return 1;
    }
    if (engine) {
        found = apr_psprintf(p, "SSLEngine is %s (%s:%d)", engine->args,
                             engine->filename, engine->line_num);
    }
    text = apr_psprintf(p, PROXYIP_LOGNO(0057)
                        "ProxyIPInTLS On (%s) for %s needs 'SSLEngine on'"
                        " there: the header is to come inside TLS, and %s; say"
                        " SSLEngine on, or ProxyIPInTLS Off",
                        proxyip_conf_where(p, conf, PROXYIP_SET_IN_TLS),
                        proxyip_listeners_describe(p, listener), found);
    add_finding(errors, s, listener, text);
    return 0;
}

/* The first thing that is wrong with a listener; the rest may follow from
 * it. */
static void check_listener(apr_array_header_t *errors,
                           const proxyip_listener_t *listener,
                           const apr_array_header_t *remoteip)
{
    if (!check_agreement(errors, listener)
        || !proxyip_listeners_is_on(listener)) {
        return;
    }
    if (check_trust(errors, listener) && check_checksum(errors, listener)
        && check_in_tls(errors, listener)) {
        check_remoteip(errors, listener, remoteip);
    }
}

static void finish_settings(server_rec *main_s)
{
    server_rec *s;

    for (s = main_s; s; s = s->next) {
        proxyip_conf_finish(proxyip_conf_get(s));
    }
}

apr_array_header_t *
proxyip_checks_find_errors(apr_pool_t *p, server_rec *main_s,
                           const apr_array_header_t *listeners)
{
    apr_array_header_t *errors = apr_array_make(p, 4,
                                                sizeof(proxyip_finding_t));
    apr_array_header_t *remoteip = find_remoteip(p, main_s);
    int i;

    for (i = 0; i < listeners->nelts; i++) {
        check_listener(errors, APR_ARRAY_IDX(listeners, i,
                                             proxyip_listener_t *), remoteip);
    }
    return errors;
}

static void log_findings(const apr_array_header_t *findings, int level)
{
    int i;

    for (i = 0; i < findings->nelts; i++) {
        const proxyip_finding_t *finding;

        finding = &APR_ARRAY_IDX(findings, i, proxyip_finding_t);
        ap_log_error(APLOG_MARK, level, 0, finding->s, "%s", finding->text);
    }
}

int proxyip_checks_run(apr_pool_t *ptemp, server_rec *main_s,
                       const apr_array_header_t *listeners)
{
    apr_array_header_t *errors;

    finish_settings(main_s);
    errors = proxyip_checks_find_errors(ptemp, main_s, listeners);
    log_findings(errors, APLOG_CRIT);
    return errors->nelts ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

static int is_loopback(const apr_sockaddr_t *addr)
{
    pp_addr_t ip;
    pp_addr_t loopback6;

    pp_addr_set(&ip, addr->family == APR_INET ? PP_INET : PP_INET6,
                addr->ipaddr_ptr);
    if (ip.family == PP_INET) {
        return ip.bytes[0] == 127;
    }
    pp_addr_parse("::1", 3, PP_INET6, &loopback6);
    return memcmp(ip.bytes, loopback6.bytes, sizeof(ip.bytes)) == 0;
}

/* Whether only this machine can reach a listener: by its address, or by
 * those of the sockets that its connections come in on. */
static int is_local_only(const proxyip_listener_t *listener)
{
    ap_listen_rec *lr;

    if (listener->addr) {
        return is_loopback(listener->addr);
    }
    for (lr = ap_listeners; lr; lr = lr->next) {
        if ((listener->port == 0 || listener->port == lr->bind_addr->port)
            && !is_loopback(lr->bind_addr)) {
            return 0;
        }
    }
    return 1;
}

static void warn_listener(apr_array_header_t *warnings,
                          const proxyip_listener_t *listener)
{
    apr_pool_t *p = warnings->pool;
    server_rec *s = proxyip_listeners_server(listener, 0);
    const proxyip_conf_t *conf = proxyip_conf_get(s);
    const proxyip_rule_t *open;
    const char *text;

    open = proxyip_peers_find_open(conf->peers, PROXYIP_REQUIRE);
    if (open && !is_local_only(listener)) {
        text = apr_psprintf(p, PROXYIP_LOGNO(0005)
                            "ProxyIPPeer require %s (%s:%d) for %s: whoever"
                            " reaches this port can claim any client address;"
                            " name the load balancers' ranges, or make sure"
                            " that a firewall does",
                            open->text, open->filename, open->line,
                            proxyip_listeners_describe(p, listener));
        add_finding(warnings, s, listener, text);
    }
    if (conf->timeout_us < SHORT_TIMEOUT_US) {
        text = apr_psprintf(p, PROXYIP_LOGNO(0006)
                            "ProxyIPTimeout %s (%s) for %s is under 3s: one"
                            " lost packet on the way from the load balancer"
                            " will close its connection",
                            proxyip_conf_value(p, conf, PROXYIP_SET_TIMEOUT),
                            proxyip_conf_where(p, conf, PROXYIP_SET_TIMEOUT),
                            proxyip_listeners_describe(p, listener));
        add_finding(warnings, s, listener, text);
    }
}

/* The sets of peers that some server that is On takes its peers from. */
static apr_hash_t *find_used_peers(apr_pool_t *p, const server_rec *main_s)
{
    apr_hash_t *used = apr_hash_make(p);
    const server_rec *s;

    for (s = main_s; s; s = s->next) {
        const proxyip_conf_t *conf = proxyip_conf_get(s);

        if (conf->enabled == 1 && conf->peers) {
            apr_hash_set(used, &conf->peers, sizeof(void *), conf);
        }
    }
    return used;
}

static void warn_idle_peers(apr_array_header_t *warnings, server_rec *s,
                            const server_rec *main_s, apr_hash_t *used)
{
    apr_pool_t *p = warnings->pool;
    const proxyip_conf_t *conf = proxyip_conf_get(s);
    const char *text;

    if (!conf->peers || apr_hash_get(used, &conf->peers, sizeof(void *))
        || (s != main_s
            && conf->peers == proxyip_conf_get(main_s)->peers)) {
        return;
    }
    text = apr_psprintf(p, PROXYIP_LOGNO(0007)
                        "the peers at %s have no effect: nothing that uses"
                        " them, such as %s, has ProxyIP On",
                        proxyip_conf_where(p, conf, PROXYIP_SET_PEERS),
                        proxyip_listeners_place(p, s));
    add_finding(warnings, s, NULL, text);
}

apr_array_header_t *
proxyip_checks_find_warnings(apr_pool_t *p, server_rec *main_s,
                             const apr_array_header_t *listeners)
{
    apr_array_header_t *warnings = apr_array_make(p, 4,
                                                  sizeof(proxyip_finding_t));
    apr_hash_t *used = find_used_peers(p, main_s);
    server_rec *s;
    int i;

    for (i = 0; i < listeners->nelts; i++) {
        proxyip_listener_t *listener = APR_ARRAY_IDX(listeners, i,
                                                     proxyip_listener_t *);

        if (proxyip_listeners_is_on(listener)) {
            warn_listener(warnings, listener);
        }
    }
    for (s = main_s; s; s = s->next) {
        warn_idle_peers(warnings, s, main_s, used);
    }
    return warnings;
}

void proxyip_checks_warn(apr_pool_t *ptemp, server_rec *main_s,
                         const apr_array_header_t *listeners)
{
    log_findings(proxyip_checks_find_warnings(ptemp, main_s, listeners),
                 APLOG_WARNING);
}
