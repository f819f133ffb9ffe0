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
 * Blocks of exactly their size.  APR's pools and bucket allocators hand out
 * pieces of larger blocks, in which the address sanitizer sees no byte too
 * far.  build.sh includes this before every unit of the module, which then
 * calls these instead.
 */

#ifndef EXACT_H
#define EXACT_H

#include <apr_buckets.h>
#include <apr_pools.h>
#include <apr_strings.h>

void *exact_palloc(apr_pool_t *p, apr_size_t size);
void *exact_pmemdup(apr_pool_t *p, const void *memory, apr_size_t size);
char *exact_pstrdup(apr_pool_t *p, const char *text);
void *exact_bucket_alloc(apr_size_t size, apr_bucket_alloc_t *list);
void exact_bucket_free(void *block);

#define apr_palloc exact_palloc
#define apr_pmemdup exact_pmemdup
#define apr_pstrdup exact_pstrdup
#define apr_bucket_alloc exact_bucket_alloc
#define apr_bucket_free exact_bucket_free

#endif /* EXACT_H */
