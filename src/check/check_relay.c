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
 * proxyip-check relay: put a header before each connection, or take it off.
 *
 * Life of a connection: it is taken; with --strip its header is read, printed
 * and dropped, else one is made; the target is connected to, at each of its
 * addresses in turn; the header goes first, and then bytes go both ways
 * (check_pipe.h) until neither end can send any more.
 */

#include "check/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <apr_ring.h>

#include "check/check_bytes.h"
#include "check/check_clock.h"
#include "check/check_guess.h"
#include "check/check_header_options.h"
#include "check/check_net.h"
#include "check/check_options.h"
#include "check/check_pipe.h"
#include "check/check_show.h"

#define NAME "relay"

/* Room in each direction of each connection. */
#define BUFFER 16384

/* Descriptors, at most; and those that are not of connections. */
#define MOST_DESCRIPTORS 65536
#define OWN_DESCRIPTORS 16ul

static const char usage[] =
    "usage: " CHECK_PROGRAM " relay [OPTION ...] LISTEN TARGET\n"
    "\n"
    "Take connections at LISTEN, PORT or ADDR:PORT, and pass bytes on to\n"
    "TARGET, HOST:PORT, and back, with a PROXY header before each connection:\n"
    "so that a browser, curl, h2load or openssl s_client can talk to a\n"
    "listener that requires one. ADDR is 127.0.0.1 when it is not given, PORT\n"
    "0 any that is free.\n"
    "\n"
    "  --strip                 the reverse: read a header off each\n"
    "                          connection, print it, pass on what follows\n"
    "  --timeout TIME          how long a header may take with --strip;\n"
    "                          default 5s\n"
    "  -v                      a line for each connection\n"
    "\n"
    "The header; client and destination are the connection's own by default:\n"
    CHECK_HEADER_HELP
    "\n"
    "Ends by SIGINT (Ctrl-C) or SIGTERM with a summary and status 0.\n";

enum {
    OPT_STRIP = CHECK_HEADER_LAST + 1,
    OPT_TIMEOUT
};

static const apr_getopt_option_t table[] = {
    CHECK_OPTIONS_HELP,
    CHECK_HEADER_ROWS,
    {"strip", OPT_STRIP, 0, NULL},
    {"timeout", OPT_TIMEOUT, 1, NULL},
    {NULL, 'v', 0, NULL},
    {NULL, 0, 0, NULL},
};

/* What was asked for. */
typedef struct {
    const char *listen;
    const char *target;
    check_place_t from;
    check_place_t to;
    check_header_wish_t header;
    apr_interval_time_t timeout;
    int strips;
    int is_verbose;
} wish_t;

typedef struct relay_t relay_t;
typedef struct pair_t pair_t;

/* One connection that is passed on. */
struct pair_t {
    APR_RING_ENTRY(pair_t) link; /* among those of its kind */
    apr_pool_t *p;
    relay_t *relay;
    unsigned long number;
    check_connection_t client;
    apr_time_t since;
    apr_sockaddr_t *address; /* of the target: the one that is tried */
    check_pipe_t pipe;
    int awaits_header; /* --strip: it is not whole */
    int is_over;
};

APR_RING_HEAD(pairs_t, pair_t);

/* Everything that goes on. */
struct relay_t {
    apr_pool_t *p;
    const wish_t *wish;
    check_loop_t *loop;
    check_watch_t listener;
    apr_sockaddr_t *target;
    struct pairs_t waiting; /* for a header, the oldest first */
    struct pairs_t running; /* the others */
    struct pairs_t over;    /* to be freed after this turn */
    unsigned long count;    /* of pairs */
    unsigned long most;
    unsigned long accepted;
    unsigned long failed;
};

static int take_operand(const check_options_t *options, wish_t *wish)
{
    if (!wish->listen) {
        wish->listen = options->value;
        return check_place_own(wish->listen, &wish->from)
               || check_options_refuse(options, CHECK_PLACE_OWN);
    }
    return check_options_only(options, &wish->target,
                              "LISTEN and TARGET only")
           && (check_place_target(wish->target, &wish->to)
               || check_options_refuse(options, CHECK_PLACE_TARGET));
}

/* One option or operand; 0 when it is not accepted. */
static int take(const check_options_t *options, int id, void *baton)
{
    wish_t *wish = baton;

    switch (id) {
    case 'v':
        wish->is_verbose = 1;
        return 1;
    case OPT_STRIP:
        wish->strips = 1;
        return 1;
    case OPT_TIMEOUT:
        return check_options_time(options, &wish->timeout);
    case CHECK_OPTIONS_OPERAND:
        return take_operand(options, wish);
    case CHECK_OPTIONS_WRONG:
        return 0;
    default: /* the header's */
        return check_header_take(options, id, &wish->header) > 0;
    }
}

static int read_options(apr_pool_t *p, int argc, const char *const *argv,
                        wish_t *wish)
{
    int rv;

    memset(wish, 0, sizeof(*wish));
    check_header_begin(&wish->header, p, NAME);
    wish->timeout = apr_time_from_sec(5);
    rv = check_options_walk(p, table, usage, argc, argv, take, wish);
    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    if (!wish->listen || !wish->target) {
        check_options_complain(NAME, "LISTEN and TARGET are wanted");
        return CHECK_CANNOT;
    }
    if (wish->strips && wish->header.was_said) {
        check_options_complain(NAME, "--strip takes headers off: no option of"
                                     " a header goes with it");
        return CHECK_CANNOT;
    }
    return check_header_finish(&wish->header) ? CHECK_OPTIONS_TAKEN
                                              : CHECK_CANNOT;
}

/* The beginning of a line about a connection. */
static void begin_line(const pair_t *pair)
{
    char when[CHECK_CLOCK_MAX];

    check_clock_format(when, pair->since);
    printf("#%lu ", pair->number);
    check_place_print(stdout, &pair->client.peer);
    printf(" at %s: ", when);
}

static void end_pair(pair_t *pair)
{
    if (!pair->is_over) {
        check_pipe_close(&pair->pipe);
        APR_RING_REMOVE(pair, link);
        APR_RING_INSERT_TAIL(&pair->relay->over, pair, pair_t, link);
        pair->is_over = 1;
    }
}

static void fail_pair(pair_t *pair)
{
    pair->relay->failed++;
    end_pair(pair);
}

/* The target has not taken the connection at any of its addresses. */
static void fail_connecting(pair_t *pair, apr_status_t why)
{
    char text[120];

    begin_line(pair);
    printf("cannot connect to %s: %s\n", pair->relay->wish->target,
           apr_strerror(why, text, sizeof(text)));
    fflush(stdout);
    fail_pair(pair);
}

/* Try the target's next address, until one is connected to or under way. */
static void try_addresses(pair_t *pair, apr_status_t why)
{
    check_watch_t *watch = &pair->pipe.target;

    for (; pair->address; pair->address = pair->address->next) {
        if (watch->socket) {
            check_loop_want(pair->pipe.loop, watch, 0);
            apr_socket_close(watch->socket);
            watch->socket = NULL;
        }
        why = apr_socket_create(&watch->socket, pair->address->family,
                                SOCK_STREAM, APR_PROTO_TCP, pair->p);
        if (why == APR_SUCCESS) {
            check_net_prepare(watch->socket);
            why = apr_socket_connect(watch->socket, pair->address);
        }
        if (why == APR_SUCCESS || APR_STATUS_IS_EINPROGRESS(why)) {
            pair->pipe.is_connecting = why != APR_SUCCESS;
            check_pipe_want(&pair->pipe);
            return;
        }
    }
    fail_connecting(pair, why);
}

/* The connection has been made, or not: a second call says. */
static void finish_connecting(pair_t *pair)
{
    apr_status_t rv = apr_socket_connect(pair->pipe.target.socket,
                                         pair->address);

    if (APR_STATUS_IS_EINPROGRESS(rv)) {
        return;
    }
    if (rv != APR_SUCCESS) {
        pair->address = pair->address->next;
        try_addresses(pair, rv);
        return;
    }
    pair->pipe.is_connecting = 0;
    check_pipe_move(&pair->pipe, &pair->pipe.target);
    check_pipe_want(&pair->pipe);
}

static void connect_target(pair_t *pair)
{
    pair->address = pair->relay->target;
    check_pipe_reserve(&pair->pipe.down, pair->p, BUFFER);
    try_addresses(pair, APR_EGENERAL);
}

/* A line about what comes before the first byte of payload. */
static void print_header(const pair_t *pair, const uint8_t *bytes, size_t len,
                         const pp_answer_t *answer, const pp_header_t *header)
{
    begin_line(pair);
    if (answer->status == PP_DONE) {
        check_show_line(stdout, header, answer->len);
    }
    else {
        check_show_fault(stdout, bytes, len, answer);
        if (answer->status == PP_BAD && !pp_committed_version(bytes, len)) {
            printf(", but ");
            check_guess_print(stdout, bytes, len);
        }
    }
    printf("\n");
    fflush(stdout);
}

/* Put a header before what comes. */
static void add_header(pair_t *pair)
{
    const wish_t *wish = pair->relay->wish;
    uint8_t *bytes = apr_palloc(pair->p, PP_V2_MAX);
    check_row_t row = {bytes, PP_V2_MAX, 0};
    pp_header_t header;
    pp_answer_t answer;

    if (!check_header_build(&wish->header, &pair->client.peer,
                            &pair->client.own, &row)) {
        fail_pair(pair);
        return;
    }
    check_pipe_reserve(&pair->pipe.up, pair->p,
                       row.len > BUFFER ? row.len : BUFFER);
    memcpy(pair->pipe.up.bytes, row.bytes, row.len);
    pair->pipe.up.end = row.len;
    if (wish->is_verbose) {
        answer = pp_decode(row.bytes, row.len, &check_show_all, &header);
        print_header(pair, row.bytes, row.len, &answer, &header);
    }
    connect_target(pair);
}

/* Take the header off what has come; fail without one. */
static void strip_header(pair_t *pair)
{
    check_flow_t *up = &pair->pipe.up;
    pp_header_t header;
    pp_answer_t answer;
    int is_there = check_pipe_fill(pair->client.socket, up);

    answer = pp_decode(up->bytes, up->end, &check_show_all, &header);
    if (answer.status == PP_MORE && is_there && !up->is_ended) {
        return;
    }
    print_header(pair, up->bytes, up->end, &answer, &header);
    if (answer.status != PP_DONE) {
        fail_pair(pair);
        return;
    }
    up->start = answer.len;
    pair->awaits_header = 0;
    APR_RING_REMOVE(pair, link);
    APR_RING_INSERT_TAIL(&pair->relay->running, pair, pair_t, link);
    connect_target(pair);
}

static void accept_pair(relay_t *relay)
{
    check_connection_t made;
    apr_pool_t *p;
    pair_t *pair;

    apr_pool_create(&p, relay->p);
    if (check_net_accept(p, relay->listener.socket, &made) != APR_SUCCESS) {
        apr_pool_destroy(p);
        return; /* it has gone again */
    }
    pair = apr_pcalloc(p, sizeof(*pair));
    pair->p = p;
    pair->relay = relay;
    pair->client = made;
    pair->since = apr_time_now();
    pair->number = ++relay->accepted;
    pair->pipe.loop = relay->loop;
    pair->pipe.client.socket = made.socket;
    pair->pipe.client.owner = pair;
    pair->pipe.target.owner = pair;
    pair->awaits_header = relay->wish->strips;
    relay->count++;
    if (pair->awaits_header) {
        check_pipe_reserve(&pair->pipe.up, p, CHECK_INPUT_MAX);
        APR_RING_INSERT_TAIL(&relay->waiting, pair, pair_t, link);
        check_pipe_want(&pair->pipe);
        return;
    }
    APR_RING_INSERT_TAIL(&relay->running, pair, pair_t, link);
    add_header(pair);
}

/* Something has happened on one of its sockets. */
static void serve(pair_t *pair, const check_watch_t *watch)
{
    if (pair->is_over) {
        return;
    }
    if (pair->awaits_header) {
        strip_header(pair);
        return;
    }
    if (pair->pipe.is_connecting) {
        finish_connecting(pair);
    }
    else {
        check_pipe_move(&pair->pipe, watch);
        check_pipe_want(&pair->pipe);
    }
    if (check_pipe_is_over(&pair->pipe)) {
        end_pair(pair);
    }
}

/* Those whose header is late; how long to wait for the next to be. */
static apr_interval_time_t end_late(relay_t *relay)
{
    apr_time_t now = apr_time_now();

    while (!APR_RING_EMPTY(&relay->waiting, pair_t, link)) {
        pair_t *pair = APR_RING_FIRST(&relay->waiting);
        apr_interval_time_t left = pair->since + relay->wish->timeout - now;
        pp_answer_t answer;
        pp_header_t header;

        if (left > 0) {
            return left;
        }
        answer = pp_decode(pair->pipe.up.bytes, pair->pipe.up.end,
                           &check_show_all, &header);
        print_header(pair, pair->pipe.up.bytes, pair->pipe.up.end, &answer,
                     &header);
        fail_pair(pair);
    }
    return -1;
}

static void free_ended(relay_t *relay)
{
    while (!APR_RING_EMPTY(&relay->over, pair_t, link)) {
        pair_t *pair = APR_RING_FIRST(&relay->over);

        APR_RING_REMOVE(pair, link);
        relay->count--;
        apr_pool_destroy(pair->p);
    }
}

/* Wait for something and see to it. */
static void turn(relay_t *relay)
{
    apr_interval_time_t left = end_late(relay);
    const apr_pollfd_t *ready;
    int count;
    int i;

    free_ended(relay);
    check_loop_want(relay->loop, &relay->listener,
                    relay->count < relay->most ? APR_POLLIN : 0);
    count = check_loop_wait(relay->loop, left, &ready);
    for (i = 0; i < count; i++) {
        const check_watch_t *watch = ready[i].client_data;

        if (watch->owner) {
            serve(watch->owner, watch);
        }
        else {
            accept_pair(relay);
        }
    }
}

/* As many descriptors as we may have, and how many pairs that makes. */
static unsigned long most_pairs(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 256;
    }
    limit.rlim_cur = limit.rlim_max < MOST_DESCRIPTORS ? limit.rlim_max
                                                       : MOST_DESCRIPTORS;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 2 * OWN_DESCRIPTORS
               ? (unsigned long)(limit.rlim_cur - OWN_DESCRIPTORS) / 2
               : 1;
}

static int open_relay(relay_t *relay)
{
    const wish_t *wish = relay->wish;
    check_endpoint_t own;

    relay->most = most_pairs();
    relay->target = check_net_resolve(relay->p, NAME, &wish->to);
    if (!relay->target) {
        return 0;
    }
    relay->listener.socket = check_net_listen(relay->p, NAME, &wish->from,
                                              &own);
    if (!relay->listener.socket) {
        return 0;
    }
    relay->loop = check_loop_make(relay->p, NAME,
                                  (unsigned int)(2 * relay->most + 1));
    if (!relay->loop) {
        return 0;
    }
    printf("listening on ");
    check_place_print(stdout, &own);
    printf("\n");
    fflush(stdout);
    return 1;
}

static int run(relay_t *relay)
{
    APR_RING_INIT(&relay->waiting, pair_t, link);
    APR_RING_INIT(&relay->running, pair_t, link);
    APR_RING_INIT(&relay->over, pair_t, link);
    if (!open_relay(relay)) {
        return CHECK_CANNOT;
    }
    while (!check_loop_is_over()) {
        turn(relay);
    }
    printf("%lu connection%s, %lu of them not passed on\n", relay->accepted,
           relay->accepted == 1 ? "" : "s", relay->failed);
    return CHECK_RIGHT;
}

int check_relay(apr_pool_t *p, int argc, const char *const *argv)
{
    relay_t *relay = apr_pcalloc(p, sizeof(*relay));
    wish_t wish;
    int rv = read_options(p, argc, argv, &wish);

    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    relay->p = p;
    relay->wish = &wish;
    return run(relay);
}
