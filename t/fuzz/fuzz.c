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

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void require(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}

uint8_t take_byte(input_t *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

uint16_t take_uint16(input_t *input)
{
    unsigned int high = take_byte(input);

    return (uint16_t)(high << 8 | take_byte(input));
}

pp_rules_t take_rules(input_t *input, unsigned int *flags)
{
    pp_rules_t rules;

    *flags = take_byte(input);
    rules.formats = ~*flags & (PP_FORMAT_V1 | PP_FORMAT_V2);
    if (rules.formats == 0) {
        rules.formats = PP_FORMAT_V1 | PP_FORMAT_V2;
    }
    rules.checksum_required = (*flags & FLAG_CHECKSUM) != 0;
    rules.max_len = PP_V2_FIXED + take_uint16(input);
    return rules;
}

static int is_same_addr(const pp_addr_t *a, const pp_addr_t *b)
{
    return a->family == b->family
           && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int is_same_header(const pp_header_t *a, const pp_header_t *b)
{
    return a->version == b->version && a->command == b->command
           && a->family == b->family && a->transport == b->transport
           && is_same_addr(&a->src, &b->src) && is_same_addr(&a->dst, &b->dst)
           && a->src_port == b->src_port && a->dst_port == b->dst_port
           && a->checksum_held == b->checksum_held && a->tlvs_len == b->tlvs_len
           && (a->tlvs_len == 0 || memcmp(a->tlvs, b->tlvs, a->tlvs_len) == 0);
}
