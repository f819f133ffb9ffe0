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
 * JSON.
 */

#include "check/check_json.h"

#include <string.h>

#include "check/check_bytes.h"

/* Bytes of DER in a line of PEM (RFC 7468, section 2). */
#define PEM_LINE 48

static void put_text(FILE *out, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        uint32_t ch;
        size_t taken = check_bytes_next_char(bytes, len, &ch);

        if (taken == 0) {
            ch = 0xfffd;
            taken = 1;
        }
        if (ch == '"' || ch == '\\') {
            fprintf(out, "\\%c", (char)ch);
        }
        else if (ch >= 0x20 && ch < 0x7f) {
            putc((int)ch, out);
        }
        else if (ch < 0x10000) {
            fprintf(out, "\\u%04lx", (unsigned long)ch);
        }
        else {
            unsigned long rest = ch - 0x10000ul;

            fprintf(out, "\\u%04lx\\u%04lx", 0xd800 + (rest >> 10),
                    0xdc00 + (rest & 0x3ff));
        }
        bytes += taken;
        len -= taken;
    }
}

/* What stands before a value. */
static void begin(check_json_t *json, const char *name)
{
    if (json->has_member) {
        putc(',', json->out);
    }
    json->has_member = 1;
    if (name) {
        fprintf(json->out, "\"%s\":", name);
    }
}

void check_json_open(check_json_t *json, const char *name, char bracket)
{
    begin(json, name);
    putc(bracket, json->out);
    json->has_member = 0;
}

void check_json_close(check_json_t *json, char bracket)
{
    putc(bracket, json->out);
    json->has_member = 1;
}

void check_json_end(check_json_t *json)
{
    fputs("}\n", json->out);
    json->has_member = 0;
}

void check_json_bytes(check_json_t *json, const char *name,
                      const uint8_t *bytes, size_t len)
{
    begin(json, name);
    putc('"', json->out);
    put_text(json->out, bytes, len);
    putc('"', json->out);
}

void check_json_text(check_json_t *json, const char *name, const char *text)
{
    if (text) {
        check_json_bytes(json, name, (const uint8_t *)text, strlen(text));
    }
}

void check_json_number(check_json_t *json, const char *name, long number)
{
    begin(json, name);
    fprintf(json->out, "%ld", number);
}

void check_json_bool(check_json_t *json, const char *name, int is_true)
{
    begin(json, name);
    fputs(is_true ? "true" : "false", json->out);
}

void check_json_hex(check_json_t *json, const char *name, const char *prefix,
                    const uint8_t *bytes, size_t len)
{
    begin(json, name);
    fprintf(json->out, "\"%s", prefix);
    check_bytes_print_hex(json->out, bytes, len);
    putc('"', json->out);
}

static void put_base64(FILE *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t i;

    for (i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16
                         | (i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0)
                         | (i + 2 < len ? bytes[i + 2] : 0);

        putc(digits[three >> 18], out);
        putc(digits[three >> 12 & 0x3f], out);
        putc(i + 1 < len ? digits[three >> 6 & 0x3f] : '=', out);
        putc(i + 2 < len ? digits[three & 0x3f] : '=', out);
    }
}

void check_json_pem(check_json_t *json, const char *name,
                    const uint8_t *bytes, size_t len)
{
    size_t at;

    begin(json, name);
    fputs("\"-----BEGIN CERTIFICATE-----\\n", json->out);
    for (at = 0; at < len; at += PEM_LINE) {
        put_base64(json->out, bytes + at,
                   len - at < PEM_LINE ? len - at : PEM_LINE);
        fputs("\\n", json->out);
    }
    fputs("-----END CERTIFICATE-----\\n\"", json->out);
}
