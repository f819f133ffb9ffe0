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
 * What proxyip-check prints of bytes from anywhere: lines of printable ASCII
 * and nothing else, whatever a terminal would make of the bytes themselves; as
 * JSON one line with its brackets in pairs; and what it reads in the forms that
 * people paste.
 *
 * input: the rules (take_rules()), then the bytes.
 */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "check/check.h"
#include "check/check_bytes.h"
#include "check/check_forms.h"
#include "check/check_guess.h"
#include "check/check_object.h"
#include "check/check_show.h"

/* A program's output in memory. */
typedef struct {
    FILE *out;
    char *text;
    size_t len;
} output_t;

static void begin(output_t *output)
{
    output->out = open_memstream(&output->text, &output->len);
    require(output->out != NULL, "there is memory");
}

/* Printable lines, or one line without its end. */
static void end(output_t *output, int is_line)
{
    size_t i;

    fclose(output->out);
    for (i = 0; i < output->len; i++) {
        char ch = output->text[i];

        require((ch >= ' ' && ch <= '~') || (ch == '\n' && !is_line),
                "only printable ASCII is printed");
    }
    require(output->len > 0, "something is printed");
    require(is_line || output->text[output->len - 1] == '\n',
            "the last line ends");
    free(output->text);
}

static void check_show(const uint8_t *bytes, size_t len,
                       const pp_answer_t *answer, const pp_header_t *header)
{
    output_t output;

    begin(&output);
    check_show_header(output.out, bytes, len, answer);
    end(&output, 0);
    begin(&output);
    if (answer->status == PP_DONE) {
        check_show_line(output.out, header, answer->len);
    }
    else {
        check_show_fault(output.out, bytes, len, answer);
    }
    end(&output, 1);
}

/* Brackets outside of strings, which have their quotes escaped. */
static void check_brackets(const char *text, size_t len)
{
    int depth = 0;
    int is_string = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        if (is_string && text[i] == '\\') {
            i++;
        }
        else if (text[i] == '"') {
            is_string = !is_string;
        }
        else if (!is_string && strchr("{[", text[i])) {
            depth++;
        }
        else if (!is_string && strchr("}]", text[i])) {
            depth--;
            require(depth >= 0, "what is closed was open");
        }
    }
    require(depth == 0 && !is_string, "what is open is closed");
}

static void check_object(const uint8_t *bytes, size_t len,
                         const pp_answer_t *answer, const pp_header_t *header)
{
    check_json_t json;
    output_t output;

    begin(&output);
    json.out = output.out;
    json.has_member = 0;
    check_json_open(&json, NULL, '{');
    check_object_header(&json, bytes, len, answer, header, NULL);
    check_json_close(&json, '}');
    fflush(output.out);
    check_brackets(output.text, output.len);
    end(&output, 1);
}

/* Whatever form it is taken for, what is read is no more than there is room
 * for, and bytes as they are stay so. */
static void check_forms(const uint8_t *bytes, size_t len)
{
    static uint8_t room[CHECK_INPUT_MAX];
    check_row_t row = {room, sizeof(room), 0};
    const char *form = check_forms_read(bytes, len, &row);

    require(row.len <= row.size, "there was room");
    require(form || (row.len == (len < row.size ? len : row.size)
                     && memcmp(room, bytes, row.len) == 0),
            "bytes stay bytes");
    require(!form || !pp_committed_version(bytes, len)
                || pp_committed_version(bytes, len) == 1,
            "a v2 header is itself");
    check_forms_capture(bytes, len);
}

static void check_guesses(const uint8_t *bytes, size_t len)
{
    output_t output;

    begin(&output);
    check_guess_print(output.out, bytes, len);
    end(&output, 1);
    require(len > 0 || !check_guess_is_whole(bytes, len),
            "nothing is not whole");
}

/* Bytes to text and back; and the input itself as such text. */
static void check_text(const uint8_t *bytes, size_t len)
{
    uint8_t *room = malloc(len + 1);
    check_row_t row = {room, len, 0};
    output_t output;

    require(room != NULL, "there is memory");
    begin(&output);
    check_bytes_print_hex(output.out, bytes, len);
    fclose(output.out);
    require(!check_bytes_from_hex(output.text, output.len, &row)
                && row.len == len && memcmp(room, bytes, len) == 0,
            "bytes to hex and back");
    free(output.text);
    if (check_bytes_from_hex((const char *)bytes, len, &row) == NULL) {
        require(row.len <= len / 2, "two digits to a byte");
    }
    if (check_bytes_from_log((const char *)bytes, len, &row) == NULL) {
        require(row.len <= len, "a byte or three to a byte");
    }
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    input_t input = {bytes, len};
    unsigned int flags;
    pp_rules_t rules = take_rules(&input, &flags);
    block_t block = block_copy(input.at, input.left);
    pp_header_t header;
    pp_answer_t answer = pp_decode(block.bytes, block.len, &rules, &header);

    check_show(block.bytes, block.len, &answer, &header);
    check_object(block.bytes, block.len, &answer, &header);
    check_forms(block.bytes, block.len);
    check_guesses(block.bytes, block.len);
    check_text(block.bytes, block.len);
    block_free(&block);
    return 0;
}
