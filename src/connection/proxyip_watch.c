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
 * Watching many descriptors at once, and being woken.
 */

#include "connection/proxyip_watch.h"

#ifdef __linux__

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Room on the stack; more events than this come with the next sleep. */
#define MOST_EVENTS 64

/* Linux 4.5; without it all processes are woken, and all but one in vain. */
#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE 0
#endif

struct proxyip_watch_t {
    int epoll;
    int waker; /* an eventfd */
};

static apr_status_t close_watch(void *data)
{
    proxyip_watch_t *watch = data;

    close(watch->epoll);
    close(watch->waker);
    return APR_SUCCESS;
}

static apr_status_t add(proxyip_watch_t *watch, int fd, void *who,
                        uint32_t flags)
{
    struct epoll_event event;

    memset(&event, 0, sizeof(event));
    event.events = flags;
    event.data.ptr = who;
    return epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) == 0
               ? APR_SUCCESS
               : errno;
}

apr_status_t proxyip_watch_make(proxyip_watch_t **made, apr_pool_t *p)
{
    proxyip_watch_t *watch = apr_palloc(p, sizeof(*watch));

    watch->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (watch->epoll < 0) {
        return errno;
    }
    watch->waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->waker < 0) {
        apr_status_t rv = errno;

        close(watch->epoll);
        return rv;
    }
    apr_pool_cleanup_register(p, watch, close_watch, apr_pool_cleanup_null);
    *made = watch;
    return add(watch, watch->waker, watch, EPOLLIN);
}

apr_status_t proxyip_watch_add(proxyip_watch_t *watch, int fd, void *who)
{
    return add(watch, fd, who, EPOLLIN | EPOLLRDHUP | EPOLLET);
}

apr_status_t proxyip_watch_add_shared(proxyip_watch_t *watch, int fd,
                                      void *who)
{
    return add(watch, fd, who, EPOLLIN | EPOLLEXCLUSIVE);
}

void proxyip_watch_remove(proxyip_watch_t *watch, int fd)
{
    struct epoll_event unused; /* Linux before 2.6.9 wants one */

    epoll_ctl(watch->epoll, EPOLL_CTL_DEL, fd, &unused);
}

/* In whole milliseconds, rounded up: never short of a deadline. */
static int count_ms(int64_t now, int64_t until)
{
    int64_t left;

    if (until == INT64_MAX) {
        return -1;
    }
    left = until - now;
    if (left <= 0) {
        return 0;
    }
    return left / 1000 >= INT_MAX ? INT_MAX : (int)((left + 999) / 1000);
}

int proxyip_watch_sleep(proxyip_watch_t *watch, int64_t now, int64_t until,
                        proxyip_watch_event_t *events, int max)
{
    struct epoll_event got[MOST_EVENTS];
    int n = epoll_wait(watch->epoll, got,
                       max < MOST_EVENTS ? max : MOST_EVENTS,
                       count_ms(now, until));
    int count = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (got[i].data.ptr == watch) {
            uint64_t unused;

            (void)!read(watch->waker, &unused, sizeof(unused));
            continue;
        }
        events[count].who = got[i].data.ptr;
        events[count].is_over = (got[i].events
                                 & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        count++;
    }
    return count;
}

void proxyip_watch_wake(proxyip_watch_t *watch)
{
    uint64_t one = 1;

    (void)!write(watch->waker, &one, sizeof(one));
}

#else

apr_status_t proxyip_watch_make(proxyip_watch_t **watch, apr_pool_t *p)
{
    return APR_ENOTIMPL;
}

apr_status_t proxyip_watch_add(proxyip_watch_t *watch, int fd, void *who)
{
    return APR_ENOTIMPL;
}

apr_status_t proxyip_watch_add_shared(proxyip_watch_t *watch, int fd,
                                      void *who)
{
    return APR_ENOTIMPL;
}

void proxyip_watch_remove(proxyip_watch_t *watch, int fd)
{
}

int proxyip_watch_sleep(proxyip_watch_t *watch, int64_t now, int64_t until,
                        proxyip_watch_event_t *events, int max)
{
    return 0;
}

void proxyip_watch_wake(proxyip_watch_t *watch)
{
}

#endif
