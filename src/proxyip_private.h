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
 * What every proxyip_*.c shares: the module's identity in the error log, its
 * log numbers, and forward declarations.  Not an umbrella: a unit includes
 * the headers of what it uses.
 */

#ifndef PROXYIP_PRIVATE_H
#define PROXYIP_PRIVATE_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "proxyip_logno.h"

/* Declares proxyip_module too; without it `LogLevel proxyip:…` would not
 * reach a unit's messages. */
APLOG_USE_MODULE(proxyip);

typedef struct proxyip_conf_t proxyip_conf_t;
typedef struct proxyip_conn_t proxyip_conn_t;
typedef struct proxyip_counters_t proxyip_counters_t;
typedef struct proxyip_in_tls_t proxyip_in_tls_t;
typedef struct proxyip_listener_t proxyip_listener_t;
typedef struct proxyip_peers_t proxyip_peers_t;

#endif /* PROXYIP_PRIVATE_H */
