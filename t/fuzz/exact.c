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

#include "exact.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(apr_size_t size)
{
    void *block = malloc(size > 0 ? size : 1);

    if (!block) {
        abort();
    }
#ifndef EXACT_IS_UNDEFINED
    memset(block, 0xa5, size); /* what is not written shows, and each time */
#endif
    return block;
}

void *exact_palloc(apr_pool_t *p, apr_size_t size)
{
    void *block = allocate(size);

    /* The C library's own: a module is unloaded before the process's pool is
     * cleaned.  What it returns, which is nothing, is not looked at. */
    apr_pool_cleanup_register(p, block,
                              (apr_status_t(*)(void *))(void *)free,
                              apr_pool_cleanup_null);
    return block;
}

void *exact_pmemdup(apr_pool_t *p, const void *memory, apr_size_t size)
{
    return memcpy(exact_palloc(p, size), memory, size);
}

char *exact_pstrdup(apr_pool_t *p, const char *text)
{
    return exact_pmemdup(p, text, strlen(text) + 1);
}

void *exact_bucket_alloc(apr_size_t size, apr_bucket_alloc_t *list)
{
    (void)list;
    return allocate(size);
}

void exact_bucket_free(void *block)
{
    free(block);
}
