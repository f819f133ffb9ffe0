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
 * Headers as JSON.
 */

#include "check/check_object.h"

#include <stdlib.h>

#include "check/check_facts.h"
#include "check/check_fault.h"
#include "check/check_guess.h"

/* What is no header is shown so far, in hex. */
#define BYTES_SHOWN 64

/* What a function prints, to become a member. */
typedef struct {
    FILE *out;
    char *text;
    size_t len;
} printed_t;

static int begin_printed(printed_t *printed)
{
    printed->text = NULL;
    printed->len = 0;
    printed->out = open_memstream(&printed->text, &printed->len);
    return printed->out != NULL;
}

static void end_printed(check_json_t *json, const char *name,
                        printed_t *printed)
{
    if (fclose(printed->out) == 0) {
        check_json_bytes(json, name, (const uint8_t *)printed->text,
                         printed->len);
    }
    free(printed->text);
}

void check_object_endpoint(check_json_t *json, const char *name,
                           const check_endpoint_t *endpoint)
{
    printed_t printed;

    if (begin_printed(&printed)) {
        check_place_print(printed.out, endpoint);
        end_printed(json, name, &printed);
    }
}

static void write_looks(check_json_t *json, const uint8_t *bytes, size_t len)
{
    printed_t printed;

    if (begin_printed(&printed)) {
        check_guess_print(printed.out, bytes, len);
        end_printed(json, "looks_like", &printed);
    }
}

static void write_fact(void *context, const check_fact_t *fact)
{
    check_json_t *json = context;

    switch (fact->kind) {
    case CHECK_FACTS_TEXT:
        check_json_bytes(json, fact->name, fact->bytes, fact->len);
        break;
    case CHECK_FACTS_HEX:
        /* As the module has them. */
        check_json_hex(json, fact->name,
                       fact->name == fact->number ? "" : "0x", fact->bytes,
                       fact->len);
        break;
    case CHECK_FACTS_CERT:
        check_json_pem(json, fact->name, fact->bytes, fact->len);
        break;
    }
}

static void write_peer(check_json_t *json, const check_endpoint_t *peer)
{
    char text[PP_ADDR_TEXT_MAX];

    pp_addr_format(&peer->addr, text);
    check_json_text(json, "PEER_ADDR", text);
    snprintf(text, sizeof(text), "%u", (unsigned int)peer->port);
    check_json_text(json, "PEER_PORT", text);
}

static void write_tlvs(check_json_t *json, const uint8_t *bytes,
                       const pp_header_t *header)
{
    const uint8_t *rest = header->tlvs;
    size_t rest_len = header->tlvs_len;
    char number[8];
    pp_tlv_t tlv;

    check_json_open(json, "tlvs", '[');
    while (pp_tlv_next(&rest, &rest_len, &tlv) > 0) {
        check_json_open(json, NULL, '{');
        check_json_number(json, "offset", (long)(tlv.value - 3 - bytes));
        snprintf(number, sizeof(number), "0x%02X", tlv.type);
        check_json_text(json, "type", number);
        check_json_text(json, "name", pp_tlv_name(tlv.type));
        check_json_number(json, "length", tlv.len);
        check_json_hex(json, "value", "", tlv.value, tlv.len);
        check_json_close(json, '}');
    }
    check_json_close(json, ']');
}

static void write_right(check_json_t *json, const uint8_t *bytes, size_t len,
                        const pp_answer_t *answer, const pp_header_t *header)
{
    const uint8_t *payload = bytes + answer->len;
    size_t payload_len = len - answer->len;

    write_tlvs(json, bytes, header);
    check_json_hex(json, "hex", "", bytes, answer->len);
    check_json_open(json, "follows", '{');
    check_json_number(json, "length", (long)payload_len);
    write_looks(json, payload, payload_len);
    check_json_bool(json, "second_header",
                    check_guess(payload, payload_len) == CHECK_HEADER);
    check_json_close(json, '}');
}

static void write_wrong(check_json_t *json, const uint8_t *bytes, size_t len,
                        const pp_answer_t *answer)
{
    size_t swapped = pp_swapped_len(bytes, len);
    check_fault_t fault;

    if (answer->status == PP_MORE) {
        check_json_number(json, "needed", (long)answer->len);
    }
    else {
        check_fault_find(bytes, len, answer, &fault);
        check_json_text(json, "reason", fault.reason);
        check_json_number(json, "offset", (long)fault.at);
        check_json_number(json, "found_at", (long)answer->len);
    }
    if (swapped > 0) {
        check_json_number(json, "swapped_length", (long)swapped);
    }
    check_json_number(json, "version", bytes[0] == 'P' ? 1 : 2);
}

static const char *result_of(const uint8_t *bytes, size_t len,
                             const pp_answer_t *answer)
{
    if (answer->status == PP_DONE) {
        return "right";
    }
    if (!check_fault_is_meant(bytes, len, answer)) {
        return "absent";
    }
    return answer->status == PP_MORE ? "incomplete" : "bad";
}

void check_object_header(check_json_t *json, const uint8_t *bytes, size_t len,
                         const pp_answer_t *answer, const pp_header_t *header,
                         const check_endpoint_t *peer)
{
    int is_right = answer->status == PP_DONE;
    int is_meant = check_fault_is_meant(bytes, len, answer);

    check_json_text(json, "result", result_of(bytes, len, answer));
    check_json_number(json, "length", (long)(is_right ? answer->len : len));
    if (is_right || peer) {
        check_json_open(json, "facts", '{');
        if (is_right) {
            check_facts_each(header, write_fact, json);
        }
        if (peer) {
            write_peer(json, peer);
        }
        check_json_close(json, '}');
    }
    if (is_right) {
        write_right(json, bytes, len, answer, header);
        return;
    }
    if (is_meant) {
        write_wrong(json, bytes, len, answer);
    }
    else {
        write_looks(json, bytes, len);
        len = len < BYTES_SHOWN ? len : BYTES_SHOWN;
    }
    check_json_hex(json, "hex", "", bytes, len);
}
