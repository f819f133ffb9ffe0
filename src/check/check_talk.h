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
 * One connection: send bytes, in pieces if so wanted, and see what comes
 * back and how it ends.
 */

#ifndef CHECK_TALK_H
#define CHECK_TALK_H

#include <stddef.h>
#include <stdint.h>

#include <apr_network_io.h>
#include <apr_time.h>

/* What is kept of an answer. */
#define CHECK_TALK_REPLY_MAX 16384

#define CHECK_TALK_CUTS_MAX 64

/** How bytes are cut into pieces for sending. */
typedef struct {
    size_t each;    /* bytes in each piece up to `each_until`; 0: whole */
    size_t each_until;
    size_t cuts[CHECK_TALK_CUTS_MAX]; /* lengths of the first pieces, used
                                         when there are any */
    size_t cuts_count;
    apr_interval_time_t delay; /* between pieces */
} check_talk_pieces_t;

typedef enum {
    CHECK_TALK_HTTP,   /* the reply begins as HTTP does */
    CHECK_TALK_OTHER,  /* something else came */
    CHECK_TALK_CLOSED, /* closed without a byte */
    CHECK_TALK_RESET,  /* the same, with a reset */
    CHECK_TALK_SILENT  /* open, and no byte until the time limit */
} check_talk_outcome_t;

/** What came of it. */
typedef struct {
    check_talk_outcome_t outcome;
    int http_status; /* CHECK_TALK_HTTP: three digits, else 0 */
    apr_interval_time_t elapsed; /* from the last byte sent to the first that
                                    came, or to the end */
    size_t pieces;   /* how many were sent */
    size_t sent;     /* how many bytes; fewer than all when the other end closed
                        before */
    uint8_t reply[CHECK_TALK_REPLY_MAX];
    size_t reply_len;
} check_talk_t;

/* How much of the reply is waited for. */
typedef enum {
    CHECK_TALK_FIRST_LINE,
    CHECK_TALK_HEAD, /* an HTTP head */
    CHECK_TALK_ALL   /* to its end, or CHECK_TALK_REPLY_MAX */
} check_talk_want_t;

/**
 * Send and see.
 * @param socket a connected socket; stays open
 * @param bytes what to send
 * @param len how many
 * @param pieces how to cut them; NULL: not
 * @param want how much of the reply to wait for
 * @param timeout how long silence may last
 * @param talk filled
 */
void check_talk(apr_socket_t *socket, const uint8_t *bytes, size_t len,
                const check_talk_pieces_t *pieces, check_talk_want_t want,
                apr_interval_time_t timeout, check_talk_t *talk);

/** @return 1 when the connection was closed or reset without a byte, else 0 */
int check_talk_is_closed(const check_talk_t *talk);

/** @return 1 when a text is in the reply, else 0 */
int check_talk_has_text(const check_talk_t *talk, const char *text);

/** @return 1 when the reply begins with a TLS record, else 0 */
int check_talk_is_tls(const check_talk_t *talk);

/** @return 1 when the reply says that TLS is wanted, else 0 */
int check_talk_wants_tls(const check_talk_t *talk);

/** @return how it ended, in a word: http, other, closed, reset, silent */
const char *check_talk_outcome_name(check_talk_outcome_t outcome);

/**
 * Write a GET that asks to close the connection.
 * @param text where to
 * @param size room there
 * @param host the Host field's value
 * @param path what to get
 * @return its length; 0 when there is no room
 */
size_t check_talk_request(char *text, size_t size, const char *host,
                          const char *path);

#endif /* CHECK_TALK_H */
