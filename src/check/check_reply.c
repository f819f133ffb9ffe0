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
 * HTTP replies.
 */

#include "check/check_reply.h"

#include <stdio.h>
#include <string.h>

#include "check/check_bytes.h"

#define BODY_SHOWN 8192

/* As check_bytes_print(), but a backslash stays one: this is text, and may
 * be another's escapes. */
static void print_plain(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (bytes[i] == '\\') {
            putchar('\\');
        }
        else {
            check_bytes_print(stdout, bytes + i, 1);
        }
    }
}

/* Lines stay lines; what is not printable is escaped. */
static void print_lines(const char *indent, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        const uint8_t *end = memchr(bytes, '\n', len);
        size_t line_len = end ? (size_t)(end - bytes) : len;
        size_t shown = line_len;

        if (shown > 0 && bytes[shown - 1] == '\r') {
            shown--;
        }
        fputs(indent, stdout);
        print_plain(bytes, shown);
        putchar('\n');
        line_len += end ? 1 : 0;
        bytes += line_len;
        len -= line_len;
    }
}

static size_t head_len(const check_talk_t *talk)
{
    size_t i;

    for (i = 0; i + 4 <= talk->reply_len; i++) {
        if (memcmp(talk->reply + i, "\r\n\r\n", 4) == 0) {
            return i + 4;
        }
    }
    return talk->reply_len;
}

size_t check_reply_line_len(const check_talk_t *talk)
{
    const uint8_t *end = memchr(talk->reply, '\r', talk->reply_len);

    return end ? (size_t)(end - talk->reply) : talk->reply_len;
}

void check_reply_print_head(const check_talk_t *talk)
{
    size_t head = head_len(talk);

    print_lines("  ", talk->reply, head > 2 ? head - 2 : head);
}

/* Take the sizes out of a chunked body, in place. */
static size_t join_chunks(uint8_t *body, size_t len)
{
    size_t from = 0;
    size_t to = 0;

    for (;;) {
        const uint8_t *end = memchr(body + from, '\n', len - from);
        size_t size = 0;

        for (; end && from < len && body[from] != '\r' && body[from] != ';';
             from++) {
            uint8_t byte = body[from];

            if (byte == '\n' || size > len) {
                break;
            }
            size = size * 16
                   + (size_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 87);
        }
        if (!end || size == 0) {
            return to;
        }
        from = (size_t)(end - body) + 1;
        size = size < len - from ? size : len - from;
        memmove(body + to, body + from, size);
        to += size;
        from += size + 2;
        if (from >= len) {
            return to;
        }
    }
}

void check_reply_print_body(check_talk_t *talk)
{
    size_t head = head_len(talk);
    uint8_t *body = talk->reply + head;
    size_t len = talk->reply_len - head;

    if (check_talk_has_text(talk, "\r\nTransfer-Encoding: chunked\r\n")) {
        len = join_chunks(body, len);
    }
    print_lines("", body, len < BODY_SHOWN ? len : BODY_SHOWN);
}
