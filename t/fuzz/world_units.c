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
 * The peer, and stand-ins for the units beside the filter: a clock that goes
 * when the script says so, the watch over those that wait, and reports that
 * are looked at and not logged.
 */

#include "world.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "proxyip_clock.h"
#include "report/proxyip_log.h"
#include "report/proxyip_report.h"

world_t world;

static void send_end(void)
{
    if (!world.is_closed) {
        shutdown(world.peer_fd, SHUT_WR);
        world.is_closed = 1;
    }
}

/* The socket takes all that an input has; only one that was shut down by the
 * watch takes nothing. */
void world_send(size_t len)
{
    size_t left = world.stream_len - world.sent;
    ssize_t done;

    if (len > left) {
        len = left;
    }
    if (len == 0 || world.is_closed) {
        return;
    }
    done = send(world.peer_fd, world.stream + world.sent, len,
                MSG_NOSIGNAL | MSG_DONTWAIT);
    require(done == (ssize_t)len || world.is_shut, "the socket takes it all");
    if (done > 0) {
        world.sent += (size_t)done;
    }
}

void world_send_all(void)
{
    world_send(world.stream_len);
    send_end();
}

void world_go_on(apr_interval_time_t longest_us)
{
    uint8_t next;

    if (world.script.left == 0) {
        world_send_all();
        return;
    }
    next = take_byte(&world.script);
    if (longest_us > 0 && next & 0x80) {
        world.now += longest_us;
    }
    else if (world.sent < world.stream_len && !world.is_closed) {
        world_send((next & 0x40 ? 64 : 1) * (size_t)((next & 0x3f) + 1));
    }
    else {
        send_end();
    }
}

int world_is_readable(void)
{
    struct pollfd own = {world.own_fd, POLLIN, 0};

    return poll(&own, 1, 0) > 0;
}

apr_time_t proxyip_clock_now(void)
{
    return world.now;
}

void proxyip_wait_enter(proxyip_waiter_t *waiter, apr_pool_t *pool,
                        apr_time_t deadline)
{
    (void)pool;
    require(deadline > 0, "there is a deadline");
    waiter->since = 1;
    waiter->deadline = deadline;
    world.waiting = waiter;
}

proxyip_shut_t proxyip_wait_leave(proxyip_waiter_t *waiter)
{
    world.waiting = NULL;
    return waiter->shut;
}

void proxyip_wait_note_spoke(const proxyip_waiter_t *waiter)
{
    require(waiter->shut == PROXYIP_SHUT_NOT, "who spoke was not shut");
}

int proxyip_wait_is_stopping(void)
{
    return world.is_stopping;
}

apr_status_t proxyip_wait_here(apr_socket_t *csd, apr_pool_t *p,
                               apr_interval_time_t longest_us)
{
    (void)p;
    require(csd == world.csd && longest_us > 0, "a wait for the socket");
    require(!world_is_readable(), "what is there is read before a wait");
    world_go_on(longest_us);
    return APR_SUCCESS;
}

static int is_beginning(const uint8_t *bytes, size_t len)
{
    return len <= world.sent
           && (len == 0 || memcmp(bytes, world.stream, len) == 0);
}

void proxyip_report_closed(const proxyip_conn_t *conn,
                           const pp_answer_t *answer, const uint8_t *bytes,
                           size_t len)
{
    world.reports++;
    require(conn->outcome > PROXYIP_ABSENT && conn->c->aborted,
            "what is reported closed is closed");
    require(is_beginning(bytes, len), "what is reported is what came");
    require(!answer
                || (answer->status == PP_BAD && answer->len < len
                    && answer->reason == conn->reason),
            "what is reported is in these bytes");
}

/* A header comes in parts that are logged in their order, or at once. */
void proxyip_log_bytes(const proxyip_conn_t *conn, const char *what,
                       const uint8_t *bytes, size_t len)
{
    (void)conn;
    if (strcmp(what, "part of a header") == 0) {
        require(world.logged + len <= world.sent
                    && memcmp(bytes, world.stream + world.logged, len) == 0,
                "the part that came is logged");
        world.logged += len;
        return;
    }
    require(is_beginning(bytes, len), "what is logged is what came");
}
