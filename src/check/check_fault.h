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
 * What is wrong with bytes that are meant as a header, and where.
 */

#ifndef CHECK_FAULT_H
#define CHECK_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/pp.h"

typedef struct {
    const char *reason;
    size_t at; /* the offset of what is at fault; the decoder may have noticed
                  it further on */
} check_fault_t;

/**
 * Find what is wrong.
 * @param bytes what came
 * @param len how much
 * @param answer of pp_decode(), PP_BAD
 * @param fault filled
 */
void check_fault_find(const uint8_t *bytes, size_t len,
                      const pp_answer_t *answer, check_fault_t *fault);

/**
 * Say whether bytes are meant as a header, right or not: more is to be said
 * than that there is none.
 * @return 1 or 0
 */
int check_fault_is_meant(const uint8_t *bytes, size_t len,
                         const pp_answer_t *answer);

/** @return the offset of a v1 line's end: its CR, its LF, or what is there */
size_t check_fault_line_end(const uint8_t *bytes, size_t len);

#endif /* CHECK_FAULT_H */
