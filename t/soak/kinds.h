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
 * The kinds of peers: whence each comes, what it sends, how it ends, and what
 * mod_status is to count it as.
 */

#ifndef SOAK_KINDS_H
#define SOAK_KINDS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "chance.h"

/** Room for any header, and bytes in place of one. */
#define KINDS_ROOM 8192

/** Room for what the page says of a client. */
#define KINDS_CLIENT_ROOM 128

/** What a kind does, and what the server is to do. */
typedef enum {
    ROLE_GOOD,    /* asks and is answered, perhaps several times */
    ROLE_LAST,    /* asks, says that this is all, and is answered */
    ROLE_BAD,     /* is closed without a byte */
    ROLE_LEAVING, /* says that this is all, and is closed without a byte */
    ROLE_RESET,   /* resets the connection */
    ROLE_SILENT,  /* waits until it is closed without a byte */
    ROLES
} role_t;

/** How much of header and request is sent. */
typedef enum {
    PART_NOTHING,
    PART_HALF, /* of the header */
    PART_HEADER,
    PART_ALL
} part_t;

/** Which range of the configuration the peer is in. */
typedef enum {
    RANGE_REQUIRE,
    RANGE_OPTIONAL,
    RANGE_DIRECT,
    RANGE_NONE
} range_t;

/** What stands in the header's place. */
typedef enum {
    SHAPE_NOTHING,
    SHAPE_V1,
    SHAPE_V1_INET6,
    SHAPE_V1_UNKNOWN,
    SHAPE_V2,
    SHAPE_V2_INET6,
    SHAPE_V2_TLVS, /* many TLVs, a unique id, a checksum */
    SHAPE_V2_LOCAL,
    SHAPE_V2_UNSPEC,
    /* Those from here on are bad. */
    SHAPE_V1_ADDRESS,
    SHAPE_V1_LINE_END,
    SHAPE_V1_LOWER_CASE,
    SHAPE_V2_VERSION,
    SHAPE_V2_SHORT,
    SHAPE_V2_OVERRUN,
    SHAPE_V2_TOO_LARGE,
    SHAPE_V2_CHECKSUM,
    SHAPE_HTTP,
    SHAPE_TLS,
    SHAPE_GARBAGE
} shape_t;

/** A kind. */
typedef struct {
    const char *name;
    role_t role;
    part_t part;
    range_t range;
    shape_t shape;
    const char *counters; /* the one that counts it, or those that may, with
                             commas between */
} kind_t;

/** All kinds; the last has no name. */
extern const kind_t kinds[];

/** How many there are at most. */
#define KINDS_MAX 64

/** @return an address to come from */
uint32_t kinds_address(const kind_t *kind, chance_t *chance);

/**
 * Write what stands in a header's place.
 * @param id a number that no other connection has
 * @param own the connection's own end
 * @param bytes room for KINDS_ROOM
 * @param client room for KINDS_CLIENT_ROOM: what the page is to say, where
 *        the kind is to be answered
 * @return the length
 */
size_t kinds_header(const kind_t *kind, uint32_t id,
                    const struct sockaddr_in *own, chance_t *chance,
                    uint8_t *bytes, char *client);

#endif /* SOAK_KINDS_H */
