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
 * Forms of bytes.
 */

#include "check/check_forms.h"

#include <string.h>

#include "check/check.h"
#include "check/check_dumps.h"
#include "check/check_fault.h"
#include "check/check_show.h"
#include "check/check_texts.h"

/* A v1 line has so many blanks. */
#define V1_BLANKS 5

/* A string among others is meant as a header only from here on. */
#define LEAST_STRING PP_V2_SIG_LEN

/* Text that is looked at. */
typedef struct {
    const char *text;
    size_t len;
} text_t;

const char *check_forms_capture(const uint8_t *input, size_t len)
{
    static const uint8_t magics[][4] = {
        {0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0xc3, 0xd4},
        {0x4d, 0x3c, 0xb2, 0xa1}, {0xa1, 0xb2, 0x3c, 0x4d},
        {0x0a, 0x0d, 0x0d, 0x0a}, /* a section header, pcapng's first block */
    };
    size_t i;

    for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        if (len >= 4 && memcmp(input, magics[i], 4) == 0) {
            return i == 4 ? "pcapng" : "pcap";
        }
    }
    return NULL;
}

/* Printable ASCII in lines. */
static int is_text(const uint8_t *input, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if ((input[i] < 0x20 && !strchr("\t\r\n", input[i]))
            || input[i] >= 0x7f || input[i] == 0) {
            return 0;
        }
    }
    return len > 0;
}

static int is_header(const check_row_t *row)
{
    pp_header_t header;
    pp_answer_t answer = pp_decode(row->bytes, row->len, &check_show_all,
                                   &header);

    return check_fault_is_meant(row->bytes, row->len, &answer)
           && (answer.status != PP_MORE || row->len >= LEAST_STRING);
}

static int begins(text_t from, const char *text)
{
    size_t len = strlen(text);

    return from.len >= len && memcmp(from.text, text, len) == 0;
}

static int holds(text_t from, const char *text)
{
    for (; from.len > 0; from.text++, from.len--) {
        if (begins(from, text)) {
            return 1;
        }
    }
    return 0;
}

/* A v1 line as it is: its end is one, and not an escaped one. */
static int is_itself(const uint8_t *input, size_t len)
{
    size_t end = check_fault_line_end(input, len);
    text_t line = {(const char *)input, end};

    return pp_committed_version(input, len) && len - end >= 2
           && input[end] == '\r' && input[end + 1] == '\n'
           && !holds(line, "%0d%0a") && !holds(line, "\\n")
           && !holds(line, "\\x0");
}

/* Logs of requests have the line without its end: give it one, where all of
 * it is there. */
static void end_line(check_row_t *row)
{
    size_t blanks = 0;
    size_t i;

    if (pp_committed_version(row->bytes, row->len) != 1
        || check_fault_line_end(row->bytes, row->len) < row->len) {
        return;
    }
    for (i = 0; i < row->len; i++) {
        blanks += row->bytes[i] == ' ';
    }
    if (blanks == V1_BLANKS
        || (row->len >= 13 && memcmp(row->bytes + 6, "UNKNOWN", 7) == 0)) {
        check_bytes_append(row, "\r\n", 2);
    }
}

/* The module's lines have percent signs, and what came until then: no end is
 * added. */
static int read_percents(text_t text, check_row_t *row)
{
    return check_bytes_from_log(text.text, text.len, row) == NULL
           && is_header(row);
}

static int read_escapes(text_t text, check_row_t *row)
{
    return check_texts_unescape(text.text, text.len, row) && is_header(row);
}

/* A header in one of the strings of a text, or in the text itself. */
static const char *read_strings(text_t text, check_row_t *row)
{
    static uint8_t room[CHECK_FORMS_MAX];
    check_row_t part = {room, sizeof(room), 0};
    const char *at = text.text;
    const char *end = at + text.len;

    while ((at = check_texts_quoted(at, end, &part)) != NULL) {
        text_t quoted = {(const char *)room, part.len};

        if (memchr(room, '%', part.len) && read_percents(quoted, row)) {
            return "a log line of mod_proxyip";
        }
        if (read_escapes(quoted, row)) {
            if (begins(text, "\"") || memchr(room, '\\', part.len)) {
                return "a string";
            }
            end_line(row);
            return "a log line";
        }
    }
    if (memchr(text.text, '%', text.len) && read_percents(text, row)) {
        return "a log line of mod_proxyip";
    }
    return memchr(text.text, '\\', text.len) && read_escapes(text, row)
               ? "a string"
               : NULL;
}

/* What the module shows in its error lines, header or not; 0 when it is none
 * of them. */
static int read_module(text_t text, check_row_t *row)
{
    for (; text.len > 0; text.text++, text.len--) {
        if (begins(text, "bytes so far \"")
            || begins(text, "first 32 bytes \"")) {
            const char *start = (const char *)memchr(text.text, '"',
                                                     text.len) + 1;
            const char *end = memchr(start, '"', text.len
                                     - (size_t)(start - text.text));

            return end
                   && check_bytes_from_log(start, (size_t)(end - start), row)
                          == NULL;
        }
    }
    return 0;
}

/* What nginx quotes in its error log as it came, whatever bytes that are; 0
 * when it has not. */
static int read_nginx(const uint8_t *input, size_t len, check_row_t *row)
{
    static const char before[] = "broken header: \"";
    static const char behind[] = "\" while reading PROXY protocol";
    text_t text = {(const char *)input, len};
    const char *start = NULL;

    for (; text.len > 0; text.text++, text.len--) {
        if (!start && begins(text, before)) {
            start = text.text + sizeof(before) - 1;
        }
        if (start && begins(text, behind) && text.text >= start) {
            row->len = 0;
            return check_bytes_append(row, start,
                                      (size_t)(text.text - start));
        }
    }
    return 0;
}

static text_t trim(const uint8_t *input, size_t len)
{
    text_t text = {(const char *)input, len};

    while (text.len > 0 && strchr(" \t\r\n", text.text[text.len - 1])) {
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r\n", text.text[0])) {
        text.text++;
        text.len--;
    }
    return text;
}

/* What is read in a form that nothing else has, header or not. */
static const char *read_plain(text_t text, check_row_t *row)
{
    const char *form = check_dumps_read(text.text, text.len, row);

    if (form && row->len > 0) {
        return form;
    }
    if (read_module(text, row)) {
        return "a log line of mod_proxyip";
    }
    if (check_texts_trace(text.text, text.len, row)) {
        return "a trace of mod_proxyip";
    }
    if (check_texts_list(text.text, text.len, row)
        && (is_header(row) || begins(text, "0x") || begins(text, "[]byte")
            || (begins(text, "unsigned char") && holds(text, "{")))) {
        return "a list of bytes";
    }
    return check_bytes_from_hex(text.text, text.len, row) == NULL
                   && row->len > 0
               ? "hex"
               : NULL;
}

const char *check_forms_read(const uint8_t *input, size_t len,
                             check_row_t *row)
{
    const char *form = NULL;

    if (len > 0 && !pp_committed_version(input, len)
        && read_nginx(input, len, row)) {
        return "a log line of nginx";
    }
    if (is_text(input, len) && !is_itself(input, len)) {
        form = read_plain(trim(input, len), row);
        form = form ? form : read_strings(trim(input, len), row);
    }
    if (!form) {
        row->len = 0;
        check_bytes_append(row, input, len < row->size ? len : row->size);
    }
    return form;
}
