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

#include "bytes.h"

#include "protocol/pp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a notation is being read to. */
typedef struct {
    const char *at;
    const char *end;
    uint8_t *bytes;
    size_t len;
    size_t mark;
} reader_t;

static uint64_t random_state;

static void *allocate(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (!memory) {
        abort();
    }
    return memory;
}

static void malformed(const notation_t *notation)
{
    printf("Bail out! malformed notation: %.*s\n", (int)notation->text_len,
           notation->text);
    exit(2);
}

static int hex_digit(char ch)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = ch ? strchr(digits, ch) : NULL;

    return found ? (int)(found - digits) : -1;
}

/* Two hex digits; -1 when they are none. */
static int read_byte(reader_t *reader)
{
    int high;
    int low;

    if (reader->end - reader->at < 2) {
        return -1;
    }
    high = hex_digit(reader->at[0]);
    low = hex_digit(reader->at[1]);
    reader->at += 2;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static int read_literal(reader_t *reader)
{
    while (reader->at < reader->end && *reader->at != '\'') {
        reader->bytes[reader->len++] = (uint8_t)*reader->at++;
    }
    return reader->at < reader->end && *reader->at++ == '\'';
}

static int read_repeat(reader_t *reader)
{
    size_t count = 0;
    int value;

    while (reader->at < reader->end && *reader->at >= '0'
           && *reader->at <= '9') {
        count = count * 10 + (size_t)(*reader->at++ - '0');
    }
    if (reader->at == reader->end || *reader->at++ != ':'
        || count > PP_V2_MAX) {
        return 0;
    }
    value = read_byte(reader);
    if (value < 0 || reader->at == reader->end || *reader->at++ != ']') {
        return 0;
    }
    memset(reader->bytes + reader->len, value, count);
    reader->len += count;
    return 1;
}

static int read_hex(reader_t *reader)
{
    int value;

    switch (*reader->at) {
    case ' ':
        reader->at++;
        return 1;
    case '^':
        reader->at++;
        reader->mark = reader->len;
        return 1;
    case 'S':
        reader->at++;
        memcpy(reader->bytes + reader->len, pp_v2_signature, PP_V2_SIG_LEN);
        reader->len += PP_V2_SIG_LEN;
        return 1;
    case '\'':
        reader->at++;
        return read_literal(reader);
    case '[':
        reader->at++;
        return read_repeat(reader);
    default:
        value = read_byte(reader);
        reader->bytes[reader->len++] = (uint8_t)value;
        return value >= 0;
    }
}

static void read_text(reader_t *reader)
{
    if (*reader->at == '^') {
        reader->mark = reader->len;
    }
    else {
        reader->bytes[reader->len++] = (uint8_t)*reader->at;
    }
    reader->at++;
}

block_t block_read(const notation_t *notation)
{
    reader_t reader = {notation->text, notation->text + notation->text_len,
                       NULL, 0, NO_MARK};
    const size_t room = 4 * (size_t)PP_V2_MAX; /* far more than any uses */
    block_t block;

    reader.bytes = allocate(room);
    while (reader.at < reader.end) {
        if (!notation->is_hex) {
            read_text(&reader);
        }
        else if (!read_hex(&reader)) {
            malformed(notation);
        }
    }
    block = block_copy(reader.bytes, reader.len);
    block.mark = reader.mark;
    free(reader.bytes);
    return block;
}

block_t block_copy(const uint8_t *bytes, size_t len)
{
    return block_join(bytes, len, NULL, 0);
}

block_t block_join(const uint8_t *first, size_t first_len,
                   const uint8_t *second, size_t second_len)
{
    block_t block;

    block.len = first_len + second_len;
    block.mark = NO_MARK;
    /* of size 0 too: then every access is one too far */
    block.bytes = malloc(block.len);
    if (!block.bytes && block.len > 0) {
        abort();
    }
    if (first_len > 0) {
        memcpy(block.bytes, first, first_len);
    }
    if (second_len > 0) {
        memcpy(block.bytes + first_len, second, second_len);
    }
    return block;
}

void block_free(block_t *block)
{
    free(block->bytes);
    block->bytes = NULL;
    block->len = 0;
}

void random_seed(uint64_t seed)
{
    random_state = seed * 2 + 1; /* xorshift needs a state that is not 0 */
}

uint32_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

uint32_t random_below(uint32_t limit)
{
    return random_next() % limit;
}

void random_fill(uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        bytes[i] = (uint8_t)random_next();
    }
}
