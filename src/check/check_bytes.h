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
 * Bytes from and to text: hex, the error log's percent signs, escapes.
 */

#ifndef CHECK_BYTES_H
#define CHECK_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** A row of bytes in room of a known size. */
typedef struct {
    uint8_t *bytes; /* the caller's */
    size_t size;    /* room at bytes */
    size_t len;     /* bytes that are there */
} check_row_t;

/** @return the value of a hex digit, or -1 */
int check_bytes_hex_value(char ch);

/**
 * Read hex digits in pairs.  White space, `:`, `,`, `0x` and `\x` may stand
 * between them.
 * @param text the text
 * @param text_len its length in bytes
 * @param row filled from its beginning
 * @return NULL, or what is wrong
 */
const char *check_bytes_from_hex(const char *text, size_t text_len,
                                 check_row_t *row);

/**
 * Read bytes as the module's log lines show them: `%` and two hex digits are
 * one byte, any other byte stands for itself.
 * @param text the text
 * @param text_len its length in bytes
 * @param row filled from its beginning
 * @return NULL, or what is wrong
 */
const char *check_bytes_from_log(const char *text, size_t text_len,
                                 check_row_t *row);

/**
 * Read a file as far as there is room.  Says on standard error what fails.
 * @param command the command's name, for the message
 * @param path a path, or `-` for standard input
 * @param row filled from its beginning
 * @return 1; 0 when it cannot be read
 */
int check_bytes_read_file(const char *command, const char *path,
                          check_row_t *row);

/**
 * Append bytes.
 * @param row where to
 * @param bytes what; may be NULL when len is 0
 * @param len how many
 * @return 1; 0 when there is no room, and nothing was appended
 */
int check_bytes_append(check_row_t *row, const void *bytes, size_t len);

/**
 * Print bytes: printable ASCII as it is, all else, and the backslash, as
 * `\xHH`.
 * @param out where to
 * @param bytes the bytes
 * @param len how many
 */
void check_bytes_print(FILE *out, const uint8_t *bytes, size_t len);

/** The same in hex, two digits each. */
void check_bytes_print_hex(FILE *out, const uint8_t *bytes, size_t len);

/** @return 1 when all bytes are printable ASCII and there is one, else 0 */
int check_bytes_are_text(const uint8_t *bytes, size_t len);

/**
 * Read one character of UTF-8.
 * @param bytes the bytes
 * @param len how many, greater than 0
 * @param character set to it, or to a byte that is none
 * @return how many bytes it takes; 0 when they are no character of text, as
 *         pp_is_text() has it, beyond ASCII
 */
size_t check_bytes_next_char(const uint8_t *bytes, size_t len,
                             uint32_t *character);

#endif /* CHECK_BYTES_H */
