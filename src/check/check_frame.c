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
 * v2 headers by their form.
 */

#include "check/check_frame.h"

#include "protocol/pp.h"

void check_frame_read(const uint8_t *bytes, size_t len, check_frame_t *frame)
{
    frame->bytes = bytes;
    frame->wire_len = PP_V2_FIXED
                      + ((size_t)bytes[CHECK_FRAME_LENGTH] << 8
                         | bytes[CHECK_FRAME_LENGTH + 1]);
    frame->len = len < frame->wire_len ? len : frame->wire_len;
}

size_t check_frame_block_len(uint8_t family)
{
    switch (family) {
    case 0x11:
    case 0x12:
        return 12;
    case 0x21:
    case 0x22:
        return 36;
    case 0x31:
    case 0x32:
        return (size_t)2 * CHECK_FRAME_PATH_LEN;
    default: /* a byte from the wire: no addresses */
        return 0;
    }
}

int check_frame_walks(const check_frame_t *frame, size_t at)
{
    const uint8_t *rest;
    size_t rest_len;
    pp_tlv_t tlv;
    int taken;

    if (at > frame->wire_len || frame->len < frame->wire_len) {
        return 0;
    }
    rest = frame->bytes + at;
    rest_len = frame->wire_len - at;
    do {
        taken = pp_tlv_next(&rest, &rest_len, &tlv);
    } while (taken > 0);
    return taken == 0;
}

int check_frame_is_local(const check_frame_t *frame)
{
    return (frame->bytes[CHECK_FRAME_COMMAND] & 0xf) == PP_LOCAL;
}

/* LOCAL's family says nothing about what follows: AWS's health checks have
 * 0x11 and no addresses. */
size_t check_frame_tlvs_at(const check_frame_t *frame)
{
    if (check_frame_is_local(frame)
        && check_frame_walks(frame, PP_V2_FIXED)) {
        return PP_V2_FIXED;
    }
    return PP_V2_FIXED
           + check_frame_block_len(frame->bytes[CHECK_FRAME_FAMILY]);
}
