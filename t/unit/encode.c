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
 * The encoder: exact bytes for known headers, what has no form, room that is
 * too small, and decoding gives back what was encoded.
 */

#include "bytes.h"
#include "protocol/pp.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pp_rules_t any_rules = {PP_FORMAT_V1 | PP_FORMAT_V2, PP_V2_MAX, 0};

static pp_addr_t addr_of(const char *text)
{
    pp_addr_t addr;

    memset(&addr, 0, sizeof(addr));
    if (text && !pp_addr_parse(text, strlen(text), PP_UNSPEC, &addr)) {
        printf("Bail out! no address: %s\n", text);
        exit(2);
    }
    return addr;
}

static pp_header_t header_of(int version, pp_command_t command,
                             pp_family_t family, pp_transport_t transport,
                             const char *src, const char *dst)
{
    pp_header_t header;

    memset(&header, 0, sizeof(header));
    header.version = version;
    header.command = command;
    header.family = family;
    header.transport = transport;
    header.src = addr_of(src);
    header.dst = addr_of(dst);
    header.src_port = 50000;
    header.dst_port = 443;
    return header;
}

/* Encode into room of a size and nothing more; 0xee where not written. */
static block_t encode(const pp_header_t *header, int add_checksum, size_t size,
                      size_t *len)
{
    block_t block = {NULL, 0, NO_MARK};

    block.bytes = malloc(size);
    if (!block.bytes && size > 0) {
        abort();
    }
    if (size > 0) {
        memset(block.bytes, 0xee, size);
    }
    block.len = size;
    *len = pp_encode(header, add_checksum, block.bytes, size);
    return block;
}

/* Every room that is too small gives 0, the exact one the whole. */
static void check_room(const pp_header_t *header, int add_checksum,
                       const uint8_t *bytes, size_t len)
{
    size_t step = len > 300 ? len / 100 : 1;
    size_t size;
    size_t got;
    block_t block;

    for (size = 0; size < len; size += step) {
        block = encode(header, add_checksum, size, &got);
        tap_check(got == 0, "room of %lu for %lu", (unsigned long)size,
                  (unsigned long)len);
        block_free(&block);
    }
    block = encode(header, add_checksum, len - 1, &got);
    tap_check(got == 0, "room of one byte less than %lu", (unsigned long)len);
    block_free(&block);
    block = encode(header, add_checksum, len, &got);
    tap_check(got == len && memcmp(block.bytes, bytes, len) == 0,
              "exact room of %lu", (unsigned long)len);
    block_free(&block);
}

static void check_bytes(const char *name, const pp_header_t *header,
                        int add_checksum, const notation_t *notation)
{
    block_t expected = block_read(notation);
    size_t len;
    block_t got = encode(header, add_checksum, PP_V2_MAX, &len);

    tap_begin(name);
    if (tap_check(len == expected.len, "%lu bytes, not %lu", (unsigned long)len,
                  (unsigned long)expected.len)) {
        tap_check(memcmp(got.bytes, expected.bytes, len) == 0, "other bytes");
        tap_check(got.bytes[len] == 0xee, "more bytes than it says");
        check_room(header, add_checksum, expected.bytes, expected.len);
    }
    tap_end();
    block_free(&got);
    block_free(&expected);
}

static void test_v1_bytes(void)
{
    static const notation_t tcp4 =
        TEXT("PROXY TCP4 192.0.2.1 198.51.100.1 50000 443\r\n");
    static const notation_t tcp6 =
        TEXT("PROXY TCP6 2001:db8::1 ::ffff:198.51.100.1 50000 443\r\n");
    static const notation_t ports =
        TEXT("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n");
    static const notation_t longest =
        TEXT("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
             " ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n");
    static const notation_t unknown = TEXT("PROXY UNKNOWN\r\n");
    pp_header_t header;

    header =
        header_of(1, PP_PROXY, PP_INET, PP_STREAM, "192.0.2.1", "198.51.100.1");
    check_bytes("v1: TCP4", &header, 0, &tcp4);
    header = header_of(1, PP_PROXY, PP_INET6, PP_STREAM, "2001:db8::1",
                       "198.51.100.1");
    check_bytes("v1: TCP6, IPv4 in mapped form", &header, 0, &tcp6);
    header = header_of(1, PP_PROXY, PP_INET, PP_STREAM, "0.0.0.0",
                       "255.255.255.255");
    header.src_port = 0;
    header.dst_port = 65535;
    check_bytes("v1: the ports' limits", &header, 0, &ports);
    header = header_of(1, PP_PROXY, PP_INET6, PP_STREAM,
                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    header.src_port = 65535;
    header.dst_port = 65535;
    check_bytes("v1: the longest", &header, 0, &longest);
    header = header_of(1, PP_PROXY, PP_UNSPEC, PP_TRANSPORT_UNSPEC, NULL, NULL);
    check_bytes("v1: UNKNOWN", &header, 0, &unknown);
}

static void test_v2_bytes(void)
{
    static const notation_t tcp4 =
        HEX("S 21 11 000c c0000201 c6336401 c350 01bb");
    static const notation_t tcp4_crc =
        HEX("S 21 11 0013 c0000201 c6336401 c350 01bb 03 0004 fb667be1");
    static const notation_t udp6 =
        HEX("S 21 22 0024 20010db8000000000000000000000001"
            "00000000000000000000ffff c6336401 c350 01bb");
    static const notation_t unix_stream = HEX("S 21 31 00d8 [216:00]");
    static const notation_t unspec_crc = HEX("S 21 00 0007 03 0004 3ec9894e");
    pp_header_t header;

    header =
        header_of(2, PP_PROXY, PP_INET, PP_STREAM, "192.0.2.1", "198.51.100.1");
    check_bytes("v2: TCP4", &header, 0, &tcp4);
    check_bytes("v2: TCP4 with a checksum", &header, 1, &tcp4_crc);
    header = header_of(2, PP_PROXY, PP_INET6, PP_DGRAM, "2001:db8::1",
                       "198.51.100.1");
    check_bytes("v2: UDP6, IPv4 in mapped form", &header, 0, &udp6);
    header = header_of(2, PP_PROXY, PP_UNIX, PP_STREAM, NULL, NULL);
    check_bytes("v2: UNIX", &header, 0, &unix_stream);
    header = header_of(2, PP_PROXY, PP_UNSPEC, PP_TRANSPORT_UNSPEC, NULL, NULL);
    check_bytes("v2: UNSPEC with a checksum", &header, 1, &unspec_crc);
}

static void test_local_bytes(void)
{
    static const notation_t local = HEX("S 20 00 0000");
    static const notation_t local_tlv = HEX("S 20 00 0005 01 0002 'h2'");
    static const notation_t local_crc = HEX("S 20 00 0007 03 0004 a9b87e8f");
    static const uint8_t alpn[] = {1, 0, 2, 'h', '2'};
    pp_header_t header;

    header = header_of(2, PP_LOCAL, PP_UNSPEC, PP_TRANSPORT_UNSPEC, NULL, NULL);
    check_bytes("v2: LOCAL", &header, 0, &local);
    check_bytes("v2: LOCAL with a checksum", &header, 1, &local_crc);
    header.tlvs = alpn;
    header.tlvs_len = sizeof(alpn);
    check_bytes("v2: LOCAL with a TLV", &header, 0, &local_tlv);
    header = header_of(2, PP_LOCAL, PP_INET, PP_STREAM, "1.2.3.4", "5.6.7.8");
    check_bytes("v2: LOCAL has no addresses", &header, 0, &local);
    header = header_of(2, PP_LOCAL, PP_INET, PP_STREAM, NULL, NULL);
    check_bytes("v2: LOCAL needs no addresses", &header, 0, &local);
}

static void check_none(const char *what, const pp_header_t *header,
                       int add_checksum)
{
    size_t len;
    block_t block = encode(header, add_checksum, PP_V2_MAX, &len);

    tap_check(len == 0, "%s: %lu bytes", what, (unsigned long)len);
    block_free(&block);
}

static void test_no_v1_form(void)
{
    static const uint8_t alpn[] = {1, 0, 2, 'h', '2'};
    pp_header_t header;

    tap_begin("what has no form in v1");
    header = header_of(1, PP_LOCAL, PP_UNSPEC, PP_TRANSPORT_UNSPEC, NULL, NULL);
    check_none("LOCAL", &header, 0);
    header = header_of(1, PP_PROXY, PP_INET, PP_DGRAM, "1.2.3.4", "5.6.7.8");
    check_none("datagrams", &header, 0);
    header = header_of(1, PP_PROXY, PP_INET6, PP_DGRAM, "::1", "::2");
    check_none("datagrams over IPv6", &header, 0);
    header = header_of(1, PP_PROXY, PP_UNIX, PP_STREAM, NULL, NULL);
    check_none("UNIX", &header, 0);
    header = header_of(1, PP_PROXY, PP_INET, PP_STREAM, "1.2.3.4", "5.6.7.8");
    check_none("a checksum", &header, 1);
    header.tlvs = alpn;
    header.tlvs_len = sizeof(alpn);
    check_none("a TLV", &header, 0);
    tap_end();
}

static void test_no_form(void)
{
    static uint8_t tlvs[PP_V2_MAX];
    int version;
    pp_header_t header;

    tap_begin("what has no form in either version");
    for (version = 1; version <= 2; version++) {
        header =
            header_of(version, PP_PROXY, PP_INET, PP_STREAM, "::1", "1.2.3.4");
        check_none("IPv6 source in INET", &header, 0);
        header =
            header_of(version, PP_PROXY, PP_INET, PP_STREAM, "1.2.3.4", "::1");
        check_none("IPv6 destination in INET", &header, 0);
        header =
            header_of(version, PP_PROXY, PP_INET, PP_STREAM, NULL, "1.2.3.4");
        check_none("no source in INET", &header, 0);
        header = header_of(version, PP_PROXY, PP_INET6, PP_STREAM, "::1", NULL);
        check_none("no destination in INET6", &header, 0);
    }
    tap_end();
    tap_begin("v2: no longer than its length field can say");
    header = header_of(2, PP_PROXY, PP_INET, PP_STREAM, "1.2.3.4", "5.6.7.8");
    header.tlvs = tlvs;
    header.tlvs_len = 65535 - 12 + 1;
    {
        uint8_t *room = malloc(2 * (size_t)PP_V2_MAX);

        tap_check(room && pp_encode(&header, 0, room, 2 * PP_V2_MAX) == 0,
                  "one byte too many");
        header.tlvs_len--;
        tap_check(room && pp_encode(&header, 0, room, PP_V2_MAX) == PP_V2_MAX
                      && room[14] == 0xff && room[15] == 0xff,
                  "the most");
        tap_check(room && pp_encode(&header, 1, room, 2 * PP_V2_MAX) == 0,
                  "the most and a checksum");
        header.tlvs_len -= 7;
        tap_check(room && pp_encode(&header, 1, room, PP_V2_MAX) == PP_V2_MAX,
                  "the most with a checksum");
        free(room);
    }
    tap_end();
}

static pp_addr_t random_addr(pp_family_t family)
{
    uint8_t bytes[16];
    pp_addr_t addr;
    int i;

    random_fill(bytes, sizeof(bytes));
    for (i = 0; i < 16; i++) {
        if (random_below(3) == 0) {
            bytes[i] = 0;
        }
    }
    if (family == PP_INET6 && random_below(8) == 0) {
        memset(bytes, 0, 10);
        memset(bytes + 10, 0xff, 2);
    }
    pp_addr_set(&addr, family, bytes);
    return addr;
}

/* A right row of TLVs without a checksum. */
static size_t random_tlvs(uint8_t *tlvs, size_t size)
{
    static const uint8_t types[] = {0x00, 0x01, 0x02, 0x04, 0x05, 0x30,
                                    0xe0, 0xea, 0xee, 0xff, 0x21, 0x20};
    unsigned int count = random_below(6);
    size_t len = 0;

    while (count--) {
        uint8_t type = types[random_below(sizeof(types))];
        uint8_t value[300];
        uint16_t value_len = (uint16_t)random_below(
            type == PP_TLV_UNIQUE_ID ? PP_UNIQUE_ID_MAX + 1 : sizeof(value));

        random_fill(value, sizeof(value));
        if (type == PP_TLV_SSL) {
            size_t sub = PP_SSL_FIXED;

            pp_tlv_append(value, sizeof(value), &sub, 0x21, value + 100, 7);
            pp_tlv_append(value, sizeof(value), &sub, 0x23, value + 120, 22);
            value_len = (uint16_t)sub;
        }
        pp_tlv_append(tlvs, size, &len, type, value, value_len);
    }
    return len;
}

static int same_addr(const pp_addr_t *a, const pp_addr_t *b)
{
    return a->family == b->family
           && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Decode what was encoded and compare field by field. */
static void check_round_trip(const pp_header_t *header, int add_checksum)
{
    size_t len;
    block_t room = encode(header, add_checksum, PP_V2_MAX, &len);
    block_t block = block_copy(room.bytes, len);
    size_t tlvs_len = header->tlvs_len + (add_checksum ? 7 : 0);
    pp_header_t got;
    pp_answer_t answer = pp_decode(block.bytes, len, &any_rules, &got);

    tap_check(len > 0 && (header->version == 2 || len <= PP_V1_MAX),
              "%lu bytes", (unsigned long)len);
    if (tap_check(answer.status == PP_DONE && answer.len == len,
                  "is not whole: %s", pp_reason_text(answer.reason))) {
        tap_check(got.version == header->version
                      && got.command == header->command
                      && got.family == header->family
                      && got.transport == header->transport,
                  "version, command, family or transport");
        tap_check(same_addr(&got.src, &header->src)
                      && same_addr(&got.dst, &header->dst)
                      && got.src_port == header->src_port
                      && got.dst_port == header->dst_port,
                  "addresses or ports");
        tap_check(
            got.tlvs_len == tlvs_len
                && (header->tlvs_len == 0
                    || memcmp(got.tlvs, header->tlvs, header->tlvs_len) == 0),
            "TLVs");
        tap_check(got.checksum_held == add_checksum, "checksum");
        block_free(&room);
        room = encode(&got, 0, len, &tlvs_len);
        tap_check(tlvs_len == len && memcmp(room.bytes, block.bytes, len) == 0,
                  "encoded again it is other bytes");
    }
    block_free(&room);
    block_free(&block);
}

static void round_trips(const char *name, int version, pp_family_t family,
                        pp_transport_t transport)
{
    static uint8_t tlvs[2000];
    int has_addrs = family == PP_INET || family == PP_INET6;
    int i;

    tap_begin(name);
    for (i = 0; i < 1500; i++) {
        pp_header_t header =
            header_of(version, PP_PROXY, family, transport, NULL, NULL);

        header.src_port = 0;
        header.dst_port = 0;
        if (has_addrs) {
            header.src = random_addr(family);
            header.dst = random_addr(family);
            header.src_port = (uint16_t)random_next();
            header.dst_port = (uint16_t)random_next();
        }
        if (version == 2 && i % 4 > 1) {
            header.tlvs_len = random_tlvs(tlvs, sizeof(tlvs));
            header.tlvs = header.tlvs_len > 0 ? tlvs : NULL;
        }
        check_round_trip(&header, version == 2 && i % 2);
    }
    tap_end();
}

static void test_round_trips(void)
{
    random_seed(107);
    round_trips("round trip: v1 TCP4", 1, PP_INET, PP_STREAM);
    round_trips("round trip: v1 TCP6", 1, PP_INET6, PP_STREAM);
    round_trips("round trip: v1 UNKNOWN", 1, PP_UNSPEC, PP_TRANSPORT_UNSPEC);
    round_trips("round trip: v2 TCP4", 2, PP_INET, PP_STREAM);
    round_trips("round trip: v2 UDP4", 2, PP_INET, PP_DGRAM);
    round_trips("round trip: v2 TCP6", 2, PP_INET6, PP_STREAM);
    round_trips("round trip: v2 UDP6", 2, PP_INET6, PP_DGRAM);
    round_trips("round trip: v2 UNIX stream", 2, PP_UNIX, PP_STREAM);
    round_trips("round trip: v2 UNIX datagrams", 2, PP_UNIX, PP_DGRAM);
    round_trips("round trip: v2 UNSPEC", 2, PP_UNSPEC, PP_TRANSPORT_UNSPEC);
}

int main(void)
{
    test_v1_bytes();
    test_v2_bytes();
    test_local_bytes();
    test_no_v1_form();
    test_no_form();
    test_round_trips();
    return tap_finish();
}
