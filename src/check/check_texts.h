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
 * Bytes in texts: strings and lists of programming languages, and log lines.
 */

#ifndef CHECK_TEXTS_H
#define CHECK_TEXTS_H

#include <stddef.h>

#include "check/check_bytes.h"

/**
 * Read text with a backslash's escapes, as C, Go, Python, httpd's and nginx's
 * access logs have them: \r \n \xHH \0 \" and so on.
 * @param text the text
 * @param len its length in bytes
 * @param row filled from its beginning
 * @return 1; 0 for an escape that is none, or too many bytes
 */
int check_texts_unescape(const char *text, size_t len, check_row_t *row);

/**
 * Find the next string in quotes.  Strings with nothing but white space
 * between them are one.
 * @param at where to begin
 * @param end where the text ends
 * @param row filled with what is between the quotes, escapes as they are
 * @return where the search is to go on; NULL when there is none
 */
const char *check_texts_quoted(const char *at, const char *end,
                               check_row_t *row);

/**
 * Read a list of numbers, as C, Go and `xxd -i` write it: {0x0d, 0xa, 'P'},
 * [13 10 80], 0x0d, 0x0a.
 * @param text the text; what is before a `{` or `[` is not looked at
 * @param len its length in bytes
 * @param row filled from its beginning
 * @return 1; 0 when it is no such list
 */
int check_texts_list(const char *text, size_t len, check_row_t *row);

/**
 * Read what the module logs at trace4: lines with `bytes 0 to 27 of 28 from
 * peer ...: ` and hex.
 * @param text the text
 * @param len its length in bytes
 * @param row filled from its beginning
 * @return 1; 0 when there is no such line
 */
int check_texts_trace(const char *text, size_t len, check_row_t *row);

#endif /* CHECK_TEXTS_H */
