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
 * The lobby of a child: its thread, and how workers reach it.
 *
 * Who has a waiter: the worker that makes it, until it stands in a row; then
 * the lobby's thread alone takes it out again; then the way back has it
 * (proxyip_back.c).  The mutex guards the rows and what workers read.
 */

#include "connection/proxyip_lobby.h"

#include <string.h>

#include <apr_portable.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

#include "connection/proxyip_back.h"
#include "connection/proxyip_handover.h"
#include "connection/proxyip_leave.h"
#include "connection/proxyip_lobby_policy.h"
#include "connection/proxyip_lobby_start.h"
#include "connection/proxyip_watch.h"
#include "proxyip_clock.h"
#include "report/proxyip_children.h"
#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"

/* Events, and connections of other children, in one turn. */
#define MOST_EVENTS 64
#define MOST_TAKEN 16

/* How often the thread looks whether the MPM has set up its listeners: some
 * milliseconds after the child began. */
#define OPENING_US 1000

/* How often it is said that connections were given up. */
#define WARN_PERIOD_US apr_time_from_sec(60)

/* Those that other children gave stand in a row of their own: they are due
 * earlier than those that have just come. */
#define ROW_OF_TAKEN (-1)

typedef enum {
    STATE_OPENING, /* the MPM has not set up its listeners yet */
    STATE_OPEN,
    STATE_CLOSED   /* stopping, or this httpd is not as we know it */
} state_t;

typedef enum {
    STOP_NOT,
    STOP_GRACEFULLY,
    STOP_AT_ONCE
} stop_t;

typedef struct {
    server_rec *s;
    apr_thread_t *thread;
    proxyip_watch_t *watch;
    apr_thread_mutex_t *mutex;
    /* guarded by the mutex */
    state_t state;
    proxyip_rows_t rows;
    int64_t sleeps_until; /* 0: somebody has woken it */
    int64_t last_entry;
    int most;             /* see proxyip_lobby_room(); never changed */
    stop_t stop;          /* atomic; only grows */
    /* the thread's own */
    int takes;            /* watches what other children give */
    int64_t asked_in_vain;
    int64_t counted_at;   /* when has_siblings was asked for */
    int has_siblings;     /* see proxyip_lobby_state_t */
    int64_t looked_at;    /* whether the MPM accepts; see the next */
    int64_t asleep_since;
    int64_t woken;
    int64_t warned_at;
    unsigned int given_up; /* since then */
    pp_header_t header;
    proxyip_buffer_t buffer;
    uint8_t bytes[PROXYIP_LOOK_MAX];
} lobby_t;

/* The child's own; NULL without a lobby. */
static lobby_t *lobby;

static stop_t stop_of(void)
{
    return __atomic_load_n(&lobby->stop, __ATOMIC_ACQUIRE);
}

static int64_t row_time(const proxyip_waiter_t *waiter)
{
    return proxyip_stage_time(waiter->wait.stage, waiter->conf->timeout_us,
                              waiter->conf->defer_us);
}

/* With the mutex held, here and in the next three. */
static void try_to_open(void)
{
    apr_status_t rv = proxyip_back_open();

    if (rv == APR_SUCCESS) {
        lobby->state = STATE_OPEN;
    }
    else if (!APR_STATUS_IS_EAGAIN(rv)) {
        lobby->state = STATE_CLOSED;
    }
}

static apr_status_t put_in(proxyip_waiter_t *waiter, int64_t time_us)
{
    apr_status_t rv = proxyip_watch_add(lobby->watch, waiter->fd, waiter);

    if (rv == APR_SUCCESS) {
        proxyip_rows_add(&lobby->rows, waiter, time_us);
        proxyip_children_add_waiting(1);
    }
    return rv;
}

/* The descriptor leaves the MPM's socket before the thread can see it: it may
 * be back in the MPM, and closed, before this worker is done. */
static int enter_from(apr_socket_t *csd, proxyip_waiter_t *waiter,
                      apr_pool_t *p)
{
    apr_os_sock_t none = -1;

    apr_os_sock_put(&csd, &none, p);
    if (put_in(waiter, row_time(waiter)) == APR_SUCCESS) {
        return 1;
    }
    apr_os_sock_put(&csd, &waiter->fd, p);
    return 0;
}

static int must_wake(int64_t deadline)
{
    return deadline < lobby->sleeps_until
           || (lobby->rows.count > lobby->most && lobby->sleeps_until);
}

static proxyip_waiter_t *make_waiter(const conn_rec *c, apr_socket_t *csd)
{
    proxyip_waiter_t *waiter = proxyip_waiter_make();

    if (!waiter) {
        return NULL;
    }
    apr_os_sock_get(&waiter->fd, csd);
    memcpy(&waiter->peer, &c->client_addr->sa, c->client_addr->salen);
    memcpy(&waiter->local, &c->local_addr->sa, c->local_addr->salen);
    return waiter;
}

static void set_low_water(proxyip_waiter_t *waiter, size_t needed)
{
    if (waiter->low_water != needed) {
        proxyip_look_set_low_water(waiter->fd, needed);
        waiter->low_water = needed;
    }
}

/* Bytes that are there already are not to wake the thread, nor is each one
 * that a slow sender adds.  Before the first byte the default mark is
 * right, and no system call is spent. */
static void raise_low_water(proxyip_waiter_t *waiter,
                            const proxyip_seen_t *seen)
{
    if (seen->len > 0) {
        set_low_water(waiter, seen->needed);
    }
}

int proxyip_lobby_enter(const conn_rec *c, apr_socket_t *csd,
                        const proxyip_conf_t *conf,
                        const proxyip_rule_t *rule,
                        const proxyip_wait_t *wait,
                        const proxyip_seen_t *seen)
{
    proxyip_waiter_t *waiter = lobby ? make_waiter(c, csd) : NULL;
    int is_in = 0;
    int wakes = 0;

    if (!waiter) {
        return 0;
    }
    waiter->conf = conf;
    waiter->rule = rule;
    waiter->wait = *wait;
    proxyip_look_keep(seen, &waiter->known);
    raise_low_water(waiter, seen);
    apr_thread_mutex_lock(lobby->mutex);
    if (lobby->state == STATE_OPENING) {
        try_to_open();
    }
    if (lobby->state == STATE_OPEN) {
        is_in = enter_from(csd, waiter, c->pool);
    }
    if (is_in) { /* the waiter is the thread's now */
        lobby->last_entry = proxyip_clock_now();
        wakes = must_wake(wait->deadline);
        lobby->sleeps_until = wakes ? 0 : lobby->sleeps_until;
    }
    apr_thread_mutex_unlock(lobby->mutex);
    if (wakes) {
        proxyip_watch_wake(lobby->watch);
    }
    if (!is_in) {
        set_low_water(waiter, 1);
        proxyip_waiter_free(waiter);
    }
    return is_in;
}

/* To the MPM, from wherever it was. */
static void give_back(proxyip_waiter_t *waiter, proxyip_wait_end_t end)
{
    set_low_water(waiter, 1);
    waiter->end = end;
    proxyip_back_push(waiter, end == PROXYIP_WAIT_NO_DESCRIPTORS);
}

static void take_out(proxyip_waiter_t *waiter)
{
    apr_thread_mutex_lock(lobby->mutex);
    proxyip_rows_remove(&lobby->rows, waiter);
    apr_thread_mutex_unlock(lobby->mutex);
    proxyip_watch_remove(lobby->watch, waiter->fd);
    proxyip_children_add_waiting(-1);
}

static void release(proxyip_waiter_t *waiter, proxyip_wait_end_t end)
{
    take_out(waiter);
    give_back(waiter, end);
}

static void look(const proxyip_waiter_t *waiter, proxyip_seen_t *seen)
{
    seen->header = &lobby->header;
    proxyip_look(waiter->fd, waiter->conf, waiter->rule, &waiter->known,
                 &lobby->buffer, seen);
}

/* Whether it has come to another stage, which has a time of its own. */
static int advance(const proxyip_waiter_t *waiter, const proxyip_seen_t *seen,
                   proxyip_wait_t *wait)
{
    *wait = waiter->wait;
    return proxyip_stage_enter(wait, seen->stage, proxyip_clock_now(),
                               waiter->conf->timeout_us,
                               waiter->conf->defer_us);
}

/* Workers look at the deadlines of those that stand in rows. */
static void change_row(proxyip_waiter_t *waiter, const proxyip_wait_t *wait)
{
    apr_thread_mutex_lock(lobby->mutex);
    proxyip_rows_remove(&lobby->rows, waiter);
    waiter->wait = *wait;
    proxyip_rows_add(&lobby->rows, waiter, row_time(waiter));
    apr_thread_mutex_unlock(lobby->mutex);
}

/* The header is whole, and the low-water mark is one byte behind it: nothing
 * but that byte can have happened, and the worker will look. */
static int is_surely_ready(const proxyip_waiter_t *waiter, int is_over,
                           int is_due)
{
    return waiter->wait.stage == PROXYIP_STAGE_PAYLOAD
           && waiter->low_water > 1 && !is_over && !is_due;
}

/* Something has happened to a connection that waits.  Bytes that have come
 * are judged before the clock. */
static void settle(proxyip_waiter_t *waiter, int is_over, int is_due)
{
    proxyip_seen_t seen;
    proxyip_wait_t wait;

    if (is_surely_ready(waiter, is_over, is_due)) {
        release(waiter, PROXYIP_WAIT_READY);
        return;
    }
    look(waiter, &seen);
    proxyip_look_keep(&seen, &waiter->known);
    if (seen.status == PROXYIP_SEEN_END || (is_over
        && seen.status == PROXYIP_SEEN_UNDECIDED)) {
        release(waiter, PROXYIP_WAIT_CLOSED);
    }
    else if (seen.status != PROXYIP_SEEN_UNDECIDED) {
        release(waiter, PROXYIP_WAIT_READY);
    }
    else if (advance(waiter, &seen, &wait)) {
        change_row(waiter, &wait);
        raise_low_water(waiter, &seen);
    }
    else if (is_due) {
        release(waiter, PROXYIP_WAIT_TIMED_OUT);
    }
    else {
        raise_low_water(waiter, &seen);
    }
}

static proxyip_waiter_t *first_due(int64_t now)
{
    proxyip_waiter_t *first;

    apr_thread_mutex_lock(lobby->mutex);
    first = proxyip_rows_first(&lobby->rows);
    apr_thread_mutex_unlock(lobby->mutex);
    return first && first->wait.deadline <= now ? first : NULL;
}

static void expire(void)
{
    int64_t now = proxyip_clock_now();
    proxyip_waiter_t *waiter;

    while ((waiter = first_due(now))) {
        settle(waiter, 0, 1);
    }
}

/* The settings that hold for a connection here, now. */
static void find_settings(proxyip_waiter_t *waiter)
{
    apr_sockaddr_t local;
    apr_sockaddr_t peer;
    pp_addr_t peer_addr;

    proxyip_waiter_fill_sockaddr(&local, NULL, &waiter->local);
    proxyip_waiter_fill_sockaddr(&peer, NULL, &waiter->peer);
    proxyip_conn_read_addr(&peer, &peer_addr);
    waiter->conf = proxyip_listeners_conf_at(lobby->s, &local);
    waiter->rule = waiter->conf->enabled
                       ? proxyip_peers_find(waiter->conf->peers, &peer_addr)
                       : NULL;
}

static int is_to_wait(const proxyip_waiter_t *waiter)
{
    return waiter->rule && (waiter->rule->policy == PROXYIP_REQUIRE
                            || waiter->rule->policy == PROXYIP_OPTIONAL);
}

/* The deadline that came with it holds, but is no later than that of a
 * connection that begins to wait here now. */
static void correct_deadline(proxyip_waiter_t *waiter)
{
    int64_t latest = proxyip_clock_now() + row_time(waiter);

    if (waiter->wait.deadline > latest) {
        waiter->wait.deadline = latest;
    }
}

/* A connection of another child, or of this one that nobody wanted.  What is
 * not to wait here goes to the MPM, where pre_connection judges it. */
static void admit(proxyip_waiter_t *waiter, int is_own)
{
    proxyip_seen_t seen;
    apr_status_t rv = APR_EGENERAL;

    if (is_own) {
        lobby->asked_in_vain = proxyip_clock_now();
    }
    find_settings(waiter);
    if (!is_own && is_to_wait(waiter)) {
        look(waiter, &seen);
        if (seen.status == PROXYIP_SEEN_UNDECIDED) {
            advance(waiter, &seen, &waiter->wait);
            correct_deadline(waiter);
            raise_low_water(waiter, &seen);
            apr_thread_mutex_lock(lobby->mutex);
            rv = put_in(waiter, ROW_OF_TAKEN);
            apr_thread_mutex_unlock(lobby->mutex);
        }
    }
    if (rv != APR_SUCCESS) {
        give_back(waiter, PROXYIP_WAIT_READY);
    }
}

static void take_some(void)
{
    int i;

    for (i = 0; i < MOST_TAKEN; i++) {
        proxyip_waiter_t *waiter;
        int is_own;
        apr_status_t rv = proxyip_handover_take(&waiter, &is_own);

        if (APR_STATUS_IS_EAGAIN(rv)) {
            return;
        }
        if (rv == APR_SUCCESS) {
            admit(waiter, is_own);
        }
    }
}

/* Look into the scoreboard whether the MPM accepts; not each time that
 * something happens, because that costs more than the rest of a turn. */
static void look_at_mpm(int64_t now)
{
    if (now - lobby->looked_at < PROXYIP_LOBBY_ASLEEP_US) {
        return;
    }
    lobby->looked_at = now;
    if (!proxyip_back_is_asleep()) {
        lobby->asleep_since = 0;
    }
    else if (!lobby->asleep_since) {
        lobby->asleep_since = now;
    }
}

static void wake_mpm(void)
{
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, lobby->s, PROXYIP_LOGNO(0054)
                 "this child does not accept although workers are idle: the"
                 " MPM is made to look again");
    lobby->woken = proxyip_clock_now();
    proxyip_back_wake_mpm();
}

/* Not looked up each time: that goes through the places of all children. */
static int has_siblings(int64_t now)
{
    if (proxyip_handover_descriptor() < 0) {
        return 0;
    }
    if (now - lobby->counted_at >= PROXYIP_LOBBY_LOOK_US) {
        lobby->counted_at = now;
        lobby->has_siblings = proxyip_children_has_siblings();
    }
    return lobby->has_siblings;
}

/* With the mutex held. */
static proxyip_lobby_plan_t make_plan(int64_t now)
{
    const proxyip_waiter_t *first = proxyip_rows_first(&lobby->rows);
    proxyip_lobby_state_t state;
    proxyip_lobby_plan_t plan;

    state.now = now;
    look_at_mpm(now);
    state.asleep_since = lobby->asleep_since;
    state.woken = lobby->woken;
    state.waiting = lobby->rows.count;
    state.ready = proxyip_back_count(&state.leaving, &state.ready_moved);
    state.most = lobby->most;
    state.first_deadline = first ? first->wait.deadline
                                 : PROXYIP_LOBBY_NEVER;
    state.last_entry = lobby->last_entry;
    state.asked_in_vain = lobby->asked_in_vain;
    state.has_siblings = state.ready > 0 && has_siblings(now);
    plan = proxyip_lobby_plan(&state);
    lobby->sleeps_until = plan.sleep_until;
    return plan;
}

static void warn_given_up(void)
{
    int64_t now = proxyip_clock_now();

    if (!lobby->given_up || (lobby->warned_at
                             && now - lobby->warned_at < WARN_PERIOD_US)) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, lobby->s, PROXYIP_LOGNO(0029)
                 "%u connection%s closed that had waited longest for a header"
                 " or for what follows it: this child may let %d wait at once,"
                 " half of the descriptors that it can open; raise the limit"
                 " (ulimit -n; systemd: LimitNOFILE) or lower ProxyIPTimeout"
                 " and ProxyIPDefer", lobby->given_up,
                 lobby->given_up == 1 ? " was" : "s were", lobby->most);
    lobby->given_up = 0;
    lobby->warned_at = now;
}

static void give_up(int count)
{
    for (; count > 0; count--) {
        proxyip_waiter_t *oldest;

        apr_thread_mutex_lock(lobby->mutex);
        oldest = proxyip_rows_oldest(&lobby->rows);
        apr_thread_mutex_unlock(lobby->mutex);
        if (!oldest) {
            return;
        }
        release(oldest, PROXYIP_WAIT_NO_DESCRIPTORS);
        lobby->given_up++;
    }
}

static void offer(int count)
{
    for (; count > 0; count--) {
        proxyip_waiter_t *waiter = proxyip_back_pull();

        if (!waiter) {
            return;
        }
        if (proxyip_handover_give(waiter) != APR_SUCCESS) {
            proxyip_back_push(waiter, 1);
            return;
        }
        proxyip_waiter_close(waiter);
    }
}

/* Whether what other children give is watched for. */
static void set_takes(int takes)
{
    int fd = proxyip_handover_descriptor();

    if (takes == lobby->takes || fd < 0) {
        return;
    }
    if (takes) {
        takes = proxyip_watch_add_shared(lobby->watch, fd, lobby)
                == APR_SUCCESS;
    }
    else {
        proxyip_watch_remove(lobby->watch, fd);
    }
    lobby->takes = takes;
}

static void turn(void)
{
    proxyip_watch_event_t events[MOST_EVENTS];
    proxyip_lobby_plan_t plan;
    int64_t now = proxyip_clock_now();
    int count;
    int i;

    apr_thread_mutex_lock(lobby->mutex);
    plan = make_plan(now);
    apr_thread_mutex_unlock(lobby->mutex);
    if (plan.wakes_mpm) {
        wake_mpm();
    }
    give_up(plan.give_up);
    warn_given_up();
    offer(plan.offer);
    set_takes(plan.takes);
    count = proxyip_watch_sleep(lobby->watch, now, plan.sleep_until, events,
                                MOST_EVENTS);
    for (i = 0; i < count; i++) {
        if (events[i].who == lobby) {
            take_some();
        }
        else {
            settle(events[i].who, events[i].is_over, 0);
        }
    }
    expire();
}

/* Workers may open it first: then the MPM has set up its listeners. */
static void wait_until_open(void)
{
    proxyip_watch_event_t unused;
    state_t state;

    for (;;) {
        apr_thread_mutex_lock(lobby->mutex);
        if (lobby->state == STATE_OPENING) {
            try_to_open();
        }
        state = lobby->state;
        apr_thread_mutex_unlock(lobby->mutex);
        if (state != STATE_OPENING || stop_of() != STOP_NOT) {
            break;
        }
        proxyip_watch_sleep(lobby->watch, 0, OPENING_US, &unused, 1);
    }
    if (state == STATE_CLOSED) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, lobby->s,
                     PROXYIP_LOGNO(0050)
                     "this httpd accepts connections in a way that is not"
                     " known: each that waits for its header or its first byte"
                     " holds a worker (ProxyIPTimeout, ProxyIPDefer)");
    }
}

/* This thread alone uses the lists now: workers find the lobby closed and wait
 * themselves, and the MPM accepts no more. */
static proxyip_waiter_t *next_to_leave(void)
{
    proxyip_waiter_t *waiter = proxyip_back_pull();

    if (!waiter) {
        apr_thread_mutex_lock(lobby->mutex);
        waiter = proxyip_rows_first(&lobby->rows);
        apr_thread_mutex_unlock(lobby->mutex);
        if (waiter) {
            take_out(waiter);
        }
    }
    return waiter;
}

static int may_hand_over(void)
{
    return stop_of() == STOP_GRACEFULLY;
}

static void close_lobby(void)
{
    apr_thread_mutex_lock(lobby->mutex);
    lobby->state = STATE_CLOSED;
    apr_thread_mutex_unlock(lobby->mutex);
    set_takes(0);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *unused)
{
    (void)thread;
    (void)unused;
    wait_until_open();
    while (lobby->state == STATE_OPEN && stop_of() == STOP_NOT) {
        turn();
    }
    close_lobby();
    proxyip_leave(lobby->s, next_to_leave, may_hand_over);
    proxyip_handover_close();
    return NULL;
}

void proxyip_lobby_stopping(int is_graceful)
{
    stop_t stop = is_graceful ? STOP_GRACEFULLY : STOP_AT_ONCE;

    if (lobby && stop > stop_of()) {
        __atomic_store_n(&lobby->stop, stop, __ATOMIC_RELEASE);
        proxyip_watch_wake(lobby->watch);
    }
}

/* A hand-over that has begun gracefully is not cut short: it has a limit. */
static apr_status_t end_lobby(void *unused)
{
    apr_status_t rv;

    (void)unused;
    if (stop_of() == STOP_NOT) {
        proxyip_lobby_stopping(0);
    }
    apr_thread_join(&rv, lobby->thread);
    lobby = NULL;
    return APR_SUCCESS;
}

static apr_status_t start(lobby_t *made, apr_pool_t *pchild)
{
    apr_status_t rv = proxyip_watch_make(&made->watch, pchild);

    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&made->mutex, APR_THREAD_MUTEX_DEFAULT,
                                     pchild);
    }
    if (rv == APR_SUCCESS) {
        lobby = made;
        rv = apr_thread_create(&made->thread, NULL, run, NULL, pchild);
    }
    if (rv == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(pchild, NULL, end_lobby);
    }
    else {
        lobby = NULL;
    }
    return rv;
}

void proxyip_lobby_child_init(apr_pool_t *pchild, server_rec *s)
{
    lobby_t *made;
    apr_status_t rv = proxyip_back_child_init(pchild);

    lobby = NULL;
    if (APR_STATUS_IS_ENOTIMPL(rv)) {
        return; /* said at the start, or nothing is On */
    }
    if (rv == APR_SUCCESS) {
        made = apr_pcalloc(pchild, sizeof(*made));
        made->s = s;
        made->rows.p = pchild;
        made->most = proxyip_lobby_room();
        made->buffer.bytes = made->bytes;
        made->buffer.size = sizeof(made->bytes);
        rv = start(made, pchild);
    }
    if (rv != APR_SUCCESS) {
        proxyip_handover_close();
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, PROXYIP_LOGNO(0010)
                     "the lobby, where connections wait for their header and"
                     " their first byte, cannot be set up: in this child each"
                     " of them holds a worker (ProxyIPTimeout,"
                     " ProxyIPDefer)");
    }
}
