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
 * TLVs: walking, validating and appending them, and the checksum.
 */

#include "bytes.h"
#include "protocol/pp.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static void check_end(const uint8_t *at, size_t left, int expected,
                      const char *when)
{
    const uint8_t *rest = at;
    size_t rest_len = left;
    pp_tlv_t tlv = {0xa5, 0xa5a5, NULL};
    int taken = pp_tlv_next(&rest, &rest_len, &tlv);

    tap_check(taken == expected, "%s: %d, not %d", when, taken, expected);
    tap_check(rest == at && rest_len == left, "%s: the walk moved on", when);
}

static void test_next(void)
{
    static const notation_t row =
        HEX("01 0002 'h2' 04 0000 ff 0100 [256:7e] 05 0001 ff");
    static const struct {
        uint8_t type;
        uint16_t len;
        uint8_t value;
    } expected[] = {{1, 2, 'h'}, {4, 0, 0}, {0xff, 256, 0x7e}, {5, 1, 0xff}};
    block_t block = block_read(&row);
    const uint8_t *rest = block.bytes;
    size_t rest_len = block.len;
    size_t i;

    tap_begin("next: a row from end to end");
    for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const uint8_t *was = rest;
        pp_tlv_t tlv;

        tap_check(pp_tlv_next(&rest, &rest_len, &tlv) == 1, "no TLV");
        tap_check(tlv.type == expected[i].type && tlv.len == expected[i].len
                      && tlv.value == was + 3,
                  "another TLV");
        tap_check(tlv.len == 0 || tlv.value[0] == expected[i].value,
                  "another value");
        tap_check(rest == was + 3 + tlv.len
                      && rest + rest_len == block.bytes + block.len,
                  "the walk stands elsewhere");
    }
    check_end(rest, rest_len, 0, "the end");
    tap_end();
    block_free(&block);
}

static void test_next_short(void)
{
    static const notation_t whole = HEX("e0 0104 [260:55]");
    block_t block = block_read(&whole);
    size_t len;

    tap_begin("next: a TLV cut short at every byte");
    for (len = 0; len < block.len; len++) {
        block_t cut = block_copy(block.bytes, len);

        check_end(cut.bytes, len, len == 0 ? 0 : -1, "cut");
        block_free(&cut);
    }
    tap_end();
    block_free(&block);
}

/* What a lone TLV of zeros must be found to be. */
static pp_reason_t reason_of(unsigned int type, size_t len)
{
    switch (type) {
    case PP_TLV_CRC32C:
        return len == 4 ? PP_OK : PP_BAD_CRC_LENGTH;
    case PP_TLV_UNIQUE_ID:
        return len > 128 ? PP_BAD_UNIQUE_ID_LONG : PP_OK;
    default:
        return PP_OK;
    }
}

static void test_validate_each(void)
{
    unsigned int type;
    size_t len;

    tap_begin("validate: every type with lengths 0 to 140");
    for (type = 0; type < 256; type++) {
        for (len = 0; len <= 140; len++) {
            uint8_t row[3 + 140] = {0};
            block_t block;
            const uint8_t *crc = row;
            pp_reason_t reason;

            row[0] = (uint8_t)type;
            row[2] = (uint8_t)len;
            block = block_copy(row, 3 + len);
            reason = pp_tlv_validate(block.bytes, block.len, &crc);
            tap_check(reason == reason_of(type, len), "type %u, %lu bytes: %s",
                      type, (unsigned long)len, pp_reason_text(reason));
            if (reason == PP_OK) {
                tap_check(crc == (type == 3 ? block.bytes + 3 : NULL),
                          "type %u: the checksum's place", type);
            }
            block_free(&block);
        }
    }
    tap_end();
}

/* Zeros are sub-TLVs of type 0 without a value, 3 bytes each. */
static pp_reason_t ssl_fault_of(size_t len)
{
    if (len < 5) {
        return PP_BAD_SSL_SHORT;
    }
    return (len - 5) % 3 == 0 ? PP_OK : PP_BAD_SSL_OVERRUN;
}

static void test_find_ssl_lengths(void)
{
    size_t len;

    tap_begin("find ssl: zeros of length 0 to 140, the first of two");
    for (len = 0; len <= 140; len++) {
        uint8_t row[3 + 140 + 3 + 5] = {0x20};
        block_t block;
        pp_tlv_t ssl;
        pp_reason_t fault = PP_BAD_SIGNATURE;
        int is_right;

        row[2] = (uint8_t)len;
        row[3 + len] = 0x20;
        row[3 + len + 2] = 5;
        block = block_copy(row, 3 + len + 3 + 5);
        is_right = pp_tlv_find_ssl(block.bytes, block.len, &ssl, &fault);
        tap_check(fault == ssl_fault_of(len), "%lu bytes: %s",
                  (unsigned long)len, pp_reason_text(fault));
        tap_check(is_right == (fault == PP_OK), "%lu bytes: the answer",
                  (unsigned long)len);
        tap_check(ssl.len == len && ssl.value == block.bytes + 3,
                  "%lu bytes: it is the first", (unsigned long)len);
        block_free(&block);
    }
    tap_end();
}

static void test_find_ssl_rows(void)
{
    static const struct {
        const char *name;
        notation_t row;
        int is_right;
        pp_reason_t fault;
    } cases[] = {
        {"nothing", HEX(""), 0, PP_OK},
        {"none", HEX("01 0002 'h2'"), 0, PP_OK},
        {"alone", HEX("20 0005 [5:00]"), 1, PP_OK},
        {"behind another", HEX("01 0002 'h2' 20 0005 [5:00]"), 1, PP_OK},
        {"a good sub-TLV, then one that overruns",
         HEX("20 000e [5:00] 21 0002 'T1' 23 0002 'A'"), 0,
         PP_BAD_SSL_OVERRUN},
        {"a good sub-TLV, then a stray byte",
         HEX("20 000b [5:00] 21 0002 'T1' 23"), 0, PP_BAD_SSL_OVERRUN},
        {"one byte, a good one behind it",
         HEX("20 0001 07 20 0005 [5:00]"), 0, PP_BAD_SSL_SHORT},
        {"the fault is in the second of two",
         HEX("20 0005 [5:00] 20 0004 [4:00]"), 1, PP_OK},
    };
    size_t i;

    tap_begin("find ssl: rows");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        block_t row = block_read(&cases[i].row);
        pp_tlv_t ssl;
        pp_reason_t fault = PP_BAD_SIGNATURE;
        int is_right = pp_tlv_find_ssl(row.bytes, row.len, &ssl, &fault);

        tap_check(is_right == cases[i].is_right && fault == cases[i].fault,
                  "%s: %d, %s", cases[i].name, is_right,
                  pp_reason_text(fault));
        tap_check(pp_tlv_find_ssl(row.bytes, row.len, &ssl, NULL)
                      == cases[i].is_right,
                  "%s: without asking why", cases[i].name);
        block_free(&row);
    }
    tap_end();
}

static void test_validate_rows(void)
{
    static const struct {
        const char *name;
        notation_t row;
        pp_reason_t reason;
        size_t crc; /* where the checksum is; 0: there is none */
    } cases[] = {
        {"one", HEX("01 0002 'h2'"), PP_OK, 0},
        {"a checksum between others",
         HEX("01 0002 'h2' 03 0004 12345678 04 0000"), PP_OK, 8},
        {"the first fault is told, a length",
         HEX("03 0003 123456 05 0081 [129:00] 04"), PP_BAD_CRC_LENGTH, 0},
        {"the first fault is told, an id",
         HEX("05 0081 [129:00] 03 0003 123456 04"), PP_BAD_UNIQUE_ID_LONG, 0},
        {"one stray byte", HEX("01 0000 04"), PP_BAD_TLV_STRAY, 0},
        {"two stray bytes", HEX("01 0000 0400"), PP_BAD_TLV_STRAY, 0},
        {"two stray bytes that announce", HEX("ffff"), PP_BAD_TLV_STRAY, 0},
        {"overrun by one", HEX("01 0000 04 0001"), PP_BAD_TLV_OVERRUN, 0},
        {"overrun by all", HEX("04 ffff"), PP_BAD_TLV_OVERRUN, 0},
        {"overrun by the high byte", HEX("04 0100 00"), PP_BAD_TLV_OVERRUN, 0},
        {"the checksum twice", HEX("03 0004 00000000 03 0004 00000000"),
         PP_BAD_CRC_TWICE, 0},
        {"the checksum twice, apart",
         HEX("03 0004 00000000 04 0000 03 0004 11111111"), PP_BAD_CRC_TWICE, 0},
        {"the checksum twice and once within SSL",
         HEX("20 000c [5:00] 03 0004 00000000 03 0004 00000000"), PP_OK, 18},
        {"ssl within ssl is not looked into", HEX("20 0008 [5:00] 20 0000"),
         PP_OK, 0},
        {"ssl: a good sub-TLV, then one that overruns",
         HEX("20 000e [5:00] 21 0002 'T1' 23 0002 'A'"), PP_OK, 0},
        {"ssl: a good sub-TLV, then a stray byte",
         HEX("20 000b [5:00] 21 0002 'T1' 23"), PP_OK, 0},
        {"ssl that overruns the row", HEX("20 0006 [5:00]"), PP_BAD_TLV_OVERRUN,
         0},
    };
    size_t i;

    tap_begin("validate: rows");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        block_t block = block_read(&cases[i].row);
        const uint8_t *crc = block.bytes;
        pp_reason_t reason = pp_tlv_validate(block.bytes, block.len, &crc);

        tap_check(reason == cases[i].reason, "%s: %s", cases[i].name,
                  pp_reason_text(reason));
        if (cases[i].reason == PP_OK) {
            tap_check(crc == (cases[i].crc ? block.bytes + cases[i].crc : NULL),
                      "%s: the checksum's place", cases[i].name);
        }
        block_free(&block);
    }
    tap_end();
}

static void test_validate_none(void)
{
    const uint8_t *crc = (const uint8_t *)"";

    tap_begin("validate: nothing");
    tap_check(pp_tlv_validate(NULL, 0, &crc) == PP_OK, "a fault in nothing");
    tap_check(crc == NULL, "a checksum in nothing");
    tap_end();
}

/* CRC32C bit by bit: the definition. */
static uint32_t slow_crc(const uint8_t *bytes, size_t len)
{
    uint32_t crc = 0xffffffffu;
    int bit;

    while (len--) {
        crc ^= *bytes++;
        for (bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
    }
    return ~crc;
}

/* The check value, and RFC 3720 appendix B.4's. */
static void test_crc_known(void)
{
    static const struct {
        notation_t bytes;
        uint32_t crc;
    } cases[] = {
        {TEXT("123456789"), 0xe3069283u},
        {TEXT(""), 0x00000000u},
        {HEX("[32:00]"), 0x8a9136aau},
        {HEX("[32:ff]"), 0x62a8ab43u},
        {HEX("000102030405060708090a0b0c0d0e0f"
             "101112131415161718191a1b1c1d1e1f"),
         0x46dd794eu},
        {HEX("1f1e1d1c1b1a19181716151413121110"
             "0f0e0d0c0b0a09080706050403020100"),
         0x113fdb5cu},
        {HEX("01c00000 [12:00] 14000000 00000400 00000014 00000018"
             "28000000 00000000 02000000 00000000"),
         0xd9963a56u},
    };
    size_t i;

    tap_begin("crc32c: known values");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        block_t block = block_read(&cases[i].bytes);
        uint32_t crc = pp_crc32c(block.bytes, block.len, NULL);

        tap_check(crc == cases[i].crc, "value %u is %08lx", (unsigned int)i,
                  (unsigned long)crc);
        block_free(&block);
    }
    tap_end();
}

static void test_crc_field(void)
{
    int i;

    random_seed(4960);
    tap_begin("crc32c: with and without a field, against the definition");
    for (i = 0; i < 3000; i++) {
        uint8_t bytes[300];
        size_t len = 4 + random_below(sizeof(bytes) - 4);
        size_t at = random_below((uint32_t)len - 3);
        block_t block;

        if (i < 8) { /* the field at either end */
            at = i % 2 ? 0 : len - 4;
        }
        random_fill(bytes, len);
        block = block_copy(bytes, len);
        tap_check(pp_crc32c(block.bytes, len, NULL) == slow_crc(bytes, len),
                  "no field");
        memset(bytes + at, 0, 4);
        tap_check(pp_crc32c(block.bytes, len, block.bytes + at)
                      == slow_crc(bytes, len),
                  "field at %lu of %lu", (unsigned long)at, (unsigned long)len);
        block_free(&block);
    }
    tap_end();
}

/* Append to a row that is exactly as large as size says. */
static void append_one(size_t size, size_t len, uint16_t value_len)
{
    block_t row = {malloc(size), size, NO_MARK};
    uint8_t value[64];
    size_t now = len;
    int fits = len + 3 + value_len <= size;
    int taken;

    memset(value, 0x5a, sizeof(value));
    if (!row.bytes && size > 0) {
        abort();
    }
    if (size > 0) {
        memset(row.bytes, 0xa5, size);
    }
    taken = pp_tlv_append(row.bytes, size, &now, 0xe7,
                          value_len > 0 ? value : NULL, value_len);
    tap_check(taken == fits, "%lu + %u into %lu: %d", (unsigned long)len,
              value_len, (unsigned long)size, taken);
    tap_check(now == (fits ? len + 3 + value_len : len), "the length");
    if (fits) {
        tap_check(row.bytes[len] == 0xe7 && row.bytes[len + 1] == 0
                      && row.bytes[len + 2] == value_len
                      && memcmp(row.bytes + len + 3, value, value_len) == 0,
                  "other bytes");
        tap_check(now == size || row.bytes[now] == 0xa5, "bytes behind it");
        tap_check(len == 0 || row.bytes[len - 1] == 0xa5, "bytes before it");
    }
    else {
        tap_check(size == 0
                      || (row.bytes[0] == 0xa5 && row.bytes[size - 1] == 0xa5),
                  "bytes of what did not fit");
    }
    block_free(&row);
}

static void test_append(void)
{
    size_t size;
    size_t len;
    uint16_t value_len;

    tap_begin("append: every size, length and value up to a few bytes");
    for (size = 0; size <= 24; size++) {
        for (len = 0; len <= size; len++) {
            for (value_len = 0; value_len <= 24; value_len++) {
                append_one(size, len, value_len);
            }
        }
    }
    tap_end();
}

static void test_append_extremes(void)
{
    static uint8_t value[65535];
    static uint8_t row[3 + 65535];
    size_t len = 0;

    memset(value, 0x7e, sizeof(value));
    tap_begin("append: the largest value, and a row longer than its room");
    tap_check(!pp_tlv_append(row, sizeof(row) - 1, &len, 1, value, 65535)
                  && len == 0,
              "no room by one byte");
    tap_check(pp_tlv_append(row, sizeof(row), &len, 1, value, 65535)
                  && len == sizeof(row),
              "exactly the room");
    tap_check(row[1] == 0xff && row[2] == 0xff && row[3] == 0x7e
                  && row[sizeof(row) - 1] == 0x7e,
              "other bytes");
    len = 0;
    tap_check(pp_tlv_append(row, sizeof(row), &len, 1, value, 0x0102)
                  && row[1] == 0x01 && row[2] == 0x02,
              "the length's byte order");
    len = 11;
    tap_check(!pp_tlv_append(row, 10, &len, 1, NULL, 0) && len == 11,
              "a length beyond the room");
    len = (size_t)-1;
    tap_check(!pp_tlv_append(row, 10, &len, 1, NULL, 0) && len == (size_t)-1,
              "a length that wraps");
    tap_end();
}

/* The first of its type counts; what cannot be walked holds nothing more. */
static void test_find(void)
{
    static const uint8_t row[] = {1, 0, 1, 'a', 2, 0, 0,   1,   0, 1,
                                  'b', 9, 0, 1, 'c', 7, 0xff, 0xff};
    pp_tlv_t tlv;

    tap_begin("find: a TLV by its type");
    tap_check(pp_tlv_find(row, sizeof(row), 1, &tlv) && tlv.len == 1
                  && tlv.value == row + 3,
              "of two the first");
    tap_check(pp_tlv_find(row, sizeof(row), 2, &tlv) && tlv.len == 0,
              "an empty one");
    tap_check(pp_tlv_find(row, sizeof(row), 9, &tlv) && tlv.value[0] == 'c',
              "the last whole one");
    tap_check(!pp_tlv_find(row, sizeof(row), 7, &tlv), "one that overruns");
    tap_check(!pp_tlv_find(row, sizeof(row), 3, &tlv), "one that is not there");
    tap_check(!pp_tlv_find(row, 3, 1, &tlv), "a row cut short");
    tap_check(!pp_tlv_find(NULL, 0, 1, &tlv), "no row");
    tap_end();
}

static void check_name(const char *is, const char *expected)
{
    tap_check(expected ? is && strcmp(is, expected) == 0 : !is,
              "%s, not %s", is ? is : "none", expected ? expected : "none");
}

static void test_names(void)
{
    int type;
    int named = 0;
    int subs = 0;

    tap_begin("names: each of its own kind, no others");
    check_name(pp_tlv_name(PP_TLV_UNIQUE_ID), "UNIQUE_ID");
    check_name(pp_tlv_name(PP_TLV_GCP), "GCP_PSC_ID");
    check_name(pp_tlv_name(PP_SSL_CN), NULL);
    check_name(pp_ssl_sub_name(PP_SSL_CN), "SSL_CN");
    check_name(pp_ssl_sub_name(PP_TLV_ALPN), NULL);
    for (type = 0; type < 256; type++) {
        named += pp_tlv_name((uint8_t)type) != NULL;
        subs += pp_ssl_sub_name((uint8_t)type) != NULL;
    }
    tap_check(named == 10 && subs == 8, "%d and %d", named, subs);
}

int main(void)
{
    test_names();
    test_find();
    test_next();
    test_next_short();
    test_validate_each();
    test_validate_rows();
    test_find_ssl_lengths();
    test_find_ssl_rows();
    test_validate_none();
    test_crc_known();
    test_crc_field();
    test_append();
    test_append_extremes();
    return tap_finish();
}
