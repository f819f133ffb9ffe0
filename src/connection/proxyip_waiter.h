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
 * Connections that wait in a child's lobby, in rows by their deadline.
 *
 * All that wait for the same time stand in one row, in the order in which
 * they came, so that the first of each row is due first.  Rows do no locking:
 * that is their owner's.
 */

#ifndef PROXYIP_WAITER_H
#define PROXYIP_WAITER_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include <apr_network_io.h>
#include <apr_ring.h>

#include "connection/proxyip_look.h"
#include "connection/proxyip_stage.h"
#include "proxyip_private.h"
#include "settings/proxyip_peers.h"

/* How a wait ended. */
typedef enum {
    PROXYIP_WAIT_READY,         /* bytes have come that decide */
    PROXYIP_WAIT_TIMED_OUT,     /* its deadline passed */
    PROXYIP_WAIT_CLOSED,        /* the peer closed */
    PROXYIP_WAIT_NO_DESCRIPTORS, /* given up: the child's run out */
    PROXYIP_WAIT_STOPPING       /* in a worker alone: the child stops */
} proxyip_wait_end_t;

typedef union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
} proxyip_socket_addr_t;

typedef struct proxyip_row_t proxyip_row_t;

/** A connection that waits.  Its owner is who has it in a row or a list. */
typedef struct proxyip_waiter_t {
    APR_RING_ENTRY(proxyip_waiter_t) link;
    proxyip_row_t *row;          /* the row that it stands in; else NULL */
    int fd;                      /* its descriptor; closed by its owner */
    size_t low_water;            /* SO_RCVLOWAT; 0: not known, 1 its default */
    proxyip_wait_t wait;
    proxyip_wait_end_t end;      /* valid once it has left its row */
    const proxyip_conf_t *conf;  /* of the listener */
    const proxyip_rule_t *rule;  /* the range that its peer is in */
    proxyip_known_t known;       /* its header, once this child has seen it */
    proxyip_socket_addr_t peer;  /* the socket's other end */
    proxyip_socket_addr_t local; /* and its own */
} proxyip_waiter_t;

typedef APR_RING_HEAD(proxyip_waiter_ring_t, proxyip_waiter_t)
    proxyip_waiter_ring_t;

/** All rows of a lobby; zeroed before use, but for the pool. */
typedef struct {
    apr_pool_t *p;        /* rows live here; one for each time that the
                             configuration knows */
    proxyip_row_t *first;
    int count;            /* of waiters in all rows */
} proxyip_rows_t;

/**
 * Make a waiter.
 * @return it, zeroed, fd -1; NULL when there is no memory
 * @remark From the heap: it is made in one thread, freed in another, and
 *         outlives the pool of the connection that the MPM had.
 */
proxyip_waiter_t *proxyip_waiter_make(void);

/** Free a waiter that is in no row; its descriptor is left alone. */
void proxyip_waiter_free(proxyip_waiter_t *waiter);

/** Free a waiter that is in no row, and close its descriptor. */
void proxyip_waiter_close(proxyip_waiter_t *waiter);

/**
 * Make one of a waiter's addresses one of APR's.
 * @param sa filled
 * @param p where its text is made when asked for; NULL if it is not
 * @param addr the waiter's
 */
void proxyip_waiter_fill_sockaddr(apr_sockaddr_t *sa, apr_pool_t *p,
                                  const proxyip_socket_addr_t *addr);

/**
 * Put a waiter in its row.
 * @param rows the rows
 * @param waiter in none; its deadline is set
 * @param time_us of its row: who waits for the same time belongs together
 */
void proxyip_rows_add(proxyip_rows_t *rows, proxyip_waiter_t *waiter,
                      int64_t time_us);

/** Take a waiter out of its row. */
void proxyip_rows_remove(proxyip_rows_t *rows, proxyip_waiter_t *waiter);

/** @return the waiter that is due first, or NULL */
proxyip_waiter_t *proxyip_rows_first(const proxyip_rows_t *rows);

/** @return the waiter, of the first of all rows, that was accepted first;
 * or NULL */
proxyip_waiter_t *proxyip_rows_oldest(const proxyip_rows_t *rows);

#endif /* PROXYIP_WAITER_H */
