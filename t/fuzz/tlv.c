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
 * Rows of TLVs: walking, finding and validating them, against another reader
 * that is as plain as can be; and the checksum, against another that goes bit
 * by bit.
 *
 * input: two bytes that say where a checksum's field is, then the row.
 */

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define CRC_LEN 4

/* Where the first TLV at or behind a place ends, or 0 when none fits. */
static size_t tlv_end(const uint8_t *row, size_t at, size_t len)
{
    size_t end;

    if (len - at < 3) {
        return 0;
    }
    end = at + 3 + 256u * row[at + 1] + row[at + 2];
    return end <= len ? end : 0;
}

/* The plain reader's verdict on an SSL TLV, from its value on. */
static pp_reason_t judge_ssl(const uint8_t *value, size_t len)
{
    size_t at = PP_SSL_FIXED;

    if (len < PP_SSL_FIXED) {
        return PP_BAD_SSL_SHORT;
    }
    while (at < len) {
        at = tlv_end(value, at, len);
        if (at == 0) {
            return PP_BAD_SSL_OVERRUN;
        }
    }
    return PP_OK;
}

/* The plain reader's verdict on a row. */
static pp_reason_t judge(const uint8_t *row, size_t len, const uint8_t **crc)
{
    size_t at = 0;

    *crc = NULL;
    while (at < len) {
        size_t end = tlv_end(row, at, len);
        size_t value_len = end - at - 3;

        if (end == 0) {
            return len - at < 3 ? PP_BAD_TLV_STRAY : PP_BAD_TLV_OVERRUN;
        }
        if (row[at] == PP_TLV_CRC32C && value_len != CRC_LEN) {
            return PP_BAD_CRC_LENGTH;
        }
        if (row[at] == PP_TLV_CRC32C && *crc) {
            return PP_BAD_CRC_TWICE;
        }
        if (row[at] == PP_TLV_UNIQUE_ID && value_len > PP_UNIQUE_ID_MAX) {
            return PP_BAD_UNIQUE_ID_LONG;
        }
        if (row[at] == PP_TLV_CRC32C) {
            *crc = row + at + 3;
        }
        at = end;
    }
    return PP_OK;
}

/* What is wrong inside the first SSL TLV is told, and nothing else of it. */
static void check_ssl(const uint8_t *row, size_t len)
{
    pp_tlv_t ssl;
    pp_reason_t fault;
    int is_right = pp_tlv_find_ssl(row, len, &ssl, &fault);
    size_t at = 0;
    size_t end;

    while ((end = tlv_end(row, at, len)) != 0 && row[at] != PP_TLV_SSL) {
        at = end;
    }
    if (end == 0) {
        require(!is_right && fault == PP_OK, "there is no SSL TLV");
        return;
    }
    require(fault == judge_ssl(row + at + 3, end - at - 3),
            "the fault in an SSL TLV");
    require(is_right == (fault == PP_OK), "an SSL TLV is right, or not");
    require(ssl.value == row + at + 3 && ssl.len == end - at - 3,
            "the first SSL TLV");
}

/* Walk, and write what is found to another row: it must be the same. */
static void check_walk(const uint8_t *row, size_t len)
{
    const uint8_t *rest = row;
    size_t rest_len = len;
    uint8_t *copy = malloc(len + 1);
    size_t copy_len = 0;
    pp_tlv_t tlv;
    pp_tlv_t found;
    int taken;

    while ((taken = pp_tlv_next(&rest, &rest_len, &tlv)) > 0) {
        require(rest == tlv.value + tlv.len && rest + rest_len == row + len,
                "a TLV ends where the next begins");
        require(pp_tlv_find(row, len, tlv.type, &found)
                    && found.type == tlv.type && found.value <= tlv.value,
                "of a type the first is found");
        require(copy
                    && pp_tlv_append(copy, len, &copy_len, tlv.type, tlv.value,
                                     tlv.len),
                "there is room for each");
    }
    require(taken == (rest_len > 0 ? -1 : 0), "the walk ends as it must");
    require(rest_len == 0 || tlv_end(rest, 0, rest_len) == 0,
            "what is left is no TLV");
    require(copy_len == len - rest_len && copy
                && memcmp(copy, row, copy_len) == 0,
            "written again it is the same");
    require(!pp_tlv_append(copy, copy_len, &copy_len, 0, NULL, 0),
            "no TLV where there is no room");
    free(copy);
}

static void check_finds(const uint8_t *row, size_t len)
{
    unsigned int type;

    for (type = 0; type < 256; type++) {
        size_t at = 0;
        size_t end = 0;
        pp_tlv_t found;
        int is_found = pp_tlv_find(row, len, (uint8_t)type, &found);

        while (at < len && (end = tlv_end(row, at, len)) > 0
               && row[at] != type) {
            at = end;
        }
        require(is_found == (at < len && end > 0), "found if it is there");
        require(
            !is_found
                || (found.value == row + at + 3 && found.len == end - at - 3),
            "the first of its type");
    }
}

/* RFC 4960 appendix B, a bit at a time. */
static uint32_t crc32c(const uint8_t *bytes, size_t len, size_t field)
{
    uint32_t crc = 0xffffffffu;
    size_t i;
    int bit;

    for (i = 0; i < len; i++) {
        crc ^= i >= field && i < field + CRC_LEN ? 0 : bytes[i];
        for (bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
    }
    return ~crc;
}

static void check_crc(const uint8_t *bytes, size_t len, size_t field)
{
    require(pp_crc32c(bytes, len, NULL) == crc32c(bytes, len, len),
            "the checksum of all bytes");
    if (len >= CRC_LEN) {
        field %= len - CRC_LEN + 1;
        require(pp_crc32c(bytes, len, bytes + field)
                    == crc32c(bytes, len, field),
                "the checksum without its field");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    input_t input = {bytes, len};
    size_t field = take_uint16(&input);
    block_t row = block_copy(input.at, input.left);
    const uint8_t *crc;
    const uint8_t *expected_crc;
    pp_reason_t reason = pp_tlv_validate(row.bytes, row.len, &crc);

    require(reason == judge(row.bytes, row.len, &expected_crc),
            "both readers judge alike");
    require(reason != PP_OK || crc == expected_crc, "the same checksum field");
    check_walk(row.bytes, row.len);
    check_ssl(row.bytes, row.len);
    check_finds(row.bytes, row.len);
    check_crc(row.bytes, row.len, field);
    block_free(&row);
    return 0;
}
