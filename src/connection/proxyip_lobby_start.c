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
 * Whether this httpd has a lobby.
 */

#include "connection/proxyip_lobby_start.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_core.h>

#include "connection/proxyip_back.h"
#include "connection/proxyip_handover.h"
#include "settings/proxyip_conf.h"

static const char WHY_MPM[] = "this MPM cannot take them back";
static const char WHY_BUCKETS[] = "ListenCoresBucketsRatio is above 0";
static const char WHY_SYSTEM[] = "this system has no epoll and eventfd";

/* Why connections do not wait in a lobby; NULL: they do, or none is to wait.
 * Set by check_config, only read afterwards. */
static const char *why_not;
static int is_wanted;

static int is_on_anywhere(const server_rec *s)
{
    for (; s; s = s->next) {
        if (proxyip_conf_get(s)->enabled == 1) {
            return 1;
        }
    }
    return 0;
}

/* With several buckets event copies each listen record and binds the copy,
 * the spare too (listen.c, ap_duplicate_listeners). */
static int has_buckets(void)
{
    const ap_directive_t *node;

    for (node = ap_conftree; node; node = node->next) {
        if (strcasecmp(node->directive, "ListenCoresBucketsRatio") == 0
            && strtol(node->args, NULL, 10) > 0) {
            return 1;
        }
    }
    return 0;
}

static const char *find_why_not(apr_pool_t *pconf)
{
    if (strcmp(ap_show_mpm(), "event") != 0) {
        return WHY_MPM;
    }
    if (has_buckets()) {
        return WHY_BUCKETS;
    }
    if (ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_TEST
        && proxyip_back_add_spare(pconf) != APR_SUCCESS) {
        return WHY_SYSTEM;
    }
    return NULL;
}

void proxyip_lobby_check_config(apr_pool_t *pconf, server_rec *s)
{
    proxyip_back_forget_spare();
    is_wanted = is_on_anywhere(s);
    why_not = is_wanted ? find_why_not(pconf) : NULL;
    proxyip_handover_keep(is_wanted && !why_not);
}

int proxyip_lobby_open_logs(apr_pool_t *pconf, apr_pool_t *plog,
                            apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    proxyip_back_hide_spare();
    return OK;
}

void proxyip_lobby_post_config(apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s)
{
    apr_status_t rv;

    if (!is_wanted) {
        return;
    }
    if (why_not) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, PROXYIP_LOGNO(0048)
                     "%s", proxyip_lobby_describe(ptemp));
        return;
    }
    rv = proxyip_handover_prepare(plog);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s, PROXYIP_LOGNO(0049)
                     "no pair of sockets: at a graceful restart connections"
                     " that wait for their header or their first byte are"
                     " closed");
    }
}

/* How many descriptors this process may still open.  Those that are open
 * begin at 0 and leave few gaps, so the next one tells their number. */
static int count_free_descriptors(void)
{
    struct rlimit limit;
    int next = dup(STDERR_FILENO);

    if (next < 0) {
        return errno == EMFILE ? 0 : INT_MAX; /* or it was closed */
    }
    close(next);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0
        || limit.rlim_cur > (rlim_t)INT_MAX) {
        return INT_MAX;
    }
    return (int)limit.rlim_cur - next;
}

int proxyip_lobby_room(void)
{
    int room = count_free_descriptors() / 2;

    return room < 1 ? 1 : room;
}

const char *proxyip_lobby_describe(apr_pool_t *p)
{
    if (why_not) {
        return apr_psprintf(p, "A connection holds a worker until its header"
                            " and its first byte have come, because %s.",
                            why_not);
    }
    return apr_psprintf(p, "Connections wait for their header and their first"
                        " byte without a worker, about %d in each child (half"
                        " of the descriptors that it may open: ulimit -n).",
                        proxyip_lobby_room());
}
