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

#ifndef PROXYIP_CHECKS_H
#define PROXYIP_CHECKS_H

#include <apr_tables.h>

#include "proxyip_private.h"

/** An error, with which the server does not start; or a warning of something
 * that works but surely not as it was meant. */
typedef struct {
    server_rec *s;                      /* whose error log it belongs in */
    const proxyip_listener_t *listener; /* NULL when it is no listener's */
    const char *text;                   /* its number in front */
} proxyip_finding_t;

/**
 * Finish every server's settings and judge every listener.  Logs what is
 * wrong, each with the places it was said at.
 * @param ptemp for what is needed only here
 * @param main_s the main server
 * @param listeners what proxyip_listeners_find() found
 * @return OK, or HTTP_INTERNAL_SERVER_ERROR when the server must not start
 * @remark for the check_config hook: virtual hosts have their addresses by
 *         then, and `-t` runs it
 */
int proxyip_checks_run(apr_pool_t *ptemp, server_rec *main_s,
                       const apr_array_header_t *listeners);

/**
 * Find what is wrong: for each listener the first thing.
 * @param p where the errors are made
 * @param main_s the main server, its settings finished
 * @param listeners what proxyip_listeners_find() found
 * @return an array of proxyip_finding_t
 */
apr_array_header_t *
proxyip_checks_find_errors(apr_pool_t *p, server_rec *main_s,
                           const apr_array_header_t *listeners);

/**
 * Find what to warn of.
 * @param p where the warnings are made
 * @param main_s the main server, checked before
 * @param listeners what proxyip_listeners_find() found
 * @return an array of proxyip_finding_t
 */
apr_array_header_t *
proxyip_checks_find_warnings(apr_pool_t *p, server_rec *main_s,
                             const apr_array_header_t *listeners);

/**
 * Log what to warn of.
 * @param ptemp for what is needed only here
 * @param main_s the main server, checked before
 * @param listeners what proxyip_listeners_find() found
 */
void proxyip_checks_warn(apr_pool_t *ptemp, server_rec *main_s,
                         const apr_array_header_t *listeners);

#endif /* PROXYIP_CHECKS_H */
