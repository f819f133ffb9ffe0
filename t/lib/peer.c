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

#include "peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* errno stays what it was about. */
static void close_failed(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
}

/* The port is chosen by connect(), when the other end is known: so no pair
 * of addresses runs short of them. */
static int come_from(int fd, uint32_t from)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    int on = 1;

    own.sin_addr.s_addr = htonl(from);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0;
}

static int make_socket(uint32_t from, int flags)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (from && !come_from(fd, from)) {
        close_failed(fd);
        return -1;
    }
    return fd;
}

static int call(int fd, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};

    to.sin_port = htons((uint16_t)port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

int peer_connect(uint32_t from, int port, int limit_ms)
{
    struct timeval limit = {limit_ms / 1000, limit_ms % 1000 * 1000};
    int fd = make_socket(from, 0);

    if (fd < 0) {
        return -1;
    }
    if (limit_ms) {
        /* connect() keeps to the limit for sending. */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    }
    if (!call(fd, port)) {
        close_failed(fd);
        return -1;
    }
    return fd;
}

int peer_begin(uint32_t from, int port)
{
    int fd = make_socket(from, SOCK_NONBLOCK);

    if (fd >= 0 && !call(fd, port) && errno != EINPROGRESS) {
        close_failed(fd);
        return -1;
    }
    return fd;
}

int64_t peer_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
