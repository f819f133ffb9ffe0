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
 * What must hold before a server that sends headers may start.
 *
 * Only what is certain is refused here: a ProxyPass whose target speaks a
 * protocol that has no place for a header.  Patterns, rewritten targets and
 * handlers are judged with the request (proxyip_send_run.c).
 */

#include "send/proxyip_send_checks.h"

#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <mod_proxy.h>

#include "send/proxyip_send_conf.h"
#include "send/proxyip_send_run.h"
#include "send/proxyip_send_targets.h"

static const proxy_server_conf *proxy_of(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &proxy_module);
}

static ap_conf_vector_t *section(const apr_array_header_t *sections, int i)
{
    return APR_ARRAY_IDX(sections, i, ap_conf_vector_t *);
}

static int refuse(const proxyip_send_target_t *target, const char *url)
{
    ap_log_error(APLOG_MARK, APLOG_CRIT, 0, target->s, PROXYIP_LOGNO(0111)
                 "ProxyIPSend %s (%s) is for %s too, which no PROXY header"
                 " can be sent to: %s",
                 proxyip_send_conf_version(target->conf),
                 proxyip_send_conf_where(target->p, target->conf), url,
                 proxyip_send_run_instead(url));
    return 0;
}

static int check_members(const proxyip_send_target_t *target)
{
    const proxy_balancer *balancer;
    int i;

    balancer = ap_proxy_get_balancer(target->p,
                                     (proxy_server_conf *)target->proxy,
                                     target->url, 0);
    for (i = 0; balancer && i < balancer->workers->nelts; i++) {
        const proxy_worker *worker;

        worker = APR_ARRAY_IDX(balancer->workers, i, proxy_worker *);
        if (!proxyip_send_run_can(
                apr_pstrcat(target->p, worker->s->scheme, ":", NULL))) {
            return refuse(target, ap_proxy_worker_name(
                                      target->p, (proxy_worker *)worker));
        }
    }
    return 1;
}

/* A proxy in between for every URL. */
static int check_remote(const proxyip_send_target_t *target)
{
    int i;

    for (i = 0; i < target->proxy->proxies->nelts; i++) {
        const struct proxy_remote *remote;

        remote = &APR_ARRAY_IDX(target->proxy->proxies, i,
                                struct proxy_remote);
        if (strcmp(remote->scheme, "*") != 0
            || target->proxy->dirconn->nelts > 0) {
            continue;
        }
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, target->s,
                     PROXYIP_LOGNO(0112)
                     "ProxyIPSend %s (%s) is for %s too, but ProxyRemote has"
                     " another proxy, %s, between: name the backend in"
                     " NoProxy, or say ProxyIPSend Off for it",
                     proxyip_send_conf_version(target->conf),
                     proxyip_send_conf_where(target->p, target->conf),
                     target->url, remote->hostname);
        return 0;
    }
    return 1;
}

static int check_target(const proxyip_send_target_t *target, void *unused)
{
    (void)unused;
    if (!target->conf || !proxyip_send_conf_is_on(target->conf)) {
        return 1;
    }
    if (strncasecmp(target->url, "balancer:", 9) == 0) {
        return check_members(target) && check_remote(target);
    }
    /* What a pattern fills in has no scheme before its first colon. */
    if (strchr(target->url, ':') && !proxyip_send_run_can(target->url)) {
        return refuse(target, target->url);
    }
    return check_remote(target);
}

static void warn_of_v1(server_rec *s, apr_pool_t *p,
                       const proxyip_send_conf_t *conf)
{
    if (conf->version == 1
        && (proxyip_send_conf_facts(conf) || conf->tlvs)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, PROXYIP_LOGNO(0113)
                     "ProxyIPSend v1 (%s) has no room for facts:"
                     " ProxyIPSendFacts and ProxyIPSendTLV have no effect"
                     " there; say v2 if the backend reads it",
                     proxyip_send_conf_where(p, conf));
    }
}

static void warn(server_rec *s, apr_pool_t *p)
{
    const core_server_config *core = ap_get_core_module_config(
        s->module_config);
    const proxy_server_conf *proxy = proxy_of(s);
    int i;

    warn_of_v1(s, p, proxyip_send_conf_get(s->lookup_defaults));
    for (i = 0; i < core->sec_url->nelts; i++) {
        warn_of_v1(s, p, proxyip_send_conf_get(section(core->sec_url, i)));
    }
    for (i = 0; i < proxy->sec_proxy->nelts; i++) {
        warn_of_v1(s, p,
                   proxyip_send_conf_get(section(proxy->sec_proxy, i)));
    }
}

int proxyip_send_checks_run(apr_pool_t *ptemp, server_rec *main_s)
{
    server_rec *s;

    for (s = main_s; s; s = s->next) {
        if (!proxyip_send_targets_each(ptemp, s, check_target, NULL)
            || !proxyip_send_targets_each_section(ptemp, s, check_target,
                                                  NULL)) {
            return !OK;
        }
    }
    /* It runs twice at a start, and once for `-t`. */
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG
        || ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST) {
        for (s = main_s; s; s = s->next) {
            warn(s, ptemp);
        }
    }
    return OK;
}

static void note_section(const proxy_server_conf *proxy,
                         proxy_balancer *balancer)
{
    int i;

    for (i = 0; i < proxy->sec_proxy->nelts && !balancer->section_config;
         i++) {
        ap_conf_vector_t *dirs = section(proxy->sec_proxy, i);
        const proxy_dir_conf *dir = ap_get_module_config(dirs,
                                                         &proxy_module);
        const proxyip_send_conf_t *own = proxyip_send_conf_get(dirs);

        if ((own->version != -1 || own->check) && !dir->r
            && strcasecmp(dir->p, balancer->s->name) == 0) {
            balancer->section_config = dirs;
        }
    }
}

void proxyip_send_checks_note_sections(server_rec *main_s)
{
    const server_rec *s;

    for (s = main_s; s; s = s->next) {
        const proxy_server_conf *proxy = proxy_of(s);
        int i;

        for (i = 0; i < proxy->balancers->nelts; i++) {
            note_section(proxy, &APR_ARRAY_IDX(proxy->balancers, i,
                                               proxy_balancer));
        }
    }
}
