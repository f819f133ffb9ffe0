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

#include "kinds.h"

#include <stdio.h>
#include <string.h>

#include "protocol/pp.h"

/* Where the fields of a v2 header begin. */
enum {
    AT_VERSION = 12,
    AT_LENGTH = 14,
    AT_SOURCE = 16
};

/* More than ProxyIPMaxHeader's default. */
#define TOO_LARGE 5000

/* Whoever closes behind a header is counted by the header; whoever resets
 * may have been noticed before it was read. */
const kind_t kinds[] = {
    {"v1", ROLE_GOOD, PART_ALL, RANGE_REQUIRE, SHAPE_V1, "AcceptedV1"},
    {"v1, IPv6", ROLE_GOOD, PART_ALL, RANGE_REQUIRE, SHAPE_V1_INET6,
     "AcceptedV1"},
    {"v1 UNKNOWN", ROLE_GOOD, PART_ALL, RANGE_REQUIRE, SHAPE_V1_UNKNOWN,
     "Unknown"},
    {"v2", ROLE_GOOD, PART_ALL, RANGE_REQUIRE, SHAPE_V2, "AcceptedV2"},
    {"v2, IPv6", ROLE_GOOD, PART_ALL, RANGE_REQUIRE, SHAPE_V2_INET6,
     "AcceptedV2"},
    {"v2, TLVs and checksum", ROLE_GOOD, PART_ALL, RANGE_REQUIRE,
     SHAPE_V2_TLVS, "AcceptedV2"},
    {"v2 LOCAL", ROLE_GOOD, PART_ALL, RANGE_REQUIRE, SHAPE_V2_LOCAL, "Local"},
    {"v2 UNSPEC", ROLE_GOOD, PART_ALL, RANGE_REQUIRE, SHAPE_V2_UNSPEC,
     "Unknown"},
    {"v1 of an optional peer", ROLE_GOOD, PART_ALL, RANGE_OPTIONAL, SHAPE_V1,
     "AcceptedV1"},
    {"v2 of an optional peer", ROLE_GOOD, PART_ALL, RANGE_OPTIONAL,
     SHAPE_V2_TLVS, "AcceptedV2"},
    {"no header of an optional peer", ROLE_GOOD, PART_ALL, RANGE_OPTIONAL,
     SHAPE_NOTHING, "Absent"},
    {"a direct peer", ROLE_GOOD, PART_ALL, RANGE_DIRECT, SHAPE_NOTHING,
     "Direct"},

    {"v1 and request, half-closed", ROLE_LAST, PART_ALL, RANGE_REQUIRE,
     SHAPE_V1, "AcceptedV1"},
    {"v2 and request, half-closed", ROLE_LAST, PART_ALL, RANGE_REQUIRE,
     SHAPE_V2_TLVS, "AcceptedV2"},

    {"v1, bad address", ROLE_BAD, PART_ALL, RANGE_REQUIRE, SHAPE_V1_ADDRESS,
     "Malformed"},
    {"v1, bad line end", ROLE_BAD, PART_ALL, RANGE_REQUIRE,
     SHAPE_V1_LINE_END, "Malformed"},
    {"v1, lower case", ROLE_BAD, PART_ALL, RANGE_REQUIRE,
     SHAPE_V1_LOWER_CASE, "Missing"},
    {"v2, bad version", ROLE_BAD, PART_ALL, RANGE_REQUIRE, SHAPE_V2_VERSION,
     "Malformed"},
    {"v2, too short", ROLE_BAD, PART_ALL, RANGE_REQUIRE, SHAPE_V2_SHORT,
     "Malformed"},
    {"v2, TLV overruns", ROLE_BAD, PART_ALL, RANGE_REQUIRE,
     SHAPE_V2_OVERRUN, "Malformed"},
    {"v2, too large", ROLE_BAD, PART_ALL, RANGE_REQUIRE, SHAPE_V2_TOO_LARGE,
     "TooLarge"},
    {"v2, wrong checksum", ROLE_BAD, PART_ALL, RANGE_REQUIRE,
     SHAPE_V2_CHECKSUM, "BadChecksum"},
    {"an HTTP request alone", ROLE_BAD, PART_ALL, RANGE_REQUIRE, SHAPE_HTTP,
     "Missing"},
    {"a TLS hello alone", ROLE_BAD, PART_ALL, RANGE_REQUIRE, SHAPE_TLS,
     "Missing"},
    {"any bytes", ROLE_BAD, PART_ALL, RANGE_REQUIRE, SHAPE_GARBAGE,
     "Missing"},
    {"v1, bad address of an optional peer", ROLE_BAD, PART_ALL,
     RANGE_OPTIONAL, SHAPE_V1_ADDRESS, "Malformed"},
    {"a peer in no range", ROLE_BAD, PART_ALL, RANGE_NONE, SHAPE_V2,
     "Rejected"},

    {"nothing, half-closed", ROLE_LEAVING, PART_NOTHING, RANGE_REQUIRE,
     SHAPE_V1, "ClosedEarly"},
    {"half of v1, half-closed", ROLE_LEAVING, PART_HALF, RANGE_REQUIRE,
     SHAPE_V1, "ClosedEarly"},
    {"half of v2, half-closed", ROLE_LEAVING, PART_HALF, RANGE_REQUIRE,
     SHAPE_V2_TLVS, "ClosedEarly"},
    {"v1, half-closed", ROLE_LEAVING, PART_HEADER, RANGE_REQUIRE, SHAPE_V1,
     "AcceptedV1"},
    {"v2, half-closed", ROLE_LEAVING, PART_HEADER, RANGE_REQUIRE,
     SHAPE_V2_TLVS, "AcceptedV2"},

    {"nothing, reset", ROLE_RESET, PART_NOTHING, RANGE_REQUIRE, SHAPE_V2,
     "ClosedEarly"},
    {"half of v2, reset", ROLE_RESET, PART_HALF, RANGE_REQUIRE,
     SHAPE_V2_TLVS, "ClosedEarly"},
    {"v2, reset", ROLE_RESET, PART_HEADER, RANGE_REQUIRE, SHAPE_V2,
     "AcceptedV2,ClosedEarly"},
    {"v2 and request, reset", ROLE_RESET, PART_ALL, RANGE_REQUIRE,
     SHAPE_V2_TLVS, "AcceptedV2,ClosedEarly"},

    {"nothing, silent", ROLE_SILENT, PART_NOTHING, RANGE_REQUIRE, SHAPE_V1,
     "TimedOut,Evicted"},
    {"half of v1, silent", ROLE_SILENT, PART_HALF, RANGE_REQUIRE, SHAPE_V1,
     "TimedOut,Evicted"},
    {"half of v2, silent", ROLE_SILENT, PART_HALF, RANGE_REQUIRE,
     SHAPE_V2_TLVS, "TimedOut,Evicted"},
    {"v2, silent", ROLE_SILENT, PART_HEADER, RANGE_REQUIRE, SHAPE_V2_TLVS,
     "TimedOut,Evicted"},
    {NULL, ROLES, PART_NOTHING, RANGE_NONE, SHAPE_NOTHING, NULL}
};

uint32_t kinds_address(const kind_t *kind, chance_t *chance)
{
    switch (kind->range) {
    case RANGE_REQUIRE:
        return 0x7f000000 + chance_among(chance, 1, 8);
    case RANGE_OPTIONAL:
        return 0x7f000100 + chance_among(chance, 1, 4);
    case RANGE_DIRECT:
        return 0x7f000201;
    case RANGE_NONE:
        break;
    }
    return 0x7f000042;
}

/* Rows of TLVs as load balancers send them, of many lengths. */
static void add_tlvs(pp_header_t *header, uint32_t id, chance_t *chance,
                     uint8_t *tlvs, size_t size)
{
    static const uint8_t filler[1500];
    char text[32];
    int len = snprintf(text, sizeof(text), "soak-%u", id);
    size_t used = 0;

    pp_tlv_append(tlvs, size, &used, PP_TLV_AUTHORITY,
                  (const uint8_t *)"example.org", 11);
    pp_tlv_append(tlvs, size, &used, PP_TLV_NOOP, filler,
                  (uint16_t)chance_among(chance, 0, sizeof(filler)));
    pp_tlv_append(tlvs, size, &used, PP_TLV_UNIQUE_ID, (uint8_t *)text,
                  (uint16_t)len);
    header->tlvs = tlvs;
    header->tlvs_len = used;
}

static void set_address(pp_header_t *header, uint32_t id)
{
    uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8};

    bytes[12] = 10;
    bytes[13] = (uint8_t)(id >> 16);
    bytes[14] = (uint8_t)(id >> 8);
    bytes[15] = (uint8_t)id;
    if (header->family == PP_INET6) {
        pp_addr_set(&header->src, PP_INET6, bytes);
        pp_addr_set(&header->dst, PP_INET6, bytes);
    }
    else {
        pp_addr_set(&header->src, PP_INET, bytes + 12);
        pp_addr_set(&header->dst, PP_INET, bytes + 12);
    }
    header->src_port = (uint16_t)(1 + id % 65535);
    header->dst_port = 443;
}

static size_t write_good(shape_t shape, uint32_t id, chance_t *chance,
                         uint8_t *bytes, pp_header_t *header)
{
    uint8_t tlvs[2000];
    const int is_v1 = shape == SHAPE_V1 || shape == SHAPE_V1_INET6
                      || shape == SHAPE_V1_UNKNOWN;

    header->version = is_v1 ? 1 : 2;
    header->command = shape == SHAPE_V2_LOCAL ? PP_LOCAL : PP_PROXY;
    if (shape != SHAPE_V1_UNKNOWN && shape != SHAPE_V2_UNSPEC
        && shape != SHAPE_V2_LOCAL) {
        header->transport = PP_STREAM;
        header->family = shape == SHAPE_V1_INET6 || shape == SHAPE_V2_INET6
                             ? PP_INET6
                             : PP_INET;
        set_address(header, id);
    }
    if (shape == SHAPE_V2_TLVS || shape == SHAPE_V2_CHECKSUM) {
        add_tlvs(header, id, chance, tlvs, sizeof(tlvs));
    }
    return pp_encode(header, header->tlvs != NULL, bytes, KINDS_ROOM);
}

static size_t write_text(uint8_t *bytes, const char *text)
{
    size_t len = strlen(text);

    memcpy(bytes, text, len);
    return len;
}

/* A v2 header whose length field is not what follows. */
static size_t write_length(uint8_t *bytes, size_t len, size_t announced)
{
    bytes[AT_LENGTH] = (uint8_t)(announced >> 8);
    bytes[AT_LENGTH + 1] = (uint8_t)announced;
    return len;
}

/* Bytes that begin like no header, as TLS does, or not even so. */
static size_t write_any(uint8_t *bytes, int is_tls, chance_t *chance)
{
    size_t len = chance_among(chance, 1, 400);
    size_t i;

    for (i = 0; i < len; i++) {
        bytes[i] = (uint8_t)chance_draw(chance);
    }
    if (is_tls) {
        memcpy(bytes, "\x16\x03\x01\x02\x00\x01", 6);
        return len > 6 ? len : 6;
    }
    if (bytes[0] == 'P' || bytes[0] == '\r') {
        bytes[0] = 'X';
    }
    return len;
}

static size_t write_bad(shape_t shape, uint32_t id, chance_t *chance,
                        uint8_t *bytes, pp_header_t *header)
{
    size_t len = write_good(shape == SHAPE_V2_CHECKSUM ? shape : SHAPE_V2, id,
                            chance, bytes, header);

    switch (shape) {
    case SHAPE_V1_ADDRESS:
        return write_text(bytes, "PROXY TCP4 192.0.2.300 10.0.0.1 1 2\r\n");
    case SHAPE_V1_LINE_END:
        return write_text(bytes, "PROXY TCP4 192.0.2.3 10.0.0.1 1 2\n");
    case SHAPE_V1_LOWER_CASE:
        return write_text(bytes, "proxy TCP4 192.0.2.3 10.0.0.1 1 2\r\n");
    case SHAPE_HTTP:
        return write_text(bytes, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    case SHAPE_TLS:
    case SHAPE_GARBAGE:
        return write_any(bytes, shape == SHAPE_TLS, chance);
    case SHAPE_V2_VERSION:
        bytes[AT_VERSION] = 0x31;
        return len;
    case SHAPE_V2_SHORT:
        return write_length(bytes, len, 3);
    case SHAPE_V2_OVERRUN:
        memcpy(bytes + len, "\x04\x01\x00xyz", 6);
        return write_length(bytes, len + 6, len + 6 - AT_SOURCE);
    case SHAPE_V2_TOO_LARGE:
        memset(bytes + len, 0, TOO_LARGE - len);
        return write_length(bytes, TOO_LARGE, TOO_LARGE - AT_SOURCE);
    case SHAPE_V2_CHECKSUM:
        bytes[AT_SOURCE] ^= 1; /* another source than was summed up */
        return len;
    case SHAPE_NOTHING:
    case SHAPE_V1:
    case SHAPE_V1_INET6:
    case SHAPE_V1_UNKNOWN:
    case SHAPE_V2:
    case SHAPE_V2_INET6:
    case SHAPE_V2_TLVS:
    case SHAPE_V2_LOCAL:
    case SHAPE_V2_UNSPEC:
        break;
    }
    return len;
}

static void describe(const pp_header_t *header, shape_t shape, uint32_t id,
                     const struct sockaddr_in *own, char *client)
{
    char text[PP_ADDR_TEXT_MAX];
    char unique[32] = "(none)";
    pp_addr_t addr = header->src;
    unsigned int port = header->src_port;

    if (!pp_names_client(header)) {
        pp_addr_set(&addr, PP_INET, (const uint8_t *)&own->sin_addr);
        port = ntohs(own->sin_port);
    }
    pp_addr_format(&addr, text);
    if (shape == SHAPE_V2_TLVS) {
        snprintf(unique, sizeof(unique), "soak-%u", id);
    }
    snprintf(client, KINDS_CLIENT_ROOM, "%s %u %s\n", text, port, unique);
}

size_t kinds_header(const kind_t *kind, uint32_t id,
                    const struct sockaddr_in *own, chance_t *chance,
                    uint8_t *bytes, char *client)
{
    pp_header_t header = {0};
    size_t len = 0;

    if (kind->shape >= SHAPE_V1_ADDRESS) {
        len = write_bad(kind->shape, id, chance, bytes, &header);
    }
    else if (kind->shape != SHAPE_NOTHING) {
        len = write_good(kind->shape, id, chance, bytes, &header);
    }
    describe(&header, kind->shape, id, own, client);
    return len;
}
