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
 * The vectors: bytes in, one answer out, each a situation.
 *
 * The answers are derived by hand from the specification's grammar and from
 * what the project decided where it leaves room; no vector's answer was
 * taken from what the decoder says.  Where a name begins with a program's
 * name, bytes and situation are from that program or its own tests; where
 * that program's verdict is another, a comment says why.
 *
 * `^` in the bytes stands, in a vector that is
 *   whole: before the first byte behind the header (without it the header
 *          ends where the bytes do);
 *   bad:   before the byte at which it is decided (without it the last).
 */

#ifndef VECTORS_H
#define VECTORS_H

#include "bytes.h"
#include "protocol/pp.h"

/** What the decoder must say. */
typedef struct {
    pp_status_t status;
    pp_reason_t reason; /* when bad */
    size_t more_len;    /* when more is needed */
    int version;        /* this and all that follow: when whole */
    pp_command_t command;
    pp_family_t family;
    pp_transport_t transport;
    const char *src; /* canonical text; NULL: no address */
    unsigned int src_port;
    const char *dst;
    unsigned int dst_port;
    size_t tlvs_len; /* 0: no view either */
    int checksum_held;
} expected_t;

typedef struct {
    const char *name;
    notation_t input;
    expected_t expected;
    size_t size;           /* how many bytes input must be; 0: any number.
                              Guards the vectors that live by their size. */
    unsigned int formats;  /* 0: both */
    size_t max_len;        /* 0: 4096, the default of ProxyIPMaxHeader */
    int checksum_required; /* default 0 */
    int canonical;         /* encoding what was decoded gives the input */
} vector_t;

#define WANT_BAD(reason_)                                                      \
    {                                                                          \
        .status = PP_BAD, .reason = reason_                                    \
    }
#define WANT_MORE(len_)                                                        \
    {                                                                          \
        .status = PP_MORE, .more_len = len_                                    \
    }
#define WANT_V1(family_, src_, src_port_, dst_, dst_port_)                     \
    {                                                                          \
        .status = PP_DONE, .version = 1, .command = PP_PROXY,                  \
        .family = family_, .transport = PP_STREAM, .src = src_,                \
        .src_port = src_port_, .dst = dst_, .dst_port = dst_port_              \
    }
#define WANT_UNKNOWN                                                           \
    {                                                                          \
        .status = PP_DONE, .version = 1, .command = PP_PROXY,                  \
        .family = PP_UNSPEC, .transport = PP_TRANSPORT_UNSPEC                  \
    }
#define WANT_V2(family_, transport_, src_, src_port_, dst_, dst_port_, tlvs_,  \
                held_)                                                         \
    {                                                                          \
        .status = PP_DONE, .version = 2, .command = PP_PROXY,                  \
        .family = family_, .transport = transport_, .src = src_,               \
        .src_port = src_port_, .dst = dst_, .dst_port = dst_port_,             \
        .tlvs_len = tlvs_, .checksum_held = held_                              \
    }
#define WANT_NO_ADDR(family_, transport_, tlvs_, held_)                        \
    WANT_V2(family_, transport_, NULL, 0, NULL, 0, tlvs_, held_)
#define WANT_LOCAL                                                             \
    {                                                                          \
        .status = PP_DONE, .version = 2, .command = PP_LOCAL,                  \
        .family = PP_UNSPEC, .transport = PP_TRANSPORT_UNSPEC                  \
    }

extern const vector_t vectors_v1[];
extern const size_t vectors_v1_count;
extern const vector_t vectors_v2[];
extern const size_t vectors_v2_count;

#endif /* VECTORS_H */
