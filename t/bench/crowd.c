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
 * A crowd: many connections that send something and then nothing.
 *
 * usage: crowd -p PORT -n CONNECTIONS [-v VERSION] [-l HEADER-LENGTH]
 *              [-m BYTES] [-q] [-r RATE]
 *
 * -m: all of the header but its last so many bytes; -q: a request behind it,
 * whose answer is read; -r: so many new connections a second come on top,
 * each in place of the crowd's oldest.
 * Prints "ready" and how many there are once they have sent, and at the end
 * of standard input how many of them the server has not closed.
 */

#include "common.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/pp.h"
#include "../lib/peer.h"

/* A server whose queue is full leaves new connections without an answer, and
 * the kernel asks again after 1 and 3 seconds. */
#define CONNECT_LIMIT_MS 3500

static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

static int port;
static int version;
static size_t wire_len;
static size_t missing;
static int has_request;
static long rate;
static size_t wanted;
static int *fds;

static size_t make_bytes(int fd, uint8_t *bytes)
{
    size_t len = bench_header(fd, version, wire_len, bytes);

    return len > missing ? len - missing : 0;
}

static int open_one(void)
{
    static uint8_t bytes[PP_V2_MAX];
    char answer[4096];
    int fd = peer_connect(0, port, CONNECT_LIMIT_MS);
    size_t len;

    if (fd < 0) {
        return -1;
    }
    len = make_bytes(fd, bytes);
    if (len > 0) {
        (void)!send(fd, bytes, len, MSG_NOSIGNAL);
    }
    if (has_request) {
        (void)!send(fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL);
        (void)!recv(fd, answer, sizeof(answer), 0);
    }
    return fd;
}

/* A server that closes what it has not read resets the connection. */
static int is_open(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0
           && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Wait for the end of standard input; meanwhile others may keep coming. */
static void stay(size_t count)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    int pause_ms = rate ? (rate < 1000 ? (int)(1000 / rate) : 1) : -1;
    size_t oldest = 0;
    int64_t begin = peer_now();
    int64_t come = 0;

    while (poll(&input, 1, pause_ms) == 0) {
        while (count > 0 && come < (peer_now() - begin) * rate / 1000000) {
            close(fds[oldest]);
            fds[oldest] = open_one();
            oldest = (oldest + 1) % count;
            come++;
        }
    }
}

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "p:n:v:l:m:qr:")) != -1) {
        switch (option) {
        case 'p': port = (int)strtol(optarg, NULL, 10); break;
        case 'n': wanted = strtoul(optarg, NULL, 10); break;
        case 'v': version = (int)strtol(optarg, NULL, 10); break;
        case 'l': wire_len = strtoul(optarg, NULL, 10); break;
        case 'm': missing = strtoul(optarg, NULL, 10); break;
        case 'q': has_request = 1; break;
        case 'r': rate = strtol(optarg, NULL, 10); break;
        default: exit(2);
        }
    }
    if (!port || wire_len > PP_V2_MAX) {
        fprintf(stderr, "crowd: wrong options; see the source\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    size_t count = 0;
    size_t open = 0;
    size_t i;

    read_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    fds = calloc(wanted + 1, sizeof(*fds));
    while (count < wanted) {
        fds[count] = open_one();
        if (fds[count] < 0) {
            break; /* the server's queue, or our descriptors */
        }
        count++;
    }
    printf("ready %zu\n", count);
    fflush(stdout);
    stay(count);
    for (i = 0; i < count; i++) {
        open += fds[i] >= 0 && is_open(fds[i]);
    }
    printf("open %zu\n", open);
    return 0;
}
