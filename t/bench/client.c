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
 * A closed-loop client: each of its threads makes a connection, sends header
 * and first request in one segment, reads the answer, and so on with further
 * requests; then the next connection.
 *
 * usage: client -p PORT [-v VERSION [-d]] [-l HEADER-LENGTH] [-s [-i]]
 *               [-c THREADS] [-n CONNECTIONS] [-t SECONDS] [-k REQUESTS]
 *               [-r RATE] [-g GAP-MS] [-w LIMIT-MS] [-z PAUSE-MS]
 *
 * -v 0, 1 or 2: the header; -d: it is made and not sent; -s: TLS; -i: the
 * header is inside it, in a record with the request; -n: per thread, 0 for as
 * many as fit in -t; -k: requests per connection; -r: so many connections a
 * second, of all threads, in place of one right after the other; -g: how long
 * after the header the rest begins; -z: how long after the server a connection
 * is closed here.  A thread ends at its first failure.
 * Prints one line: connections, failures, seconds, and a connection's time
 * from before connect() to the end of its last answer, in microseconds: the
 * least, the median, the largest.
 */

#include "common.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/pp.h"
#include "../lib/peer.h"

#define MAX_THREADS 64
#define MAX_TIMES 1000000

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
static const char LAST[] =
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
static const char STATUS[] = "HTTP/1.1 200 ";
static const char BODY_END[] = "welcome\n";

/* From the command line; only read after that. */
static int port;
static int version;
static int is_dropped;
static size_t wire_len;
static int is_tls;
static int is_inside;
static int thread_count = 1;
static long per_thread;
static double seconds;
static int requests = 1;
static long rate;
static int gap_ms;
static int limit_ms;
static int pause_ms;
static SSL_CTX *tls;

typedef struct {
    pthread_t id;
    int64_t first_at;  /* with a rate: when its first connection is due */
    int64_t *times_us; /* of each connection */
    size_t count;
    int is_failed;
} worker_t;

static int64_t stop_at;

static int put(int fd, SSL *ssl, const void *bytes, size_t len)
{
    if (ssl) {
        return SSL_write(ssl, bytes, (int)len) == (int)len;
    }
    return send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Read one answer, and the end of the connection behind the last. */
static int get_answer(int fd, SSL *ssl, int is_last)
{
    char answer[4096];
    const size_t end_len = sizeof(BODY_END) - 1;
    size_t len = 0;

    for (;;) {
        ssize_t got = ssl ? SSL_read(ssl, answer + len,
                                     (int)(sizeof(answer) - len))
                          : recv(fd, answer + len, sizeof(answer) - len, 0);
        int is_whole;

        if (got > 0) {
            len += (size_t)got;
        }
        is_whole = len > end_len + sizeof(STATUS)
                   && memcmp(answer + len - end_len, BODY_END, end_len) == 0;
        if (got <= 0 || (is_whole && !is_last)) {
            return got >= 0 && is_whole
                   && memcmp(answer, STATUS, sizeof(STATUS) - 1) == 0;
        }
        if (len == sizeof(answer)) {
            return 0;
        }
    }
}

static int send_header(int fd, const uint8_t *bytes, size_t len)
{
    int is_sent = len == 0 || put(fd, NULL, bytes, len);

    if (gap_ms) {
        usleep((useconds_t)gap_ms * 1000);
    }
    return is_sent;
}

static int send_first(int fd, SSL *ssl, const char *request)
{
    uint8_t bytes[PP_V2_MAX + sizeof(LAST)];
    size_t made_len = bench_header(fd, version, wire_len, bytes);
    size_t len = is_dropped ? 0 : made_len;

    if (ssl && !is_inside) {
        return send_header(fd, bytes, len) && SSL_connect(ssl) == 1
               && put(fd, ssl, request, strlen(request));
    }
    if (gap_ms && !ssl) {
        return send_header(fd, bytes, len)
               && put(fd, NULL, request, strlen(request));
    }
    memcpy(bytes + len, request, strlen(request));
    return (!ssl || SSL_connect(ssl) == 1)
           && put(fd, ssl, bytes, len + strlen(request));
}

static int converse(int fd, SSL *ssl)
{
    int i;

    for (i = 1; i <= requests; i++) {
        const char *request = i == requests ? LAST : REQUEST;

        if (!(i == 1 ? send_first(fd, ssl, request)
                     : put(fd, ssl, request, strlen(request)))
            || !get_answer(fd, ssl, i == requests)) {
            return 0;
        }
    }
    return 1;
}

static int connect_once(void)
{
    int fd = peer_connect(0, port, limit_ms);
    SSL *ssl = NULL;
    int is_right;

    if (fd < 0) {
        return 0;
    }
    if (tls) {
        ssl = SSL_new(tls);
        SSL_set_fd(ssl, fd);
    }
    is_right = converse(fd, ssl);
    if (pause_ms) {
        usleep((useconds_t)pause_ms * 1000);
    }
    if (ssl) {
        SSL_set_quiet_shutdown(ssl, 1);
        SSL_shutdown(ssl);
        SSL_free(ssl);
    }
    close(fd);
    return is_right;
}

/* The threads take turns; a connection that lasted too long for that delays
 * its thread's next ones, but makes them no fewer. */
static void await_turn(const worker_t *worker)
{
    int64_t due = worker->first_at
                  + (int64_t)worker->count * thread_count * 1000000 / rate;
    int64_t now = peer_now();

    if (due > now) {
        usleep((useconds_t)(due - now));
    }
}

static void *work(void *data)
{
    worker_t *worker = data;

    while (worker->count < MAX_TIMES
           && (!per_thread || worker->count < (size_t)per_thread)) {
        int64_t begin;

        if (rate) {
            await_turn(worker);
        }
        begin = peer_now();
        if (stop_at && begin >= stop_at) {
            break;
        }
        if (!connect_once()) {
            worker->is_failed = 1;
            break;
        }
        worker->times_us[worker->count++] = peer_now() - begin;
    }
    return NULL;
}

static void report(const worker_t *workers, int64_t taken_us)
{
    size_t count = 0;
    int failures = 0;
    int64_t *all;
    int i;

    for (i = 0; i < thread_count; i++) {
        count += workers[i].count;
        failures += workers[i].is_failed;
    }
    all = malloc((count + 1) * sizeof(*all));
    all[0] = 0;
    count = 0;
    for (i = 0; i < thread_count; i++) {
        memcpy(all + count, workers[i].times_us,
               workers[i].count * sizeof(*all));
        count += workers[i].count;
    }
    bench_sort_times(all, count);
    printf("%zu %d %.6f %lld %lld %lld\n", count, failures,
           (double)taken_us / 1e6, (long long)all[0],
           (long long)all[count / 2],
           (long long)all[count ? count - 1 : 0]);
    free(all);
}

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "p:v:dl:sic:n:t:k:r:g:w:z:")) != -1) {
        switch (option) {
        case 'p': port = (int)strtol(optarg, NULL, 10); break;
        case 'v': version = (int)strtol(optarg, NULL, 10); break;
        case 'd': is_dropped = 1; break;
        case 'l': wire_len = strtoul(optarg, NULL, 10); break;
        case 's': is_tls = 1; break;
        case 'i': is_inside = 1; break;
        case 'c': thread_count = (int)strtol(optarg, NULL, 10); break;
        case 'n': per_thread = strtol(optarg, NULL, 10); break;
        case 't': seconds = strtod(optarg, NULL); break;
        case 'k': requests = (int)strtol(optarg, NULL, 10); break;
        case 'r': rate = strtol(optarg, NULL, 10); break;
        case 'g': gap_ms = (int)strtol(optarg, NULL, 10); break;
        case 'w': limit_ms = (int)strtol(optarg, NULL, 10); break;
        case 'z': pause_ms = (int)strtol(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (!port || thread_count < 1 || thread_count > MAX_THREADS
        || wire_len > PP_V2_MAX || (!per_thread && seconds <= 0)) {
        fprintf(stderr, "client: wrong options; see the source\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    worker_t workers[MAX_THREADS] = {{0}};
    int64_t begin;
    int i;

    read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    if (is_tls) {
        tls = SSL_CTX_new(TLS_client_method());
        /* Each connection makes a whole handshake. */
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
    }
    begin = peer_now();
    stop_at = seconds > 0 ? begin + (int64_t)(seconds * 1e6) : 0;
    for (i = 0; i < thread_count; i++) {
        workers[i].times_us = malloc(MAX_TIMES * sizeof(int64_t));
        workers[i].first_at = rate ? begin + i * 1000000L / rate : 0;
        pthread_create(&workers[i].id, NULL, work, &workers[i]);
    }
    for (i = 0; i < thread_count; i++) {
        pthread_join(workers[i].id, NULL);
    }
    report(workers, peer_now() - begin);
    return 0;
}
