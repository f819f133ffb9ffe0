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
 * What the fuzz targets share.
 *
 * A target is a file with LLVMFuzzerTestOneInput().  libFuzzer calls it with
 * inputs it makes up; standalone.c with files.  A target takes its choices
 * from the input's first bytes, so that a file says all of a case.
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/pp.h"

/** An input that is being read. */
typedef struct {
    const uint8_t *at;
    size_t left;
} input_t;

/** What libFuzzer calls: each target has one.  @return always 0 */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/**
 * End the program unless something holds.
 * @param holds what must be true
 * @param what what is wrong when it is not
 */
void require(int holds, const char *what);

/** @return the input's next byte; 0 behind its end */
uint8_t take_byte(input_t *input);

/** @return the next two bytes in network byte order; 0 behind the end */
uint16_t take_uint16(input_t *input);

/**
 * Take what a receiver accepts from three bytes: every set of formats, and
 * every maximum from PP_V2_FIXED to PP_V2_MAX.
 * @param input moved behind them
 * @param flags set to the first byte; its bits from FLAG_FREE up are free
 * @return the rules
 */
pp_rules_t take_rules(input_t *input, unsigned int *flags);

/* Bits of take_rules()'s first byte. */
#define FLAG_NOT_V1 0x01u /* both of them together count as neither */
#define FLAG_NOT_V2 0x02u
#define FLAG_CHECKSUM 0x04u
#define FLAG_FREE 0x08u

/** @return whether two headers say the same, whatever their TLVs' place */
int is_same_header(const pp_header_t *a, const pp_header_t *b);

#endif /* FUZZ_H */
