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

#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "../lib/peer.h"

/* How long no byte is sent between so many, each in a segment of its own. */
#define BETWEEN_BYTES_US 100
#define BYTES_AT_ONCE 16

const char *link_pace_name(pace_t pace)
{
    switch (pace) {
    case PACE_WHOLE:
        return "in one piece";
    case PACE_SPLIT:
        return "split";
    case PACE_BYTES:
        return "byte by byte";
    case PACE_PAUSE:
        return "with a pause behind the header";
    case PACES:
        break;
    }
    return "";
}

void link_pause(unsigned int milliseconds)
{
    usleep(milliseconds * 1000);
}

int link_open(link_t *link, uint32_t from, int port)
{
    socklen_t len = sizeof(link->own);

    link->ssl = NULL;
    link->in_len = 0;
    link->begin = peer_now();
    link->fd = peer_connect(from, port, LINK_LIMIT_MS);
    return link->fd >= 0
           && getsockname(link->fd, (struct sockaddr *)&link->own, &len) == 0;
}

const char *link_start_tls(link_t *link, SSL_CTX *tls, int is_http2)
{
    static const unsigned char names[2][10] = {"\x08http/1.1", "\x02h2"};
    const unsigned char *chosen = NULL;
    unsigned int len = 0;
    int rc;

    ERR_clear_error();
    link->spoke = peer_now();
    link->ssl = SSL_new(tls);
    SSL_set_fd(link->ssl, link->fd);
    SSL_set_alpn_protos(link->ssl, names[is_http2], 1u + names[is_http2][0]);
    rc = SSL_connect(link->ssl);
    if (rc != 1) {
        const char *why = ERR_reason_error_string(ERR_peek_error());

        return SSL_get_error(link->ssl, rc) == SSL_ERROR_WANT_READ
                   ? "no TLS handshake in time"
               : why ? why
                     : "reset within the TLS handshake";
    }
    SSL_get0_alpn_selected(link->ssl, &chosen, &len);
    return len == names[is_http2][0]
                   && memcmp(chosen, names[is_http2] + 1, len) == 0
               ? NULL
               : "another protocol than was asked for over TLS";
}

static int put_plain(const link_t *link, const void *bytes, size_t len,
                     int has_more)
{
    return send(link->fd, bytes, len,
                MSG_NOSIGNAL | (has_more ? MSG_MORE : 0)) == (ssize_t)len;
}

int link_put(link_t *link, const void *bytes, size_t len)
{
    if (link->ssl) {
        ERR_clear_error();
        return SSL_write(link->ssl, bytes, (int)len) == (int)len;
    }
    return put_plain(link, bytes, len, 0);
}

/* The length of the next piece. */
static size_t next_piece(pace_t pace, size_t at, size_t len,
                         size_t header_len, chance_t *chance)
{
    size_t left = len - at;

    switch (pace) {
    case PACE_SPLIT:
        return chance_among(chance, 1, (unsigned int)left);
    case PACE_BYTES:
        return 1;
    case PACE_PAUSE:
        return at == 0 && header_len > 0 && header_len < left ? header_len
                                                              : left;
    case PACE_WHOLE:
    case PACES:
        break;
    }
    return left;
}

static void rest(pace_t pace, size_t at, chance_t *chance)
{
    if (pace == PACE_PAUSE) {
        link_pause(chance_among(chance, 5, LINK_PAUSE_MS));
    }
    else if (pace == PACE_SPLIT) {
        link_pause(chance_among(chance, 0, 5));
    }
    else if (at % BYTES_AT_ONCE == 0) {
        usleep(BETWEEN_BYTES_US);
    }
}

int link_put_paced(link_t *link, const uint8_t *bytes, size_t len,
                   size_t header_len, pace_t pace, int has_more,
                   chance_t *chance)
{
    int pieces = 0;
    size_t at = 0;

    while (at < len) {
        size_t step = ++pieces == 4 && pace == PACE_SPLIT
                          ? len - at
                          : next_piece(pace, at, len, header_len, chance);

        if (!put_plain(link, bytes + at, step,
                       has_more && at + step == len)) {
            link->spoke = peer_now();
            return 0;
        }
        at += step;
        if (at == len) {
            break;
        }
        rest(pace, at, chance);
    }
    link->spoke = peer_now();
    return 1;
}

link_read_t link_fill(link_t *link)
{
    uint8_t *to = link->in + link->in_len;
    size_t room = LINK_ROOM - link->in_len;
    ssize_t got;
    int is_late;

    if (link->ssl) {
        ERR_clear_error();
        got = SSL_read(link->ssl, to, (int)room);
        is_late = got <= 0
                  && SSL_get_error(link->ssl, (int)got) == SSL_ERROR_WANT_READ;
    }
    else {
        got = recv(link->fd, to, room, 0);
        is_late = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
    if (got > 0) {
        link->in_len += (size_t)got;
        return LINK_GOT;
    }
    return is_late ? LINK_LATE : LINK_ENDED;
}

void link_take(link_t *link, size_t len)
{
    link->in_len -= len;
    memmove(link->in, link->in + len, link->in_len);
}

void link_shut(link_t *link)
{
    shutdown(link->fd, SHUT_WR);
}

void link_close(link_t *link, int is_reset)
{
    struct linger at_once = {.l_onoff = 1};

    if (link->ssl) {
        SSL_set_quiet_shutdown(link->ssl, 1);
        SSL_free(link->ssl);
    }
    if (link->fd >= 0) {
        if (is_reset) {
            setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &at_once,
                       sizeof(at_once));
        }
        close(link->fd);
    }
}
