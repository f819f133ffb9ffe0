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
 * Bytes from and to text.
 */

#include "check/check_bytes.h"

#include <errno.h>
#include <string.h>

#include "check/check.h"

static const char too_many[] = "too many bytes";

int check_bytes_hex_value(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }
    if (ch >= 'A' && ch <= 'F') {
        return ch - 'A' + 10;
    }
    return -1;
}

static int read_pair(const char *at, const char *end, uint8_t *byte)
{
    int high = end - at < 2 ? -1 : check_bytes_hex_value(at[0]);
    int low = high < 0 ? -1 : check_bytes_hex_value(at[1]);

    if (low < 0) {
        return 0;
    }
    *byte = (uint8_t)(high << 4 | low);
    return 1;
}

int check_bytes_append(check_row_t *row, const void *bytes, size_t len)
{
    if (len > row->size - row->len) {
        return 0;
    }
    if (len > 0) {
        memcpy(row->bytes + row->len, bytes, len);
    }
    row->len += len;
    return 1;
}

/* `0x` or `\x` */
static int is_mark(const char *at, const char *end)
{
    return end - at >= 2 && (*at == '0' || *at == '\\')
           && (at[1] == 'x' || at[1] == 'X');
}

const char *check_bytes_from_hex(const char *text, size_t text_len,
                                 check_row_t *row)
{
    const char *end = text + text_len;
    const char *at = text;

    row->len = 0;
    while (at < end) {
        uint8_t byte;

        if (strchr(" \t\r\n:,", *at)) {
            at++; /* a NUL too: strchr finds it */
        }
        /* As long as a pair, but none. */
        else if (is_mark(at, end)) { /* NOLINT(bugprone-branch-clone) */
            at += 2;
        }
        else if (!read_pair(at, end, &byte)) {
            return "hex digits in pairs, between which white space, `:`, `,`,"
                   " `0x` and `\\x` may stand";
        }
        else if (!check_bytes_append(row, &byte, 1)) {
            return too_many;
        }
        else {
            at += 2;
        }
    }
    return NULL;
}

const char *check_bytes_from_log(const char *text, size_t text_len,
                                 check_row_t *row)
{
    const char *end = text + text_len;
    const char *at = text;

    row->len = 0;
    while (at < end) {
        uint8_t byte = (uint8_t)*at++;

        if (byte == '%') {
            if (!read_pair(at, end, &byte)) {
                return "text in which two hex digits follow each %";
            }
            at += 2;
        }
        if (!check_bytes_append(row, &byte, 1)) {
            return too_many;
        }
    }
    return NULL;
}

int check_bytes_read_file(const char *command, const char *path,
                          check_row_t *row)
{
    int is_input = strcmp(path, "-") == 0;
    FILE *file;
    int failed;

    row->len = 0;
    errno = 0;
    file = is_input ? stdin : fopen(path, "rb");
    if (file) {
        row->len = fread(row->bytes, 1, row->size, file);
    }
    failed = !file || ferror(file);
    if (failed) {
        fprintf(stderr, CHECK_PROGRAM " %s: %s: %s\n", command,
                is_input ? "standard input" : path,
                /* One thread: NOLINTNEXTLINE(concurrency-mt-unsafe) */
                errno ? strerror(errno) : "cannot be read");
    }
    if (file && !is_input) {
        fclose(file);
    }
    return !failed;
}

void check_bytes_print(FILE *out, const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\') {
            putc(bytes[i], out);
        }
        else {
            fprintf(out, "\\x%02x", bytes[i]);
        }
    }
}

void check_bytes_print_hex(FILE *out, const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        fprintf(out, "%02x", bytes[i]);
    }
}

int check_bytes_are_text(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (bytes[i] < 0x20 || bytes[i] >= 0x7f) {
            return 0;
        }
    }
    return len > 0;
}

size_t check_bytes_next_char(const uint8_t *bytes, size_t len,
                             uint32_t *character)
{
    size_t taken = *bytes < 0x80 ? 1 : *bytes < 0xe0 ? 2 : *bytes < 0xf0 ? 3
                                                                         : 4;
    size_t i;

    *character = bytes[0];
    if (taken > len || (taken > 1 && !pp_is_text(bytes, taken))) {
        return 0;
    }
    if (taken > 1) {
        *character &= 0x7fu >> taken;
    }
    for (i = 1; i < taken; i++) {
        *character = *character << 6 | (bytes[i] & 0x3f);
    }
    return taken;
}
