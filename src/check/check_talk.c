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
static int read_once(int fd, int64_t deadline, check_talk_t *talk,
                     int64_t since)
{
    size_t len;
    check_net_t how;

    how = check_net_read(fd, talk->reply + talk->reply_len,
                         sizeof(talk->reply) - talk->reply_len, deadline,
                         &len);
    if (talk->reply_len == 0) {
        talk->elapsed_ms = check_net_now() - since;
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

/* Send all pieces; 0 when the other end did not wait for the last. */
static int send_pieces(int fd, const uint8_t *bytes, size_t len,
                       const check_talk_pieces_t *pieces, int64_t timeout_ms,
                       check_talk_t *talk)
{
    while (talk->sent < len) {
        size_t piece = next_piece(pieces, talk->pieces, talk->sent, len);
        int64_t now = check_net_now();

        if (check_net_write(fd, bytes + talk->sent, piece, now + timeout_ms)
            != CHECK_NET_DATA) {
            return 0;
        }
        talk->sent += piece;
        talk->pieces++;
        if (talk->sent < len && pieces) {
            now = check_net_now();
            /* Whatever comes before the last piece ends the sending. */
            if (read_once(fd, now + pieces->delay_ms, talk, now)
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

void check_talk(int fd, const uint8_t *bytes, size_t len,
                const check_talk_pieces_t *pieces, check_talk_want_t want,
                int64_t timeout_ms, check_talk_t *talk)
{
    int64_t since;
    int goes_on = 1;

    memset(talk, 0, sizeof(*talk));
    talk->outcome = CHECK_TALK_SILENT;
    send_pieces(fd, bytes, len, pieces, timeout_ms, talk);
    since = check_net_now();
    if (talk->outcome == CHECK_TALK_CLOSED
        || talk->outcome == CHECK_TALK_RESET) {
        goes_on = 0;
    }
    while (goes_on && !has_enough(talk, want)) {
        int64_t deadline = check_net_now() + timeout_ms;

        if (deadline > since + MOST_TIMEOUTS * timeout_ms) {
            deadline = since + MOST_TIMEOUTS * timeout_ms;
        }
        goes_on = read_once(fd, deadline, talk, since)
                  && check_net_now() < since + MOST_TIMEOUTS * timeout_ms;
    }
    judge_reply(talk);
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

int check_talk_is_plain(const char *text)
{
    if (*text == '\0') {
        return 0;
    }
    for (; *text; text++) {
        if (*text <= ' ' || *text == 0x7f) {
            return 0;
        }
    }
    return 1;
}
