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
 * Watching many descriptors at once, and being woken: epoll and an eventfd,
 * where the system has them.
 *
 * Not apr_pollset: it reports a descriptor for as long as it is readable,
 * which bytes that are only looked at stay.  These are reported once for each
 * arrival.
 */

#ifndef PROXYIP_WATCH_H
#define PROXYIP_WATCH_H

#include <stdint.h>

#include "proxyip_private.h"

typedef struct proxyip_watch_t proxyip_watch_t;

/** One descriptor has something. */
typedef struct {
    void *who;   /* as it was added */
    int is_over; /* the other end has closed, or there was an error */
} proxyip_watch_event_t;

/**
 * Make a watch.
 * @param made set to it, in p; it is closed with p
 * @param p the pool
 * @return APR_SUCCESS, or why there is none
 */
apr_status_t proxyip_watch_make(proxyip_watch_t **made, apr_pool_t *p);

/**
 * Watch a connection: reported each time that bytes arrive, if there are then
 * as many as its low-water mark says, or that it ends.
 * @param watch the watch
 * @param fd the descriptor
 * @param who to be reported
 * @return APR_SUCCESS, or why it is not watched
 */
apr_status_t proxyip_watch_add(proxyip_watch_t *watch, int fd, void *who);

/**
 * Watch a descriptor that several processes watch: reported for as long as
 * there is something, to one of them where the system can.
 */
apr_status_t proxyip_watch_add_shared(proxyip_watch_t *watch, int fd,
                                      void *who);

/** Watch a descriptor no longer. */
void proxyip_watch_remove(proxyip_watch_t *watch, int fd);

/**
 * Sleep until something is there, somebody wakes us, or time is up.
 * @param watch the watch; one thread sleeps on it
 * @param now the time, on any clock
 * @param until on the same; INT64_MAX for ever
 * @param events filled
 * @param max room there
 * @return how many there are; 0 when woken, or time is up
 */
int proxyip_watch_sleep(proxyip_watch_t *watch, int64_t now, int64_t until,
                        proxyip_watch_event_t *events, int max);

/** Wake whoever sleeps, or will; any thread. */
void proxyip_watch_wake(proxyip_watch_t *watch);

#endif /* PROXYIP_WATCH_H */
