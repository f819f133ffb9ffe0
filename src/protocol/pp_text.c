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
 * Bytes that are text.
 */

#include "protocol/pp.h"

/* The sequences that RFC 3629, section 4, allows, by their first byte: how
 * many bytes follow it, and the bounds of the second, which keep overlong
 * forms, surrogates and what is above U+10FFFF out.  And of U+0080 to U+009F,
 * which are control characters (C1), c2 80 to c2 9f. */
typedef struct {
    uint8_t first;
    uint8_t last;
    uint8_t following;
    uint8_t second_min;
    uint8_t second_max;
} lead_t;

static const lead_t leads[] = {
    {0xc2, 0xc2, 1, 0xa0, 0xbf}, {0xc3, 0xdf, 1, 0x80, 0xbf},
    {0xe0, 0xe0, 2, 0xa0, 0xbf}, {0xe1, 0xec, 2, 0x80, 0xbf},
    {0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
    {0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf},
    {0xf4, 0xf4, 3, 0x80, 0x8f},
};

#define LEADS (sizeof(leads) / sizeof(leads[0]))

/* The length of the character that some bytes begin with; 0 for none. */
static size_t character_len(const uint8_t *bytes, size_t len)
{
    size_t i;
    size_t at;

    if (bytes[0] < 0x80) {
        return bytes[0] >= 0x20 && bytes[0] != 0x7f;
    }
    for (i = 0; i < LEADS; i++) {
        const lead_t *lead = &leads[i];

        if (bytes[0] < lead->first || bytes[0] > lead->last) {
            continue;
        }
        if (len <= lead->following || bytes[1] < lead->second_min
            || bytes[1] > lead->second_max) {
            return 0;
        }
        for (at = 2; at <= lead->following; at++) {
            if (bytes[at] >> 6 != 2) {
                return 0;
            }
        }
        return (size_t)lead->following + 1;
    }
    return 0;
}

int pp_is_text(const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t step = character_len(bytes, len);

        if (step == 0) {
            return 0;
        }
        bytes += step;
        len -= step;
    }
    return 1;
}
