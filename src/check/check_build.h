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
 * A header from what a user asks for: version, addresses, TLVs.
 */

#ifndef CHECK_BUILD_H
#define CHECK_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "check/check_bytes.h"
#include "check/check_place.h"
#include "protocol/pp.h"

typedef enum {
    CHECK_BUILD_NO_CRC,
    CHECK_BUILD_CRC,
    CHECK_BUILD_WRONG_CRC
} check_build_crc_t;

/** What is asked for.  All zero but version is a header of TCP. */
typedef struct {
    int version;         /* 1 or 2 */
    int is_local;        /* command LOCAL */
    const char *family;  /* tcp4, tcp6, udp4, udp6, unix, unknown; NULL: by
                            the addresses */
    const char *src_path; /* family unix; NULL: none */
    const char *dst_path;
    check_endpoint_t src;
    check_endpoint_t dst;
    const uint8_t *tlvs;
    size_t tlvs_len;
    check_build_crc_t crc;
} check_build_t;

/** The family names, for messages. */
#define CHECK_BUILD_FAMILIES "tcp4, tcp6, udp4, udp6, unix or unknown"

/** @return 1 when a text is one of the family names, else 0 */
int check_build_is_family(const char *text);

/**
 * Append a header to a row.
 * @param wish what is asked for
 * @param row where to
 * @return NULL, or why there is no such header
 */
const char *check_build_header(const check_build_t *wish, check_row_t *row);

/** An AWS Network Load Balancer's health check: a whole header, LOCAL. */
#define CHECK_BUILD_NLB_LEN 100
extern const uint8_t check_build_nlb[CHECK_BUILD_NLB_LEN];

#endif /* CHECK_BUILD_H */
