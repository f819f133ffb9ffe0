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
 * What refused bytes look like: an answer with words to any bytes, and none
 * that a longer input takes back where it should not.
 *
 * input: the bytes.
 */

#include "fuzz.h"

#include <string.h>

#include "bytes.h"

static void check_look(const uint8_t *bytes, size_t len)
{
    block_t block = block_copy(bytes, len);
    pp_look_t look = pp_look(block.bytes, block.len);

    require(look >= PP_LOOKS_UNKNOWN && look <= PP_LOOKS_ZONE,
            "a look there is");
    require((look == PP_LOOKS_UNKNOWN) == (pp_look_text(look) == NULL),
            "words for all but the unknown");
    if (pp_committed_version(block.bytes, block.len)) {
        require(look == PP_LOOKS_UNKNOWN || look == PP_LOOKS_MIXED
                    || look == PP_LOOKS_ZONE,
                "a header looks like one");
    }
    else {
        require(look != PP_LOOKS_MIXED && look != PP_LOOKS_ZONE,
                "only a header has addresses");
    }
    require(look != PP_LOOKS_TLS || bytes[0] == 0x16, "TLS by its first byte");
    require(look != PP_LOOKS_SSH || memcmp(bytes, "SSH-", 4) == 0,
            "SSH by its first bytes");
    block_free(&block);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    size_t n;

    /* The look goes no further than a request's head: 1,024 bytes. */
    for (n = 0; n < len && n < 1200; n += n < 64 ? 1 : 31) {
        check_look(bytes, n);
    }
    check_look(bytes, len);
    require(pp_look(NULL, 0) == PP_LOOKS_UNKNOWN, "nothing looks like nothing");
    return 0;
}
