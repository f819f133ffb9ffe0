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
 * Clients that pause between header and request, beside others, and how many
 * of them get no answer.
 *
 * usage: pausing -p PORT -n CLIENTS [-v VERSION] [-r RATE] [-z PAUSE-MS]
 *                [-w LIMIT-MS] [-d DELAY-MS] [-b BUSY] [-s SILENT [-m]]
 *
 * -r: so many clients come a second, else all at once; -w: in what time from
 * before its connect() a client must have its answer; -v 0, 1 or 2: the
 * header, whose source is the client's own address, one of many in
 * 127.0.0.0/8.
 * Others, from the start, the clients -d later: -b: so many send header and
 * request in one segment and begin anew once they are answered; -s: so many a
 * second send a header and then nothing, from one address, or with -m from
 * many.  Those stay until the server closes them; where descriptors run out, or
 * there are 20,000, the oldest goes.
 * One thread does it all.  Prints names and numbers, one of each a line, once
 * each of the clients has been answered or lost.
 */

#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/pp.h"
#include "../lib/peer.h"

#define ANSWER_MAX 1024
/* Begun, or heard, before the clock is looked at again. */
#define BATCH 64
/* Descriptors for all but connections. */
#define SPARE 32
/* Nearer to the number of one address's ports the kernel searches long for
 * each further one. */
#define SILENT_MAX 20000

static const char REQUEST[] =
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
static const char STATUS[] = "HTTP/1.1 200 ";
static const char BODY_END[] = "welcome\n";

typedef enum { CLIENT, BUSY, SILENT } kind_t;

typedef enum {
    ENDED, /* or not begun: it has no socket */
    CONNECTING,
    QUIET, /* has sent its header */
    ASKING,
    ANSWERED /* and waits for the end of the connection */
} state_t;

/* What became of a client; the names are those that are printed. */
typedef enum {
    WELL,
    REFUSED,    /* no connection was made */
    RESET,      /* the server closed with a reset */
    CLOSED,     /* the server closed without a byte of an answer */
    TIMED_OUT,
    BAD_ANSWER, /* another status, or not whole */
    OUTCOMES
} outcome_t;

static const char *const OUTCOME_NAMES[OUTCOMES] = {
    "answered", "refused", "reset", "closed", "timeout", "bad"};

typedef struct {
    kind_t kind;
    state_t state;
    int fd;
    int64_t begun_us; /* before connect() */
    int64_t speak_us; /* when a client's pause ends */
    int64_t asked_us; /* when its request was sent */
    size_t len;       /* of the answer so far */
    char answer[ANSWER_MAX];
} peer_t;

/* Some peers of a kind, begun in order. */
typedef struct {
    peer_t *peers;
    size_t size;
    size_t begun; /* silent ones: begun % size is the oldest */
} crowd_t;

/* From the command line; only read after that. */
static int port;
static int version;
static long rate;
static long silent_rate;
static int64_t pause_us;
static int64_t limit_us = 30000000;
static int64_t delay_us;
static int from_many;

static int queue; /* of epoll */
static crowd_t clients;
static crowd_t busy;
static crowd_t silent;

/* Clients in the order in which their pauses end. */
static peer_t **pausing;
static size_t paused;
static size_t spoken;
/* In the order in which they began, the first that may be without an answer
 * at the end of its limit. */
static size_t oldest;

static size_t outcomes[OUTCOMES];      /* of clients */
static size_t busy_outcomes[OUTCOMES];
static size_t silent_closed;           /* by the server */
static size_t silent_unmade;           /* for want of ports or descriptors */
static size_t answer_count;
static int64_t *answers_us;            /* clients', from the request */
static int64_t connected_us;           /* the longest connect() of a client */

static uint32_t any_address(void)
{
    static uint32_t state = 2463534242u; /* xorshift */

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return 0x7f010000u + state % 0xfd0000u;
}

static void end(peer_t *peer)
{
    close(peer->fd);
    peer->state = ENDED;
}

/* Each client has one outcome: what follows an answer is none. */
static void decide(peer_t *peer, outcome_t outcome)
{
    switch (peer->kind) {
    case CLIENT:
        outcomes[outcome]++;
        break;
    case BUSY:
        busy_outcomes[outcome]++;
        break;
    case SILENT:
        silent_closed++;
        break;
    }
}

static void lose(peer_t *peer, outcome_t outcome)
{
    if (peer->state != ANSWERED) {
        decide(peer, outcome);
    }
    end(peer);
}

/* Not the server's doing. */
static void fail_to_begin(const peer_t *peer)
{
    if (peer->kind == SILENT) {
        silent_unmade++;
        return;
    }
    fprintf(stderr, "pausing: no further connection from here: %s\n",
            strerror(errno));
    exit(1);
}

static void begin(peer_t *peer, uint32_t from)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = peer};

    peer->begun_us = peer_now();
    peer->len = 0;
    peer->fd = peer_begin(from, port);
    if (peer->fd < 0) {
        if (errno == ECONNREFUSED) {
            decide(peer, REFUSED);
        }
        else {
            fail_to_begin(peer);
        }
        return;
    }
    peer->state = CONNECTING;
    epoll_ctl(queue, EPOLL_CTL_ADD, peer->fd, &event);
}

/* Some of those that are due since a time; returns whether more are. */
static int come(crowd_t *crowd, int64_t since_us, int64_t now, long per_second)
{
    size_t due = per_second
        ? (size_t)((now - since_us) * per_second / 1000000) : crowd->size;
    size_t i;

    if (crowd != &silent && due > crowd->size) {
        due = crowd->size;
    }
    for (i = 0; i < BATCH && crowd->begun < due; i++) {
        peer_t *peer = &crowd->peers[crowd->begun++ % crowd->size];

        if (peer->state != ENDED) {
            end(peer); /* the oldest that is silent */
        }
        begin(peer, peer->kind == SILENT && !from_many ? INADDR_LOOPBACK
                                                       : any_address());
    }
    return crowd->begun < due;
}

/* Returns whether someone else is to begin at once. */
static int arrive(int64_t start_us, int64_t now)
{
    int are_more = 0;
    size_t i;

    for (i = 0; i < busy.size; i++) {
        if (busy.peers[i].state == ENDED) {
            begin(&busy.peers[i], any_address());
        }
    }
    if (silent_rate) {
        are_more = come(&silent, start_us, now, silent_rate);
    }
    if (now >= start_us + delay_us) {
        are_more |= come(&clients, start_us + delay_us, now, rate);
    }
    return are_more;
}

static void say(peer_t *peer, const void *bytes, size_t len)
{
    if (len > 0
        && send(peer->fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len) {
        lose(peer, RESET);
    }
}

static void greet(peer_t *peer)
{
    static uint8_t bytes[PP_V2_MAX + sizeof(REQUEST)];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    size_t len = bench_header(peer->fd, version, 0, bytes);
    int64_t now = peer_now();

    epoll_ctl(queue, EPOLL_CTL_MOD, peer->fd, &event);
    peer->state = QUIET;
    if (peer->kind == BUSY) {
        memcpy(bytes + len, REQUEST, sizeof(REQUEST) - 1);
        len += sizeof(REQUEST) - 1;
        peer->state = ASKING;
    }
    else if (peer->kind == CLIENT) {
        if (now - peer->begun_us > connected_us) {
            connected_us = now - peer->begun_us;
        }
        peer->speak_us = now + pause_us;
        pausing[paused++] = peer;
    }
    say(peer, bytes, len);
}

static void connected(peer_t *peer)
{
    int error = 0;
    socklen_t len = sizeof(error);

    getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    switch (error) {
    case 0:
        greet(peer);
        break;
    case ETIMEDOUT:
        lose(peer, TIMED_OUT);
        break;
    default:
        lose(peer, error == ECONNRESET ? RESET : REFUSED);
        break;
    }
}

static int is_whole(const peer_t *peer)
{
    const size_t end_len = sizeof(BODY_END) - 1;

    return peer->state == ASKING && peer->len > sizeof(STATUS) + end_len
           && memcmp(peer->answer, STATUS, sizeof(STATUS) - 1) == 0
           && memcmp(peer->answer + peer->len - end_len, BODY_END,
                     end_len) == 0;
}

static void hear(peer_t *peer)
{
    ssize_t got = recv(peer->fd, peer->answer + peer->len,
                       ANSWER_MAX - peer->len, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        lose(peer, got < 0 ? RESET : peer->len ? BAD_ANSWER : CLOSED);
        return;
    }
    peer->len += (size_t)got;
    if (is_whole(peer)) {
        decide(peer, WELL);
        peer->state = ANSWERED;
        if (peer->kind == CLIENT) {
            answers_us[answer_count++] = peer_now() - peer->asked_us;
        }
    }
}

static void react(int wait_ms)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(queue, events, BATCH, wait_ms);
    int i;

    for (i = 0; i < count; i++) {
        peer_t *peer = events[i].data.ptr;

        if (peer->state == CONNECTING) {
            connected(peer);
        }
        else {
            hear(peer);
        }
    }
}

/* Those whose pause has ended send their requests. */
static void speak(int64_t now)
{
    while (spoken < paused && pausing[spoken]->speak_us <= now) {
        peer_t *client = pausing[spoken++];

        if (client->state == QUIET) {
            client->state = ASKING;
            client->asked_us = now;
            say(client, REQUEST, sizeof(REQUEST) - 1);
        }
    }
}

static void expire(int64_t now)
{
    size_t i;

    for (; oldest < clients.begun; oldest++) {
        peer_t *client = &clients.peers[oldest];

        if (client->state != ENDED && client->state != ANSWERED) {
            if (now - client->begun_us < limit_us) {
                break;
            }
            lose(client, TIMED_OUT);
        }
    }
    for (i = 0; i < busy.size; i++) {
        peer_t *peer = &busy.peers[i];

        if (peer->state != ENDED && now - peer->begun_us >= limit_us) {
            lose(peer, TIMED_OUT);
        }
    }
}

static size_t sum(const size_t *counts)
{
    size_t all = 0;
    int i;

    for (i = 0; i < OUTCOMES; i++) {
        all += counts[i];
    }
    return all;
}

static void run(void)
{
    int64_t start_us = peer_now();

    while (sum(outcomes) < clients.size) {
        int64_t now = peer_now();
        int are_more = arrive(start_us, now);

        speak(now);
        expire(now);
        react(are_more ? 0 : 1);
    }
}

static void report(void)
{
    size_t i;

    bench_sort_times(answers_us, answer_count);
    printf("clients %zu\nlost %zu\n", clients.size,
           clients.size - outcomes[WELL]);
    for (i = 0; i < OUTCOMES; i++) {
        printf("%s %zu\n", OUTCOME_NAMES[i], outcomes[i]);
    }
    if (answer_count > 0) {
        printf("median_us %lld\nmax_us %lld\n",
               (long long)answers_us[answer_count / 2],
               (long long)answers_us[answer_count - 1]);
    }
    printf("connect_max_us %lld\n", (long long)connected_us);
    printf("busy_answered %zu\nbusy_lost %zu\n", busy_outcomes[WELL],
           sum(busy_outcomes) - busy_outcomes[WELL]);
    printf("silent %zu\nsilent_closed %zu\nsilent_unmade %zu\n",
           silent.begun - silent_unmade, silent_closed, silent_unmade);
}

static void make_crowd(crowd_t *crowd, kind_t kind, size_t size)
{
    size_t i;

    crowd->peers = calloc(size + 1, sizeof(*crowd->peers));
    crowd->size = size;
    for (i = 0; i < size; i++) {
        crowd->peers[i].kind = kind;
    }
}

/* Silent connections have the descriptors that are left. */
static void make_crowds(size_t client_count, size_t busy_count)
{
    size_t used = client_count + busy_count + SPARE;
    size_t left = SILENT_MAX;
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < used + (silent_rate ? SPARE : 0)) {
        fprintf(stderr, "pausing: %zu connections need more descriptors than"
                " %lld: see ulimit -n\n", used, (long long)limit.rlim_cur);
        exit(1);
    }
    if (limit.rlim_cur - used < left) {
        left = limit.rlim_cur - used;
    }
    make_crowd(&clients, CLIENT, client_count);
    make_crowd(&busy, BUSY, busy_count);
    make_crowd(&silent, SILENT, silent_rate ? left : 0);
    pausing = calloc(client_count, sizeof(*pausing));
    answers_us = calloc(client_count, sizeof(*answers_us));
}

static void read_options(int argc, char **argv)
{
    size_t client_count = 0;
    size_t busy_count = 0;
    int option;

    while ((option = getopt(argc, argv, "p:n:v:r:z:w:d:b:s:m")) != -1) {
        switch (option) {
        case 'p': port = (int)strtol(optarg, NULL, 10); break;
        case 'n': client_count = strtoul(optarg, NULL, 10); break;
        case 'v': version = (int)strtol(optarg, NULL, 10); break;
        case 'r': rate = strtol(optarg, NULL, 10); break;
        case 'z': pause_us = strtol(optarg, NULL, 10) * 1000; break;
        case 'w': limit_us = strtol(optarg, NULL, 10) * 1000; break;
        case 'd': delay_us = strtol(optarg, NULL, 10) * 1000; break;
        case 'b': busy_count = strtoul(optarg, NULL, 10); break;
        case 's': silent_rate = strtol(optarg, NULL, 10); break;
        case 'm': from_many = 1; break;
        default: exit(2);
        }
    }
    if (!port || client_count < 1) {
        fprintf(stderr, "pausing: wrong options; see the source\n");
        exit(2);
    }
    make_crowds(client_count, busy_count);
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    queue = epoll_create1(EPOLL_CLOEXEC);
    run();
    report();
    return 0;
}
