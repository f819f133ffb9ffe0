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
 * The battery of headers that probe sends, and what the specification says
 * about each.
 */

#ifndef CHECK_CASES_H
#define CHECK_CASES_H

#include <stddef.h>

#include "check/check_bytes.h"

/* What a listener that requires a header does. */
typedef enum {
    CHECK_CASES_ANSWERED, /* serves the request */
    CHECK_CASES_CLOSED,   /* closes without an answer */
    CHECK_CASES_REFUSED,  /* does not serve it: closes, or answers 400 */
    CHECK_CASES_OPEN      /* the specification leaves it to the receiver */
} check_cases_expected_t;

typedef struct check_case_t check_case_t;

struct check_case_t {
    const char *name; /* as --only takes it */
    check_cases_expected_t expected;
    const char *line; /* v1: the bytes; NULL: v2 */
    /* v2, what follows the signature: */
    unsigned char command; /* 13th byte */
    unsigned char family;  /* 14th byte */
    const char *block;     /* addresses in hex; NULL: by the family */
    const char *tlvs;      /* in hex, or NULL */
    size_t noop;           /* the size of a NOOP TLV; 0: none */
    size_t unique_id;      /* the size of a UNIQUE_ID TLV; 0: none */
    int crc;               /* 1 right, 2 wrong, 0 none */
    /* how it is sent: */
    size_t each;     /* header in pieces of so many bytes */
    int cuts_middle; /* a piece ends within the header, the next within the
                        request */
    const char *prefix; /* a v1 line that goes before, or NULL */
};

/** The battery. */
extern const check_case_t check_cases[];
extern const size_t check_cases_count;

/**
 * Append a case's bytes.
 * @param one a case
 * @param row where to
 */
void check_cases_build(const check_case_t *one, check_row_t *row);

#endif /* CHECK_CASES_H */
