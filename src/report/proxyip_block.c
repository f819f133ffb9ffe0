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
 * The memory that all processes of the server share, kept over restarts.
 *
 * Rows are found by the listener's name and are never moved or given to
 * another, because children of earlier generations still count in them.
 */

#include "report/proxyip_block.h"

#include <string.h>

#include <ap_mpm.h>
#include <apr_hash.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <http_core.h>

#include "settings/proxyip_listeners.h"

/* Under this name a restarted server finds the block again.  Its number grows
 * with every change of what the block holds, enumerations included: a newer
 * module may be loaded at a restart. */
#define RETAINED "mod_proxyip/block/1"

/* Listeners beyond those of the first start that can get a row; those beyond
 * share the last one. */
#define SPARE_ROWS 64
#define SHARED_NAME "other listeners"

/* Room for "[" IPv6 "]:65535". */
#define NAME_SIZE 56

/* What is kept for the next generation, in the parent's own memory: addresses
 * are the same in all children, because the block was mapped before they were
 * made. */
typedef struct {
    apr_time_t since;
    apr_size_t row_size; /* as it was made; see is_usable() */
    int rows_max;        /* the last of all is shared */
    int rows_used;
    int places_max;
    proxyip_counters_t *rows;
    char (*names)[NAME_SIZE]; /* of the rows */
    proxyip_place_t *places;
} block_t;

/* Set by post_config, only read afterwards. */
static block_t *block;

/* From the process's pool, which outlives restarts.  No cleanup function of
 * ours may be registered there: the module is unloaded at each restart.
 * (apr_shm's own cleanup is APR's code.) */
static void *make_memory(server_rec *main_s, apr_size_t size)
{
    apr_pool_t *p = main_s->process->pool;
    apr_shm_t *shm;
    void *memory;
    apr_status_t rv = apr_shm_create(&shm, size, NULL, p);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, main_s, PROXYIP_LOGNO(0009)
                     "no shared memory for counters: each child counts for"
                     " itself, and mod_status shows one child's counts");
        return apr_pcalloc(p, size);
    }
    memory = apr_shm_baseaddr_get(shm);
    memset(memory, 0, size);
    return memory;
}

/* Children of two generations may run at once; each place is one child's. */
static int count_places(void)
{
    int daemons = 0;

    if (ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons) != APR_SUCCESS
        || daemons < 1) {
        daemons = 1;
    }
    return 2 * daemons;
}

static void make_block(block_t *made, server_rec *main_s, int rows_max)
{
    apr_size_t rows_size = APR_ALIGN_DEFAULT((apr_size_t)rows_max
                                             * sizeof(*made->rows));
    char *memory;

    memset(made, 0, sizeof(*made));
    made->since = apr_time_now();
    made->row_size = sizeof(*made->rows);
    made->rows_max = rows_max;
    made->places_max = count_places();
    memory = make_memory(main_s, rows_size + (apr_size_t)made->places_max
                                                 * sizeof(*made->places));
    made->rows = (proxyip_counters_t *)memory;
    made->places = (proxyip_place_t *)(memory + rows_size);
    made->names = apr_pcalloc(main_s->process->pool,
                              (apr_size_t)rows_max * NAME_SIZE);
}

/* Whether a block that was kept has this module's layout.  One that was made by
 * a module whose RETAINED should have been raised, and was not, starts anew. */
static int is_usable(const block_t *kept)
{
    return kept->rows && kept->row_size == sizeof(*kept->rows);
}

/* The rows by their names. */
static apr_hash_t *index_rows(apr_pool_t *p)
{
    apr_hash_t *index = apr_hash_make(p);
    int i;

    for (i = 0; i < block->rows_used; i++) {
        apr_hash_set(index, block->names[i], APR_HASH_KEY_STRING,
                     &block->rows[i]);
    }
    return index;
}

static proxyip_counters_t *add_row(apr_hash_t *index, const char *name)
{
    int n = block->rows_used;

    if (n == block->rows_max) {
        return &block->rows[n - 1];
    }
    apr_cpystrn(block->names[n], n == block->rows_max - 1 ? SHARED_NAME : name,
                NAME_SIZE);
    apr_hash_set(index, block->names[n], APR_HASH_KEY_STRING, &block->rows[n]);
    block->rows_used = n + 1;
    return &block->rows[n];
}

void proxyip_block_attach(server_rec *main_s,
                          const apr_array_header_t *listeners)
{
    apr_hash_t *index;
    int i;

    block = ap_retained_data_get(RETAINED);
    if (!block) {
        block = ap_retained_data_create(RETAINED, sizeof(*block));
    }
    if (!is_usable(block)) {
        make_block(block, main_s, listeners->nelts + SPARE_ROWS + 1);
    }
    index = index_rows(listeners->pool);
    for (i = 0; i < listeners->nelts; i++) {
        proxyip_listener_t *listener = APR_ARRAY_IDX(listeners, i,
                                                     proxyip_listener_t *);
        proxyip_counters_t *row;

        if (!proxyip_listeners_is_on(listener)) {
            continue;
        }
        row = apr_hash_get(index, listener->name, APR_HASH_KEY_STRING);
        listener->counters = row ? row : add_row(index, listener->name);
    }
}

int proxyip_block_rows(void)
{
    return block ? block->rows_used : 0;
}

proxyip_counters_t *proxyip_block_row(int n)
{
    return &block->rows[n];
}

const char *proxyip_block_name(const proxyip_counters_t *row)
{
    return block->names[row - block->rows];
}

apr_time_t proxyip_block_since(void)
{
    return block->since;
}

int proxyip_block_places(void)
{
    return block ? block->places_max : 0;
}

proxyip_place_t *proxyip_block_place(int n)
{
    return &block->places[n];
}
