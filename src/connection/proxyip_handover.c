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
 * Handing connections that wait to another child.
 */

#include "connection/proxyip_handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <apr_portable.h>
#include <http_core.h>

/* Under this name a restarted server finds the pair again.  Its number grows
 * with every change of what is kept or of message_t: a newer module may be
 * loaded at a restart, while children of the older one hand over. */
#define RETAINED "mod_proxyip/handover/2"
#define MAGIC 0x50495031u

/* What a message takes in the kernel: about 800 bytes. */
#define MESSAGE_ROOM 1024

/* All that one child may have in its lobby has room at once, so that it can
 * end before another begins.  More than that waits; and the kernel lets a user
 * have no more descriptors on their way than one process may open. */
#define MOST_MESSAGES (256 * 1024)

typedef struct {
    int fds[2];     /* [0] is read, [1] is written */
    int generation; /* of the configuration that had them open last */
} retained_t;

/* What goes with a descriptor. */
typedef struct {
    apr_uint32_t magic;
    apr_int32_t stage;
    apr_int64_t accepted; /* these on the clock that all processes share */
    apr_int64_t deadline;
    apr_int32_t pid;      /* of the child that gives */
    apr_int32_t unused;
    proxyip_socket_addr_t peer; /* for a connection that is reset meanwhile,
                                   whose socket does not know it any more */
} message_t;

/* Room for one descriptor; the union aligns it. */
typedef union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
} control_t;

/* This process's ends; set in the parent, closed by a child that leaves. */
static int pair[2] = {-1, -1};

#ifdef __linux__

static int room_for_messages(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0
        || limit.rlim_cur > (rlim_t)MOST_MESSAGES) {
        return MOST_MESSAGES * MESSAGE_ROOM;
    }
    return (int)limit.rlim_cur * MESSAGE_ROOM;
}

static apr_status_t make_pair(int *fds)
{
    int size = room_for_messages();

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   fds) < 0) {
        return errno;
    }
    /* Beyond the system's limit where the parent may; else up to it. */
    if (setsockopt(fds[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size))) {
        setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
    return APR_SUCCESS;
}

#else

static apr_status_t make_pair(int *fds)
{
    (void)fds;
    return APR_ENOTIMPL;
}

#endif

void proxyip_handover_keep(int is_wanted)
{
    const retained_t *retained = ap_retained_data_get(RETAINED);

    pair[0] = -1;
    pair[1] = -1;
    /* After a configuration without it the numbers are somebody else's. */
    if (is_wanted && retained
        && retained->generation == ap_state_query(AP_SQ_CONFIG_GEN) - 1) {
        pair[0] = fcntl(retained->fds[0], F_DUPFD_CLOEXEC, 0);
        pair[1] = fcntl(retained->fds[1], F_DUPFD_CLOEXEC, 0);
    }
}

/* APR's own cleanup closes it, which is there whether or not this module is
 * loaded again.  To APR any descriptor can be a pipe's. */
static apr_status_t close_with(apr_pool_t *plog, int fd)
{
    apr_file_t *unused = NULL;

    return apr_os_pipe_put_ex(&unused, &fd, 1, plog);
}

static apr_status_t retain(apr_pool_t *plog)
{
    retained_t *retained = ap_retained_data_get(RETAINED);
    apr_status_t rv;

    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    retained->fds[0] = pair[0];
    retained->fds[1] = pair[1];
    retained->generation = ap_state_query(AP_SQ_CONFIG_GEN);
    rv = close_with(plog, pair[0]);
    return rv == APR_SUCCESS ? close_with(plog, pair[1]) : rv;
}

apr_status_t proxyip_handover_prepare(apr_pool_t *plog)
{
    apr_status_t rv = APR_SUCCESS;

    if (pair[0] < 0 || pair[1] < 0) {
        proxyip_handover_close();
        rv = make_pair(pair);
    }
    return rv == APR_SUCCESS ? retain(plog) : rv;
}

void proxyip_handover_close(void)
{
    int i;

    for (i = 0; i < 2; i++) {
        if (pair[i] >= 0) {
            close(pair[i]);
        }
        pair[i] = -1;
    }
}

int proxyip_handover_descriptor(void)
{
    return pair[0];
}

apr_status_t proxyip_handover_give(const proxyip_waiter_t *waiter)
{
    message_t message = {MAGIC, (apr_int32_t)waiter->wait.stage,
                         waiter->wait.accepted, waiter->wait.deadline,
                         (apr_int32_t)getpid(), 0, waiter->peer};
    struct iovec part = {&message, sizeof(message)};
    control_t control;
    struct msghdr header;
    struct cmsghdr *rights;

    memset(&control, 0, sizeof(control));
    memset(&header, 0, sizeof(header));
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = &control;
    header.msg_controllen = sizeof(control);
    rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &waiter->fd, sizeof(int));
    if (sendmsg(pair[1], &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        return APR_SUCCESS;
    }
    /* ETOOMANYREFS: as many as this user may open are on their way. */
    return errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS
                   || errno == ETOOMANYREFS
               ? APR_EAGAIN
               : errno;
}

/* The descriptor that came with a message, or -1; the kernel has closed what
 * the control buffer had no room for. */
static int find_descriptor(struct msghdr *header)
{
    const struct cmsghdr *rights = CMSG_FIRSTHDR(header);
    int fd = -1;

    if (rights && rights->cmsg_level == SOL_SOCKET
        && rights->cmsg_type == SCM_RIGHTS
        && rights->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    }
    return fd;
}

/* What the message says is taken only where it can do no harm: the connection
 * is judged by its own addresses and bytes. */
static int is_right_message(const message_t *message, apr_ssize_t len)
{
    return len == (apr_ssize_t)sizeof(*message) && message->magic == MAGIC
           && message->stage >= PROXYIP_STAGE_OPEN
           && message->stage <= PROXYIP_STAGE_PAYLOAD
           && message->accepted > 0;
}

/* A TCP connection, and both its addresses: the peer's of one that was reset
 * is only counted and logged. */
static int read_addresses(proxyip_waiter_t *waiter)
{
    int type = 0;
    socklen_t type_len = sizeof(type);
    socklen_t peer_len = sizeof(waiter->peer);
    socklen_t local_len = sizeof(waiter->local);

    return getsockopt(waiter->fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0
           && type == SOCK_STREAM
           && (getpeername(waiter->fd, &waiter->peer.any, &peer_len) == 0
               || errno == ENOTCONN)
           && getsockname(waiter->fd, &waiter->local.any, &local_len) == 0
           && waiter->peer.any.sa_family == waiter->local.any.sa_family
           && (waiter->peer.any.sa_family == AF_INET
               || waiter->peer.any.sa_family == AF_INET6);
}

static proxyip_waiter_t *make_waiter(int fd, const message_t *message)
{
    proxyip_waiter_t *waiter = proxyip_waiter_make();

    if (!waiter) {
        return NULL;
    }
    waiter->fd = fd;
    waiter->wait.stage = (proxyip_stage_t)message->stage;
    waiter->wait.accepted = message->accepted;
    waiter->wait.deadline = message->deadline;
    waiter->peer = message->peer;
    waiter->low_water = 0; /* as it was left */
    if (!read_addresses(waiter)) {
        proxyip_waiter_free(waiter);
        return NULL;
    }
    return waiter;
}

#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif

apr_status_t proxyip_handover_take(proxyip_waiter_t **waiter, int *is_own)
{
    message_t message;
    struct iovec part = {&message, sizeof(message)};
    control_t control;
    struct msghdr header;
    apr_ssize_t len;
    int fd;

    memset(&message, 0, sizeof(message));
    memset(&header, 0, sizeof(header));
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = &control;
    header.msg_controllen = sizeof(control);
    len = recvmsg(pair[0], &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (len < 0) {
        return errno == EMFILE ? APR_EGENERAL : APR_EAGAIN;
    }
    fd = find_descriptor(&header);
    *is_own = message.pid == (apr_int32_t)getpid();
    *waiter = fd >= 0 && is_right_message(&message, len)
                  ? make_waiter(fd, &message)
                  : NULL;
    if (!*waiter) {
        if (fd >= 0) {
            close(fd);
        }
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}
