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
 * Many clients at once.  Each connects, sends a PROXY header that names a
 * client address of its own and a request, and looks for that address in the
 * answer's X-Client header.  ProxyIP::Many runs it.
 *
 * usage: many -p PORT -n COUNT [-v VERSION] [-i FIRST] [-s SOURCES]
 *             [-r RATE] [-k] [-f LENGTH] [-a MS] [-b MS] [-w | -z]
 *             [-l LIMIT-MS]
 *
 * -v 0, 1 or 2: the header; without one the socket's own address is looked
 *    for
 * -i: the number of the first client; its address is 10.0.0.0 and that
 * -s: so many addresses to come from, 127.0.0.1 and those behind it
 * -r: at most so many new connections a second
 * -k: each client that has ended is followed by another, until the end of
 *    standard input
 * -f: how many bytes of header and request are sent first: a number, `header'
 *    (the default) or `all'; the others follow
 * -a: pause before the first bytes; -b: pause before the others
 * -w: the others are sent when a line comes on standard input
 * -z: the others are never sent.  With -k the oldest makes place for another
 * -l: how long a client waits for its answer, from its last bytes, or for a
 *    connection
 *
 * With -w or -z prints "ready COUNT" when the first bytes of all are sent;
 * the end of standard input ends it.  At the end prints a name and a number on
 * each line:
 *   answered   with 200 and the right address
 *   lost       the sum of the next six
 *   unconnected, ended, reset, late, status, wrong
 *              no connection; end or reset before an answer; none in time;
 *              another status; another address
 *   open       with -z: what the server had not closed at the end
 *   closed     with -z: what it had
 *   talked     with -z: those to which the server said something
 *   first_ms, last_ms
 *              with -z: when the first and the last were closed, after they
 *              began to connect
 *   slowest_ms the longest time from a request to its answer
 */

#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_BYTES 512
#define MAX_ANSWER 1024

/* For -f, in place of a number. */
#define FIRST_HEADER (-1)
#define FIRST_ALL (-2)

static const char REQUEST[] =
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
static const char STATUS[] = "HTTP/1.1 200 ";
static const char BODY_END[] = "welcome\n";
static const char SIGNATURE[] = "\r\n\r\n\0\r\nQUIT\n";

typedef enum {
    CONNECTING,
    BEFORE_FIRST, /* the pause of -a */
    BEFORE_REST,  /* the pause of -b; with -w until the line comes */
    ASKING,       /* all is sent */
    STAYING,      /* -z: nothing more will be sent */
    PHASES
} phase_t;

typedef enum {
    ANSWERED, UNCONNECTED, ENDED, RESET, LATE, OTHER_STATUS, WRONG, OPEN,
    CLOSED, ENDINGS
} ending_t;

static const char *const names[] = {
    "answered", "unconnected", "ended", "reset", "late", "status", "wrong",
    "open", "closed"};

typedef struct client_t client_t;
struct client_t {
    TAILQ_ENTRY(client_t) link; /* in the queue of its phase */
    int64_t since_us;           /* when connecting began */
    int64_t due_us;             /* the end of the phase */
    int64_t asked_us;           /* when all was sent */
    uint32_t number;
    uint32_t from;
    int fd;
    phase_t phase;
    size_t answer_len;
    char answer[MAX_ANSWER];
};

/* In each queue the first is due first: a phase's length is the same for
 * all. */
TAILQ_HEAD(queue_t, client_t);

/* A client that was lost is not followed by another at once: a server that
 * turns all away would be flooded. */
#define AFTER_LOSS_US 20000

/* From the command line; only read after that. */
static int port;
static long count;
static int version = 2;
static uint32_t first_number = 1;
static uint32_t sources = 1;
static long rate;
static int goes_on;
static long first_len = FIRST_HEADER;
static int64_t pause_first_us;
static int64_t pause_rest_us;
static int waits_for_word;
static int stays;
static int64_t limit_us = 20000000;

static struct queue_t queues[PHASES];
static int poller;
static int is_over;   /* standard input has ended */
static int is_spoken; /* the line has come */
static int64_t not_before_us; /* no new client yet */
static long made;
static long open_now;
static long sums[ENDINGS];
static long talked;
static int64_t first_closed_us = -1;
static int64_t last_closed_us;
static int64_t slowest_us;

static uint32_t address_of(const client_t *client)
{
    return version ? 0x0a000000u + client->number : client->from;
}

static size_t make_v1(const client_t *client, char *bytes)
{
    struct in_addr source = {htonl(address_of(client))};

    return (size_t)snprintf(bytes, MAX_BYTES,
                            "PROXY TCP4 %s 198.51.100.80 %u 443\r\n",
                            inet_ntoa(source), client->number % 60000 + 1);
}

static size_t make_v2(const client_t *client, char *bytes)
{
    static const unsigned char rest[] = {0x21, 0x11, 0, 12};
    uint32_t source = htonl(address_of(client));
    uint32_t destination = htonl(0xc6336450);
    uint16_t ports[2] = {htons((uint16_t)(client->number % 60000 + 1)),
                         htons(443)};

    memcpy(bytes, SIGNATURE, 12);
    memcpy(bytes + 12, rest, 4);
    memcpy(bytes + 16, &source, 4);
    memcpy(bytes + 20, &destination, 4);
    memcpy(bytes + 24, ports, 4);
    return 28;
}

/* All that a client sends; and how much of it first. */
static size_t make_bytes(const client_t *client, char *bytes, size_t *first)
{
    size_t header = version == 1 ? make_v1(client, bytes)
                    : version == 2 ? make_v2(client, bytes) : 0;
    size_t all = header + sizeof(REQUEST) - 1;

    memcpy(bytes + header, REQUEST, sizeof(REQUEST) - 1);
    *first = first_len == FIRST_HEADER ? header
             : first_len == FIRST_ALL ? all : (size_t)first_len;
    if (*first > all) {
        *first = all;
    }
    return all;
}

static int64_t length_of(phase_t phase)
{
    switch (phase) {
    case BEFORE_FIRST: return pause_first_us;
    case BEFORE_REST: return waits_for_word ? INT64_MAX / 2 : pause_rest_us;
    case STAYING: return INT64_MAX / 2;
    case CONNECTING:
    case ASKING:
    case PHASES: break;
    }
    return limit_us;
}

static void enter(client_t *client, phase_t phase)
{
    if (client->phase != PHASES) {
        TAILQ_REMOVE(&queues[client->phase], client, link);
    }
    client->phase = phase;
    client->due_us = peer_now() + length_of(phase);
    TAILQ_INSERT_TAIL(&queues[phase], client, link);
}

static void end(client_t *client, ending_t ending)
{
    int64_t now = peer_now();

    if (stays && (ending == ENDED || ending == RESET)) {
        ending = CLOSED;
    }
    if (ending == CLOSED) {
        last_closed_us = now - client->since_us > last_closed_us
                         ? now - client->since_us : last_closed_us;
        if (first_closed_us < 0 || now - client->since_us < first_closed_us) {
            first_closed_us = now - client->since_us;
        }
    }
    if (ending == ANSWERED && now - client->asked_us > slowest_us) {
        slowest_us = now - client->asked_us;
    }
    sums[ending]++;
    if (ending >= UNCONNECTED && ending <= WRONG) {
        not_before_us = now + AFTER_LOSS_US;
    }
    if (client->phase != PHASES) {
        TAILQ_REMOVE(&queues[client->phase], client, link);
    }
    if (client->fd >= 0) {
        close(client->fd);
    }
    free(client);
    open_now--;
}

/* What was to be sent is: on to the answer, or to nothing. */
static void send_rest(client_t *client)
{
    char bytes[MAX_BYTES];
    size_t first;
    size_t all = make_bytes(client, bytes, &first);

    if (first < all) {
        (void)!send(client->fd, bytes + first, all - first, MSG_NOSIGNAL);
    }
    client->asked_us = peer_now();
    enter(client, ASKING);
}

static void send_first(client_t *client)
{
    char bytes[MAX_BYTES];
    size_t first;
    size_t all = make_bytes(client, bytes, &first);

    /* A segment is small: it goes, or the connection has ended, which
     * reading tells. */
    if (first > 0) {
        (void)!send(client->fd, bytes, first, MSG_NOSIGNAL);
    }
    if (stays) {
        enter(client, STAYING);
    }
    else if (first == all || (waits_for_word && is_spoken)) {
        send_rest(client);
    }
    else {
        enter(client, BEFORE_REST);
    }
}

static void connected(client_t *client)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

    epoll_ctl(poller, EPOLL_CTL_MOD, client->fd, &event);
    if (pause_first_us) {
        enter(client, BEFORE_FIRST);
    }
    else {
        send_first(client);
    }
}

static int begin_connecting(client_t *client)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
    int on = 1;

    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                        0);
    if (client->fd < 0) {
        return 0;
    }
    own.sin_addr.s_addr = htonl(client->from);
    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
               sizeof(on));
    return bind(client->fd, (struct sockaddr *)&own, sizeof(own)) == 0
           && (connect(client->fd, (struct sockaddr *)&to, sizeof(to)) == 0
               || errno == EINPROGRESS)
           && epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event) == 0;
}

static void make_one(void)
{
    client_t *client = calloc(1, sizeof(*client));

    if (!client) {
        fprintf(stderr, "many: no memory\n");
        exit(2);
    }
    client->phase = PHASES;
    client->since_us = peer_now();
    client->number = first_number + (uint32_t)made;
    client->from = INADDR_LOOPBACK + (uint32_t)(made % sources);
    made++;
    open_now++;
    if (begin_connecting(client)) {
        enter(client, CONNECTING);
    }
    else {
        end(client, UNCONNECTED);
    }
}

static void judge_answer(client_t *client)
{
    struct in_addr own = {htonl(address_of(client))};
    char expected[64];

    client->answer[client->answer_len] = '\0';
    snprintf(expected, sizeof(expected), "\r\nX-Client: %s\r\n",
             inet_ntoa(own));
    if (strncmp(client->answer, STATUS, sizeof(STATUS) - 1) != 0) {
        end(client, OTHER_STATUS);
    }
    else {
        end(client, strstr(client->answer, expected) ? ANSWERED : WRONG);
    }
}

static int is_whole(const client_t *client)
{
    const size_t len = sizeof(BODY_END) - 1;

    return client->answer_len > len
           && memcmp(client->answer + client->answer_len - len, BODY_END, len)
                  == 0;
}

static void read_some(client_t *client)
{
    ssize_t got = recv(client->fd, client->answer + client->answer_len,
                       MAX_ANSWER - 1 - client->answer_len, 0);

    if (got > 0) {
        talked += client->answer_len == 0;
        client->answer_len += (size_t)got;
        if (is_whole(client) || client->answer_len == MAX_ANSWER - 1) {
            judge_answer(client);
        }
    }
    else if (got == 0 && client->answer_len > 0 && !stays) {
        judge_answer(client);
    }
    else if (got == 0) {
        end(client, ENDED);
    }
    else if (errno != EAGAIN && errno != EINTR) {
        end(client, RESET);
    }
}

static void finish_connecting(client_t *client)
{
    int error = 0;
    socklen_t len = sizeof(error);

    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        end(client, UNCONNECTED);
    }
    else {
        connected(client);
    }
}

/* A line: speak.  The end: no more, and who would say nothing goes. */
static void read_input(void)
{
    char line[64];
    ssize_t got = read(0, line, sizeof(line));
    client_t *client;

    if (got > 0) {
        is_spoken = 1;
        while ((client = TAILQ_FIRST(&queues[BEFORE_REST]))) {
            send_rest(client);
        }
        return;
    }
    epoll_ctl(poller, EPOLL_CTL_DEL, 0, NULL);
    is_over = 1;
    while (stays && (client = TAILQ_FIRST(&queues[STAYING]))) {
        end(client, OPEN);
    }
    while (waits_for_word && (client = TAILQ_FIRST(&queues[BEFORE_REST]))) {
        end(client, LATE);
    }
}

static void next_phase(client_t *client)
{
    switch (client->phase) {
    case BEFORE_FIRST: send_first(client); break;
    case BEFORE_REST: send_rest(client); break;
    case CONNECTING: end(client, UNCONNECTED); break;
    case ASKING: end(client, LATE); break;
    case STAYING:
    case PHASES: break;
    }
}

/* Let what is due happen; returns when the next is, in milliseconds. */
static int look_at_clock(void)
{
    int64_t next_us = 1000000;
    int phase;

    for (phase = 0; phase < PHASES; phase++) {
        client_t *client;

        while ((client = TAILQ_FIRST(&queues[phase]))) {
            int64_t left = client->due_us - peer_now();

            if (left > 0) {
                next_us = left < next_us ? left : next_us;
                break;
            }
            next_phase(client);
        }
    }
    return (int)(next_us / 1000) + 1;
}

/* New clients, as many as are due; returns when the next is. */
static int make_some(int64_t begin_us)
{
    int wait_ms = 1000;

    while (!is_over && (goes_on || made < count)) {
        if ((rate && made * 1000000 / rate > peer_now() - begin_us)
            || (goes_on && peer_now() < not_before_us)) {
            wait_ms = 1;
            break;
        }
        if (open_now >= count) {
            client_t *oldest = TAILQ_FIRST(&queues[STAYING]);

            if (!stays || !oldest) {
                break;
            }
            end(oldest, OPEN);
        }
        make_one();
    }
    return wait_ms;
}

static void say_ready(void)
{
    static int is_said;

    if (!is_said && (waits_for_word || stays) && made >= count
        && TAILQ_EMPTY(&queues[CONNECTING])
        && TAILQ_EMPTY(&queues[BEFORE_FIRST])) {
        printf("ready %ld\n", open_now);
        fflush(stdout);
        is_said = 1;
    }
}

static void run(void)
{
    struct epoll_event input = {.events = EPOLLIN};
    struct epoll_event events[256];
    const int64_t begin_us = peer_now();

    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
    while (open_now > 0 || (!is_over && (goes_on || made < count))) {
        int wait_ms = make_some(begin_us);
        int due_ms = look_at_clock();
        int got;
        int i;

        say_ready();
        got = epoll_wait(poller, events, 256,
                         due_ms < wait_ms ? due_ms : wait_ms);
        for (i = 0; i < got; i++) {
            client_t *client = events[i].data.ptr;

            if (client && client->phase == CONNECTING) {
                finish_connecting(client);
            }
            else if (client) {
                read_some(client);
            }
        }
        /* Last: it may end clients that have an event. */
        for (i = 0; i < got; i++) {
            if (!events[i].data.ptr) {
                read_input();
            }
        }
    }
}

static void report(void)
{
    long lost = 0;
    int i;

    for (i = UNCONNECTED; i <= WRONG; i++) {
        lost += sums[i];
    }
    printf("made %ld\nlost %ld\ntalked %ld\n", made, lost, talked);
    for (i = 0; i < ENDINGS; i++) {
        printf("%s %ld\n", names[i], sums[i]);
    }
    printf("first_ms %lld\nlast_ms %lld\nslowest_ms %lld\n",
           (long long)first_closed_us / 1000,
           (long long)last_closed_us / 1000, (long long)slowest_us / 1000);
}

static long read_first(const char *text)
{
    return strcmp(text, "header") == 0 ? FIRST_HEADER
           : strcmp(text, "all") == 0 ? FIRST_ALL : strtol(text, NULL, 10);
}

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "p:n:v:i:s:r:kf:a:b:wzl:")) != -1) {
        long number = optarg ? strtol(optarg, NULL, 10) : 0;

        switch (option) {
        case 'p': port = (int)number; break;
        case 'n': count = number; break;
        case 'v': version = (int)number; break;
        case 'i': first_number = (uint32_t)number; break;
        case 's': sources = (uint32_t)number; break;
        case 'r': rate = number; break;
        case 'k': goes_on = 1; break;
        case 'f': first_len = read_first(optarg); break;
        case 'a': pause_first_us = number * 1000; break;
        case 'b': pause_rest_us = number * 1000; break;
        case 'w': waits_for_word = 1; break;
        case 'z': stays = 1; break;
        case 'l': limit_us = number * 1000; break;
        default: exit(2);
        }
    }
    if (!port || count < 1 || !sources || (stays && waits_for_word)) {
        fprintf(stderr, "many: wrong options; see the source\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    int phase;

    read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (phase = 0; phase < PHASES; phase++) {
        TAILQ_INIT(&queues[phase]);
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    run();
    report();
    return 0;
}
