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
 * Sockets.
 */

#define _POSIX_C_SOURCE 200809L

#include "check/check_net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check/check.h"

#define BACKLOG 128

int64_t check_net_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void check_net_init(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_IGN;
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
}

static void complain(const char *command, const check_place_t *place,
                     const char *what, const char *why)
{
    int is_inet6 = strchr(place->host, ':') != NULL;

    fprintf(stderr, CHECK_PROGRAM " %s: %s %s%s%s%s%s: %s\n", command, what,
            is_inet6 ? "[" : "", place->host, is_inet6 ? "]" : "",
            place->port[0] ? ":" : "", place->port, why);
}

void check_net_prepare(int fd)
{
    int on = 1;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Wait until a socket is ready; 0 when it is not until the deadline. */
static int wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd entry = {0, 0, 0};

    entry.fd = fd;
    entry.events = events;
    for (;;) {
        int64_t left = deadline - check_net_now();

        switch (poll(&entry, 1, left > 0 ? (int)left : 0)) {
        case 0:
            return 0;
        case -1:
            if (errno != EINTR) {
                return 0;
            }
            break;
        default:
            return 1;
        }
    }
}

/* The addresses of a place; NULL, and a message, when there are none. */
static struct addrinfo *resolve(const char *command,
                                const check_place_t *place, int family,
                                int flags)
{
    struct addrinfo hints;
    struct addrinfo *found = NULL;
    int rv;

    memset(&hints, 0, sizeof(hints));
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    rv = getaddrinfo(place->host[0] ? place->host : NULL,
                     place->port[0] ? place->port : NULL, &hints, &found);
    if (rv != 0) {
        complain(command, place, "no such address:", gai_strerror(rv));
        return NULL;
    }
    return found;
}

/* Give a socket the source address that was asked for; an errno value. */
static int bind_from(int fd, const char *command, const char *from,
                     int family)
{
    check_place_t place;
    struct addrinfo *own;
    int error;

    if (!from) {
        return 0;
    }
    memset(&place, 0, sizeof(place));
    snprintf(place.host, sizeof(place.host), "%s", from);
    own = resolve(command, &place, family, AI_NUMERICHOST);
    if (!own) {
        return EADDRNOTAVAIL;
    }
    error = bind(fd, own->ai_addr, own->ai_addrlen) == 0 ? 0 : errno;
    freeaddrinfo(own);
    return error;
}

/* Connect to one address; an errno value. */
static int connect_one(int fd, const struct addrinfo *to, int64_t timeout_ms)
{
    socklen_t size = sizeof(int);
    int error = 0;

    check_net_prepare(fd);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    if (!wait_for(fd, POLLOUT, check_net_now() + timeout_ms)) {
        return ETIMEDOUT;
    }
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

int check_net_connect(const char *command, const check_place_t *to,
                      const char *from, int64_t timeout_ms)
{
    struct addrinfo *found = resolve(command, to, AF_UNSPEC, 0);
    struct addrinfo *one;
    const char *what = "cannot connect to";
    int error = 0;
    int fd = -1;

    if (!found) {
        return -1;
    }
    for (one = found; one; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (fd < 0) {
            error = errno;
            continue;
        }
        what = "cannot use --bind's address to connect to";
        error = bind_from(fd, command, from, one->ai_family);
        if (error == 0) {
            what = "cannot connect to";
            error = connect_one(fd, one, timeout_ms);
        }
        if (error == 0) {
            break;
        }
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    if (fd < 0) {
        /* One thread: NOLINTNEXTLINE(concurrency-mt-unsafe) */
        complain(command, to, what, strerror(error));
    }
    return fd;
}

/* Listen on one address; a socket, or -1 with errno set. */
static int listen_one(const struct addrinfo *at, int both_families)
{
    int fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
    int on = 1;
    int off = 0;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (both_families) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0
        || listen(fd, BACKLOG) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    check_net_prepare(fd);
    return fd;
}

/* Every address: an IPv6 socket that takes IPv4 too, where there is IPv6. */
static int listen_all(const char *port)
{
    struct addrinfo hints;
    struct addrinfo *found = NULL;
    int fd = -1;

    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_INET6;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    if (getaddrinfo(NULL, port, &hints, &found) == 0) {
        fd = listen_one(found, 1);
        freeaddrinfo(found);
    }
    return fd;
}

int check_net_listen(const char *command, const check_place_t *at)
{
    struct addrinfo *found;
    int fd = at->host[0] ? -1 : listen_all(at->port);

    if (fd >= 0) {
        return fd;
    }
    found = resolve(command, at, at->host[0] ? AF_UNSPEC : AF_INET,
                    AI_PASSIVE);
    if (!found) {
        return -1;
    }
    fd = listen_one(found, 0);
    if (fd < 0) {
        /* One thread: NOLINTNEXTLINE(concurrency-mt-unsafe) */
        complain(command, at, "cannot listen on", strerror(errno));
    }
    freeaddrinfo(found);
    return fd;
}

check_net_t check_net_write(int fd, const uint8_t *bytes, size_t len,
                            int64_t deadline)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, 0);

        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
        else if (sent < 0 && errno == EINTR) {
            continue;
        }
        else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!wait_for(fd, POLLOUT, deadline)) {
                return CHECK_NET_SILENT;
            }
        }
        else {
            return CHECK_NET_RESET;
        }
    }
    return CHECK_NET_DATA;
}

check_net_t check_net_read(int fd, uint8_t *bytes, size_t size,
                           int64_t deadline, size_t *len)
{
    *len = 0;
    for (;;) {
        ssize_t got = recv(fd, bytes, size, 0);

        if (got > 0) {
            *len = (size_t)got;
            return CHECK_NET_DATA;
        }
        if (got == 0) {
            return CHECK_NET_END;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            return CHECK_NET_RESET;
        }
        if (!wait_for(fd, POLLIN, deadline)) {
            return CHECK_NET_SILENT;
        }
    }
}

static void set_endpoint(check_endpoint_t *endpoint,
                         const struct sockaddr_storage *address)
{
    memset(endpoint, 0, sizeof(*endpoint));
    if (address->ss_family == AF_INET) {
        struct sockaddr_in inet;

        memcpy(&inet, address, sizeof(inet));
        pp_addr_set(&endpoint->addr, PP_INET,
                    (const uint8_t *)&inet.sin_addr);
        endpoint->port = ntohs(inet.sin_port);
    }
    else if (address->ss_family == AF_INET6) {
        struct sockaddr_in6 inet6;

        memcpy(&inet6, address, sizeof(inet6));
        pp_addr_set(&endpoint->addr, PP_INET6,
                    (const uint8_t *)&inet6.sin6_addr);
        endpoint->port = ntohs(inet6.sin6_port);
    }
}

void check_net_own(int fd, check_endpoint_t *endpoint)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    memset(&address, 0, sizeof(address));
    getsockname(fd, (struct sockaddr *)&address, &size);
    set_endpoint(endpoint, &address);
}

void check_net_peer(int fd, check_endpoint_t *endpoint)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    memset(&address, 0, sizeof(address));
    getpeername(fd, (struct sockaddr *)&address, &size);
    set_endpoint(endpoint, &address);
}
