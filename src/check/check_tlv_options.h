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
 * TLVs from options of the command line: --tlv and the --ssl ones.
 */

#ifndef CHECK_TLV_OPTIONS_H
#define CHECK_TLV_OPTIONS_H

#include <stdint.h>

#include "check/check_options.h"
#include "check/check_bytes.h"
#include "protocol/pp.h"

/** The SSL TLV as its options build it. */
typedef struct {
    int wanted;     /* any of the options came */
    uint8_t client; /* its bits */
    uint32_t verify;
    int has_verify; /* verify was said; else it follows the bits */
    check_row_t subs;
} check_tlv_ssl_t;

/**
 * Append what --tlv TYPE=VALUE says.  Complains when it is wrong.
 * @param options the option taken last
 * @param row where to
 * @return 1 on success, else 0
 */
int check_tlv_options_add(const check_options_t *options, check_row_t *row);

/**
 * Append a sub-TLV of the SSL TLV whose value is the option's.
 * @param options the option taken last
 * @param type the sub-TLV's type
 * @param ssl wanted is set
 * @return 1 on success, else 0
 */
int check_tlv_options_add_ssl(const check_options_t *options, uint8_t type,
                           check_tlv_ssl_t *ssl);

/**
 * Append the SSL TLV itself, if it is wanted.
 * @param ssl what was said
 * @param row where to
 * @return 1 on success; 0 when there is no room
 */
int check_tlv_options_end_ssl(const check_tlv_ssl_t *ssl, check_row_t *row);

#endif /* CHECK_TLV_OPTIONS_H */
