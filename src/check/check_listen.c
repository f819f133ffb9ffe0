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

#define _POSIX_C_SOURCE 200809L

#include "check/check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check/check_args.h"
#include "check/check_net.h"
#include "check/check_show.h"
#include "check/check_visit.h"

#define NAME "listen"

/* Connections served at once; more wait in the backlog. */
#define PLACES 64

/* How long more is waited for when what came may be all, and how long for
 * the other end to close. */
#define PAUSE_MS 300
#define LINGER_MS 2000

static const char usage[] =
    "usage: " CHECK_PROGRAM " listen [OPTION ...] PORT | ADDR:PORT\n"
    "\n"
    "Say what PROXY header each connection brings, and answer HTTP requests\n"
    "with the same text. ADDR is 127.0.0.1 when it is not given; '*' is all\n"
    "addresses. PORT 0 is any that is free.\n"
    "\n"
    "  -v               every field, as decode prints them\n"
    "  --hex            the header in hex too, for decode --hex\n"
    "  --count N        end after N connections; status 1 when one of them\n"
    "                   had no right header\n"
    "  --timeout TIME   how long each may take, default 5s\n"
    "\n"
    "Ends by SIGINT (Ctrl-C) or SIGTERM with a summary and status 0.\n";

enum { OPT_HELP = 1, OPT_VERBOSE, OPT_HEX, OPT_COUNT, OPT_TIMEOUT };

static const check_option_t options[] = {
    {"help", CHECK_ARGS_FLAG, OPT_HELP},
    {"v", CHECK_ARGS_FLAG, OPT_VERBOSE},
    {"hex", CHECK_ARGS_FLAG, OPT_HEX},
    {"count", CHECK_ARGS_VALUE, OPT_COUNT},
    {"timeout", CHECK_ARGS_VALUE, OPT_TIMEOUT},
    {NULL, CHECK_ARGS_FLAG, 0},
};

/* What was asked for. */
typedef struct {
    const char *operand;
    check_place_t place;
    check_visit_style_t style;
    unsigned long count; /* 0: no end */
    int64_t timeout_ms;
    int help;
} wish_t;

typedef enum {
    STATE_READING,  /* until it is told what came */
    STATE_WRITING,  /* the answer */
    STATE_LINGERING /* until the other end closes */
} state_t;

typedef struct {
    int fd;
    state_t state;
    int64_t deadline_ms; /* as all times here: since listening began */
    char *answer;        /* to be freed */
    size_t answer_len;
    size_t answer_sent;
    check_visit_t visit;
} guest_t;

/* Everything that goes on. */
typedef struct {
    const wish_t *wish;
    int listener;
    int64_t start_ms; /* by check_net_now() */
    guest_t *guests[PLACES];
    size_t guests_count;
    unsigned long accepted;
    unsigned long shown;
    unsigned long right;
} house_t;

/* Written to by the signals' handler, so that poll() wakes up. */
static int signal_pipe[2] = {-1, -1};

static void on_signal(int number)
{
    int error = errno;

    (void)number;
    if (write(signal_pipe[1], "", 1) < 0) {
        errno = error; /* the pipe is full: it wakes poll() anyway */
    }
    errno = error;
}

static int catch_signals(void)
{
    struct sigaction action;

    if (pipe(signal_pipe) != 0) {
        return 0;
    }
    check_net_prepare(signal_pipe[1]);
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGINT, &action, NULL) == 0
           && sigaction(SIGTERM, &action, NULL) == 0;
}

/* PORT, ADDR:PORT, [ADDR]:PORT; `*` is every address. */
static int read_place(const check_args_t *args, check_place_t *place)
{
    unsigned long port;
    const char *end;

    if (check_args_digits(args->value, &end, &port) && *end == '\0'
        && port <= 65535) {
        snprintf(place->host, sizeof(place->host), "127.0.0.1");
        snprintf(place->port, sizeof(place->port), "%lu", port);
        return 1;
    }
    if (!check_place_split(args->value, place) || !place->port[0]) {
        return check_args_refuse(args, "PORT, ADDR:PORT or [IPV6]:PORT");
    }
    if (strcmp(place->host, "*") == 0) {
        place->host[0] = '\0';
    }
    else if (place->host[0] == '\0') {
        snprintf(place->host, sizeof(place->host), "127.0.0.1");
    }
    return 1;
}

static int take(const check_args_t *args, int id, wish_t *wish)
{
    switch (id) {
    case OPT_HELP:
        wish->help = 1;
        return 1;
    case OPT_VERBOSE:
        wish->style.is_verbose = 1;
        return 1;
    case OPT_HEX:
        wish->style.shows_hex = 1;
        return 1;
    case OPT_COUNT:
        return check_args_number(args, 1, 4294967295ul, &wish->count);
    case OPT_TIMEOUT:
        return check_args_time(args, &wish->timeout_ms);
    case CHECK_ARGS_OPERAND:
        if (wish->operand) {
            return check_args_refuse(args, "one place only");
        }
        wish->operand = args->value;
        return read_place(args, &wish->place);
    default: /* CHECK_ARGS_WRONG: said already */
        return 0;
    }
}

static int read_args(int argc, char **argv, wish_t *wish)
{
    check_args_t args = {NAME, options, argc, argv, 0, 0, NULL, NULL};
    int id;

    memset(wish, 0, sizeof(*wish));
    wish->timeout_ms = 5000;
    while ((id = check_args_next(&args)) != CHECK_ARGS_END) {
        if (!take(&args, id, wish)) {
            return 0;
        }
        if (wish->help) {
            return 1;
        }
    }
    if (!wish->operand) {
        check_args_complain(NAME, "PORT or ADDR:PORT is missing");
        return 0;
    }
    return 1;
}

static int64_t now_ms(const house_t *house)
{
    return check_net_now() - house->start_ms;
}

static void accept_guest(house_t *house)
{
    guest_t *guest;
    int fd = accept(house->listener, NULL, NULL);

    if (fd < 0) {
        return; /* it has gone again */
    }
    guest = calloc(1, sizeof(*guest));
    if (!guest) {
        close(fd);
        return;
    }
    check_net_prepare(fd);
    guest->fd = fd;
    guest->state = STATE_READING;
    guest->visit.number = ++house->accepted;
    guest->visit.since_ms = now_ms(house);
    guest->visit.answer.status = PP_MORE;
    guest->deadline_ms = guest->visit.since_ms + house->wish->timeout_ms;
    check_net_peer(fd, &guest->visit.peer);
    house->guests[house->guests_count++] = guest;
}

/* Print what came, and turn to the answer. */
static void decide(house_t *house, guest_t *guest)
{
    check_visit_print(stdout, &guest->visit, &house->wish->style);
    fflush(stdout);
    house->shown++;
    house->right += check_visit_is_right(&guest->visit) ? 1 : 0;
    check_visit_answer(&guest->visit, &guest->answer, &guest->answer_len);
    guest->state = STATE_WRITING;
    guest->deadline_ms = now_ms(house) + LINGER_MS;
}

static void read_guest(house_t *house, guest_t *guest)
{
    check_visit_t *visit = &guest->visit;
    int64_t now = now_ms(house);
    size_t len;

    switch (check_net_read(guest->fd, visit->bytes + visit->len,
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
        if (now + PAUSE_MS < guest->deadline_ms) {
            guest->deadline_ms = now + PAUSE_MS;
        }
        break;
    default: /* 0: wait on */
        break;
    }
}

static void write_guest(house_t *house, guest_t *guest)
{
    while (guest->answer_sent < guest->answer_len) {
        ssize_t sent = send(guest->fd, guest->answer + guest->answer_sent,
                            guest->answer_len - guest->answer_sent, 0);

        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (sent < 0 && errno != EINTR) {
            break;
        }
        guest->answer_sent += sent > 0 ? (size_t)sent : 0;
    }
    shutdown(guest->fd, SHUT_WR);
    guest->state = STATE_LINGERING;
    guest->deadline_ms = now_ms(house) + LINGER_MS;
}

/* 0 when it is over. */
static int linger(guest_t *guest)
{
    uint8_t nowhere[4096];
    size_t len;

    switch (check_net_read(guest->fd, nowhere, sizeof(nowhere), 0, &len)) {
    case CHECK_NET_DATA:
    case CHECK_NET_SILENT:
        return 1;
    case CHECK_NET_END:
    case CHECK_NET_RESET:
        break;
    }
    return 0;
}

/* Go on with a connection; 0 when it is over. */
static int serve(house_t *house, guest_t *guest, short events)
{
    int is_late = now_ms(house) >= guest->deadline_ms;

    if (guest->state == STATE_READING && events) {
        read_guest(house, guest);
    }
    if (guest->state == STATE_READING && is_late) {
        if (!guest->visit.ended && !check_visit_is_whole(&guest->visit)) {
            guest->visit.ended = "silent until the time limit";
        }
        decide(house, guest);
        is_late = 0;
    }
    if (guest->state == STATE_WRITING) {
        write_guest(house, guest);
    }
    if (guest->state == STATE_LINGERING && events && !linger(guest)) {
        return 0;
    }
    return !is_late;
}

static void leave(house_t *house, size_t i)
{
    guest_t *guest = house->guests[i];

    close(guest->fd);
    free(guest->answer);
    free(guest);
    house->guests[i] = house->guests[--house->guests_count];
}

/* May another connection be taken? */
static int has_place(const house_t *house)
{
    return house->guests_count < PLACES
           && (house->wish->count == 0
               || house->accepted < house->wish->count);
}

static int is_over(const house_t *house)
{
    return house->wish->count > 0 && house->shown == house->wish->count
           && house->guests_count == 0;
}

/* How long to wait: to the first deadline. */
static int wait_ms(const house_t *house)
{
    int64_t now = now_ms(house);
    int64_t least = -1;
    size_t i;

    for (i = 0; i < house->guests_count; i++) {
        int64_t left = house->guests[i]->deadline_ms - now;

        left = left > 0 ? left : 0;
        least = least < 0 || left < least ? left : least;
    }
    return (int)least;
}

/* Wait for something and see to it; 0 when a signal came. */
static int turn(house_t *house)
{
    struct pollfd entries[2 + PLACES];
    size_t i;

    memset(entries, 0, sizeof(entries));
    entries[0].fd = signal_pipe[0];
    entries[0].events = POLLIN;
    entries[1].fd = has_place(house) ? house->listener : -1;
    entries[1].events = POLLIN;
    for (i = 0; i < house->guests_count; i++) {
        entries[2 + i].fd = house->guests[i]->fd;
        entries[2 + i].events
            = house->guests[i]->state == STATE_WRITING ? POLLOUT : POLLIN;
    }
    if (poll(entries, (nfds_t)(2 + house->guests_count), wait_ms(house)) < 0) {
        return errno == EINTR;
    }
    /* From the last: the place of one that leaves is filled by a later one,
     * which was seen to already. */
    for (i = house->guests_count; i-- > 0;) {
        if (!serve(house, house->guests[i], entries[2 + i].revents)) {
            leave(house, i);
        }
    }
    if (entries[1].revents) {
        accept_guest(house);
    }
    return !entries[0].revents;
}

static int run(const wish_t *wish)
{
    static house_t house;
    check_endpoint_t own;

    house.wish = wish;
    house.listener = check_net_listen(NAME, &wish->place);
    if (house.listener < 0) {
        return CHECK_CANNOT;
    }
    if (!catch_signals()) {
        /* One thread: NOLINTNEXTLINE(concurrency-mt-unsafe) */
        fprintf(stderr, CHECK_PROGRAM " " NAME ": %s\n", strerror(errno));
        return CHECK_CANNOT;
    }
    house.start_ms = check_net_now();
    check_net_own(house.listener, &own);
    printf("listening on ");
    check_place_print(stdout, &own);
    printf("\n");
    fflush(stdout);
    while (!is_over(&house) && turn(&house)) {
        /* turn() has seen to it. */
    }
    while (house.guests_count > 0) {
        leave(&house, 0);
    }
    close(house.listener);
    printf("%lu connection%s: %lu with a right header, %lu without\n",
           house.shown, house.shown == 1 ? "" : "s", house.right,
           house.shown - house.right);
    return is_over(&house) && house.right < house.shown ? CHECK_WRONG
                                                        : CHECK_RIGHT;
}

int check_listen(int argc, char **argv)
{
    static wish_t wish; /* run() keeps its address */

    if (!read_args(argc, argv, &wish)) {
        return CHECK_CANNOT;
    }
    if (wish.help) {
        fputs(usage, stdout);
        return CHECK_RIGHT;
    }
    check_net_init();
    return run(&wish);
}
