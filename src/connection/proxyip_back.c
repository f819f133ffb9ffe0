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
 * The way back from the lobby into the event MPM.
 */

#include "connection/proxyip_back.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <ap_listen.h>
#include <ap_mpm.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <scoreboard.h>
#include <unixd.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include "connection/proxyip_lobby_policy.h"
#include "proxyip_clock.h"

/* The name under which a socket carries its ticket. */
#define TICKET "mod_proxyip/ticket"

/* This configuration's spare record, or NULL; written in the parent. */
static ap_listen_rec *spare;

/* The child's own.  The mutex guards all but `event`; `count` is read without
 * it where it only matters whether there is one. */
static struct {
    apr_thread_mutex_t *mutex;
    int event;                  /* readable while `count` is not 0; -1 none */
    proxyip_waiter_ring_t ring; /* who is ready */
    int count;
    int leaving;                /* of these, given up for descriptors */
    int64_t moved;              /* when the last one was taken, or the first
                                   of these came */
    int slot;                   /* see find_slot(); atomic */
    int threads;                /* workers of the child */
} back = {.event = -1};

#ifdef __linux__

apr_status_t proxyip_back_add_spare(apr_pool_t *pconf)
{
    apr_os_sock_info_t info;
    ap_listen_rec **last = &ap_listeners;
    ap_listen_rec *lr = apr_pcalloc(pconf, sizeof(*lr));
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    apr_status_t rv;

    if (fd < 0) {
        return errno;
    }
    memset(&info, 0, sizeof(info));
    info.os_sock = &fd;
    info.family = APR_INET;
    info.type = SOCK_STREAM;
    rv = apr_os_sock_make(&lr->sd, &info, pconf); /* closes it with pconf */
    if (rv != APR_SUCCESS) {
        close(fd);
        return rv;
    }
    /* No name, no port: nothing that looks for an address finds it. */
    rv = apr_sockaddr_info_get(&lr->bind_addr, "127.0.0.1", APR_INET, 0, 0,
                               pconf);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    lr->protocol = "proxyip"; /* for which there is no AcceptFilter */
    lr->active = 1;           /* not to be bound */
    while (*last) {
        last = &(*last)->next;
    }
    *last = lr;
    spare = lr;
    return APR_SUCCESS;
}

/* The parent made the descriptor, for all children; each needs its own.  The
 * number stays, because httpd closes it as the record's. */
static apr_status_t replace_descriptor(void)
{
    int fd;

    back.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (back.event < 0) {
        return errno;
    }
    apr_os_sock_get(&fd, spare->sd);
    return dup3(back.event, fd, O_CLOEXEC) < 0 ? errno : APR_SUCCESS;
}

#else

apr_status_t proxyip_back_add_spare(apr_pool_t *pconf)
{
    return APR_ENOTIMPL;
}

static apr_status_t replace_descriptor(void)
{
    return APR_ENOTIMPL;
}

#endif

void proxyip_back_forget_spare(void)
{
    spare = NULL;
}

void proxyip_back_hide_spare(void)
{
    ap_listen_rec **at = &ap_listeners;

    while (*at && *at != spare) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = spare->next;
        spare->next = NULL;
    }
}

static apr_status_t close_event(void *unused)
{
    (void)unused;
    if (back.event >= 0) {
        close(back.event);
        back.event = -1;
    }
    return APR_SUCCESS;
}

apr_status_t proxyip_back_child_init(apr_pool_t *pchild)
{
    ap_listen_rec **last = &ap_listeners;
    apr_status_t rv;

    if (!spare) {
        return APR_ENOTIMPL;
    }
    while (*last) {
        last = &(*last)->next;
    }
    *last = spare;
    back.slot = -1;
    back.threads = 1;
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &back.threads);
    APR_RING_INIT(&back.ring, proxyip_waiter_t, link);
    apr_pool_cleanup_register(pchild, NULL, close_event,
                              apr_pool_cleanup_null);
    rv = apr_thread_mutex_create(&back.mutex, APR_THREAD_MUTEX_DEFAULT,
                                 pchild);
    return rv == APR_SUCCESS ? replace_descriptor() : rv;
}

static void unlink_ready(proxyip_waiter_t *waiter)
{
    APR_RING_REMOVE(waiter, link);
    back.leaving -= waiter->end == PROXYIP_WAIT_NO_DESCRIPTORS;
    if (__atomic_sub_fetch(&back.count, 1, __ATOMIC_RELEASE) == 0) {
        apr_uint64_t unused;

        (void)!read(back.event, &unused, sizeof(unused));
    }
}

proxyip_waiter_t *proxyip_back_pull(void)
{
    proxyip_waiter_t *waiter = NULL;

    if (__atomic_load_n(&back.count, __ATOMIC_ACQUIRE) == 0) {
        return NULL;
    }
    apr_thread_mutex_lock(back.mutex);
    if (back.count > 0) {
        waiter = APR_RING_FIRST(&back.ring);
        unlink_ready(waiter);
        back.moved = proxyip_clock_now();
    }
    apr_thread_mutex_unlock(back.mutex);
    return waiter;
}

void proxyip_back_push(proxyip_waiter_t *waiter, int is_first)
{
    apr_thread_mutex_lock(back.mutex);
    if (is_first) {
        APR_RING_INSERT_HEAD(&back.ring, waiter, proxyip_waiter_t, link);
    }
    else {
        APR_RING_INSERT_TAIL(&back.ring, waiter, proxyip_waiter_t, link);
    }
    back.leaving += waiter->end == PROXYIP_WAIT_NO_DESCRIPTORS;
    if (__atomic_fetch_add(&back.count, 1, __ATOMIC_RELEASE) == 0) {
        apr_uint64_t one = 1;

        back.moved = proxyip_clock_now();
        (void)!write(back.event, &one, sizeof(one));
    }
    apr_thread_mutex_unlock(back.mutex);
}

int proxyip_back_count(int *leaving, int64_t *moved)
{
    int count = __atomic_load_n(&back.count, __ATOMIC_ACQUIRE);

    if (count == 0) { /* nearly always, and no lock is needed */
        *leaving = 0;
        *moved = 0;
        return 0;
    }
    apr_thread_mutex_lock(back.mutex);
    count = back.count;
    *leaving = back.leaving;
    *moved = back.moved;
    apr_thread_mutex_unlock(back.mutex);
    return count;
}

static const apr_os_sock_info_t *describe(apr_os_sock_info_t *info, int *fd,
                                          proxyip_socket_addr_t *local,
                                          proxyip_socket_addr_t *peer)
{
    memset(info, 0, sizeof(*info));
    info->os_sock = fd;
    info->local = &local->any;
    info->remote = &peer->any;
    info->family = peer->any.sa_family;
    info->type = SOCK_STREAM;
    return info;
}

/* Event has set a worker aside, and must get a connection to give to it.  This
 * one has no descriptor, and our pre_connection hook ends it. */
static apr_status_t accept_none(void **accepted, apr_pool_t *ptrans)
{
    static const proxyip_ticket_t ticket = {.is_none = 1};
    proxyip_socket_addr_t nobody = {.in = {.sin_family = AF_INET}};
    apr_os_sock_info_t info;
    apr_socket_t *csd = NULL;
    int none = -1;
    apr_status_t rv;

    describe(&info, &none, &nobody, &nobody);
    rv = apr_os_sock_make(&csd, &info, ptrans);
    if (rv == APR_SUCCESS) {
        apr_socket_data_set(csd, (void *)&ticket, TICKET, NULL);
        *accepted = csd;
    }
    return rv;
}

/* What had come before the reset is still there to be read. */
static void move_bytes(int from, int to)
{
    char bytes[2048];
    ssize_t len;

    while ((len = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        if (send(to, bytes, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != len) {
            return;
        }
    }
}

/* A socket that was reset has no peer, and core makes no connection of it:
 * APR asks the system for the address, whatever apr_os_sock_make() was told
 * (sockets.c, alloc_socket).  It would end without a line and uncounted.  So
 * the MPM gets, under the same number, one that has the same bytes and whose
 * other end is closed. */
static apr_sockaddr_t *replace_reset(proxyip_waiter_t *waiter,
                                     apr_pool_t *ptrans)
{
    apr_sockaddr_t *peer;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        return NULL;
    }
    move_bytes(waiter->fd, pair[1]);
    dup2(pair[0], waiter->fd);
    fcntl(waiter->fd, F_SETFD, FD_CLOEXEC);
    close(pair[0]);
    close(pair[1]);
    peer = apr_palloc(ptrans, sizeof(*peer));
    proxyip_waiter_fill_sockaddr(peer, ptrans, &waiter->peer);
    return peer;
}

static apr_status_t accept_ready(void **accepted, proxyip_waiter_t *waiter,
                                 apr_pool_t *ptrans)
{
    proxyip_ticket_t *ticket = apr_pcalloc(ptrans, sizeof(*ticket));
    apr_os_sock_info_t info;
    apr_socket_t *csd = NULL;
    apr_sockaddr_t *unused;
    apr_status_t rv;

    describe(&info, &waiter->fd, &waiter->local, &waiter->peer);
    rv = apr_os_sock_make(&csd, &info, ptrans); /* closes it with ptrans */
    if (rv != APR_SUCCESS) {
        proxyip_waiter_close(waiter);
        return accept_none(accepted, ptrans);
    }
    /* core will ask the same, and be answered from what this has found. */
    if (apr_socket_addr_get(&unused, APR_REMOTE, csd) != APR_SUCCESS) {
        ticket->lost_peer = replace_reset(waiter, ptrans);
    }
    ticket->wait = waiter->wait;
    ticket->end = waiter->end;
    ticket->known = waiter->known;
    apr_socket_data_set(csd, ticket, TICKET, NULL);
    proxyip_waiter_free(waiter);
    *accepted = csd;
    return APR_SUCCESS;
}

/* accept_func of the spare record; in event's listener thread. */
static apr_status_t accept_spare(void **accepted, ap_listen_rec *lr,
                                 apr_pool_t *ptrans)
{
    proxyip_waiter_t *waiter = proxyip_back_pull();

    (void)lr;
    *accepted = NULL;
    return waiter ? accept_ready(accepted, waiter, ptrans)
                  : accept_none(accepted, ptrans);
}

/* This child's in the scoreboard, -1 while the parent has not noted it yet.
 * The listener's thread and the lobby's ask. */
static int find_slot(void)
{
    int slot = __atomic_load_n(&back.slot, __ATOMIC_RELAXED);

    if (slot < 0) {
        apr_proc_t self;

        self.pid = getpid();
        slot = ap_find_child_by_pid(&self);
        __atomic_store_n(&back.slot, slot, __ATOMIC_RELAXED);
    }
    return slot;
}

/* Workers that look idle, of this child; no more than are asked for. */
static int count_idle_workers(int most)
{
    int slot = find_slot();
    int idle = 0;
    int i;

    for (i = 0; slot >= 0 && idle < most && i < back.threads; i++) {
        const worker_score *ws = ap_get_scoreboard_worker_from_indexes(slot,
                                                                       i);

        idle += ws && ws->status == SERVER_READY;
    }
    return idle;
}

int proxyip_back_is_asleep(void)
{
    int slot = find_slot();
    const process_score *ps = slot < 0 ? NULL
                                       : ap_get_scoreboard_process(slot);

    return ps && ps->not_accepting && !ps->quiescing
           && count_idle_workers(1) > 0;
}

int proxyip_back_has_idle_workers(void)
{
    int enough = 1 + back.threads / 4;

    return back.event >= 0 && count_idle_workers(enough) == enough;
}

static void do_nothing(void *unused)
{
    (void)unused;
}

void proxyip_back_wake_mpm(void)
{
    ap_mpm_register_timed_callback(0, do_nothing, NULL);
}

/* accept_func of all other records; in event's listener thread.  When another
 * child was faster and there is nothing to accept, event would keep the worker
 * aside that it took for this. */
static apr_status_t accept_real(void **accepted, ap_listen_rec *lr,
                                apr_pool_t *ptrans)
{
    apr_status_t rv = ap_unixd_accept(accepted, lr, ptrans);
    proxyip_waiter_t *waiter;

    if (*accepted || rv == APR_EGENERAL) {
        return rv;
    }
    waiter = proxyip_back_pull();
    if (waiter) {
        return accept_ready(accepted, waiter, ptrans);
    }
    return proxyip_lobby_may_accept_none(count_idle_workers(back.threads),
                                         back.threads)
               ? rv
               : accept_none(accepted, ptrans);
}

apr_status_t proxyip_back_open(void)
{
    ap_listen_rec *lr;

    /* The last record: event has done the others before. */
    if (!__atomic_load_n(&spare->accept_func, __ATOMIC_ACQUIRE)) {
        return APR_EAGAIN;
    }
    for (lr = ap_listeners; lr; lr = lr->next) {
        if (lr->accept_func != ap_unixd_accept) {
            return APR_ENOTIMPL;
        }
    }
    for (lr = ap_listeners; lr; lr = lr->next) {
        __atomic_store_n(&lr->accept_func,
                         lr == spare ? accept_spare : accept_real,
                         __ATOMIC_RELEASE);
    }
    return APR_SUCCESS;
}

const proxyip_ticket_t *proxyip_back_ticket(apr_socket_t *csd)
{
    void *ticket = NULL;

    if (back.event < 0) {
        return NULL; /* nothing comes back */
    }
    apr_socket_data_get(&ticket, TICKET, csd);
    return ticket;
}
