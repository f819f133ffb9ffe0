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
 * The other modules' pre_connection hooks, run when their time has come.
 */

#include "connection/proxyip_preconn.h"

#include <string.h>

#include <apr_tables.h>
#include <http_connection.h>

/* An entry of the array that ap_hook_get_pre_connection() returns.  APR
 * writes this type out inside its hook macros only (apr_hooks.h,
 * APR_IMPLEMENT_EXTERNAL_HOOK_BASE); mod_info repeats it likewise. */
typedef struct {
    ap_HOOK_pre_connection_t *run;
    const char *file;
    /* These three stand for their room alone. */
    /* cppcheck-suppress unusedStructMember */
    const char *const *predecessors;
    /* cppcheck-suppress unusedStructMember */
    const char *const *successors;
    /* cppcheck-suppress unusedStructMember */
    int order;
} hook_t;

/* Set by post_config, only read afterwards. */
static const apr_array_header_t *hooks;
static int own_index;
static int core_index;

static const hook_t *hook_at(int i)
{
    return &((const hook_t *)hooks->elts)[i];
}

/* A function has no const. */
/* cppcheck-suppress constParameter */
int proxyip_preconn_find(int (*own)(conn_rec *, void *))
{
    int i;

    own_index = -1;
    core_index = -1;
    hooks = ap_hook_get_pre_connection();
    for (i = 0; hooks && i < hooks->nelts; i++) {
        const hook_t *hook = hook_at(i);

        if (hook->run == own) {
            own_index = i;
        }
        else if (hook->file && strcmp(hook->file, "core.c") == 0) {
            core_index = i;
        }
    }
    return own_index >= 0 && core_index > own_index;
}

void proxyip_preconn_run_core(conn_rec *c, void *csd)
{
    (void)hook_at(core_index)->run(c, csd); /* returns DONE, always */
}

int proxyip_preconn_run_rest(conn_rec *c, void *csd)
{
    int i;

    for (i = own_index + 1; i < hooks->nelts; i++) {
        int rc = i == core_index ? DECLINED : hook_at(i)->run(c, csd);

        if (rc == DONE) {
            return OK; /* as ap_run_pre_connection(): the rest is not run */
        }
        if (rc != OK && rc != DECLINED) {
            return rc;
        }
    }
    return OK;
}
