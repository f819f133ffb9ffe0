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
 * proxyip-check: what its parts have in common.
 *
 * The program stands on the codec (pp.h) and APR alone: it knows nothing of
 * httpd.  Each command is one unit, check_COMMAND.c, which knows no other's.
 * What they share: reading options (check_options.h, and for headers
 * check_header_options.h), and showing a header (check_show.h as text,
 * check_object.h as JSON).
 */

#ifndef CHECK_H
#define CHECK_H

#include <apr_pools.h>

#include "protocol/pp.h"
#include "version.h"

#define CHECK_PROGRAM "proxyip-check"
#define CHECK_VERSION PROXYIP_VERSION

/* Exit statuses. */
#define CHECK_RIGHT 0  /* what was looked at is right */
#define CHECK_WRONG 1  /* it is not, or nothing answered */
#define CHECK_CANNOT 2 /* wrong usage, no such file, no connection */

/* What is ever kept of one input: the largest header and some payload. */
#define CHECK_INPUT_MAX (PP_V2_MAX + 4096)

/**
 * Run one command.
 * @param p for as long as it runs
 * @param argc number of arguments, the command's name counted
 * @param argv the command's name, and its arguments
 * @return one of the exit statuses
 */
int check_decode(apr_pool_t *p, int argc, const char *const *argv);
int check_send(apr_pool_t *p, int argc, const char *const *argv);
int check_probe(apr_pool_t *p, int argc, const char *const *argv);
int check_listen(apr_pool_t *p, int argc, const char *const *argv);
int check_relay(apr_pool_t *p, int argc, const char *const *argv);

#endif /* CHECK_H */
