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
 * Looking at the bytes that have come to a connection, without taking them.
 *
 * The header is judged in the socket's own buffer (MSG_PEEK), so that a
 * connection can be looked at in any process and as often as needed, and
 * nothing that was received can be lost.
 */

#ifndef PROXYIP_LOOK_H
#define PROXYIP_LOOK_H

#include <stddef.h>
#include <stdint.h>

#include "connection/proxyip_stage.h"
#include "proxyip_conn.h"

/* Room for every v1 header and for most of v2, and a byte behind it. */
#define PROXYIP_LOOK_SIZE 1024

/* Room for every header and the first byte behind it. */
#define PROXYIP_LOOK_MAX (PP_V2_MAX + 1)

/** Where bytes go that are looked at. */
typedef struct {
    uint8_t *bytes;
    size_t size;   /* room there */
    apr_pool_t *p; /* where a larger room is made, once, when a header does not
                      fit; NULL when size is PROXYIP_LOOK_MAX */
} proxyip_buffer_t;

/* What the bytes say. */
typedef enum {
    PROXYIP_SEEN_UNDECIDED, /* more must come: a stage and what is needed */
    PROXYIP_SEEN_HEADER,    /* a right header; behind it a byte, if one is to
                               be waited for */
    PROXYIP_SEEN_NO_HEADER, /* an optional peer's bytes that begin none; where
                               the header is to come inside TLS, TLS */
    PROXYIP_SEEN_BAD,       /* no right header, and one is required; or no TLS,
                               in which it is to come */
    PROXYIP_SEEN_END        /* the peer has closed and no byte is there */
} proxyip_seen_status_t;

typedef struct {
    proxyip_seen_status_t status;
    proxyip_stage_t stage; /* of UNDECIDED */
    size_t needed;         /* UNDECIDED: how many bytes must be there before
                              more can be said; more than len */
    pp_answer_t answer;    /* the decoder's; unset at END */
    pp_header_t *header;   /* the caller's, for what it says; right at HEADER,
                              and at UNDECIDED in stage PAYLOAD; its TLVs
                              point into bytes */
    const uint8_t *bytes;  /* all that is there, as far as it was looked at */
    size_t len;
} proxyip_seen_t;

/**
 * Tell whether a header was seen whole.
 * @param seen what proxyip_look() has filled
 * @return 1: its header is right; 0
 */
static inline int proxyip_look_has_header(const proxyip_seen_t *seen)
{
    return seen->status == PROXYIP_SEEN_HEADER
           || (seen->status == PROXYIP_SEEN_UNDECIDED
               && seen->stage == PROXYIP_STAGE_PAYLOAD);
}

/** A header that was seen whole, and is still in the socket. */
typedef struct {
    pp_header_t header;
    size_t len; /* its bytes; 0: none is known */
} proxyip_known_t;

/**
 * Judge what has come.
 * @param rules what is accepted: the settings' rules_outside for what comes in
 *        a socket, their rules for what comes inside TLS
 * @param conf the listener's settings
 * @param rule the range that the peer is in; require or optional
 * @param seen its bytes are judged; status, and what belongs to it, is set
 */
void proxyip_look_judge(const pp_rules_t *rules, const proxyip_conf_t *conf,
                        const proxyip_rule_t *rule, proxyip_seen_t *seen);

/**
 * Look at what has come, without waiting for more and without taking it.
 * @param fd the connection's descriptor
 * @param conf the listener's settings
 * @param rule the range that the peer is in; require or optional
 * @param known the header, if it was kept when this process looked before;
 *        NULL for none
 * @param buffer where the bytes go; must outlive seen
 * @param seen filled; its header is set by the caller
 */
void proxyip_look(int fd, const proxyip_conf_t *conf,
                  const proxyip_rule_t *rule, const proxyip_known_t *known,
                  proxyip_buffer_t *buffer, proxyip_seen_t *seen);

/**
 * Keep the header that was seen, if it is whole, so that it need not be decoded
 * again.  One with TLVs is not kept: they point into the bytes.
 * @param seen what proxyip_look() has filled
 * @param known set; unchanged when there is nothing to keep
 */
void proxyip_look_keep(const proxyip_seen_t *seen, proxyip_known_t *known);

/**
 * Say how many bytes must have come before a connection counts as readable
 * (SO_RCVLOWAT).  Bytes that are only looked at stay, and would be reported
 * again and again.
 * @param fd the connection's descriptor
 * @param needed the number; 1 is the default, and must hold again before
 *        httpd has the connection
 */
void proxyip_look_set_low_water(int fd, size_t needed);

#endif /* PROXYIP_LOOK_H */
