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
 * The facts where administrators write conditions and formats: expressions,
 * access log, error log, request environment.
 */

#ifndef PROXYIP_VARS_H
#define PROXYIP_VARS_H

#include <ap_expr.h>

#include "proxyip_private.h"

/**
 * expr_lookup: `%{PROXYIP_NAME}` and the function `proxyip('NAME')`, also
 * written `%{PROXYIP:NAME}`.
 * @param parms what is looked up
 * @return OK, or DECLINED when it is none of ours
 */
int proxyip_vars_expr_lookup(ap_expr_lookup_parms *parms);

/**
 * Register the log items: `%{NAME}^PX` of access logs, `%{NAME}X` of
 * ErrorLogFormat.
 * @param pconf the configuration's pool
 * @remark for pre_config: all modules are loaded, no format is parsed yet
 */
void proxyip_vars_register_logs(apr_pool_t *pconf);

/**
 * post_read_request: put the variables that ProxyIPEnv asks for into the
 * environment.
 * @param r the request
 * @return DECLINED
 */
int proxyip_vars_set_env(request_rec *r);

#endif /* PROXYIP_VARS_H */
