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
 * One connection that listen has taken: what came over it, what it is, and
 * the answer.  No sockets here: bytes in, a verdict and an answer out.
 */

#ifndef CHECK_VISIT_H
#define CHECK_VISIT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <apr_time.h>

#include "check/check.h"
#include "check/check_place.h"

typedef struct {
    unsigned long number;     /* counted from 1 */
    check_endpoint_t peer;
    apr_time_t since;         /* when it was accepted */
    apr_time_t header_time;   /* when the header was whole, or decided to be
                                 none */
    unsigned long segments;   /* reads until then */
    pp_answer_t answer;
    pp_header_t header;       /* answer.status is PP_DONE: views into bytes */
    int is_decided;           /* answer will not change */
    const char *ended;        /* why no more comes; NULL: it may */
    uint8_t bytes[CHECK_INPUT_MAX];
    size_t len;
} check_visit_t;

/** What is printed of each. */
typedef struct {
    int is_verbose;
    int shows_hex;
} check_visit_style_t;

/**
 * Take notice of bytes that have come: visit->len was raised.
 * @param visit the connection
 * @param now the time
 */
void check_visit_read(check_visit_t *visit, apr_time_t now);

/**
 * Say whether enough has come to tell what it is.
 * @param visit the connection
 * @return 2: yes; 1: probably, but more may be about to come; 0: no
 */
int check_visit_is_whole(const check_visit_t *visit);

/** @return 1 when a right header came, else 0 */
int check_visit_is_right(const check_visit_t *visit);

/**
 * Print what came: one line, or several.
 * @param out where to
 * @param visit the connection
 * @param style how
 */
void check_visit_print(FILE *out, const check_visit_t *visit,
                       const check_visit_style_t *style);

/** Print what came as a JSON object, on one line. */
void check_visit_write(FILE *out, const check_visit_t *visit);

/**
 * Make the answer: HTTP, with what was understood, where a request came.
 * @param visit the connection
 * @param text set to the answer, to be freed; NULL: there is none to give
 * @param len set to its length
 */
void check_visit_answer(const check_visit_t *visit, char **text, size_t *len);

#endif /* CHECK_VISIT_H */
