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
 * Peers of every kind, for some time, each doing its worst or its best.
 *
 * usage: peers -p PORT -s PORT -t SECONDS [-c BUSY] [-w SILENT] [-1] [-e]
 *              [-b] [-r SEED]
 *
 * -p: the plain port; -s: the one with TLS; -c: threads that make one
 * connection after the other; -w: threads that hold silent ones; -1: no
 * HTTP/2; -e: who is slow to speak may be closed to make room; -b: the server
 * is a gateway whose backend may go: what is lost with that is asked again; -r:
 * where chance begins.
 *
 * Prints what the server is to have counted, and what was seen, a line each:
 *   made COUNT COUNTERS KIND   connections, and what may have counted them
 *   seen COUNT WHAT            e.g. answers, or connections over TLS
 *   lost WHAT                  a promise that was not kept; the first only,
 *                              `seen COUNT lost` has all
 */

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/peer.h"
#include "chance.h"
#include "http.h"
#include "kinds.h"
#include "link.h"

#define MAX_THREADS 512

/* So many losses are told in words. */
#define MAX_TOLD 20

/* How often a request is repeated that the server need not have seen. */
#define MAX_AGAIN 10

/* From this age on event may close whom it waits for to make room: half of
 * what the module says, because the server may be late to see what was sent in
 * time. */
#define SLOW_US 100000

typedef enum {
    HTTP1,
    HTTP1_TLS,
    HTTP2,
    HTTP2_TLS,
    PROTOCOLS
} protocol_t;

static const char *const protocol_names[PROTOCOLS] = {
    "HTTP/1.1", "HTTP/1.1 over TLS", "HTTP/2", "HTTP/2 over TLS"};

/* What one thread has done. */
typedef struct {
    pthread_t id;
    chance_t chance;
    int is_silent;
    unsigned long made[KINDS_MAX];
    unsigned long slow[KINDS_MAX]; /* that may have been closed to make room;
                                      not among those made */
    unsigned long good[PROTOCOLS];
    unsigned long answers;
    unsigned long closed; /* kept alive, then closed between requests */
    unsigned long refused; /* HTTP/2: to be asked again elsewhere */
    unsigned long gateway; /* lost with a backend, and asked again */
    unsigned long slow_good; /* so closed, and tried again */
    unsigned long lost;
} worker_t;

/* One connection of a good peer. */
typedef struct {
    worker_t *worker;
    const kind_t *kind;
    protocol_t protocol;
    pace_t pace;
    link_t link;
    char client[KINDS_CLIENT_ROOM];
    unsigned int answered; /* requests of this connection */
} visit_t;

/* From the command line; only read after that. */
static int plain_port;
static int tls_port;
static double seconds;
static int busy_count = 1;
static int silent_count;
static int has_http2 = 1;
static int may_evict;
static int may_lose_backend;
static uint32_t seed = 1;
static SSL_CTX *tls;
static int64_t stop_at;

static pthread_mutex_t told_mutex = PTHREAD_MUTEX_INITIALIZER;
static int told;

static uint32_t next_id(void)
{
    static uint32_t last;

    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

static void lose(worker_t *worker, const kind_t *kind, protocol_t protocol,
                 pace_t pace, const char *why)
{
    worker->lost++;
    pthread_mutex_lock(&told_mutex);
    if (told++ < MAX_TOLD) {
        printf("lost %s, %s, %s: %s\n", kind->name, protocol_names[protocol],
               link_pace_name(pace), why);
        fflush(stdout);
    }
    pthread_mutex_unlock(&told_mutex);
}

static int is_tls(protocol_t protocol)
{
    return protocol == HTTP1_TLS || protocol == HTTP2_TLS;
}

static int is_http2(protocol_t protocol)
{
    return protocol == HTTP2 || protocol == HTTP2_TLS;
}

/* TLS costs the most, so it comes less often. */
static protocol_t choose_protocol(chance_t *chance)
{
    unsigned int of_ten = chance_among(chance, 0, 9);

    if (!has_http2) {
        return of_ten < 7 ? HTTP1 : HTTP1_TLS;
    }
    return of_ten < 5   ? HTTP1
           : of_ten < 7 ? HTTP1_TLS
           : of_ten < 9 ? HTTP2
                        : HTTP2_TLS;
}

static const kind_t *choose_kind(chance_t *chance, role_t role)
{
    const kind_t *found = NULL;
    unsigned int count = 0;
    const kind_t *kind;

    for (kind = kinds; kind->name; kind++) {
        if (kind->role == role
            && chance_among(chance, 1, ++count) == 1) {
            found = kind;
        }
    }
    return found;
}

/* Connect as a peer of some kind. */
static int open_link(worker_t *worker, const kind_t *kind, link_t *link,
                     int is_for_tls)
{
    if (!link_open(link, kinds_address(kind, &worker->chance),
                   is_for_tls ? tls_port : plain_port)) {
        link_close(link, 0);
        return 0;
    }
    worker->made[kind - kinds]++;
    return 1;
}

static int is_slow(const link_t *link)
{
    return may_evict && link->spoke - link->begin > SLOW_US;
}

/* Count a connection among the slow ones. */
static void set_apart(worker_t *worker, const kind_t *kind)
{
    worker->made[kind - kinds]--;
    worker->slow[kind - kinds]++;
}

static size_t make_request(const visit_t *visit, int is_last, uint8_t *bytes)
{
    return is_http2(visit->protocol)
               ? http2_request(visit->answered * 2 + 1,
                               is_tls(visit->protocol), bytes)
               : http1_request(is_last, bytes);
}

/* The header and the first request; NULL, or what went wrong.  Only
 * HTTP/1.1's is split as the header is: TLS has its own pieces, and httpd
 * takes HTTP/2's preface in one. */
static const char *send_first(visit_t *visit, int is_last)
{
    chance_t *chance = &visit->worker->chance;
    uint8_t bytes[KINDS_ROOM + HTTP_ROOM];
    uint8_t request[HTTP_ROOM];
    size_t request_len = make_request(visit, is_last, request);
    size_t header_len = kinds_header(visit->kind, next_id(), &visit->link.own,
                                     chance, bytes, visit->client);
    size_t len = header_len;

    if (visit->protocol == HTTP1) {
        memcpy(bytes + len, request, request_len);
        len += request_len;
    }
    if (!link_put_paced(&visit->link, bytes, len, header_len, visit->pace,
                        visit->protocol != HTTP1 && visit->pace == PACE_WHOLE,
                        chance)) {
        return "closed before all was sent";
    }
    if (visit->protocol != HTTP1 && visit->pace == PACE_PAUSE) {
        link_pause(chance_among(chance, 5, LINK_PAUSE_MS));
    }
    if (is_tls(visit->protocol)) {
        const char *why = link_start_tls(&visit->link, tls,
                                         is_http2(visit->protocol));

        if (why) {
            return why;
        }
    }
    if (visit->protocol != HTTP1
        && !link_put(&visit->link, request, request_len)) {
        return "closed before the request was sent";
    }
    return NULL;
}

static void send_next(visit_t *visit, int is_last)
{
    uint8_t request[HTTP_ROOM];

    (void)link_put(&visit->link, request,
                   make_request(visit, is_last, request));
}

static http_answer_t read_answer(visit_t *visit, int is_last,
                                 const char **why)
{
    return is_http2(visit->protocol)
               ? http2_answer(&visit->link, visit->client,
                              visit->answered * 2 + 1, why)
               : http1_answer(&visit->link, visit->client, is_last, why);
}

/* Between two requests: mostly none, sometimes long enough for a restart. */
static void think(chance_t *chance)
{
    unsigned int of_twenty = chance_among(chance, 0, 19);

    if (of_twenty == 0) {
        link_pause(chance_among(chance, 200, 1200));
    }
    else if (of_twenty < 8) {
        link_pause(chance_among(chance, 1, 50));
    }
}

/* The first request: without an answer the connection is lost, but for one
 * that was slow. */
static http_answer_t ask_first(visit_t *visit, int is_last, const char **why)
{
    const char *failure = send_first(visit, is_last);
    http_answer_t answer = HTTP_NONE;

    if (visit->kind->role == ROLE_LAST) {
        link_shut(&visit->link);
    }
    /* What could not be sent may have been answered all the same. */
    if (!failure || !is_tls(visit->protocol)) {
        answer = read_answer(visit, is_last, why);
    }
    if (answer != HTTP_NONE) {
        return answer;
    }
    *why = failure ? failure : "closed before a byte of the first answer";
    if (is_slow(&visit->link)) {
        set_apart(visit->worker, visit->kind);
        visit->worker->slow_good++;
        return HTTP_NONE;
    }
    return HTTP_WRONG;
}

/* Where sending fails there may be an answer all the same. */
static http_answer_t ask(visit_t *visit, int is_last, const char **why)
{
    if (visit->answered == 0) {
        return ask_first(visit, is_last, why);
    }
    send_next(visit, is_last);
    return read_answer(visit, is_last, why);
}

/* Requests over one connection; returns how many were answered, so that the
 * rest are asked anew where the server is free to close: between requests, or
 * with HTTP/2 before it looks at one. */
static unsigned int converse(visit_t *visit, unsigned int wanted)
{
    worker_t *worker = visit->worker;
    const char *why = "";

    while (visit->answered < wanted) {
        int is_last = visit->answered + 1 == wanted
                      && chance_among(&worker->chance, 0, 1);

        switch (ask(visit, is_last, &why)) {
        case HTTP_RIGHT:
            worker->answers++;
            visit->answered++;
            break;
        case HTTP_NONE:
            worker->closed += visit->answered > 0;
            return visit->answered;
        case HTTP_REFUSED:
            worker->refused++;
            return visit->answered;
        case HTTP_GATEWAY:
            if (may_lose_backend) {
                worker->gateway++;
                link_pause(chance_among(&worker->chance, 100, 500));
                return visit->answered;
            }
            lose(worker, visit->kind, visit->protocol, visit->pace, why);
            return wanted;
        case HTTP_WRONG:
            lose(worker, visit->kind, visit->protocol, visit->pace, why);
            return wanted;
        }
        if (visit->answered < wanted) {
            think(&worker->chance);
        }
    }
    return wanted;
}

static void be_good(worker_t *worker, const kind_t *kind)
{
    visit_t visit = {.worker = worker, .kind = kind};
    int is_once = kind->role == ROLE_LAST;
    unsigned int wanted = is_once ? 1 : chance_among(&worker->chance, 1, 4);
    int again;

    visit.protocol = is_once ? HTTP1 : choose_protocol(&worker->chance);
    visit.pace = chance_draw(&worker->chance) % PACES;
    for (again = 0; wanted > 0 && again < MAX_AGAIN; again++) {
        if (!open_link(worker, kind, &visit.link, is_tls(visit.protocol))) {
            lose(worker, kind, visit.protocol, visit.pace, "not connected");
            return;
        }
        worker->good[visit.protocol]++;
        visit.answered = 0;
        wanted -= converse(&visit, wanted);
        link_close(&visit.link, 0);
    }
    if (wanted > 0) {
        lose(worker, kind, visit.protocol, visit.pace, "asked in vain");
    }
}

/* What a peer sends that is not to be answered. */
static void send_part(const kind_t *kind, link_t *link, pace_t pace,
                      chance_t *chance)
{
    uint8_t bytes[KINDS_ROOM + HTTP_ROOM];
    char client[KINDS_CLIENT_ROOM];
    size_t header_len = kinds_header(kind, next_id(), &link->own, chance,
                                     bytes, client);
    size_t len = header_len;

    switch (kind->part) {
    case PART_NOTHING:
        len = 0;
        break;
    case PART_HALF:
        len = chance_among(chance, 1, (unsigned int)header_len - 1);
        break;
    case PART_HEADER:
        break;
    case PART_ALL:
        len += http1_request(1, bytes + len);
        break;
    }
    /* The server may close before it is through. */
    (void)link_put_paced(link, bytes, len, header_len, pace, 0, chance);
}

/* The server must close, and say nothing. */
static void expect_end(worker_t *worker, const kind_t *kind, link_t *link,
                       protocol_t protocol, pace_t pace)
{
    switch (link_fill(link)) {
    case LINK_ENDED:
        break;
    case LINK_GOT:
        lose(worker, kind, protocol, pace, "a byte came");
        break;
    case LINK_LATE:
        lose(worker, kind, protocol, pace, "not closed");
        break;
    }
}

static void be_other(worker_t *worker, const kind_t *kind)
{
    chance_t *chance = &worker->chance;
    protocol_t protocol = chance_among(chance, 0, 1) ? HTTP1 : HTTP1_TLS;
    pace_t pace = kind->role == ROLE_SILENT ? PACE_WHOLE
                                            : chance_draw(chance) % PACES;
    link_t link;

    if (!open_link(worker, kind, &link, is_tls(protocol))) {
        lose(worker, kind, protocol, pace, "not connected");
        return;
    }
    send_part(kind, &link, pace, chance);
    if (is_slow(&link) && kind->role != ROLE_SILENT) {
        set_apart(worker, kind);
    }
    if (kind->role == ROLE_LEAVING) {
        link_shut(&link);
    }
    if (kind->role == ROLE_RESET) {
        link_pause(chance_among(chance, 0, 3));
    }
    else {
        expect_end(worker, kind, &link, protocol, pace);
    }
    link_close(&link, kind->role == ROLE_RESET);
}

static void be_busy(worker_t *worker)
{
    unsigned int of_twenty = chance_among(&worker->chance, 0, 19);
    role_t role = of_twenty < 12   ? ROLE_GOOD
                  : of_twenty < 13 ? ROLE_LAST
                  : of_twenty < 17 ? ROLE_BAD
                  : of_twenty < 19 ? ROLE_LEAVING
                                   : ROLE_RESET;
    const kind_t *kind = choose_kind(&worker->chance, role);

    if (role == ROLE_GOOD || role == ROLE_LAST) {
        be_good(worker, kind);
    }
    else {
        be_other(worker, kind);
    }
    link_pause(chance_among(&worker->chance, 0, 20));
}

/* Neither together nor at once again: else a crowd that is closed to make
 * room would come and go so fast that nobody is left for long. */
static void be_silent(worker_t *worker)
{
    link_pause(chance_among(&worker->chance, 500, 2500));
    if (peer_now() < stop_at) {
        be_other(worker, choose_kind(&worker->chance, ROLE_SILENT));
    }
}

static void *work(void *data)
{
    worker_t *worker = data;

    while (peer_now() < stop_at) {
        if (worker->is_silent) {
            be_silent(worker);
        }
        else {
            be_busy(worker);
        }
    }
    return NULL;
}

static void tell(unsigned long count, const char *what)
{
    printf("seen %lu %s\n", count, what);
}

/* The sums over all workers. */
static void report(const worker_t *workers, int count)
{
    worker_t sum = {0};
    int i;
    int n;

    for (i = 0; i < count; i++) {
        for (n = 0; kinds[n].name; n++) {
            sum.made[n] += workers[i].made[n];
            sum.slow[n] += workers[i].slow[n];
        }
        for (n = 0; n < PROTOCOLS; n++) {
            sum.good[n] += workers[i].good[n];
        }
        sum.answers += workers[i].answers;
        sum.closed += workers[i].closed;
        sum.refused += workers[i].refused;
        sum.gateway += workers[i].gateway;
        sum.slow_good += workers[i].slow_good;
        sum.lost += workers[i].lost;
    }
    for (n = 0; kinds[n].name; n++) {
        printf("made %lu %s %s\n", sum.made[n], kinds[n].counters,
               kinds[n].name);
        if (sum.slow[n]) {
            printf("made %lu %s,Evicted %s, slowly\n", sum.slow[n],
                   kinds[n].counters, kinds[n].name);
        }
    }
    for (n = 0; n < PROTOCOLS; n++) {
        tell(sum.good[n], protocol_names[n]);
    }
    tell(sum.answers, "answers");
    tell(sum.closed, "closed between requests");
    tell(sum.refused, "refused streams");
    tell(sum.gateway, "lost with a backend");
    tell(sum.slow_good, "closed for being slow");
    tell(sum.lost, "lost");
}

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "p:s:t:c:w:1ebr:")) != -1) {
        switch (option) {
        case 'p': plain_port = (int)strtol(optarg, NULL, 10); break;
        case 's': tls_port = (int)strtol(optarg, NULL, 10); break;
        case 't': seconds = strtod(optarg, NULL); break;
        case 'c': busy_count = (int)strtol(optarg, NULL, 10); break;
        case 'w': silent_count = (int)strtol(optarg, NULL, 10); break;
        case '1': has_http2 = 0; break;
        case 'e': may_evict = 1; break;
        case 'b': may_lose_backend = 1; break;
        case 'r': seed = (uint32_t)strtoul(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (!plain_port || !tls_port || seconds <= 0 || busy_count < 0
        || silent_count < 0 || busy_count + silent_count > MAX_THREADS) {
        fprintf(stderr, "peers: wrong options; see the source\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static worker_t workers[MAX_THREADS];
    int count;
    int i;

    read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
    stop_at = peer_now() + (int64_t)(seconds * 1e6);
    count = busy_count + silent_count;
    for (i = 0; i < count; i++) {
        /* Far apart, so that no two do the same. */
        workers[i].chance = (seed * 2654435761u + (uint32_t)i * 40503u) | 1;
        workers[i].is_silent = i >= busy_count;
        pthread_create(&workers[i].id, NULL, work, &workers[i]);
    }
    for (i = 0; i < count; i++) {
        pthread_join(workers[i].id, NULL);
    }
    report(workers, count);
    return 0;
}
