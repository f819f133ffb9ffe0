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
 * TLVs in text: what each says, by its type.
 */

#ifndef CHECK_TLV_H
#define CHECK_TLV_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/pp.h"

/**
 * Print a row of TLVs, one on each line, the SSL TLV's own below it.  Ends
 * at the first that cannot be one.
 * @param out where to
 * @param bytes the header that they are part of: offsets count from there
 * @param at the row's offset
 * @param end the offset behind its last byte
 * @return the offset where the walk ended; end when all were TLVs
 */
size_t check_tlv_print(FILE *out, const uint8_t *bytes, size_t at,
                       size_t end);

/**
 * Find the first TLV with a fault.
 * @param tlvs the row
 * @param len its length
 * @return its offset in the row; len when there is none
 */
size_t check_tlv_fault(const uint8_t *tlvs, size_t len);

/**
 * Find a type by its name: as pp_tlv_name() has it, in any case, `-` for
 * `_`; 0xNN; TLV_NN.
 * @param name NUL-terminated
 * @return the type, or -1
 */
int check_tlv_type(const char *name);

#endif /* CHECK_TLV_H */
