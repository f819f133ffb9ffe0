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
 * The children that run, and how many connections wait in each.
 *
 * The compiler's atomics rather than APR's: those may be made of a mutex,
 * which holds within one process only.
 */

#include "report/proxyip_children.h"

#include <unistd.h>

#include "report/proxyip_block.h"

/* The child's own; set by child_init, NULL when none was free. */
static proxyip_place_t *own;

void proxyip_children_init(void)
{
    int i;

    for (i = 0; i < proxyip_block_places(); i++) {
        proxyip_place_t *place = proxyip_block_place(i);
        apr_uint32_t free_pid = 0;

        if (__atomic_compare_exchange_n(&place->pid, &free_pid,
                                        (apr_uint32_t)getpid(), 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            own = place;
            return;
        }
    }
}

void proxyip_children_status(server_rec *s, pid_t pid, ap_generation_t gen,
                             int slot, mpm_child_status state)
{
    int i;

    (void)s;
    (void)gen;
    (void)slot;
    if (state != MPM_CHILD_EXITED) {
        return;
    }
    for (i = 0; i < proxyip_block_places(); i++) {
        proxyip_place_t *place = proxyip_block_place(i);

        if (__atomic_load_n(&place->pid, __ATOMIC_RELAXED)
            == (apr_uint32_t)pid) {
            __atomic_store_n(&place->waiting, 0, __ATOMIC_RELAXED);
            __atomic_store_n(&place->pid, 0, __ATOMIC_RELEASE);
        }
    }
}

int proxyip_children_has_siblings(void)
{
    int i;

    for (i = 0; i < proxyip_block_places(); i++) {
        const proxyip_place_t *place = proxyip_block_place(i);

        if (place != own && __atomic_load_n(&place->pid, __ATOMIC_RELAXED)) {
            return 1;
        }
    }
    return 0;
}

void proxyip_children_add_waiting(int count)
{
    if (own) {
        __atomic_add_fetch(&own->waiting, (apr_uint32_t)count,
                           __ATOMIC_RELAXED);
    }
}

unsigned int proxyip_children_waiting(void)
{
    unsigned int total = 0;
    int i;

    for (i = 0; i < proxyip_block_places(); i++) {
        total += __atomic_load_n(&proxyip_block_place(i)->waiting,
                                 __ATOMIC_RELAXED);
    }
    return total;
}
