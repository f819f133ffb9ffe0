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
 * IP packets.
 */

#include "check/check_packet.h"

#include <string.h>

#define PROTOCOL_TCP 6
#define ETHERNET_LEN 14
#define VLAN_LEN 4

/* A part of a packet. */
typedef struct {
    const uint8_t *at;
    size_t len;
} part_t;

static size_t read16(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static void skip(part_t *part, size_t len)
{
    len = len < part->len ? len : part->len;
    part->at += len;
    part->len -= len;
}

static void cut(part_t *part, size_t len)
{
    part->len = len < part->len ? len : part->len;
}

/* With tcpdump -xx the link's header comes first. */
static void skip_link(part_t *part)
{
    size_t type_at = ETHERNET_LEN - 2;

    if (part->len == 0 || part->at[0] >> 4 == 4 || part->at[0] >> 4 == 6) {
        return;
    }
    if (part->len > type_at + VLAN_LEN + 2
        && read16(part->at + type_at) == 0x8100) {
        type_at += VLAN_LEN;
    }
    if (part->len > type_at + 2
        && (read16(part->at + type_at) == 0x0800
            || read16(part->at + type_at) == 0x86dd)) {
        skip(part, type_at + 2);
    }
}

/* To what IPv4 carries; 0 when that is no TCP. */
static int skip_ipv4(part_t *part, uint8_t *source)
{
    size_t header_len = (size_t)(part->at[0] & 0xf) * 4;
    int is_tcp;

    if (part->len < 20 || header_len < 20) {
        return 0;
    }
    is_tcp = part->at[9] == PROTOCOL_TCP;
    memcpy(source, part->at + 12, 4);
    /* 0: the network card was to fill it in. */
    if (read16(part->at + 2) > 0) {
        cut(part, read16(part->at + 2));
    }
    skip(part, header_len);
    return is_tcp;
}

/* Hop-by-hop, routing and destination options (RFC 8200, section 4.1). */
static int is_option(uint8_t type)
{
    return type == 0 || type == 43 || type == 60;
}

static int skip_ipv6(part_t *part, uint8_t *source)
{
    uint8_t next;

    if (part->len < 40) {
        return 0;
    }
    next = part->at[6];
    memcpy(source, part->at + 8, 16);
    if (read16(part->at + 4) > 0) {
        cut(part, 40 + read16(part->at + 4));
    }
    skip(part, 40);
    while (is_option(next) && part->len >= 8) {
        next = part->at[0];
        skip(part, 8 + (size_t)part->at[1] * 8);
    }
    return next == PROTOCOL_TCP;
}

/* What TCP carries; 0 when there is nothing. */
static int find_payload(const check_packet_t *packet, part_t *part,
                        uint8_t *source, uint32_t *sequence)
{
    int is_tcp = 0;

    part->at = packet->bytes;
    part->len = packet->len;
    memset(source, 0, sizeof(packet->source));
    skip_link(part);
    if (part->len > 0 && part->at[0] >> 4 == 4) {
        is_tcp = skip_ipv4(part, source);
    }
    else if (part->len > 0 && part->at[0] >> 4 == 6) {
        is_tcp = skip_ipv6(part, source);
    }
    if (!is_tcp || part->len < 20) {
        return 0;
    }
    memcpy(source + 16, part->at, 2);
    *sequence = (uint32_t)(read16(part->at + 4) << 16 | read16(part->at + 6));
    skip(part, (size_t)(part->at[12] >> 4) * 4); /* options too */
    return part->len > 0;
}

void check_packet_add(check_packet_t *packet, const uint8_t *bytes,
                      size_t len)
{
    if (len <= sizeof(packet->bytes) - packet->len) {
        memcpy(packet->bytes + packet->len, bytes, len);
        packet->len += len;
    }
}

void check_packet_end(check_packet_t *packet, check_row_t *row)
{
    uint8_t source[sizeof(packet->source)];
    uint32_t sequence;
    part_t part;

    if (find_payload(packet, &part, source, &sequence)) {
        if (!packet->has_flow) {
            packet->has_flow = 1;
            packet->next = sequence;
            memcpy(packet->source, source, sizeof(source));
        }
        if (memcmp(packet->source, source, sizeof(source)) == 0
            && packet->next == sequence
            && check_bytes_append(row, part.at, part.len)) {
            packet->next += (uint32_t)part.len;
        }
    }
    packet->len = 0;
}
