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
 * What the error log says of the module at each start.
 */

#include "report/proxyip_start.h"

#include "settings/proxyip_listeners.h"
#include "version.h"

/* A notice: httpd writes it to a file at any LogLevel (log.c). */
void proxyip_start_announce(const server_rec *main_s,
                            const apr_array_header_t *listeners)
{
    int on = 0;
    int i;

    for (i = 0; i < listeners->nelts; i++) {
        on += proxyip_listeners_is_on(APR_ARRAY_IDX(listeners, i,
                                                    proxyip_listener_t *));
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, main_s, PROXYIP_LOGNO(0060)
                 "mod_proxyip/" PROXYIP_VERSION " configured -- ProxyIP On for"
                 " %d of %d listeners; `-t -D DUMP_PROXYIP` shows each", on,
                 listeners->nelts);
}
