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
 * pp_is_text(): every character that Unicode has, and what is none.
 */

#include <string.h>

#include "bytes.h"
#include "protocol/pp.h"
#include "tap.h"

static size_t encode(unsigned long point, uint8_t *bytes)
{
    if (point < 0x80) {
        bytes[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | point >> 6);
        bytes[1] = (uint8_t)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | point >> 12);
        bytes[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (point & 0x3f));
        return 3;
    }
    bytes[0] = (uint8_t)(0xf0 | point >> 18);
    bytes[1] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
    bytes[2] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    bytes[3] = (uint8_t)(0x80 | (point & 0x3f));
    return 4;
}

static int is_wanted(unsigned long point)
{
    return point >= 0x20 && !(point >= 0x7f && point <= 0x9f)
           && !(point >= 0xd800 && point <= 0xdfff) && point <= 0x10ffff;
}

/* In a block of just its size, so that a byte too far is seen. */
static int is_text(const uint8_t *bytes, size_t len)
{
    block_t block = block_copy(bytes, len);
    int answer = pp_is_text(block.bytes, block.len);

    block_free(&block);
    return answer;
}

static void test_every_character(void)
{
    unsigned long point;
    uint8_t bytes[4];

    tap_begin("every code point to U+1FFFFF, whole and cut short");
    for (point = 0; point <= 0x1fffff; point++) {
        size_t len = encode(point, bytes);
        size_t cut;

        tap_check(pp_is_text(bytes, len) == is_wanted(point), "U+%04lX",
                  point);
        for (cut = 1; cut < len && point % 61 == 0; cut++) {
            tap_check(!is_text(bytes, cut), "U+%04lX cut to %lu", point,
                      (unsigned long)cut);
        }
    }
    tap_end();
}

static void test_rows(void)
{
    static const struct {
        const char *name;
        notation_t bytes;
        int is_text;
    } cases[] = {
        {"nothing", HEX(""), 1},
        {"a JA4 fingerprint", HEX("'t13d1516h2_8daaf6152771_b186095e22b6'"),
         1},
        {"umlauts", HEX("'M' c3bc 'nchen'"), 1},
        {"a NUL at the end", HEX("'abc' 00"), 0},
        {"a line feed within", HEX("'a' 0a 'b'"), 0},
        {"NEL, a C1 control character", HEX("c285"), 0},
        {"overlong slash", HEX("c0af"), 0},
        {"overlong, three bytes", HEX("e080af"), 0},
        {"a surrogate", HEX("eda080"), 0},
        {"a byte that follows none", HEX("'a' 80"), 0},
        {"Latin-1", HEX("'M' fc 'nchen'"), 0},
        {"ff", HEX("ff"), 0},
    };
    size_t i;

    tap_begin("rows");
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        block_t block = block_read(&cases[i].bytes);

        tap_check(pp_is_text(block.bytes, block.len) == cases[i].is_text,
                  "%s", cases[i].name);
        block_free(&block);
    }
    tap_end();
}

int main(void)
{
    test_every_character();
    test_rows();
    return tap_finish();
}
