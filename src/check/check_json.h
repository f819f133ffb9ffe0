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
 * JSON (RFC 8259) in ASCII, on one line: one object is one line.
 */

#ifndef CHECK_JSON_H
#define CHECK_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** A writer.  All zero but out at first. */
typedef struct {
    FILE *out;
    int has_member; /* the object or list that is open has one already */
} check_json_t;

/** Open an object, or with `[` a list.  In an object it has a name; in a list,
 * and outermost, none: NULL. */
void check_json_open(check_json_t *json, const char *name, char bracket);

/** Close what was opened with the other bracket, and the outermost with a line
 * end. */
void check_json_close(check_json_t *json, char bracket);
void check_json_end(check_json_t *json);

/** Members: a text in UTF-8, or a NULL, which is left out; a number; true or
 * false; bytes in hex, behind a prefix. */
void check_json_text(check_json_t *json, const char *name, const char *text);
void check_json_number(check_json_t *json, const char *name, long number);
void check_json_bool(check_json_t *json, const char *name, int is_true);
void check_json_hex(check_json_t *json, const char *name, const char *prefix,
                    const uint8_t *bytes, size_t len);

/** A text with a length.  A byte that is no UTF-8 becomes U+FFFD. */
void check_json_bytes(check_json_t *json, const char *name,
                      const uint8_t *bytes, size_t len);

/** A certificate in DER, as PEM. */
void check_json_pem(check_json_t *json, const char *name,
                    const uint8_t *bytes, size_t len);

#endif /* CHECK_JSON_H */
