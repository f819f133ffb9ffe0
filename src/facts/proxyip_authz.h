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
 * Require: authorization by what the load balancer said, and by which it was.
 *
 *     Require proxyip
 *     Require proxyip-peer RANGE ...
 *     Require proxyip-tlv NAME VALUE ...
 */

#ifndef PROXYIP_AUTHZ_H
#define PROXYIP_AUTHZ_H

#include "proxyip_private.h"

/**
 * Register the providers.
 * @param p the configuration's pool
 * @remark for the module's register_hooks
 */
void proxyip_authz_register(apr_pool_t *p);

#endif /* PROXYIP_AUTHZ_H */
