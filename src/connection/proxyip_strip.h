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
 * Taking the header off: exactly its bytes, before anybody reads one.
 *
 * Nobody can read before process_connection, because core adds its input
 * filter at the end of pre_connection (core.c, core_pre_connection at
 * APR_HOOK_REALLY_LAST); and our process_connection hook is the first.  It
 * reads from core's filter itself, so that filters which count or decrypt
 * bytes, whatever their type, never meet the header.
 */

#ifndef PROXYIP_STRIP_H
#define PROXYIP_STRIP_H

#include "proxyip_private.h"

/**
 * process_connection: take the header off, the first time.
 * @param c any connection
 * @return DECLINED; OK for one that has to be closed, because its header is
 *         no longer there
 */
int proxyip_strip_process_connection(conn_rec *c);

#endif /* PROXYIP_STRIP_H */
