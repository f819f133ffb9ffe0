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
 * Waiting without a worker.
 *
 * Two rings hold the waiters of a child: by age (when they first waited) for
 * eviction, and by deadline.  Both are short, because a child keeps few
 * waiters.  One mutex guards them and every socket in them: who holds it and
 * finds a waiter linked knows that its socket is open.
 */

#include "connection/proxyip_wait.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_poll.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <scoreboard.h>

#include "proxyip_clock.h"
#include "report/proxyip_stats.h"

/* How often a child with waiters looks whether they are too many for its
 * workers: well under the 10 ms that anyone's request may be late by. */
#define ROOM_PERIOD_US apr_time_from_msec(4)

/* A waiter of this age has had the time to speak: a client's first bytes
 * follow its connection by one round trip, or are not on their way. */
#define YOUNG_US apr_time_from_msec(200)

/* How long a child may not accept before other reasons than the waiters'
 * number are looked for. */
#define PATIENCE_US (3 * ROOM_PERIOD_US)

/* For how long it is counted how waits ended. */
#define WINDOW_US apr_time_from_sec(1)

/* Larger than any sensible AsyncRequestWorkerFactor. */
#define MAX_WORKER_FACTOR 1000

/* Nothing is due: sleep until somebody calls. */
#define NEVER APR_INT64_MAX

/* AsyncRequestWorkerFactor, rounded down as event itself does, and event's
 * default.  Set by post_config, only read afterwards. */
#define DEFAULT_WORKER_FACTOR 2
static int worker_factor;

typedef struct {
    apr_thread_mutex_t *mutex;
    apr_pollset_t *sleeper;     /* empty: a sleep that can be interrupted */
    apr_thread_t *thread;
    server_rec *s;
    proxyip_waiter_t ends;      /* no waiter: closes both rings */
    int count;                  /* waiters in the ring by age */
    apr_time_t window_start;    /* since then ... */
    int spoke;                  /* ... so many waiters have spoken */
    int silent;                 /* ... and so many were shut down */
    int is_crowd_silent;        /* what the last whole window said */
    apr_time_t blocked_since;   /* when it was first seen not to accept, and
                                   always since; 0 it accepts, or nobody has
                                   looked */
    int threads;                /* workers of the child */
    int most;                   /* more waiters than this are not kept */
    int slot;                   /* in the scoreboard; -1 not known yet */
    apr_time_t sleeps_until;
    apr_time_t stop_by;         /* no deadline is later; 0 not stopping */
    int must_end;               /* the thread is to end, and nobody is to be
                                   shut down any more */
} watch_t;

/* The child's own; set in child_init before any connection. */
static watch_t *watch;

/* The MPM tells no module its factor; the directive stands at the top level
 * of the configuration (event takes it nowhere else). */
void proxyip_wait_configure(apr_pool_t *ptemp)
{
    const ap_directive_t *node;

    worker_factor = DEFAULT_WORKER_FACTOR;
    for (node = ap_conftree; node; node = node->next) {
        if (strcasecmp(node->directive, "AsyncRequestWorkerFactor") == 0) {
            const char *args = node->args;
            double factor = strtod(ap_getword_conf(ptemp, &args), NULL);

            worker_factor = factor < MAX_WORKER_FACTOR ? (int)factor
                                                       : MAX_WORKER_FACTOR;
        }
    }
}

int proxyip_wait_is_stopping(void)
{
    int state = AP_MPMQ_RUNNING;

    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING;
}

int proxyip_wait_is_possible(void)
{
    return watch != NULL;
}

/* Whether bytes, an end or an error are there to be read: then its reader
 * will be called without our help, and is to judge them first. */
static int has_input(const proxyip_waiter_t *waiter)
{
    apr_os_sock_t fd;
    char byte;

    if (apr_os_sock_get(&fd, waiter->csd) != APR_SUCCESS) {
        return 1;
    }
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0
           || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void unlink_deadline(proxyip_waiter_t *waiter)
{
    if (waiter->sooner) {
        waiter->sooner->later = waiter->later;
        waiter->later->sooner = waiter->sooner;
        waiter->sooner = NULL;
    }
}

static void unlink_waiter(proxyip_waiter_t *waiter)
{
    unlink_deadline(waiter);
    waiter->older->newer = waiter->newer;
    waiter->newer->older = waiter->older;
    waiter->is_linked = 0;
    watch->count--;
    if (watch->count == 0) {
        watch->blocked_since = 0; /* nobody looks without waiters */
    }
    proxyip_stats_add_waiting(-1);
}

/* Most of those that wait never speak, and they are many.  Where clients
 * wait, nearly all of them speak. */
static int is_silent_majority(void)
{
    return watch->silent >= watch->threads
           && watch->silent >= 2 * watch->spoke;
}

static void turn_window(apr_time_t now)
{
    if (now - watch->window_start >= WINDOW_US) {
        watch->is_crowd_silent = is_silent_majority();
        watch->window_start = now;
        watch->spoke = 0;
        watch->silent = 0;
    }
}

/* The reason is set before the shutdown: its reader may be called at once. */
static void shut_waiter(proxyip_waiter_t *waiter, proxyip_shut_t why)
{
    unlink_waiter(waiter);
    watch->silent++;
    waiter->shut = why;
    apr_socket_shutdown(waiter->csd, APR_SHUTDOWN_READ);
}

/* Nearly all go to the late end: where the search begins. */
static void link_deadline(proxyip_waiter_t *waiter)
{
    proxyip_waiter_t *before = watch->ends.sooner;

    while (before != &watch->ends && before->deadline > waiter->deadline) {
        before = before->sooner;
    }
    waiter->sooner = before;
    waiter->later = before->later;
    waiter->sooner->later = waiter;
    waiter->later->sooner = waiter;
}

/* The newest go to the end where the search begins; those that wait again
 * have kept their age. */
static void link_age(proxyip_waiter_t *waiter)
{
    proxyip_waiter_t *older = watch->ends.older;

    while (older != &watch->ends && older->since > waiter->since) {
        older = older->older;
    }
    waiter->older = older;
    waiter->newer = older->newer;
    waiter->older->newer = waiter;
    waiter->newer->older = waiter;
    waiter->is_linked = 1;
    watch->count++;
    proxyip_stats_add_waiting(1);
}

/* Shut the oldest waiters that have nothing to say, if they came before some
 * time. */
static void evict(int wanted, apr_time_t before)
{
    proxyip_waiter_t *waiter = watch->ends.newer;

    while (wanted > 0 && waiter != &watch->ends && waiter->since <= before) {
        proxyip_waiter_t *next = waiter->newer;

        if (!has_input(waiter)) {
            shut_waiter(waiter, PROXYIP_SHUT_EVICTED);
            wanted--;
        }
        waiter = next;
    }
}

static void find_slot(void)
{
    apr_proc_t self;

    self.pid = getpid();
    watch->slot = ap_find_child_by_pid(&self);
}

static int count_idle_workers(void)
{
    int idle = 0;
    int i;

    for (i = 0; i < watch->threads; i++) {
        const worker_score *ws;

        ws = ap_get_scoreboard_worker_from_indexes(watch->slot, i);
        if (ws && ws->status == SERVER_READY) {
            idle++;
        }
    }
    return idle;
}

/* How many workers are idle although the child has stopped accepting: then
 * open connections are what it has too many of.  0 when it accepts, and when
 * no worker is idle: it would not accept anyway, and giving connections up
 * would not help. */
static int count_blocked_workers(void)
{
    const process_score *ps;

    if (watch->slot < 0) {
        find_slot();
    }
    ps = watch->slot < 0 ? NULL : ap_get_scoreboard_process(watch->slot);
    if (!ps || !ps->not_accepting || ps->quiescing || watch->stop_by
        || proxyip_wait_is_stopping()) {
        return 0;
    }
    return count_idle_workers();
}

/* How many waiters to give up so that a child with some idle workers can
 * accept again.  Busy workers have a connection each; where that does not
 * explain it, other connections (kept alive, say) fill the room, or event is
 * just about to accept again, which is given some time. */
static int count_excess(int idle, apr_time_t now)
{
    int bearable = idle * (1 + worker_factor) - worker_factor - 1;

    if (watch->count > bearable) {
        return watch->count - bearable;
    }
    return now - watch->blocked_since < PATIENCE_US ? 0
                                                    : watch->count / 4 + 1;
}

/* Keep the waiters few enough for the child to accept.  Event stops when the
 * connections reach ThreadsPerChild + idle workers * AsyncRequestWorkerFactor,
 * and starts again when they are below that with one idle worker less
 * (connections_above_limit() in event.c).  Busy workers have a connection
 * each, so idle * (1 + factor) is left for all that wait.  Of this, with all
 * workers idle, waiters may fill two thirds.
 *
 * When event has stopped all the same, they make place until it can start.
 * Those that have just come are spared while few workers are idle, unless
 * most waiters of late never spoke: few idle workers are how a busy server
 * looks, and its waiters are clients about to speak.  For a moment they are
 * spared in any case: of many that come at once, as behind a restart, each has
 * a worker at first, and event starts again when those are through. */
static void make_room(void)
{
    apr_time_t now = proxyip_clock_now();
    int excess = watch->count - watch->most;
    int idle;
    int spares_young;

    if (watch->must_end) {
        return;
    }
    turn_window(now);
    if (excess > 0) {
        evict(excess, now);
    }
    idle = watch->count > 0 ? count_blocked_workers() : 0;
    if (idle == 0) {
        watch->blocked_since = 0;
        return;
    }
    if (!watch->blocked_since) {
        watch->blocked_since = now;
    }
    spares_young = (idle <= watch->threads / 4
                    || now - watch->blocked_since < PATIENCE_US)
                   && !watch->is_crowd_silent && !is_silent_majority();
    evict(count_excess(idle, now), spares_young ? now - YOUNG_US : now);
}

/* Runs before the connection's socket is closed with its pool. */
static apr_status_t leave_with_pool(void *waiter)
{
    proxyip_wait_leave(waiter);
    return APR_SUCCESS;
}

void proxyip_wait_enter(proxyip_waiter_t *waiter, apr_pool_t *pool,
                        apr_time_t deadline)
{
    int must_wake;

    apr_thread_mutex_lock(watch->mutex);
    if (watch->stop_by && deadline > watch->stop_by) {
        deadline = watch->stop_by;
    }
    if (!waiter->since) {
        waiter->since = proxyip_clock_now();
        apr_pool_pre_cleanup_register(pool, waiter, leave_with_pool);
    }
    if (waiter->shut == PROXYIP_SHUT_NOT) {
        waiter->deadline = deadline;
        link_age(waiter);
        link_deadline(waiter);
    }
    make_room();
    must_wake = watch->count > 0 && watch->sleeps_until == NEVER;
    apr_thread_mutex_unlock(watch->mutex);
    if (must_wake) {
        apr_pollset_wakeup(watch->sleeper);
    }
}

proxyip_shut_t proxyip_wait_leave(proxyip_waiter_t *waiter)
{
    proxyip_shut_t shut;

    if (!waiter->since) {
        return PROXYIP_SHUT_NOT; /* never waited */
    }
    apr_thread_mutex_lock(watch->mutex);
    if (waiter->is_linked) {
        unlink_waiter(waiter);
    }
    shut = waiter->shut;
    apr_thread_mutex_unlock(watch->mutex);
    return shut;
}

void proxyip_wait_note_spoke(const proxyip_waiter_t *waiter)
{
    if (waiter->since) {
        apr_thread_mutex_lock(watch->mutex);
        watch->spoke++;
        apr_thread_mutex_unlock(watch->mutex);
    }
}

/* Shut what is due; returns when the next will be. */
static apr_time_t expire(apr_time_t now)
{
    while (watch->ends.later != &watch->ends) {
        proxyip_waiter_t *first = watch->ends.later;

        if (first->deadline > now) {
            return first->deadline;
        }
        if (has_input(first)) {
            unlink_deadline(first);
        }
        else {
            shut_waiter(first, watch->stop_by ? PROXYIP_SHUT_STOPPING
                                              : PROXYIP_SHUT_EXPIRED);
        }
    }
    return NEVER;
}

static void *APR_THREAD_FUNC run_watch(apr_thread_t *thread, void *unused)
{
    (void)thread;
    (void)unused;
    apr_thread_mutex_lock(watch->mutex);
    while (!watch->must_end) {
        const apr_pollfd_t *ready;
        apr_int32_t ready_count;
        apr_time_t now = proxyip_clock_now();
        apr_interval_time_t sleep_us;

        watch->sleeps_until = expire(now);
        if (watch->count > 0) {
            make_room();
            if (watch->sleeps_until > now + ROOM_PERIOD_US) {
                watch->sleeps_until = now + ROOM_PERIOD_US;
            }
        }
        /* In whole milliseconds, rounded up, and on the monotonic clock:
         * never short of a deadline. */
        sleep_us = watch->sleeps_until == NEVER
                       ? -1
                       : watch->sleeps_until - now + 999;
        apr_thread_mutex_unlock(watch->mutex);
        apr_pollset_poll(watch->sleeper, sleep_us, &ready_count, &ready);
        apr_thread_mutex_lock(watch->mutex);
    }
    apr_thread_mutex_unlock(watch->mutex);
    return NULL;
}

static apr_status_t end_watch(void *unused)
{
    apr_status_t rv;

    (void)unused;
    apr_thread_mutex_lock(watch->mutex);
    watch->must_end = 1;
    apr_thread_mutex_unlock(watch->mutex);
    apr_pollset_wakeup(watch->sleeper);
    apr_thread_join(&rv, watch->thread);
    return APR_SUCCESS;
}

/* Deadlines only come closer, all to the same time: their order stays. */
static void shorten_deadlines(void)
{
    proxyip_waiter_t *waiter;

    watch->stop_by = proxyip_clock_now() + PROXYIP_WAIT_GRACE_US;
    for (waiter = watch->ends.later; waiter != &watch->ends;
         waiter = waiter->later) {
        if (waiter->deadline > watch->stop_by) {
            waiter->deadline = watch->stop_by;
        }
    }
}

/* A child that stops at once needs no help, and must not get any: event then
 * closes the sockets that its workers are busy with (close_worker_sockets())
 * without asking them, and waiters shut down at this moment make workers free
 * sockets under its hands. */
void proxyip_wait_stopping(int is_graceful)
{
    if (!watch) {
        return;
    }
    apr_thread_mutex_lock(watch->mutex);
    if (!is_graceful) {
        watch->must_end = 1;
    }
    else if (!watch->stop_by) {
        shorten_deadlines();
    }
    apr_thread_mutex_unlock(watch->mutex);
    apr_pollset_wakeup(watch->sleeper);
}

/* The pools: waiters leave when connection pools are cleaned, which may be
 * after pchild is, so what they lock lives in the process's pconf. */
static apr_status_t start_watch(watch_t *new_watch, apr_pool_t *pchild)
{
    apr_pool_t *pconf = new_watch->s->process->pconf;
    apr_status_t rv;

    rv = apr_thread_mutex_create(&new_watch->mutex, APR_THREAD_MUTEX_DEFAULT,
                                 pconf);
    if (rv == APR_SUCCESS) {
        rv = apr_pollset_create(&new_watch->sleeper, 1, pconf,
                                APR_POLLSET_WAKEABLE);
    }
    if (rv == APR_SUCCESS) {
        watch = new_watch;
        rv = apr_thread_create(&new_watch->thread, NULL, run_watch, NULL,
                               pchild);
    }
    if (rv == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(pchild, NULL, end_watch);
    }
    else {
        watch = NULL;
    }
    return rv;
}

/* Whether the MPM takes waiting connections back. */
static int can_mpm_wait(void)
{
    int can_wait = 0;

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
    if (ap_mpm_query(AP_MPMQ_CAN_WAITIO, &can_wait) != APR_SUCCESS) {
        can_wait = 0;
    }
#endif
    return can_wait;
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

/* More waiters than this a child does not keep: those that event bears (see
 * make_room()), and no more than half of the descriptors, because event gives
 * a child up that has none for the next connection. */
static int most_waiters(int threads)
{
    int most = threads * (1 + worker_factor) * 2 / 3;
    int descriptors = count_free_descriptors();

    if (most > descriptors / 2) {
        most = descriptors / 2;
    }
    return most < 1 ? 1 : most;
}

const char *proxyip_wait_describe(apr_pool_t *ptemp)
{
    int threads = 1;

    if (!can_mpm_wait()) {
        return "With this httpd and MPM a connection holds a worker until its"
               " header and its first byte have come.";
    }
    proxyip_wait_configure(ptemp);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    return apr_psprintf(ptemp, "Connections wait for their header and their"
                        " first byte without a worker, at most %d in each"
                        " child of %d threads.",
                        most_waiters(threads), threads);
}

void proxyip_wait_child_init(apr_pool_t *pchild, server_rec *s)
{
    watch_t *new_watch;
    apr_status_t rv;

    watch = NULL;
    if (!can_mpm_wait()) {
        return;
    }
    new_watch = apr_pcalloc(s->process->pconf, sizeof(*new_watch));
    new_watch->s = s;
    new_watch->slot = -1;
    new_watch->ends.older = new_watch->ends.newer = &new_watch->ends;
    new_watch->ends.sooner = new_watch->ends.later = &new_watch->ends;
    new_watch->threads = 1;
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &new_watch->threads);
    new_watch->most = most_waiters(new_watch->threads);
    rv = start_watch(new_watch, pchild);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, PROXYIP_LOGNO(0010)
                     "cannot start the thread that watches waiting"
                     " connections: in this child each of them holds a"
                     " worker until its header and its first byte have come"
                     " (ProxyIPTimeout, ProxyIPDefer)");
    }
}

apr_status_t proxyip_wait_here(apr_socket_t *csd, apr_pool_t *p,
                               apr_interval_time_t longest_us)
{
    apr_pollfd_t pfd;
    apr_int32_t ready_count;
    apr_status_t rv;

    memset(&pfd, 0, sizeof(pfd));
    pfd.p = p;
    pfd.desc_type = APR_POLL_SOCKET;
    pfd.reqevents = APR_POLLIN;
    pfd.desc.s = csd;
    proxyip_stats_add_waiting(1);
    rv = apr_poll(&pfd, 1, &ready_count, longest_us + 999);
    proxyip_stats_add_waiting(-1);
    return APR_STATUS_IS_TIMEUP(rv) || APR_STATUS_IS_EINTR(rv) ? APR_SUCCESS
                                                               : rv;
}
