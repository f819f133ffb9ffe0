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
 * One connection.
 */

#include "check/check_talk.h"

#include <stdio.h>
#include <string.h>

#include "check/check_net.h"

/* How much of `HTTP/1.1 200` proves an answer. */
#define STATUS_AT 9
#define STATUS_END 12

/* An answer that drips is read for so many times the longest silence. */
#define MOST_TIMEOUTS 4

static size_t next_piece(const check_talk_pieces_t *pieces, size_t number,
                         size_t sent, size_t len)
{
    size_t left = len - sent;
    size_t piece = left;

    if (!pieces) {
        return left;
    }
    if (pieces->cuts_count > 0) {
        piece = number < pieces->cuts_count ? pieces->cuts[number] : left;
    }
    else if (pieces->each > 0 && sent < pieces->each_until) {
        size_t until = pieces->each_until - sent;

        piece = until < pieces->each ? until : pieces->each;
    }
    return piece < left ? piece : left;
}

/* Read once; 0 when the connection has ended or stayed silent. */
static int read_once(apr_socket_t *socket, apr_time_t deadline,
                     check_talk_t *talk, apr_time_t since)
{
    size_t len;
    check_net_t how;

    how = check_net_read(socket, talk->reply + talk->reply_len,
                         sizeof(talk->reply) - talk->reply_len,
                         deadline - apr_time_now(), &len);
    if (talk->reply_len == 0) {
        talk->elapsed = apr_time_now() - since;
    }
    talk->reply_len += len;
    switch (how) {
    case CHECK_NET_DATA:
        return 1;
    case CHECK_NET_END:
        talk->outcome = CHECK_TALK_CLOSED;
        break;
    case CHECK_NET_RESET:
        talk->outcome = CHECK_TALK_RESET;
        break;
    case CHECK_NET_SILENT:
        talk->outcome = CHECK_TALK_SILENT;
        break;
    }
    return 0;
}

static int write_all(apr_socket_t *socket, const uint8_t *bytes, size_t len,
                     apr_interval_time_t timeout)
{
    apr_socket_timeout_set(socket, timeout);
    while (len > 0) {
        apr_size_t sent = len;

        if (apr_socket_send(socket, (const char *)bytes, &sent)
            != APR_SUCCESS) {
            return 0;
        }
        bytes += sent;
        len -= sent;
    }
    return 1;
}

/* Send all pieces; 0 when the other end did not wait for the last. */
static int send_pieces(apr_socket_t *socket, const uint8_t *bytes,
                       size_t len, const check_talk_pieces_t *pieces,
                       apr_interval_time_t timeout, check_talk_t *talk)
{
    while (talk->sent < len) {
        size_t piece = next_piece(pieces, talk->pieces, talk->sent, len);

        if (!write_all(socket, bytes + talk->sent, piece, timeout)) {
            return 0;
        }
        talk->sent += piece;
        talk->pieces++;
        if (talk->sent < len && pieces) {
            apr_time_t now = apr_time_now();

            /* Whatever comes before the last piece ends the sending. */
            if (read_once(socket, now + pieces->delay, talk, now)
                || talk->outcome != CHECK_TALK_SILENT) {
                return 0;
            }
        }
    }
    return 1;
}

static int has_enough(const check_talk_t *talk, check_talk_want_t want)
{
    size_t i;

    if (talk->reply_len == sizeof(talk->reply)) {
        return 1;
    }
    /* What is no HTTP has no lines to wait for. */
    if (talk->reply_len > 0 && talk->reply[0] != 'H') {
        return want != CHECK_TALK_ALL;
    }
    switch (want) {
    case CHECK_TALK_FIRST_LINE:
        return memchr(talk->reply, '\n', talk->reply_len) != NULL;
    case CHECK_TALK_HEAD:
        for (i = 0; i + 4 <= talk->reply_len; i++) {
            if (memcmp(talk->reply + i, "\r\n\r\n", 4) == 0) {
                return 1;
            }
        }
        return 0;
    case CHECK_TALK_ALL:
        break;
    }
    return 0;
}

static void judge_reply(check_talk_t *talk)
{
    const uint8_t *reply = talk->reply;
    int i;

    talk->http_status = 0;
    if (talk->reply_len == 0) {
        return;
    }
    talk->outcome = CHECK_TALK_OTHER;
    if (talk->reply_len < STATUS_END || memcmp(reply, "HTTP/", 5) != 0) {
        return;
    }
    for (i = STATUS_AT; i < STATUS_END; i++) {
        if (reply[i] < '0' || reply[i] > '9') {
            return;
        }
        talk->http_status = talk->http_status * 10 + (reply[i] - '0');
    }
    talk->outcome = CHECK_TALK_HTTP;
}

void check_talk(apr_socket_t *socket, const uint8_t *bytes, size_t len,
                const check_talk_pieces_t *pieces, check_talk_want_t want,
                apr_interval_time_t timeout, check_talk_t *talk)
{
    apr_time_t since;
    apr_time_t last;
    int goes_on = 1;

    memset(talk, 0, sizeof(*talk));
    talk->outcome = CHECK_TALK_SILENT;
    send_pieces(socket, bytes, len, pieces, timeout, talk);
    since = apr_time_now();
    last = since + MOST_TIMEOUTS * timeout;
    if (check_talk_is_closed(talk)) {
        goes_on = 0;
    }
    while (goes_on && !has_enough(talk, want)) {
        apr_time_t deadline = apr_time_now() + timeout;

        goes_on = read_once(socket, deadline < last ? deadline : last, talk,
                            since)
                  && apr_time_now() < last;
    }
    judge_reply(talk);
}

int check_talk_is_closed(const check_talk_t *talk)
{
    return talk->outcome == CHECK_TALK_CLOSED
           || talk->outcome == CHECK_TALK_RESET;
}

int check_talk_has_text(const check_talk_t *talk, const char *text)
{
    size_t text_len = strlen(text);
    size_t i;

    for (i = 0; i + text_len <= talk->reply_len; i++) {
        if (memcmp(talk->reply + i, text, text_len) == 0) {
            return 1;
        }
    }
    return 0;
}

int check_talk_wants_tls(const check_talk_t *talk)
{
    return check_talk_has_text(talk, "SSL-enabled server port")
           || check_talk_has_text(talk, "sent to HTTPS port")
           || check_talk_is_tls(talk);
}

/* A record of an alert or a handshake (RFC 8446, section 5.1). */
int check_talk_is_tls(const check_talk_t *talk)
{
    return talk->reply_len >= 3
           && (talk->reply[0] == 0x15 || talk->reply[0] == 0x16)
           && talk->reply[1] == 3;
}

const char *check_talk_outcome_name(check_talk_outcome_t outcome)
{
    static const char *const names[] = {
        [CHECK_TALK_HTTP] = "http",     [CHECK_TALK_OTHER] = "other",
        [CHECK_TALK_CLOSED] = "closed", [CHECK_TALK_RESET] = "reset",
        [CHECK_TALK_SILENT] = "silent",
    };

    return names[outcome];
}

size_t check_talk_request(char *text, size_t size, const char *host,
                          const char *path)
{
    int len = snprintf(text, size,
                       "GET %s HTTP/1.1\r\nHost: %s\r\n"
                       "User-Agent: proxyip-check\r\n"
                       "Connection: close\r\n\r\n",
                       path, host);

    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}
