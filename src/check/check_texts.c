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
 * Bytes in texts.
 */

#include "check/check_texts.h"

#include <string.h>

static int append(check_row_t *row, unsigned long byte)
{
    uint8_t value = (uint8_t)byte;

    return check_bytes_append(row, &value, 1);
}

static int is_space(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

/* What an escape of one letter means. */
static int letter_value(char letter)
{
    static const char letters[] = "abtnvfr";
    const char *found = letter ? strchr(letters, letter) : NULL;

    if (found) {
        return 7 + (int)(found - letters);
    }
    return letter == '"' || letter == '\\' || letter == '\'' ? letter : -1;
}

/* The escape behind a backslash; NULL when it is none. */
static const char *read_escape(const char *at, const char *end, int *byte)
{
    int digits = 0;

    *byte = 0;
    if (at < end && (*at == 'x' || *at == 'X')) {
        for (at++; at < end && digits < 2
                   && check_bytes_hex_value(*at) >= 0; at++, digits++) {
            *byte = *byte << 4 | check_bytes_hex_value(*at);
        }
        return digits > 0 ? at : NULL;
    }
    for (; at < end && digits < 3 && *at >= '0' && *at <= '7';
         at++, digits++) {
        *byte = *byte << 3 | (*at - '0');
    }
    if (digits > 0) {
        return *byte <= 0xff ? at : NULL;
    }
    *byte = at < end ? letter_value(*at) : -1;
    return *byte >= 0 ? at + 1 : NULL;
}

int check_texts_unescape(const char *text, size_t len, check_row_t *row)
{
    const char *end = text + len;

    row->len = 0;
    while (text < end) {
        int byte = (uint8_t)*text++;

        if (byte == '\\') {
            text = read_escape(text, end, &byte);
            if (!text) {
                return 0;
            }
        }
        if (!append(row, (unsigned long)byte)) {
            return 0;
        }
    }
    return 1;
}

/* The quote that ends a string; NULL when none does. */
static const char *find_end(const char *at, const char *end, char quote)
{
    for (; at < end; at++) {
        if (*at == '\\') {
            at++;
        }
        else if (*at == quote) {
            return at;
        }
    }
    return NULL;
}

const char *check_texts_quoted(const char *at, const char *end,
                               check_row_t *row)
{
    char quote;

    row->len = 0;
    while (at < end && *at != '"' && *at != '\'') {
        at++;
    }
    if (at >= end) {
        return NULL;
    }
    quote = *at;
    while (at < end && *at == quote) {
        const char *close = find_end(at + 1, end, quote);

        if (!close
            || !check_bytes_append(row, at + 1, (size_t)(close - at - 1))) {
            return at + 1;
        }
        at = close + 1;
        while (at < end && is_space(*at)) {
            at++;
        }
    }
    return at;
}

/* A number, or a character in single quotes; NULL when it is none. */
static const char *read_element(const char *at, const char *end,
                                unsigned long *value)
{
    const char *start = at;
    int base = 10;

    *value = 0;
    if (*at == '\'') {
        int byte = end - at > 2 ? (uint8_t)at[1] : 0;

        at += 2;
        if (byte == '\\') {
            at = read_escape(at, end, &byte);
        }
        *value = (unsigned long)byte;
        return at && at < end && *at == '\'' ? at + 1 : NULL;
    }
    if (end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        base = 16;
        start = at += 2;
    }
    for (; at < end; at++) {
        int digit = check_bytes_hex_value(*at);

        if (digit < 0 || digit >= base) {
            break;
        }
        *value = *value * (unsigned long)base + (unsigned long)digit;
        if (*value > 0xff) {
            return NULL;
        }
    }
    return at > start ? at : NULL;
}

/* Where a list's elements begin, and the bracket that closes it. */
static const char *find_list(const char *text, const char *end, char *close)
{
    const char *brace = memchr(text, '{', (size_t)(end - text));
    const char *bracket = memchr(text, '[', (size_t)(end - text));

    *close = '\0';
    if (brace) {
        *close = '}';
        return brace + 1;
    }
    if (bracket) {
        *close = ']';
        return bracket + 1;
    }
    return text;
}

int check_texts_list(const char *text, size_t len, check_row_t *row)
{
    const char *end = text + len;
    char close;
    const char *at = find_list(text, end, &close);

    row->len = 0;
    for (;;) {
        unsigned long value;

        while (at < end && (is_space(*at) || *at == ',')) {
            at++;
        }
        if (at == end || *at == close) {
            return row->len > 0 && (at < end || close == '\0');
        }
        at = read_element(at, end, &value);
        if (!at || !append(row, value)
            || (at < end && !is_space(*at) && *at != ',' && *at != close)) {
            return 0;
        }
    }
}

/* Where some text ends in a line; NULL when it is not there. */
static const char *behind(const char *at, const char *end, const char *text)
{
    size_t len = strlen(text);

    for (; (size_t)(end - at) >= len && at < end; at++) {
        if (memcmp(at, text, len) == 0) {
            return at + len;
        }
    }
    return NULL;
}

/* The hex at the end of a trace line; NULL when it is none. */
static const char *find_hex(const char *at, const char *end, size_t wanted)
{
    const char *next = behind(at, end, ", bytes ");
    size_t offset = 0;

    while (next && next < end && *next >= '0' && *next <= '9'
           && offset < (size_t)1 << 20) {
        offset = offset * 10 + (size_t)(*next++ - '0');
    }
    at = next ? behind(next, end, " from peer ") : NULL;
    if (!at || offset != wanted) {
        return NULL;
    }
    while ((next = behind(at, end, ": ")) != NULL) {
        at = next;
    }
    return at;
}

int check_texts_trace(const char *text, size_t len, check_row_t *row)
{
    const char *end = text + len;

    row->len = 0;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        const char *at;

        line_end = line_end ? line_end : end;
        at = find_hex(text, line_end, row->len);
        for (; at && line_end - at >= 2 && check_bytes_hex_value(at[0]) >= 0
               && check_bytes_hex_value(at[1]) >= 0; at += 2) {
            append(row, (unsigned long)(check_bytes_hex_value(at[0]) << 4
                                        | check_bytes_hex_value(at[1])));
        }
        text = line_end + 1;
    }
    return row->len > 0;
}
