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
 * What some bytes look like: HTTP, TLS, another PROXY header.
 */

#ifndef CHECK_GUESS_H
#define CHECK_GUESS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
    CHECK_NOTHING,      /* no byte */
    CHECK_HEADER,       /* PROXY protocol, version 1 or 2 */
    CHECK_LOWER_HEADER, /* `proxy ` in another case */
    CHECK_HTTP,         /* an HTTP/1 request */
    CHECK_HTTP2,        /* HTTP/2's connection preface */
    CHECK_TLS,          /* a TLS handshake */
    CHECK_SSH,          /* an SSH identification */
    CHECK_UNKNOWN
} check_guess_t;

/**
 * Say what bytes look like.
 * @param bytes the bytes; may be NULL when len is 0
 * @param len how many
 * @return the likeliest; a beginning that fits several is CHECK_UNKNOWN
 */
check_guess_t check_guess(const uint8_t *bytes, size_t len);

/**
 * Print what bytes look like, in a few words and on one line: "an HTTP
 * request: GET / HTTP/1.1", "a TLS handshake for www.example.org".
 */
void check_guess_print(FILE *out, const uint8_t *bytes, size_t len);

/**
 * Say whether what has begun is whole: an HTTP request's head, a TLS record.
 * @return 1, or 0 when more must come for that; 1 for all that has no end
 */
int check_guess_is_whole(const uint8_t *bytes, size_t len);

#endif /* CHECK_GUESS_H */
