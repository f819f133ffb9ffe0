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
 * The connections to backends that begin with a header.
 *
 * A slot is in use (one thread has it), kept (in its client's list and in its
 * backend's, the oldest first) or free (in its backend's list, without a
 * connection).  Under the lock it only changes hands; connections are opened
 * and closed outside, by the thread that has the slot in use.
 */

#include "send/proxyip_send_pool.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_time.h>

#include "send/proxyip_send_slot.h"

/* Free slots of one backend: what a burst leaves behind beyond these is
 * freed.  A slot is about 60 KB. */
#define MOST_FREE 16

/* Connections that a client keeps to one backend with other headers than its
 * latest: two sections that differ in their TLVs may take turns, but a TLV
 * that differs in each request must not heap up connections. */
#define MOST_OTHERS 2

/* How one real worker is used in this child. */
typedef struct {
    const proxy_worker *real; /* lives as long as the child */
    const void *key;          /* the same, as the table's key */
    int in_use;
    int kept;
    int free;
#if APR_HAS_THREADS
    int waiting; /* threads that wait for a slot */
#endif
    proxyip_send_slot_t *oldest; /* kept */
    proxyip_send_slot_t *newest;
    proxyip_send_slot_t *first_free;
} backend_t;

struct proxyip_send_kept_t {
    server_rec *s;
    proxyip_send_slot_t *first;
    int is_closed;
};

typedef struct {
    apr_pool_t *p;
    apr_hash_t *backends; /* by the real worker's address */
#if APR_HAS_THREADS
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *changed;
#endif
} pool_t;

/* NULL before the child's start and after its end: clients' connections may be
 * cleaned up later than the child's pool. */
static pool_t *pool;

static apr_status_t forget_pool(void *unused)
{
    (void)unused;
    pool = NULL;
    return APR_SUCCESS;
}

void proxyip_send_pool_child_init(apr_pool_t *pchild)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;
    pool_t *made;

    /* Threads take from it under the lock, but slots' pools hang on it, and
     * these come and go outside. */
    apr_allocator_create(&allocator);
    apr_pool_create_ex(&p, pchild, NULL, allocator);
    apr_allocator_owner_set(allocator, p);
    apr_pool_tag(p, "proxyip_send");
    made = apr_pcalloc(p, sizeof(*made));
    made->p = p;
    made->backends = apr_hash_make(p);
#if APR_HAS_THREADS
    {
        apr_thread_mutex_t *mutex;

        apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, p);
        apr_allocator_mutex_set(allocator, mutex);
    }
    apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, p);
    apr_thread_cond_create(&made->changed, p);
#endif
    /* Not at the beginning of the child pool's end: mod_http2's threads, which
     * may have slots, are waited for there. */
    apr_pool_pre_cleanup_register(p, NULL, forget_pool);
    pool = made;
}

void proxyip_send_pool_lock(void)
{
#if APR_HAS_THREADS
    apr_thread_mutex_lock(pool->lock);
#endif
}

void proxyip_send_pool_unlock(void)
{
#if APR_HAS_THREADS
    apr_thread_mutex_unlock(pool->lock);
#endif
}

static proxyip_send_links_t *links_of(proxyip_send_slot_t *slot)
{
    return proxyip_send_slot_links(slot);
}

/* Mostly the client has been there before, which is found faster. */
static backend_t *find_backend(const proxyip_send_kept_t *kept,
                               const proxy_worker *real)
{
    const void *key = real;
    backend_t *backend = kept->first ? links_of(kept->first)->backend : NULL;

    if (backend && backend->real == real) {
        return backend;
    }
    backend = apr_hash_get(pool->backends, &key, sizeof(key));
    if (!backend) {
        backend = apr_pcalloc(pool->p, sizeof(*backend));
        backend->real = real;
        backend->key = key;
        apr_hash_set(pool->backends, &backend->key, sizeof(backend->key),
                     backend);
    }
    return backend;
}

/* The most connections to a backend, as mod_proxy has it: 0 on prefork, where
 * a child has one request at a time. */
static int most_of(const proxy_worker *real)
{
    return real->s->hmax;
}

static void wake(const backend_t *backend)
{
#if APR_HAS_THREADS
    if (backend->waiting > 0) {
        apr_thread_cond_broadcast(pool->changed);
    }
#else
    (void)backend;
#endif
}

/* Take a kept slot out of its client's list and its backend's: it is in use
 * from here, if only to be closed. */
static void unlink_kept(proxyip_send_slot_t *slot)
{
    proxyip_send_links_t *links = links_of(slot);
    backend_t *backend = links->backend;
    proxyip_send_kept_t *kept = links->kept;
    proxyip_send_slot_t **at = &kept->first;

    while (*at != slot) {
        at = &links_of(*at)->next;
    }
    *at = links->next;
    if (links->older) {
        links_of(links->older)->newer = links->newer;
    }
    else {
        backend->oldest = links->newer;
    }
    if (links->newer) {
        links_of(links->newer)->older = links->older;
    }
    else {
        backend->newest = links->older;
    }
    links->older = links->newer = links->next = NULL;
    links->kept = NULL;
    backend->kept--;
    backend->in_use++;
}

static void link_kept(proxyip_send_slot_t *slot, proxyip_send_kept_t *kept)
{
    proxyip_send_links_t *links = links_of(slot);
    backend_t *backend = links->backend;

    links->kept = kept;
    links->next = kept->first;
    kept->first = slot;
    links->newer = NULL;
    links->older = backend->newest;
    if (backend->newest) {
        links_of(backend->newest)->newer = slot;
    }
    else {
        backend->oldest = slot;
    }
    backend->newest = slot;
    links->since = apr_time_now();
    backend->in_use--;
    backend->kept++;
    wake(backend);
}

/* Close a connection and make its slot free. */
static void retire(proxyip_send_slot_t *slot, server_rec *s)
{
    backend_t *backend = links_of(slot)->backend;
    int is_sound = proxyip_send_slot_is_back(slot);

    /* Outside the lock, and before it is counted as closed. */
    if (is_sound) {
        proxyip_send_slot_close(slot, s);
    }
    proxyip_send_pool_lock();
    is_sound = is_sound && backend->free < MOST_FREE;
    backend->in_use--;
    if (is_sound) {
        links_of(slot)->next = backend->first_free;
        backend->first_free = slot;
        backend->free++;
    }
    wake(backend);
    proxyip_send_pool_unlock();
    if (!is_sound) {
        proxyip_send_slot_destroy(slot);
    }
}

static void retire_all(proxyip_send_slot_t *slot, server_rec *s)
{
    while (slot) {
        proxyip_send_slot_t *next = links_of(slot)->next;

        links_of(slot)->next = NULL;
        retire(slot, s);
        slot = next;
    }
}

proxyip_send_kept_t *proxyip_send_pool_open(apr_pool_t *p, server_rec *s)
{
    proxyip_send_kept_t *kept = apr_pcalloc(p, sizeof(*kept));

    kept->s = s;
    return kept;
}

void proxyip_send_pool_close(proxyip_send_kept_t *kept)
{
    proxyip_send_slot_t *doomed = NULL;

    if (!pool) {
        return;
    }
    proxyip_send_pool_lock();
    kept->is_closed = 1;
    while (kept->first) {
        proxyip_send_slot_t *slot = kept->first;

        unlink_kept(slot);
        links_of(slot)->next = doomed;
        doomed = slot;
    }
    proxyip_send_pool_unlock();
    retire_all(doomed, kept->s);
}

/* What was kept for longer than the worker's ttl=, as a list. */
static proxyip_send_slot_t *unlink_expired(backend_t *backend)
{
    apr_interval_time_t ttl_us = backend->real->s->ttl;
    proxyip_send_slot_t *doomed = NULL;
    apr_time_t now = ttl_us > 0 && backend->oldest ? apr_time_now() : 0;

    while (now && backend->oldest
           && now - links_of(backend->oldest)->since >= ttl_us) {
        proxyip_send_slot_t *slot = backend->oldest;

        unlink_kept(slot);
        links_of(slot)->next = doomed;
        doomed = slot;
    }
    return doomed;
}

static proxyip_send_slot_t *find_kept(const proxyip_send_kept_t *kept,
                                      const backend_t *backend,
                                      const uint8_t *head, size_t len)
{
    proxyip_send_slot_t *slot = kept->first;

    while (slot
           && (links_of(slot)->backend != backend
               || !proxyip_send_slot_has(slot, head, len))) {
        slot = links_of(slot)->next;
    }
    return slot;
}

/* Wait for a change; 0 once the deadline has passed. */
static int wait_for_change(backend_t *backend, apr_time_t deadline)
{
#if APR_HAS_THREADS
    apr_interval_time_t left = deadline - apr_time_now();

    if (left <= 0) {
        return 0;
    }
    backend->waiting++;
    apr_thread_cond_timedwait(pool->changed, pool->lock, left);
    backend->waiting--;
    return 1;
#else
    (void)backend;
    (void)deadline;
    return 0;
#endif
}

static apr_time_t deadline_of(const request_rec *r, const proxy_worker *real)
{
    return apr_time_now() + (real->s->acquire_set ? real->s->acquire
                                                  : r->server->timeout);
}

/* Under the lock: a slot for this header, or room for a new one.
 * 1: *slot is in use by the caller, or NULL and one more is counted; 0: the
 * deadline has passed. */
static int take_locked(const proxyip_send_kept_t *kept, request_rec *r,
                       backend_t *backend, const uint8_t *head, size_t len,
                       proxyip_send_slot_t **slot, int *is_kept)
{
    int most = most_of(backend->real);
    apr_time_t deadline = 0;

    while (1) {
        *slot = find_kept(kept, backend, head, len);
        *is_kept = *slot != NULL;
        if (*slot) {
            unlink_kept(*slot);
            return 1;
        }
        if (most <= 0 || backend->in_use + backend->kept < most) {
            *slot = backend->first_free;
            backend->in_use++;
            if (*slot) {
                backend->first_free = links_of(*slot)->next;
                links_of(*slot)->next = NULL;
                backend->free--;
            }
            return 1;
        }
        if (backend->oldest) {
            *slot = backend->oldest;
            unlink_kept(*slot);
            return 1;
        }
        if (!deadline) {
            deadline = deadline_of(r, backend->real);
        }
        if (!wait_for_change(backend, deadline)) {
            return 0;
        }
    }
}

/* A slot of this backend's, new. */
static proxyip_send_slot_t *make_slot(backend_t *backend, server_rec *s)
{
    proxyip_send_slot_t *slot = proxyip_send_slot_make(pool->p, s);

    if (slot) {
        links_of(slot)->backend = backend;
        return slot;
    }
    proxyip_send_pool_lock();
    backend->in_use--;
    wake(backend);
    proxyip_send_pool_unlock();
    return NULL;
}

apr_status_t proxyip_send_pool_take(proxyip_send_kept_t *kept, request_rec *r,
                                    const proxy_worker *real,
                                    const uint8_t *head, size_t len,
                                    proxyip_send_slot_t **slot, int *is_kept)
{
    proxyip_send_slot_t *expired;
    backend_t *backend;
    int is_there;

    proxyip_send_pool_lock();
    backend = find_backend(kept, real);
    expired = unlink_expired(backend);
    if (expired) {
        /* First, so that they do not count against max=. */
        proxyip_send_pool_unlock();
        retire_all(expired, r->server);
        proxyip_send_pool_lock();
    }
    is_there = take_locked(kept, r, backend, head, len, slot, is_kept);
    proxyip_send_pool_unlock();
    if (!is_there) {
        return APR_TIMEUP;
    }
    if (!*slot) {
        *slot = make_slot(backend, r->server);
        if (!*slot) {
            return APR_EGENERAL;
        }
    }
    if (!*is_kept) {
        /* Where it was kept for another client, or with another header, it
         * is closed before anything else is made of it. */
        proxyip_send_slot_close(*slot, r->server);
        proxyip_send_slot_begin(*slot, real, head, len);
    }
    return APR_SUCCESS;
}

/* Under the lock: the oldest of a client's connections to the same backend
 * with other headers, where there are too many. */
static proxyip_send_slot_t *unlink_surplus(proxyip_send_slot_t *slot,
                                           const proxyip_send_kept_t *kept)
{
    proxyip_send_slot_t *other = NULL;
    proxyip_send_slot_t *at;
    size_t len;
    const uint8_t *head = proxyip_send_slot_head(slot, &len);
    int others = 0;

    /* The client's list has the latest first. */
    for (at = kept->first; at; at = links_of(at)->next) {
        if (links_of(at)->backend == links_of(slot)->backend
            && !proxyip_send_slot_has(at, head, len)) {
            other = at;
            others++;
        }
    }
    if (others <= MOST_OTHERS) {
        return NULL;
    }
    unlink_kept(other);
    return other;
}

void proxyip_send_pool_give(proxyip_send_slot_t *slot,
                            proxyip_send_kept_t *kept, server_rec *s)
{
    proxyip_send_slot_t *surplus = NULL;
    int is_kept = 0;

    if (kept && proxyip_send_slot_is_open(slot)) {
        proxyip_send_pool_lock();
        is_kept = !kept->is_closed;
        if (is_kept) {
            link_kept(slot, kept);
            surplus = unlink_surplus(slot, kept);
        }
        proxyip_send_pool_unlock();
    }
    if (!is_kept) {
        retire(slot, s);
    }
    if (surplus) {
        retire(surplus, s);
    }
}
