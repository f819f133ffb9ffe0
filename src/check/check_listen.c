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
 * proxyip-check listen: show what header each connection brings.
 *
 * Life of a connection: it is read until what came can be told, or its time
 * is over; that is printed; a request is answered; then it is read, to
 * nowhere, until the other end closes, because closing with bytes unread
 * would reset it and the answer could be lost.
 */

#include "check/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check_loop.h"
#include "check/check_net.h"
#include "check/check_options.h"
#include "check/check_visit.h"

#define NAME "listen"

/* Connections served at once; more wait in the backlog. */
#define PLACES 64

/* How long more is waited for when what came may be all, and how long for
 * the other end to close. */
#define PAUSE apr_time_from_msec(300)
#define LINGER apr_time_from_msec(2000)

static const char usage[] =
    "usage: " CHECK_PROGRAM " listen [OPTION ...] PORT | ADDR:PORT\n"
    "\n"
    "Say what PROXY header each connection brings, and answer HTTP requests\n"
    "with the same text. ADDR is 127.0.0.1 when it is not given; '*' is all\n"
    "addresses. PORT 0 is any that is free.\n"
    "\n"
    "  -v               every field, as decode prints them\n"
    "  --hex            the header in hex too, for decode\n"
    "  --json           an object for each connection instead of text\n"
    "  --count N        end after N connections; status 1 when one of them\n"
    "                   had no right header\n"
    "  --timeout TIME   how long each may take, default 5s\n"
    "\n"
    "Ends by SIGINT (Ctrl-C) or SIGTERM with a summary and status 0.\n";

enum {
    OPT_HEX = CHECK_OPTIONS_FIRST,
    OPT_JSON,
    OPT_COUNT,
    OPT_TIMEOUT
};

static const apr_getopt_option_t table[] = {
    CHECK_OPTIONS_HELP,
    {NULL, 'v', 0, NULL},
    {"hex", OPT_HEX, 0, NULL},
    {"json", OPT_JSON, 0, NULL},
    {"count", OPT_COUNT, 1, NULL},
    {"timeout", OPT_TIMEOUT, 1, NULL},
    {NULL, 0, 0, NULL},
};

/* What was asked for. */
typedef struct {
    const char *operand;
    check_place_t place;
    check_visit_style_t style;
    unsigned long count; /* 0: no end */
    apr_interval_time_t timeout;
    int is_json;
} wish_t;

typedef enum {
    STATE_READING,  /* until it is told what came */
    STATE_WRITING,  /* the answer */
    STATE_LINGERING /* until the other end closes */
} state_t;

typedef struct {
    apr_pool_t *p;
    check_watch_t watch;
    state_t state;
    apr_time_t deadline;
    int is_over;
    char *answer; /* to be freed */
    size_t answer_len;
    size_t answer_sent;
    check_visit_t visit;
} guest_t;

/* Everything that goes on. */
typedef struct {
    apr_pool_t *p;
    const wish_t *wish;
    check_loop_t *loop;
    check_watch_t listener;
    guest_t *guests[PLACES];
    size_t guests_count;
    unsigned long accepted;
    unsigned long shown;
    unsigned long right;
} house_t;

/* One option or operand; 0 when it is not accepted. */
static int take(const check_options_t *options, int id, void *baton)
{
    wish_t *wish = baton;

    switch (id) {
    case 'v':
        wish->style.is_verbose = 1;
        return 1;
    case OPT_HEX:
        wish->style.shows_hex = 1;
        return 1;
    case OPT_JSON:
        wish->is_json = 1;
        return 1;
    case OPT_COUNT:
        return check_options_number(options, 1, 4294967295ul, &wish->count);
    case OPT_TIMEOUT:
        return check_options_time(options, &wish->timeout);
    case CHECK_OPTIONS_OPERAND:
        return check_options_only(options, &wish->operand, "one place only")
               && (check_place_own(wish->operand, &wish->place)
                   || check_options_refuse(options, CHECK_PLACE_OWN));
    default: /* CHECK_OPTIONS_WRONG: said already */
        return 0;
    }
}

static int read_options(apr_pool_t *p, int argc, const char *const *argv,
                        wish_t *wish)
{
    int rv;

    memset(wish, 0, sizeof(*wish));
    wish->timeout = apr_time_from_sec(5);
    rv = check_options_walk(p, table, usage, argc, argv, take, wish);
    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    if (!wish->operand) {
        check_options_complain(NAME, "PORT or ADDR:PORT is missing");
        return CHECK_CANNOT;
    }
    return CHECK_OPTIONS_TAKEN;
}

/* May another connection be taken? */
static int has_place(const house_t *house)
{
    return house->guests_count < PLACES
           && (house->wish->count == 0
               || house->accepted < house->wish->count);
}

static void accept_guest(house_t *house)
{
    check_connection_t made;
    apr_pool_t *p;
    guest_t *guest;

    apr_pool_create(&p, house->p);
    if (check_net_accept(p, house->listener.socket, &made) != APR_SUCCESS) {
        apr_pool_destroy(p);
        return; /* it has gone again */
    }
    guest = apr_pcalloc(p, sizeof(*guest));
    guest->p = p;
    guest->watch.socket = made.socket;
    guest->watch.owner = guest;
    guest->state = STATE_READING;
    guest->visit.number = ++house->accepted;
    guest->visit.since = apr_time_now();
    guest->visit.answer.status = PP_MORE;
    guest->visit.peer = made.peer;
    guest->deadline = guest->visit.since + house->wish->timeout;
    house->guests[house->guests_count++] = guest;
    check_loop_want(house->loop, &guest->watch, APR_POLLIN);
}

/* Print what came, and turn to the answer. */
static void decide(house_t *house, guest_t *guest)
{
    if (house->wish->is_json) {
        check_visit_write(stdout, &guest->visit);
    }
    else {
        check_visit_print(stdout, &guest->visit, &house->wish->style);
    }
    fflush(stdout);
    house->shown++;
    house->right += check_visit_is_right(&guest->visit) ? 1 : 0;
    check_visit_answer(&guest->visit, &guest->answer, &guest->answer_len);
    guest->state = STATE_WRITING;
    guest->deadline = apr_time_now() + LINGER;
    check_loop_want(house->loop, &guest->watch, APR_POLLOUT);
}

static void read_guest(house_t *house, guest_t *guest)
{
    check_visit_t *visit = &guest->visit;
    apr_time_t now = apr_time_now();
    size_t len;

    switch (check_net_read(guest->watch.socket, visit->bytes + visit->len,
                           sizeof(visit->bytes) - visit->len, 0, &len)) {
    case CHECK_NET_DATA:
        visit->len += len;
        check_visit_read(visit, now);
        break;
    case CHECK_NET_END:
        visit->ended = "closed by the peer";
        break;
    case CHECK_NET_RESET:
        visit->ended = "reset by the peer";
        break;
    case CHECK_NET_SILENT:
        return;
    }
    switch (check_visit_is_whole(visit)) {
    case 2:
        decide(house, guest);
        break;
    case 1:
        if (now + PAUSE < guest->deadline) {
            guest->deadline = now + PAUSE;
        }
        break;
    default: /* 0: wait on */
        break;
    }
}

static void write_guest(house_t *house, guest_t *guest)
{
    while (guest->answer_sent < guest->answer_len) {
        apr_size_t sent = guest->answer_len - guest->answer_sent;
        apr_status_t rv = apr_socket_send(guest->watch.socket,
                                          guest->answer + guest->answer_sent,
                                          &sent);

        guest->answer_sent += sent;
        if (APR_STATUS_IS_EAGAIN(rv)) {
            return;
        }
        if (rv != APR_SUCCESS) {
            break;
        }
    }
    apr_socket_shutdown(guest->watch.socket, APR_SHUTDOWN_WRITE);
    guest->state = STATE_LINGERING;
    guest->deadline = apr_time_now() + LINGER;
    check_loop_want(house->loop, &guest->watch, APR_POLLIN);
}

static void linger(guest_t *guest)
{
    uint8_t nowhere[4096];
    size_t len;

    switch (check_net_read(guest->watch.socket, nowhere, sizeof(nowhere), 0,
                           &len)) {
    case CHECK_NET_DATA:
    case CHECK_NET_SILENT:
        break;
    case CHECK_NET_END:
    case CHECK_NET_RESET:
        guest->is_over = 1;
        break;
    }
}

/* Something has happened on a connection. */
static void serve(house_t *house, guest_t *guest)
{
    switch (guest->state) {
    case STATE_READING:
        read_guest(house, guest);
        break;
    case STATE_WRITING:
        write_guest(house, guest);
        break;
    case STATE_LINGERING:
        linger(guest);
        break;
    }
}

/* Its time is up. */
static void time_out(house_t *house, guest_t *guest)
{
    if (guest->state != STATE_READING) {
        guest->is_over = 1;
        return;
    }
    if (!guest->visit.ended && !check_visit_is_whole(&guest->visit)) {
        guest->visit.ended = "silent until the time limit";
    }
    decide(house, guest);
}

static void leave(house_t *house, size_t i)
{
    guest_t *guest = house->guests[i];

    check_loop_want(house->loop, &guest->watch, 0);
    free(guest->answer);
    apr_pool_destroy(guest->p);
    house->guests[i] = house->guests[--house->guests_count];
}

static int is_over(const house_t *house)
{
    return house->wish->count > 0 && house->shown == house->wish->count
           && house->guests_count == 0;
}

/* How long to wait: to the first deadline; negative: without end. */
static apr_interval_time_t time_left(const house_t *house)
{
    apr_time_t now = apr_time_now();
    apr_interval_time_t least = -1;
    size_t i;

    for (i = 0; i < house->guests_count; i++) {
        apr_interval_time_t left = house->guests[i]->deadline - now;

        left = left > 0 ? left : 0;
        least = least < 0 || left < least ? left : least;
    }
    return least;
}

/* Wait for something and see to it. */
static void turn(house_t *house)
{
    const apr_pollfd_t *ready;
    apr_time_t now;
    int count;
    int i;

    check_loop_want(house->loop, &house->listener,
                    has_place(house) ? APR_POLLIN : 0);
    count = check_loop_wait(house->loop, time_left(house), &ready);
    for (i = 0; i < count; i++) {
        const check_watch_t *watch = ready[i].client_data;

        if (watch->owner) {
            serve(house, watch->owner);
        }
        else {
            accept_guest(house);
        }
    }
    now = apr_time_now();
    /* From the last: the place of one that leaves is filled by a later one,
     * which was seen to already. */
    for (i = (int)house->guests_count; i-- > 0;) {
        guest_t *guest = house->guests[i];

        if (!guest->is_over && now >= guest->deadline) {
            time_out(house, guest);
        }
        if (guest->is_over) {
            leave(house, (size_t)i);
        }
    }
}

static int open_house(house_t *house)
{
    check_endpoint_t own;

    house->listener.socket = check_net_listen(house->p, NAME,
                                              &house->wish->place, &own);
    if (!house->listener.socket) {
        return 0;
    }
    house->loop = check_loop_make(house->p, NAME, PLACES + 1);
    if (!house->loop) {
        return 0;
    }
    /* Lines of JSON are of connections alone. */
    fprintf(house->wish->is_json ? stderr : stdout, "listening on ");
    check_place_print(house->wish->is_json ? stderr : stdout, &own);
    fprintf(house->wish->is_json ? stderr : stdout, "\n");
    fflush(stdout);
    return 1;
}

static int run(house_t *house)
{
    if (!open_house(house)) {
        return CHECK_CANNOT;
    }
    while (!is_over(house) && !check_loop_is_over()) {
        turn(house);
    }
    while (house->guests_count > 0) {
        leave(house, 0);
    }
    if (!house->wish->is_json) {
        printf("%lu connection%s: %lu with a right header, %lu without\n",
               house->shown, house->shown == 1 ? "" : "s", house->right,
               house->shown - house->right);
    }
    return is_over(house) && house->right < house->shown ? CHECK_WRONG
                                                         : CHECK_RIGHT;
}

int check_listen(apr_pool_t *p, int argc, const char *const *argv)
{
    house_t *house = apr_pcalloc(p, sizeof(*house));
    wish_t wish;
    int rv = read_options(p, argc, argv, &wish);

    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    house->p = p;
    house->wish = &wish;
    return run(house);
}
