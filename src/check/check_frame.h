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
 * A v2 header by its form alone, right or wrong, whole or in part: where its
 * addresses and its TLVs are.
 */

#ifndef CHECK_FRAME_H
#define CHECK_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* Offsets in a v2 header. */
#define CHECK_FRAME_COMMAND 12
#define CHECK_FRAME_FAMILY 13
#define CHECK_FRAME_LENGTH 14

#define CHECK_FRAME_PATH_LEN 108 /* of the family UNIX */

/** The part of a v2 header that is there. */
typedef struct {
    const uint8_t *bytes;
    size_t len;      /* no more than wire_len */
    size_t wire_len; /* by the length field */
} check_frame_t;

/**
 * Read the length field.
 * @param bytes a v2 header's first bytes
 * @param len how many, PP_V2_FIXED at least
 * @param frame filled
 */
void check_frame_read(const uint8_t *bytes, size_t len, check_frame_t *frame);

/** @return the size of the addresses that a family byte announces, or 0 */
size_t check_frame_block_len(uint8_t family);

/** @return 1 when the bytes from an offset on are TLVs to the end, else 0 */
int check_frame_walks(const check_frame_t *frame, size_t at);

/** @return 1 when the command is LOCAL, else 0 */
int check_frame_is_local(const check_frame_t *frame);

/**
 * Say where a header's TLVs begin, as far as it can be told.
 * @return an offset; may be larger than the frame
 */
size_t check_frame_tlvs_at(const check_frame_t *frame);

#endif /* CHECK_FRAME_H */
