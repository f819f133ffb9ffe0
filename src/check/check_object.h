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
 * Headers as JSON: what every command says of one.
 */

#ifndef CHECK_OBJECT_H
#define CHECK_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "check/check_json.h"
#include "check/check_place.h"
#include "protocol/pp.h"

/**
 * Write a header's members into an object that is open: result, length or
 * reason and offset, facts, TLVs, what follows.
 * @param json the writer
 * @param bytes what came; may be NULL when len is 0
 * @param len how much, payload too
 * @param answer of pp_decode() for these bytes
 * @param header what pp_decode() filled; only read for PP_DONE
 * @param peer who sent it, for the facts PEER_ADDR and PEER_PORT; may be NULL
 */
void check_object_header(check_json_t *json, const uint8_t *bytes, size_t len,
                         const pp_answer_t *answer,
                         const pp_header_t *header,
                         const check_endpoint_t *peer);

/** Write an address with its port as a member: "192.0.2.1:80". */
void check_object_endpoint(check_json_t *json, const char *name,
                           const check_endpoint_t *endpoint);

#endif /* CHECK_OBJECT_H */
