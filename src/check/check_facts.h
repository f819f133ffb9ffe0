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
 * What a right header says, by the names of mod_proxyip's variables without
 * their prefix.
 */

#ifndef CHECK_FACTS_H
#define CHECK_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/pp.h"

/* What a fact's bytes are. */
typedef enum {
    CHECK_FACTS_TEXT, /* UTF-8 without control characters */
    CHECK_FACTS_HEX,  /* bytes, to be shown in hex */
    CHECK_FACTS_CERT  /* a certificate in DER */
} check_facts_kind_t;

/** One fact.  Valid only within the function that gets it. */
typedef struct {
    const char *name;
    check_facts_kind_t kind;
    const uint8_t *bytes;
    size_t len;
    char text[PP_ADDR_TEXT_MAX]; /* room for bytes that are made here */
    char number[16];             /* ... and for the name TLV_NN[_TEXT] */
} check_fact_t;

typedef void check_facts_fn(void *context, const check_fact_t *fact);

/**
 * Call a function for each fact of a right header: version, command,
 * transport, addresses, and those of its TLVs.
 * @param header a header that pp_decode() filled
 * @param fn the function
 * @param context handed to it
 */
void check_facts_each(const pp_header_t *header, check_facts_fn *fn,
                      void *context);

/**
 * The same for a row of right TLVs alone.  Of duplicates the first counts.  A
 * text that is none is TLV_NN, its bytes.
 * @param tlvs the row; may be NULL when len is 0
 * @param len its length
 */
void check_facts_each_tlv(const uint8_t *tlvs, size_t len, check_facts_fn *fn,
                          void *context);

/**
 * Read a cloud provider's identifier as the module does.
 * @param tlv any TLV
 * @param fact its bytes are set on success
 * @return 1; 0 when the TLV is no identifier known here
 */
int check_facts_cloud_id(const pp_tlv_t *tlv, check_fact_t *fact);

/** @return 1 when a type is a cloud provider's, else 0 */
int check_facts_is_cloud(uint8_t type);

/**
 * What an SSL TLV says of the client's certificate: NONE, SUCCESS, FAILED:n.
 * @param ssl the TLV's value, PP_SSL_FIXED bytes at least
 * @param fact its bytes are set
 */
void check_facts_verify(const uint8_t *ssl, check_fact_t *fact);

/** The transport that a v2 header's 14th byte means: TCP4, ... UNKNOWN; or
 * `undefined`. */
const char *check_facts_transport(uint8_t family);

#endif /* CHECK_FACTS_H */
