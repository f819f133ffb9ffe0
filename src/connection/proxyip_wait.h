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
 * Waiting without a worker: the connections that the MPM holds for us, their
 * deadlines, and how many a child may keep.
 *
 * The event MPM (httpd 2.4.63 and later) takes a connection back from
 * process_connection and calls again when its socket is readable.  It knows
 * only one timeout for that, the main server's, and it counts the waiting
 * connections against its limit of connections per child.  So each child has
 * one thread that watches deadlines and keeps the waiters few enough for the
 * child to go on accepting.  What it does to a waiter is always the same: it
 * shuts the socket down for reading, which makes the MPM call back.
 */

#ifndef PROXYIP_WAIT_H
#define PROXYIP_WAIT_H

#include <apr_network_io.h>
#include <apr_time.h>

#include "proxyip_private.h"

/* Why a waiter's socket was shut down for reading. */
typedef enum {
    PROXYIP_SHUT_NOT,     /* it was not */
    PROXYIP_SHUT_EXPIRED, /* its deadline passed in silence */
    PROXYIP_SHUT_EVICTED, /* it was the oldest and the child needs room */
    PROXYIP_SHUT_STOPPING /* the child is going down */
} proxyip_shut_t;

/** A connection that may wait.  Part of its owner's record; all zeros at
 * first.  Members are guarded by the child's mutex while is_linked. */
typedef struct proxyip_waiter_t proxyip_waiter_t;
struct proxyip_waiter_t {
    proxyip_waiter_t *older;  /* the ring by age: who waited first */
    proxyip_waiter_t *newer;
    proxyip_waiter_t *sooner; /* the ring by deadline; NULL when not in it:
                                 past it with bytes unread, which its reader
                                 is to judge */
    proxyip_waiter_t *later;
    apr_socket_t *csd;
    apr_time_t since;         /* when it first waited, or 0, ... */
    apr_time_t deadline;      /* ... both on proxyip_clock_now()'s clock */
    int is_linked;
    proxyip_shut_t shut;
};

/**
 * Look up in the configuration how many connections the MPM lets a child
 * have for each idle worker.
 * @param ptemp for what is needed only here
 * @remark for post_config
 */
void proxyip_wait_configure(apr_pool_t *ptemp);

/**
 * Tell how this httpd waits, and for how many connections in a child.
 * @param ptemp where the text is made
 * @return a sentence
 * @remark once the configuration has been read
 */
const char *proxyip_wait_describe(apr_pool_t *ptemp);

/**
 * Start the child's watch, where the MPM can wait for us.
 * @param pchild the child's pool; the watch ends with it
 * @param s the main server, for its process's pool and for logging
 * @remark for child_init
 */
void proxyip_wait_child_init(apr_pool_t *pchild, server_rec *s);

/**
 * Shorten the waiting, so that waiters do not hold a child that is to end.
 * @param is_graceful whether running requests may finish
 * @remark for child_stopping; may be called from any thread, and repeatedly
 */
void proxyip_wait_stopping(int is_graceful);

/** @return whether connections of this child can wait without a worker */
int proxyip_wait_is_possible(void);

/** @return whether the child is going down, on any MPM */
int proxyip_wait_is_stopping(void);

/* How long a child that is to end gracefully still waits for the bytes of
 * connections it has accepted. */
#define PROXYIP_WAIT_GRACE_US apr_time_from_sec(2)

/**
 * Put a connection among those that wait, or give one that is among them
 * another deadline.  The oldest waiters may be shut down to make room.
 * @param waiter the connection's entry; waiter->csd is set
 * @param pool the connection's pool: with it the entry leaves
 * @param deadline when it is to be shut down, on proxyip_clock_now()'s clock
 * @remark the caller then returns the connection to the MPM
 */
void proxyip_wait_enter(proxyip_waiter_t *waiter, apr_pool_t *pool,
                        apr_time_t deadline);

/**
 * Tell how a connection that had waited went on, for what that says of those
 * that wait now.
 * @param waiter the connection's entry, after proxyip_wait_leave()
 * @remark to be called when its first payload byte has come
 */
void proxyip_wait_note_spoke(const proxyip_waiter_t *waiter);

/**
 * Take a connection from those that wait; harmless when it is not there.  It
 * keeps its age, should it have to wait again.
 * @param waiter the connection's entry
 * @return whether, and why, its socket was shut down for reading
 * @remark to be called before the socket is read, so that nobody takes a
 *         connection whose bytes were just read for a silent one
 */
proxyip_shut_t proxyip_wait_leave(proxyip_waiter_t *waiter);

/**
 * Wait here, in a worker, for something to read.  Short of that a signal, or
 * time, ends it: look again.
 * @param csd the socket
 * @param p for what is needed meanwhile
 * @param longest_us at most so long, rounded up to a millisecond
 * @return APR_SUCCESS, or an error of the poll
 */
apr_status_t proxyip_wait_here(apr_socket_t *csd, apr_pool_t *p,
                               apr_interval_time_t longest_us);

#endif /* PROXYIP_WAIT_H */
