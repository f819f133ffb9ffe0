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
 * The peer, and what it has sent.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* POLLRDHUP */
#endif

#include "world.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* All that an input may send has room in a socket that nobody reads. */
#define ROOM (1 << 20)

/* Far more often than the loopback device has ever needed. */
#define MOST_LOOKS 1000000

world_t world;

void world_begin(apr_pool_t *p, const pp_rules_t *rules, unsigned int choices,
                 const input_t *script, const block_t *stream)
{
    static const uint8_t loopback[] = {127, 0, 0, 1};
    pp_addr_t addr;

    memset(&world, 0, sizeof(world));
    pp_addr_set(&addr, PP_INET, loopback);
    proxyip_conn_fill_sockaddr(&world.peer_addr, p, &addr, 80);
    world.is_optional = (choices & CHOICE_OPTIONAL) != 0;
    world.is_silent = (choices & CHOICE_SILENT) != 0;
    world.conf.enabled = 1;
    world.conf.rules = *rules;
    world.conf.timeout_us = TIMEOUT_US;
    world.conf.defer_us = choices & CHOICE_DEFER_OFF ? 0 : DEFER_US;
    world.stream = stream->bytes;
    world.stream_len = stream->len;
    world.script = *script;
    world.now = START_US;
    world_forget_stopping();
}

/* Reset at its end, a connection leaves no TIME_WAIT behind, of which there
 * is one for each port at most. */
static void set_options(int fd)
{
    struct linger reset = {1, 0};
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* One for all connections of this process. */
static int listener(struct sockaddr_in *addr)
{
    static int fd = -1;
    static struct sockaddr_in bound;
    socklen_t size = sizeof(bound);
    int room = ROOM;

    if (fd < 0) {
        bound.sin_family = AF_INET;
        bound.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
        require(fd >= 0 && bind(fd, (struct sockaddr *)&bound, size) == 0
                    && listen(fd, 16) == 0
                    && getsockname(fd, (struct sockaddr *)&bound, &size) == 0,
                "there is a listening socket");
    }
    *addr = bound;
    return fd;
}

static int port_of(int fd, int (*whose)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_in addr;
    socklen_t size = sizeof(addr);

    return whose(fd, (struct sockaddr *)&addr, &size) == 0 ? addr.sin_port : -1;
}

/* The other end of a connection.  One whose connect() was interrupted, by
 * libFuzzer's timer, may stand before it. */
static int accept_from(int listening, int peer_fd)
{
    int port = port_of(peer_fd, getsockname);

    for (;;) {
        int fd = accept(listening, NULL, NULL);

        if (fd >= 0 && port_of(fd, getpeername) == port) {
            return fd;
        }
        require(fd >= 0 || errno == EINTR, "the connection is accepted");
        close(fd);
    }
}

int world_connect(void)
{
    struct sockaddr_in addr;
    int listening = listener(&addr);
    int room = ROOM;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    set_options(fd);
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        close(fd);
        return 0;
    }
    world.peer_fd = fd;
    world.own_fd = accept_from(listening, fd);
    set_options(world.own_fd);
    return 1;
}

void world_disconnect(void)
{
    close(world.peer_fd);
    close(world.own_fd);
}

static int count_unread(void)
{
    int count = -1;

    ioctl(world.own_fd, FIONREAD, &count);
    return count;
}

int world_events(void)
{
    struct pollfd own = {world.own_fd, POLLIN | POLLRDHUP, 0};

    return poll(&own, 1, 0) > 0 ? own.revents : 0;
}

int world_low_water(void)
{
    int low_water = -1;
    socklen_t size = sizeof(low_water);

    getsockopt(world.own_fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, &size);
    return low_water;
}

static void note_sent(void)
{
    pp_header_t header;

    if (!world.committed_at && pp_committed_version(world.stream, world.sent)) {
        world.committed_at = world.now;
    }
    if (!world.whole_at
        && pp_decode(world.stream, world.sent, &world.conf.rules, &header)
                   .status
               == PP_DONE) {
        world.whole_at = world.now;
    }
}

/* What is sent behind many small segments waits until these have been
 * acknowledged, some 40 ms later; but at once with whatever goes the other
 * way.  The peer does not read. */
static void acknowledge(void)
{
    if (send(world.own_fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) {
        sched_yield();
    }
}

void world_send(size_t len)
{
    size_t left = world.stream_len - world.sent;
    int unread = count_unread();
    int looks = 0;

    if (len > left) {
        len = left;
    }
    if (len == 0 || world.is_closed) {
        return;
    }
    require(send(world.peer_fd, world.stream + world.sent, len,
                 MSG_NOSIGNAL | MSG_DONTWAIT)
                == (ssize_t)len,
            "the socket takes it all");
    while (count_unread() != unread + (int)len && looks++ < MOST_LOOKS) {
        acknowledge();
    }
    require(looks <= MOST_LOOKS, "what is sent comes");
    world.sent += len;
    note_sent();
}

void world_send_end(void)
{
    int looks = 0;

    if (world.is_closed) {
        return;
    }
    shutdown(world.peer_fd, SHUT_WR);
    while (!(world_events() & POLLRDHUP) && looks++ < MOST_LOOKS) {
        acknowledge();
    }
    require(looks <= MOST_LOOKS, "the end comes");
    world.is_closed = 1;
}

/* What was sent before is still to be had. */
void world_reset(void)
{
    int looks = 0;

    if (world.is_reset) {
        return;
    }
    close(world.peer_fd); /* see set_options() */
    world.peer_fd = -1;
    while (!(world_events() & POLLHUP) && looks++ < MOST_LOOKS) {
        sched_yield();
    }
    require(looks <= MOST_LOOKS, "the reset comes");
    world.is_closed = 1;
    world.is_reset = 1;
}

void world_send_all(void)
{
    world_send(world.stream_len);
    world_send_end();
}

void world_send_by(uint8_t how)
{
    if (world.sent < world.stream_len && !world.is_closed) {
        world_send((how & 0x40 ? 64 : 1) * (size_t)((how & 0x3f) + 1));
    }
    else {
        world_send_end();
    }
}

void world_check_untouched(void)
{
    static uint8_t room[1 << 17];
    ssize_t len =
        recv(world.own_fd, room, sizeof(room), MSG_PEEK | MSG_DONTWAIT);

    require((len < 0 ? 0 : (size_t)len) == world.sent
                && memcmp(room, world.stream, world.sent) == 0,
            "nothing was taken from the socket");
    require(world_low_water() == 1, "the socket is readable at one byte");
}

static int may_lack_header(void)
{
    return world.is_optional && !pp_committed_version(world.stream, world.sent);
}

void world_judge(sent_t *sent)
{
    size_t len = world.sent;

    memset(sent, 0, sizeof(*sent));
    sent->answer =
        pp_decode(world.stream, len, &world.conf.rules, &sent->header);
    switch (sent->answer.status) {
    case PP_DONE:
        sent->status = world.conf.defer_us > 0 && len == sent->answer.len
                           ? PROXYIP_SEEN_UNDECIDED
                           : PROXYIP_SEEN_HEADER;
        sent->stage = PROXYIP_STAGE_PAYLOAD;
        sent->needed = sent->answer.len + 1;
        break;
    case PP_MORE:
        sent->status = len == 0 && world.is_closed ? PROXYIP_SEEN_END
                                                   : PROXYIP_SEEN_UNDECIDED;
        sent->stage =
            may_lack_header() ? PROXYIP_STAGE_OPEN : PROXYIP_STAGE_HEADER;
        sent->needed = sent->answer.len;
        break;
    case PP_BAD:
        sent->status =
            may_lack_header() ? PROXYIP_SEEN_NO_HEADER : PROXYIP_SEEN_BAD;
        break;
    }
}

static apr_interval_time_t time_of(proxyip_stage_t stage)
{
    switch (stage) {
    case PROXYIP_STAGE_OPEN:
        return world.conf.timeout_us + world.conf.defer_us;
    case PROXYIP_STAGE_HEADER:
        return world.conf.timeout_us;
    case PROXYIP_STAGE_PAYLOAD:
        return world.conf.defer_us;
    }
    return 0;
}

void world_note_look(void)
{
    sent_t sent;

    world_judge(&sent);
    if (sent.status == PROXYIP_SEEN_UNDECIDED
        && (!world.has_stage || sent.stage != world.stage)) {
        world.has_stage = 1;
        world.stage = sent.stage;
        world.deadline = world.now + time_of(sent.stage);
    }
}

void world_check_waits(const sent_t *sent)
{
    require(sent->status == PROXYIP_SEEN_UNDECIDED,
            "what is decided is not waited for");
    require(world.has_stage && world.stage == sent->stage,
            "what has come was looked at");
}
