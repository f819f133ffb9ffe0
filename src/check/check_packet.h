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
 * IP packets: what TCP carries in them.
 */

#ifndef CHECK_PACKET_H
#define CHECK_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "check/check_bytes.h"

/* The largest packet, and room for a link's header. */
#define CHECK_PACKET_MAX (65535 + 64)

/** The packet that is being read, and the flow that is followed.  All zero at
 * first. */
typedef struct {
    uint8_t bytes[CHECK_PACKET_MAX];
    size_t len;
    int has_flow;
    uint8_t source[18]; /* of the flow: address and port */
    uint32_t next;      /* the flow's next sequence number */
} check_packet_t;

/** Add bytes to the packet. */
void check_packet_add(check_packet_t *packet, const uint8_t *bytes,
                      size_t len);

/**
 * The packet ends: append what TCP carries in it, if it belongs to the flow,
 * which is that of the first packet that carries anything.
 * @param packet emptied
 * @param row where to
 */
void check_packet_end(check_packet_t *packet, check_row_t *row);

#endif /* CHECK_PACKET_H */
