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
 * What the ProxyPass lines of a server lead to, and which settings requests
 * to it have.
 *
 * A request's settings are merged along <Proxy> and <Location> sections
 * (mod_proxy.c, request.c); this goes the same way with what is known of it.
 */

#include "send/proxyip_send_targets.h"

#include <string.h>

#include <apr_fnmatch.h>
#include <http_core.h>

static const proxy_server_conf *proxy_of(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &proxy_module);
}

static ap_conf_vector_t *section(const apr_array_header_t *sections, int i)
{
    return APR_ARRAY_IDX(sections, i, ap_conf_vector_t *);
}

/* As <Location> has it: whole segments of the path. */
static int is_within(const char *path, const char *location)
{
    size_t len = strlen(location);

    return strncmp(path, location, len) == 0
           && (len == 0 || location[len - 1] == '/' || path[len] == '\0'
               || path[len] == '/');
}

/* 1: the section is the target's; 0: it is not; -1: a pattern, who knows. */
static int has_location(ap_conf_vector_t *dirs, const char *path)
{
    const core_dir_config *core = ap_get_core_module_config(dirs);

    if (core->r || core->d_is_fnmatch || !path) {
        return -1;
    }
    return is_within(path, core->d);
}

static int has_proxy_section(ap_conf_vector_t *dirs, const char *url)
{
    const proxy_dir_conf *proxy = ap_get_module_config(dirs, &proxy_module);

    if (proxy->r) {
        return -1;
    }
    if (proxy->p_is_fnmatch) {
        return apr_fnmatch(proxy->p, url, 0) == APR_SUCCESS;
    }
    return strncmp(url, proxy->p, strlen(proxy->p)) == 0;
}

/* httpd lets <Location> have the last word, and the later the better. */
static void apply(proxyip_send_target_t *target,
                  const apr_array_header_t *sections,
                  int (*has)(ap_conf_vector_t *dirs, const char *what),
                  const char *what)
{
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const proxyip_send_conf_t *own;
        int answer;

        own = proxyip_send_conf_get(section(sections, i));
        answer = own->version == -1 ? 0 : has(section(sections, i), what);
        if (answer) {
            target->conf = answer > 0 ? own : NULL;
        }
    }
}

static void find_conf(proxyip_send_target_t *target)
{
    const core_server_config *core;

    core = ap_get_core_module_config(target->s->module_config);
    target->conf = proxyip_send_conf_get(target->s->lookup_defaults);
    apply(target, target->proxy->sec_proxy, has_proxy_section, target->url);
    apply(target, core->sec_url, has_location, target->path);
}

/* Visit a target, its settings found; `own` are those of the section that it
 * stands in. */
static int visit_url(proxyip_send_target_t *target, const char *url,
                     const proxyip_send_conf_t *own,
                     proxyip_send_visit_t *visit, void *baton)
{
    target->url = url;
    if (strcmp(url, "!") == 0) {
        return 1;
    }
    find_conf(target);
    if (!target->conf && own && own->version != -1) {
        target->conf = own;
    }
    if (strncasecmp(url, "unix:", 5) == 0 && strchr(url, '|')) {
        target->url = strchr(url, '|') + 1;
    }
    return visit(target, baton);
}

static int visit_locations(proxyip_send_target_t *target,
                           proxyip_send_visit_t *visit, void *baton)
{
    const core_server_config *core;
    int i;

    core = ap_get_core_module_config(target->s->module_config);
    for (i = 0; i < core->sec_url->nelts; i++) {
        ap_conf_vector_t *dirs = section(core->sec_url, i);
        const core_dir_config *dir = ap_get_core_module_config(dirs);
        const proxy_dir_conf *proxy = ap_get_module_config(dirs,
                                                           &proxy_module);

        if (!proxy || !proxy->alias_set || !proxy->alias) {
            continue;
        }
        target->path = dir->r || dir->d_is_fnmatch ? NULL : dir->d;
        if (!visit_url(target, proxy->alias->real,
                       proxyip_send_conf_get(dirs), visit, baton)) {
            return 0;
        }
    }
    return 1;
}

int proxyip_send_targets_each(apr_pool_t *p, server_rec *s,
                              proxyip_send_visit_t *visit, void *baton)
{
    proxyip_send_target_t target = {p, s, proxy_of(s), NULL, NULL, NULL};
    int i;

    for (i = 0; i < target.proxy->aliases->nelts; i++) {
        const struct proxy_alias *alias;

        alias = &APR_ARRAY_IDX(target.proxy->aliases, i, struct proxy_alias);
        target.path = alias->regex ? NULL : alias->fake;
        if (!visit_url(&target, alias->real, NULL, visit, baton)) {
            return 0;
        }
    }
    return visit_locations(&target, visit, baton);
}

int proxyip_send_targets_each_section(apr_pool_t *p, server_rec *s,
                                      proxyip_send_visit_t *visit,
                                      void *baton)
{
    proxyip_send_target_t target = {p, s, proxy_of(s), NULL, NULL, NULL};
    int i;

    for (i = 0; i < target.proxy->sec_proxy->nelts; i++) {
        ap_conf_vector_t *dirs = section(target.proxy->sec_proxy, i);
        const proxy_dir_conf *proxy = ap_get_module_config(dirs,
                                                           &proxy_module);

        target.conf = proxyip_send_conf_get(dirs);
        target.url = proxy->p;
        if (!proxy->r && !proxy->p_is_fnmatch && target.conf->version != -1
            && !visit(&target, baton)) {
            return 0;
        }
    }
    return 1;
}
