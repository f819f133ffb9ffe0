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
 * What every proxyip_send_*.c shares: the second module's identity in the
 * error log, its log numbers, and forward declarations.
 */

#ifndef PROXYIP_SEND_PRIVATE_H
#define PROXYIP_SEND_PRIVATE_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "protocol/pp.h"
#include "proxyip_logno.h"

/* Declares proxyip_send_module too; without it `LogLevel proxyip_send:...`
 * would not reach a unit's messages. */
APLOG_USE_MODULE(proxyip_send);

/* Room for what a log says of a header, its end included. */
#define PROXYIP_SEND_TEXT_MAX (2 * PP_ADDR_TEXT_MAX + 32)

typedef struct proxyip_send_client_t proxyip_send_client_t;
typedef struct proxyip_send_conf_t proxyip_send_conf_t;
typedef struct proxyip_send_slot_t proxyip_send_slot_t;

#endif /* PROXYIP_SEND_PRIVATE_H */
