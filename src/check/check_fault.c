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
 * Faults.
 */

#include "check/check_fault.h"

#include <string.h>

#include "check/check_frame.h"
#include "check/check_tlv.h"

size_t check_fault_line_end(const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    if (len > PP_V1_MAX) {
        len = PP_V1_MAX;
    }
    while (at < len && bytes[at] != '\r' && bytes[at] != '\n') {
        at++;
    }
    return at;
}

/* A port as it must be: digits, no zero before others, 65535 at most. */
static int is_port(const uint8_t *bytes, size_t len)
{
    unsigned long port = 0;
    size_t i;

    for (i = 0; i < len && bytes[i] >= '0' && bytes[i] <= '9'
                && port <= 65535; i++) {
        port = port * 10 + (unsigned long)(bytes[i] - '0');
    }
    return len > 0 && i == len && port <= 65535
           && (bytes[0] != '0' || len == 1);
}

/* Where a number begins with a zero, before other digits; len: nowhere.  Not
 * in what has letters or colons: there it may stand. */
static size_t leading_zero(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if ((bytes[i] < '0' || bytes[i] > '9') && bytes[i] != '.') {
            return len;
        }
    }
    for (i = 0; i + 1 < len; i++) {
        if (bytes[i] == '0' && bytes[i + 1] != '.'
            && (i == 0 || bytes[i - 1] == '.')) {
            return i;
        }
    }
    return len;
}

/* The part of a v1 line that a reason means: the field, and in it a leading
 * zero, if that is its fault. */
static void find_in_v1(const uint8_t *bytes, size_t len, pp_reason_t reason,
                       check_fault_t *fault)
{
    size_t end = check_fault_line_end(bytes, len);
    size_t at = PP_V1_COMMIT;
    int wanted = reason == PP_BAD_V1_SOURCE        ? 1
                 : reason == PP_BAD_V1_DESTINATION ? 2
                                                   : 3;
    size_t field_len;
    size_t zero;

    for (;;) {
        const uint8_t *space = memchr(bytes + at, ' ', end - at);

        field_len = (space ? (size_t)(space - bytes) : end) - at;
        /* Of the two ports the first, unless it is right. */
        if (wanted == 0
            && !(reason == PP_BAD_V1_PORT && space
                 && is_port(bytes + at, field_len))) {
            break;
        }
        wanted -= wanted > 0;
        at = space ? at + field_len + 1 : end;
    }
    zero = leading_zero(bytes + at, field_len);
    fault->at = at;
    if (zero < field_len) {
        fault->at = at + zero;
        fault->reason = reason == PP_BAD_V1_SOURCE
                            ? "v1 source has a leading zero"
                        : reason == PP_BAD_V1_DESTINATION
                            ? "v1 destination has a leading zero"
                            : "v1 port has a leading zero";
    }
}

/* What is judged once a header is whole the decoder places at its last byte;
 * here the part that is meant is found. */
static size_t find_in_tlvs(const uint8_t *bytes, const pp_answer_t *answer)
{
    check_frame_t frame;
    pp_tlv_t tlv;
    size_t at;

    check_frame_read(bytes, answer->len + 1, &frame);
    at = check_frame_tlvs_at(&frame);
    if (answer->reason == PP_BAD_CRC_MISMATCH
        && pp_tlv_find(bytes + at, frame.len - at, PP_TLV_CRC32C, &tlv)) {
        return (size_t)(tlv.value - bytes);
    }
    return at + check_tlv_fault(bytes + at, frame.len - at);
}

void check_fault_find(const uint8_t *bytes, size_t len,
                      const pp_answer_t *answer, check_fault_t *fault)
{
    fault->reason = pp_reason_text(answer->reason);
    fault->at = answer->len;
    if (answer->reason == PP_BAD_V1_SOURCE
        || answer->reason == PP_BAD_V1_DESTINATION
        || answer->reason == PP_BAD_V1_PORT) {
        find_in_v1(bytes, len, answer->reason, fault);
    }
    else if (answer->reason >= PP_BAD_TLV_OVERRUN
             && answer->reason != PP_BAD_CRC_MISSING) {
        fault->at = find_in_tlvs(bytes, answer);
    }
}

int check_fault_is_meant(const uint8_t *bytes, size_t len,
                         const pp_answer_t *answer)
{
    return pp_committed_version(bytes, len)
           || (answer->status == PP_MORE && len > 0);
}
