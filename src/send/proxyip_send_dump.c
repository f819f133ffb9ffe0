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
 * httpd -t -D DUMP_PROXYIP, the part of sending: to what, and how.
 */

#include "send/proxyip_send_dump.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <http_core.h>

#include "send/proxyip_send_targets.h"

#define INDENT "         "

static void dump_server(apr_file_t *out, apr_pool_t *p, const server_rec *s)
{
    const proxyip_send_conf_t *conf;
    const char *name = "main server";

    conf = proxyip_send_conf_get(s->lookup_defaults);
    if (s->defn_name) {
        name = apr_psprintf(p, "virtual host %s (%s:%u)", s->server_hostname,
                            s->defn_name, s->defn_line_number);
    }
    apr_file_printf(out, "%s: ProxyIPSend %s (%s)\n", name,
                    proxyip_send_conf_version(conf),
                    proxyip_send_conf_where(p, conf));
    if (proxyip_send_conf_is_on(conf)) {
        apr_file_printf(out, INDENT "%s\n",
                        proxyip_send_conf_describe(p, conf));
    }
}

static int dump_target(const proxyip_send_target_t *target, void *out)
{
    const char *path = target->path ? target->path : "a pattern";

    if (!target->conf) {
        apr_file_printf(out, INDENT "%s to %s: a section with a pattern"
                        " decides with the request\n", path, target->url);
    }
    else {
        apr_file_printf(out, INDENT "%s to %s: %s (%s)\n", path, target->url,
                        proxyip_send_conf_version(target->conf),
                        proxyip_send_conf_where(target->p, target->conf));
    }
    return 1;
}

static int dump_section(const proxyip_send_target_t *target, void *out)
{
    apr_file_printf(out, INDENT "<Proxy \"%s\">: ProxyIPSend %s (%s)\n",
                    target->url, proxyip_send_conf_version(target->conf),
                    proxyip_send_conf_where(target->p, target->conf));
    return 1;
}

void proxyip_send_dump(apr_pool_t *ptemp, server_rec *main_s)
{
    apr_file_t *out;
    server_rec *s;

    if (!ap_exists_config_define("DUMP_PROXYIP")
        || apr_file_open_stdout(&out, ptemp) != APR_SUCCESS) {
        return;
    }
    apr_file_printf(out, "PROXY headers to backends:\n");
    for (s = main_s; s; s = s->next) {
        dump_server(out, ptemp, s);
        proxyip_send_targets_each(ptemp, s, dump_target, out);
        proxyip_send_targets_each_section(ptemp, s, dump_section, out);
    }
}
