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
 * proxyip_wait.c, that it may wait without anybody waiting: with a poll() and
 * a sleep in which the script goes on.
 */

#define poll world_poll
#define apr_sleep world_sleep

#include "connection/proxyip_wait.c"

#include <errno.h>

#include "world.h"

/* Bytes of a script within poll(), that send nothing. */
#define STOPS 0xfc            /* the child stops, ... */
#define STOPS_GRACEFULLY 0xfd /* ... or does so gracefully */
#define SIGNAL 0xfe           /* ends poll() */
#define NOTHING 0xff          /* poll() says that there is something */
#define TIME 0x80             /* from here on up to those: time goes by; */
#define TIME_UP 0x80          /* and this is the time until time is up */

typedef enum {
    POLL_GOES_ON, /* until there are events */
    POLL_READABLE,
    POLL_TIMED_OUT,
    POLL_INTERRUPTED
} poll_end_t;

/* A worker looks so often whether its child stops. */
#define LONGEST_MS 500

void world_forget_stopping(void)
{
    must_end = 0;
}

static void stop(int is_graceful)
{
    world.is_stopping |= !is_graceful;
    proxyip_wait_stopping(is_graceful);
}

static void check_poll(const struct pollfd *own, int timeout_ms)
{
    sent_t sent;

    world_judge(&sent);
    world_check_waits(&sent);
    require(own->fd == world.own_fd && own->events == (POLLIN | POLLRDHUP),
            "it waits for bytes, and for their end");
    if (!world.is_moment) {
        require(world.waiting == 1, "who waits is counted");
        require(!world.is_stopping, "who is to stop does not wait");
        require(!world.is_end_known, "who has closed is not waited for");
    }
    require(world.now < world.deadline, "whose time is up does not wait");
    require(timeout_ms > 0 && timeout_ms <= LONGEST_MS
                && world.now + (timeout_ms - 1) * 1000 < world.deadline,
            "it does not wait beyond its time");
    require(world_low_water() == (world.sent > 0 ? (int)sent.needed : 1),
            "it waits for what is missing");
    require(world.is_closed || !world_events(),
            "what was looked at wakes nobody");
}

/* Time goes by until poll() returns, or for longer: the machine is busy. */
static void pass(uint8_t how, int timeout_ms)
{
    apr_time_t least = world.now + timeout_ms * 1000;

    if (how != TIME_UP) {
        world.now = least + (how - TIME - 1) * timeout_ms * 1000;
    }
    else {
        world.now = least > world.deadline ? least : world.deadline;
    }
}

/* One byte of the script; what poll() is then to say of it. */
static poll_end_t go_on(uint8_t how, int timeout_ms)
{
    if (how < TIME) {
        world_send_by(how);
        return POLL_GOES_ON;
    }
    switch (how) {
    case STOPS:
    case STOPS_GRACEFULLY:
        stop(how == STOPS_GRACEFULLY);
        return POLL_GOES_ON;
    case SIGNAL:
        return POLL_INTERRUPTED;
    case NOTHING:
        return POLL_READABLE;
    default:
        pass(how, timeout_ms);
        return POLL_TIMED_OUT;
    }
}

static poll_end_t wait_by_script(int timeout_ms)
{
    if (world.script.left > 0) {
        return go_on(take_byte(&world.script), timeout_ms);
    }
    if (!world.is_silent) {
        world_send_all();
        return POLL_GOES_ON;
    }
    pass(TIME_UP, timeout_ms);
    return POLL_TIMED_OUT;
}

int world_poll(struct pollfd *own, nfds_t count, int timeout_ms)
{
    poll_end_t result = POLL_GOES_ON;
    int events;

    require(count == 1, "one is waited for");
    if (world.tls.is_on) {
        own->revents = POLLIN;
        return world_tls_poll(timeout_ms);
    }
    check_poll(own, timeout_ms);
    while (!(events = world_events()) && result == POLL_GOES_ON) {
        result = wait_by_script(timeout_ms);
    }
    world_note_look();
    world.is_end_known |= !world.is_moment && (events & POLLRDHUP) != 0;
    world.is_moment = 0;
    own->revents = (short)(events ? events : POLLIN);
    errno = EINTR;
    if (result == POLL_GOES_ON) {
        return 1;
    }
    return result == POLL_INTERRUPTED ? -1 : result == POLL_READABLE;
}

void world_sleep(apr_interval_time_t us)
{
    require(us > 0 && us < LONGEST_MS * 1000, "a short sleep");
    world.now += us;
}
