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
 * One connection to the server, plain or TLS: how bytes go out, in one piece
 * or in many, and how they come in.
 */

#ifndef SOAK_LINK_H
#define SOAK_LINK_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "chance.h"

/** Room for what was read and not yet taken: more than any answer or HTTP/2
 * frame that comes. */
#define LINK_ROOM 20000

/** How long the server may take for anything: far more than it may need. */
#define LINK_LIMIT_MS 20000

/** The longest pause behind a header. */
#define LINK_PAUSE_MS 60

/** A connection. */
typedef struct {
    int fd;
    SSL *ssl;                /* NULL while it is plain */
    struct sockaddr_in own;  /* where it comes from */
    int64_t begin;           /* before it was made, by peer_now() */
    int64_t spoke;           /* when it had sent the last of what is split
                                in pieces, or begun to speak TLS */
    size_t in_len;           /* bytes at in */
    uint8_t in[LINK_ROOM];
} link_t;

/** How bytes go out. */
typedef enum {
    PACE_WHOLE, /* at once */
    PACE_SPLIT, /* in two to four pieces, split anywhere */
    PACE_BYTES, /* each byte alone */
    PACE_PAUSE, /* the header, a pause, and the rest */
    PACES
} pace_t;

/** What became of a read. */
typedef enum {
    LINK_GOT,   /* there is more at in */
    LINK_ENDED, /* closed or reset by the server */
    LINK_LATE   /* nothing came within LINK_LIMIT_MS */
} link_read_t;

/** @return a pace's name */
const char *link_pace_name(pace_t pace);

/**
 * Connect.
 * @param link filled
 * @param from the address to come from
 * @param port of 127.0.0.1
 * @return 1 or 0
 */
int link_open(link_t *link, uint32_t from, int port);

/**
 * Shake hands.
 * @param tls the client's context
 * @param is_http2 whether HTTP/2 is wanted, by ALPN
 * @return NULL, or what went wrong
 */
const char *link_start_tls(link_t *link, SSL_CTX *tls, int is_http2);

/** Send bytes.  @return 1 or 0 */
int link_put(link_t *link, const void *bytes, size_t len);

/**
 * Send bytes of a plain connection, piece by piece.
 * @param bytes the header, and what follows it
 * @param len the length of both
 * @param header_len the header's
 * @param has_more in the last piece's segment, what is sent next has a place
 * @return 1, or 0 when the server has closed meanwhile
 */
int link_put_paced(link_t *link, const uint8_t *bytes, size_t len,
                   size_t header_len, pace_t pace, int has_more,
                   chance_t *chance);

/** Read what comes next to the end of link->in. */
link_read_t link_fill(link_t *link);

/** Drop the first bytes of link->in. */
void link_take(link_t *link, size_t len);

/** Say that nothing more will be sent. */
void link_shut(link_t *link);

/** Close the connection, with a reset if wanted. */
void link_close(link_t *link, int is_reset);

/** Sleep. */
void link_pause(unsigned int milliseconds);

#endif /* SOAK_LINK_H */
