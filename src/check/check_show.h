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
 * Headers in text: field by field, or on one line.
 */

#ifndef CHECK_SHOW_H
#define CHECK_SHOW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/pp.h"

/** The rules that accept every header the specification allows. */
extern const pp_rules_t check_show_all;

/**
 * Print what a header, or bytes meant as one, say, a field on each line, the
 * result first.  Of bad and incomplete ones all that can be read is printed.
 * @param out where to
 * @param bytes what came; may be NULL when len is 0
 * @param len how much
 * @param answer of pp_decode() for these bytes
 */
void check_show_header(FILE *out, const uint8_t *bytes, size_t len,
                       const pp_answer_t *answer);

/**
 * Print a right header on one line, without its end: version, command,
 * addresses, length, and what its TLVs say.
 * @param out where to
 * @param header what it says
 * @param wire_len its length in bytes
 */
void check_show_line(FILE *out, const pp_header_t *header, size_t wire_len);

/**
 * Print why bytes are no right header, on one line without its end.
 * @param out where to
 * @param bytes what came
 * @param len how much
 * @param answer of pp_decode(), not PP_DONE
 */
void check_show_fault(FILE *out, const uint8_t *bytes, size_t len,
                      const pp_answer_t *answer);

#endif /* CHECK_SHOW_H */
