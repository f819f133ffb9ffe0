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
 * Waiting in the MPM, without a worker, until a deadline of our own.
 *
 * One thread in a child looks after all of them.  Not the MPM's own timers
 * (ap_mpm_register_timed_callback): event looks at those when something else
 * wakes it, and on an idle server nothing does (event.c, listener_thread: a
 * timer that is yet to come does not shorten its poll).
 *
 * An alarm has a descriptor of its own, a duplicate that is closed with the
 * connection's pool, so that it cannot meet another connection that was given
 * the same number meanwhile.
 */

#include "connection/proxyip_alarm.h"

#include <sys/socket.h>
#include <unistd.h>

#include <ap_mmn.h>
#include <ap_mpm.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <apr_time.h>

#include "connection/proxyip_waiter.h"
#include "proxyip_clock.h"
#include "report/proxyip_children.h"

/* httpd 2.4.63; where it is not there no alarm can be set. */
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)

struct proxyip_alarm_t {
    proxyip_waiter_t waiter; /* in a row until its deadline; first, because
                                rows know no more */
    conn_rec *c;
    int is_waiting;          /* the MPM waits */
    int has_rung;
};

/* The condition's clock is another than ours, and can be set. */
#define LONGEST_SLEEP_US apr_time_from_msec(500)

/* All of a child; the mutex guards alarms too. */
typedef struct {
    apr_thread_t *thread;
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *cond; /* something is due earlier than before */
    proxyip_rows_t rows;
    int is_ending;
    proxyip_alarm_left_t *left;
} alarms_t;

/* NULL where the MPM cannot wait, and once the child has ended. */
static alarms_t *alarms;

/* Bytes that have come are judged before the clock: with them the MPM wakes
 * up by itself. */
static int has_bytes(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void ring(proxyip_alarm_t *alarm)
{
    proxyip_rows_remove(&alarms->rows, &alarm->waiter);
    if (alarm->is_waiting && !has_bytes(alarm->waiter.fd)) {
        alarm->has_rung = 1;
        shutdown(alarm->waiter.fd, SHUT_RD);
    }
}

/* Ring what is due, or sleep. */
static void turn(void)
{
    proxyip_waiter_t *first = proxyip_rows_first(&alarms->rows);
    int64_t left_us;

    if (!first) {
        apr_thread_cond_wait(alarms->cond, alarms->mutex);
        return;
    }
    left_us = first->wait.deadline - proxyip_clock_now();
    if (left_us <= 0) {
        ring((proxyip_alarm_t *)first);
        return;
    }
    apr_thread_cond_timedwait(alarms->cond, alarms->mutex,
                              left_us < LONGEST_SLEEP_US ? left_us
                                                         : LONGEST_SLEEP_US);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *unused)
{
    (void)thread;
    (void)unused;
    apr_thread_mutex_lock(alarms->mutex);
    while (!alarms->is_ending) {
        turn();
    }
    apr_thread_mutex_unlock(alarms->mutex);
    return NULL;
}

/* No other thread is left.  Event gives these up: their pools, children of
 * pconf, are cleaned up when the process exits, and then the error log is
 * closed already. */
static void leave(void)
{
    proxyip_waiter_t *first;

    while ((first = proxyip_rows_first(&alarms->rows))) {
        proxyip_rows_remove(&alarms->rows, first);
        alarms->left(((proxyip_alarm_t *)first)->c);
    }
}

static apr_status_t end_alarms(void *unused)
{
    apr_status_t rv;

    (void)unused;
    apr_thread_mutex_lock(alarms->mutex);
    alarms->is_ending = 1;
    apr_thread_cond_signal(alarms->cond);
    apr_thread_mutex_unlock(alarms->mutex);
    apr_thread_join(&rv, alarms->thread);
    leave();
    alarms = NULL;
    return APR_SUCCESS;
}

static apr_status_t start(alarms_t *made, apr_pool_t *p, apr_pool_t *pchild)
{
    apr_status_t rv = apr_thread_mutex_create(&made->mutex,
                                              APR_THREAD_MUTEX_DEFAULT, p);

    made->rows.p = p;
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&made->cond, p);
    }
    if (rv == APR_SUCCESS) {
        alarms = made;
        rv = apr_thread_create(&made->thread, NULL, run, NULL, p);
    }
    if (rv == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(pchild, NULL, end_alarms);
    }
    else {
        alarms = NULL;
    }
    return rv;
}

void proxyip_alarm_start(apr_pool_t *pchild, server_rec *s,
                         proxyip_alarm_left_t *left)
{
    int can_wait = 0;
    alarms_t *made;
    apr_status_t rv;
    apr_pool_t *p;

    alarms = NULL;
    if (ap_mpm_query(AP_MPMQ_CAN_WAITIO, &can_wait) != APR_SUCCESS
        || !can_wait) {
        return;
    }
    apr_pool_create(&p, pchild); /* rows are made in it by other threads */
    made = apr_pcalloc(p, sizeof(*made));
    made->left = left;
    rv = start(made, p, pchild);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s, PROXYIP_LOGNO(0059)
                     "connections that have shaken hands cannot wait for their"
                     " header without a worker (ProxyIPInTLS): in this child"
                     " each of them holds one (ProxyIPTimeout, ProxyIPDefer)");
    }
}

static void note_waiting(proxyip_alarm_t *alarm, int is_waiting)
{
    proxyip_children_add_waiting(is_waiting - alarm->is_waiting);
    alarm->is_waiting = is_waiting;
}

/* Pool cleanup: the connection has ended. */
static apr_status_t forget(void *data)
{
    proxyip_alarm_t *alarm = data;

    if (!alarms) {
        return APR_SUCCESS; /* the process exits */
    }
    apr_thread_mutex_lock(alarms->mutex);
    note_waiting(alarm, 0);
    if (alarm->waiter.row) {
        proxyip_rows_remove(&alarms->rows, &alarm->waiter);
    }
    close(alarm->waiter.fd);
    apr_thread_mutex_unlock(alarms->mutex);
    return APR_SUCCESS;
}

static proxyip_alarm_t *make_alarm(conn_rec *c, int fd)
{
    proxyip_alarm_t *alarm = apr_pcalloc(c->pool, sizeof(*alarm));

    alarm->c = c;
    alarm->waiter.fd = dup(fd);
    if (alarm->waiter.fd < 0) {
        return NULL;
    }
    apr_pool_cleanup_register(c->pool, alarm, forget, apr_pool_cleanup_null);
    return alarm;
}

/* It stays in its row while a worker looks at what has come, and moves only
 * when its deadline does. */
static void put_in(proxyip_waiter_t *waiter, const proxyip_wait_t *wait,
                   int64_t time_us)
{
    if (waiter->row && waiter->wait.deadline == wait->deadline) {
        return;
    }
    if (waiter->row) {
        proxyip_rows_remove(&alarms->rows, waiter);
    }
    waiter->wait = *wait;
    proxyip_rows_add(&alarms->rows, waiter, time_us);
    if (proxyip_rows_first(&alarms->rows) == waiter) {
        apr_thread_cond_signal(alarms->cond);
    }
}

int proxyip_alarm_set(proxyip_alarm_t **alarm, conn_rec *c, int fd,
                      const proxyip_wait_t *wait, int64_t time_us)
{
    if (!alarms || !c->cs) {
        return 0;
    }
    if (!*alarm) {
        *alarm = make_alarm(c, fd);
    }
    if (!*alarm) {
        return 0;
    }
    apr_thread_mutex_lock(alarms->mutex);
    note_waiting(*alarm, 1);
    put_in(&(*alarm)->waiter, wait, time_us);
    apr_thread_mutex_unlock(alarms->mutex);
    c->cs->state = CONN_STATE_ASYNC_WAITIO;
    c->cs->sense = CONN_SENSE_WANT_READ;
    return 1;
}

void proxyip_alarm_stop(proxyip_alarm_t *alarm)
{
    if (alarm) {
        apr_thread_mutex_lock(alarms->mutex);
        note_waiting(alarm, 0);
        apr_thread_mutex_unlock(alarms->mutex);
    }
}

int proxyip_alarm_has_rung(proxyip_alarm_t *alarm)
{
    int has_rung = 0;

    if (alarm) {
        apr_thread_mutex_lock(alarms->mutex);
        has_rung = alarm->has_rung;
        apr_thread_mutex_unlock(alarms->mutex);
    }
    return has_rung;
}

#else /* no alarm is ever made */

void proxyip_alarm_start(apr_pool_t *pchild, server_rec *s,
                         proxyip_alarm_left_t *left)
{
    (void)pchild;
    (void)s;
    (void)left;
}

int proxyip_alarm_set(proxyip_alarm_t **alarm, conn_rec *c, int fd,
                      const proxyip_wait_t *wait, int64_t time_us)
{
    (void)alarm;
    (void)c;
    (void)fd;
    (void)wait;
    (void)time_us;
    return 0;
}

void proxyip_alarm_stop(proxyip_alarm_t *alarm)
{
    (void)alarm;
}

int proxyip_alarm_has_rung(proxyip_alarm_t *alarm)
{
    (void)alarm;
    return 0;
}

#endif
