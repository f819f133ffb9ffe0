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
 * A private worker: one connection to a backend, and the header that it was
 * opened with.
 *
 * A slot belongs to one thread at a time; the pool hands it on under its lock.
 */

#include "send/proxyip_send_slot.h"

#include <string.h>

#include <apr_allocator.h>
#include <apr_thread_mutex.h>
#include <mpm_common.h>

/* The worker's address comes from the request's URL, not from this. */
#define NO_URL "http://proxyip-send.invalid/"

/* How mod_proxy's lines call what is done here. */
#define SCHEME "PROXYIPSEND"

#define FIRST_SIZE 256

struct proxyip_send_slot_t {
    apr_pool_t *p;
    proxy_worker *worker;
    uint8_t *head;
    size_t len;
    size_t size;
    apr_uint32_t serial;
    char text[PROXYIP_SEND_TEXT_MAX];
    int is_closing;
    proxyip_send_links_t links;
};

/* Its subpools are made and cleared by whichever thread has the slot, which
 * is one at a time; parents of pools want a mutex all the same. */
static apr_pool_t *make_pool(apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;
#if APR_HAS_THREADS
    apr_thread_mutex_t *mutex;
#endif

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return NULL;
    }
    apr_allocator_max_free_set(allocator, ap_max_mem_free);
    if (apr_pool_create_ex(&p, parent, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, p);
    apr_pool_tag(p, "proxyip_send_slot");
#if APR_HAS_THREADS
    if (apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, p)
        != APR_SUCCESS) {
        apr_pool_destroy(p);
        return NULL;
    }
    apr_allocator_mutex_set(allocator, mutex);
#endif
    return p;
}

/* A worker as on prefork: without a list of connections it has one, at
 * cp->conn, whence mod_proxy takes it and whither it brings it back. */
static proxy_worker *make_worker(apr_pool_t *p, server_rec *s)
{
    proxy_worker *worker = NULL;
    proxy_conn_rec *conn;

    if (ap_proxy_define_worker(p, &worker, NULL, NULL, NO_URL, 0)
        || ap_proxy_initialize_worker(worker, s, p) != APR_SUCCESS) {
        return NULL;
    }
    worker->cp->res = NULL;
    if (ap_proxy_acquire_connection(SCHEME, &conn, worker, s) != OK) {
        return NULL;
    }
    worker->cp->conn = conn;
    return worker;
}

proxyip_send_slot_t *proxyip_send_slot_make(apr_pool_t *parent, server_rec *s)
{
    apr_pool_t *p = make_pool(parent);
    proxy_worker *worker = p ? make_worker(p, s) : NULL;
    proxyip_send_slot_t *slot;

    if (!worker) {
        if (p) {
            apr_pool_destroy(p);
        }
        return NULL;
    }
    slot = apr_pcalloc(p, sizeof(*slot));
    slot->p = p;
    slot->worker = worker;
    slot->size = FIRST_SIZE;
    slot->head = apr_palloc(p, slot->size);
    return slot;
}

void proxyip_send_slot_destroy(proxyip_send_slot_t *slot)
{
    slot->is_closing = 1;
    apr_pool_destroy(slot->p);
}

void proxyip_send_slot_begin(proxyip_send_slot_t *slot,
                             const proxy_worker *real, const uint8_t *head,
                             size_t len)
{
    if (len > slot->size) {
        /* What is left behind is less than what is taken. */
        slot->size = 2 * len;
        slot->head = apr_palloc(slot->p, slot->size);
    }
    memcpy(slot->head, head, len);
    slot->len = len;
    slot->serial++;
    slot->worker->s = real->s;
    slot->worker->hash = real->hash;
    slot->worker->balancer = real->balancer;
    slot->worker->context = real->context;
    slot->worker->section_config = real->section_config;
}

int proxyip_send_slot_has(const proxyip_send_slot_t *slot,
                          const uint8_t *head, size_t len)
{
    return slot->len == len && memcmp(slot->head, head, len) == 0;
}

const uint8_t *proxyip_send_slot_head(const proxyip_send_slot_t *slot,
                                      size_t *len)
{
    *len = slot->len;
    return slot->head;
}

char *proxyip_send_slot_text(proxyip_send_slot_t *slot)
{
    return slot->text;
}

proxy_worker *proxyip_send_slot_worker(const proxyip_send_slot_t *slot)
{
    return slot->worker;
}

int proxyip_send_slot_is_back(const proxyip_send_slot_t *slot)
{
    return slot->worker->cp->conn != NULL;
}

int proxyip_send_slot_is_open(const proxyip_send_slot_t *slot)
{
    const proxy_conn_rec *conn = slot->worker->cp->conn;

    return conn && conn->sock;
}

void proxyip_send_slot_close(proxyip_send_slot_t *slot, server_rec *s)
{
    proxy_conn_rec *conn = slot->worker->cp->conn;

    if (!conn || !conn->sock) {
        return;
    }
    slot->is_closing = 1;
    slot->worker->cp->conn = NULL;
    conn->close = 1;
    ap_proxy_release_connection(SCHEME, conn, s);
    slot->is_closing = 0;
}

apr_uint32_t proxyip_send_slot_serial(const proxyip_send_slot_t *slot)
{
    return slot->serial;
}

int proxyip_send_slot_is_closing(const proxyip_send_slot_t *slot)
{
    return slot->is_closing;
}

proxyip_send_links_t *proxyip_send_slot_links(proxyip_send_slot_t *slot)
{
    return &slot->links;
}
