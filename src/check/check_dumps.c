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
 * Dumps.
 */

#include "check/check_dumps.h"

#include <string.h>

#include "check/check_packet.h"

/* Bytes in a line, at most. */
#define LINE_MAX_BYTES 1024

/* The least digits of an offset: less may be anything. */
#define OFFSET_DIGITS 4

/* One line, taken apart. */
typedef struct {
    size_t offset;
    int is_packet; /* the offset has `0x` before it, as tcpdump's */
    const char *form;
    uint8_t bytes[LINE_MAX_BYTES];
    size_t len;
} line_t;

/* The dump so far. */
typedef struct {
    check_row_t *row;
    const char *form;     /* NULL: no line yet */
    line_t line;          /* the last that had bytes */
    int repeats;          /* a `*` stood below it */
    check_packet_t packet;
} dump_t;

static int is_blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r';
}

/* An offset and what may stand behind it: a colon or a blank.  Where that
 * ends; NULL when there is none. */
static const char *read_offset(const char *at, const char *end, line_t *line)
{
    const char *start;

    line->is_packet = end - at > 2 && at[0] == '0' && at[1] == 'x';
    at += line->is_packet ? 2 : 0;
    line->offset = 0;
    for (start = at; at < end; at++) {
        int value = check_bytes_hex_value(*at);

        if (value < 0 || at - start > 8) {
            break;
        }
        line->offset = line->offset << 4 | (size_t)value;
    }
    if (at - start < OFFSET_DIGITS
        || (at < end && *at != ':' && !is_blank(*at))
        || (line->is_packet && (at == end || *at != ':'))) {
        return NULL;
    }
    if (at < end && *at == ':') {
        line->form = line->is_packet ? "tcpdump" : "xxd";
        at++;
    }
    while (at < end && is_blank(*at)) {
        at++;
    }
    return at;
}

/* Where a column of text begins behind the bytes; end when there is none. */
static const char *find_column(const char *at, const char *end, line_t *line)
{
    const char *bar = memchr(at, '|', (size_t)(end - at));
    const char *more = end;

    if (line->form) { /* two blanks */
        while (at + 1 < end && !(at[0] == ' ' && at[1] == ' ')) {
            at++;
        }
        return at + 1 < end ? at : end;
    }
    line->form = "od";
    if (end[-1] == '|' && bar) {
        line->form = "hexdump -C";
        return bar;
    }
    if (end[-1] == '<') {
        more = memchr(at, '>', (size_t)(end - at));
    }
    return more ? more : end;
}

/* A line that has an offset; 0 for any other. */
static int read_line(const char *at, const char *end, line_t *line)
{
    check_row_t row = {line->bytes, sizeof(line->bytes), 0};

    line->form = NULL;
    line->len = 0;
    while (at < end && is_blank(*at)) {
        at++;
    }
    while (end > at && is_blank(end[-1])) {
        end--;
    }
    at = read_offset(at, end, line);
    if (!at) {
        return 0;
    }
    if (at < end) {
        end = find_column(at, end, line);
        if (check_bytes_from_hex(at, (size_t)(end - at), &row)) {
            return 0;
        }
    }
    line->len = row.len;
    return 1;
}

/* Until an offset the last line is repeated. */
static void repeat(dump_t *dump, size_t until)
{
    size_t was = dump->row->len + 1;

    while (dump->repeats && dump->row->len < until
           && dump->row->len != was) {
        was = dump->row->len;
        check_bytes_append(dump->row, dump->line.bytes, dump->line.len);
    }
    dump->repeats = 0;
}

static void take_line(dump_t *dump, const line_t *line)
{
    if (line->is_packet) {
        if (line->offset == 0) {
            check_packet_end(&dump->packet, dump->row);
        }
        check_packet_add(&dump->packet, line->bytes, line->len);
        return;
    }
    repeat(dump, line->offset);
    check_bytes_append(dump->row, line->bytes, line->len);
    if (line->len > 0) {
        dump->line = *line;
    }
}

const char *check_dumps_read(const char *text, size_t len, check_row_t *row)
{
    static dump_t dump; /* too large for the stack */
    static line_t line;
    const char *end = text + len;

    memset(&dump, 0, sizeof(dump));
    dump.row = row;
    row->len = 0;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));

        line_end = line_end ? line_end : end;
        if (dump.form && line_end > text && text[0] == '*') {
            dump.repeats = 1;
        }
        else if (read_line(text, line_end, &line)
                 && (dump.form || (line.offset == 0 && line.len > 0))) {
            dump.form = dump.form ? dump.form : line.form;
            take_line(&dump, &line);
        }
        text = line_end + 1;
    }
    check_packet_end(&dump.packet, row);
    return dump.form;
}
