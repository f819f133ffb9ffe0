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
 * TLVs in text.
 */

#include "check/check_tlv.h"

#include <string.h>

#include "check/check_bytes.h"
#include "check/check_column.h"
#include "check/check_facts.h"

static uint32_t read_uint32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16
           | (uint32_t)at[2] << 8 | at[3];
}

static void print_hex(FILE *out, const pp_tlv_t *tlv)
{
    fputs("0x", out);
    check_bytes_print_hex(out, tlv->value, tlv->len);
}

/* A value by its type.  Texts with bytes that are none are escaped; what has
 * no meaning here is hex. */
static void print_value(FILE *out, const pp_tlv_t *tlv)
{
    check_fact_t fact;

    if (check_facts_is_cloud(tlv->type)) {
        if (check_facts_cloud_id(tlv, &fact)) {
            check_bytes_print(out, fact.bytes, fact.len);
        }
        else {
            print_hex(out, tlv);
            fputs(" (not an identifier known here)", out);
        }
        return;
    }
    switch (tlv->type) {
    case PP_TLV_ALPN:
    case PP_TLV_AUTHORITY:
    case PP_TLV_NETNS:
        check_bytes_print(out, tlv->value, tlv->len);
        break;
    case PP_TLV_NOOP:
        fputs("padding", out);
        break;
    default: /* a byte from the wire: every other type */
        if (tlv->type == PP_TLV_UNIQUE_ID
            && check_bytes_are_text(tlv->value, tlv->len)) {
            check_bytes_print(out, tlv->value, tlv->len);
            break;
        }
        print_hex(out, tlv);
        if (!pp_tlv_name(tlv->type)
            && check_bytes_are_text(tlv->value, tlv->len)) {
            fputs(" = ", out);
            check_bytes_print(out, tlv->value, tlv->len);
        }
        break;
    }
}

static void print_sub_value(FILE *out, const pp_tlv_t *sub)
{
    if (sub->type == PP_SSL_CLIENT_CERT || !pp_ssl_sub_name(sub->type)) {
        print_hex(out, sub);
        return;
    }
    check_bytes_print(out, sub->value, sub->len);
}

/* ` OFFSET  NAME  0xTYPE, N bytes`. */
static void print_head(FILE *out, size_t offset, const char *indent,
                       const char *name, const pp_tlv_t *tlv)
{
    char number[8];

    if (!name) {
        snprintf(number, sizeof(number), "TLV_%02X", tlv->type);
        name = number;
    }
    fprintf(out, "%6lu  %s", (unsigned long)offset, indent);
    check_column_name(out, name);
    fprintf(out, "0x%02X, %u byte%s", tlv->type, (unsigned int)tlv->len,
            tlv->len == 1 ? "" : "s");
}

static void print_client_bits(FILE *out, uint8_t bits)
{
    static const struct {
        uint8_t bit;
        const char *text;
    } known[] = {
        {PP_CLIENT_SSL, "TLS"},
        {PP_CLIENT_CERT_CONN, "certificate on this connection"},
        {PP_CLIENT_CERT_SESS, "certificate in this TLS session"},
    };
    const char *between = ": ";
    size_t i;

    fprintf(out, "0x%02x", bits);
    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (bits & known[i].bit) {
            fprintf(out, "%s%s", between, known[i].text);
            between = ", ";
        }
    }
    if (!(bits & PP_CLIENT_SSL)) {
        fprintf(out, "%sno TLS", between);
    }
}

static void print_ssl(FILE *out, const uint8_t *bytes, const pp_tlv_t *ssl)
{
    const uint8_t *rest = ssl->value + PP_SSL_FIXED;
    size_t rest_len;
    check_fact_t verify;
    pp_tlv_t sub;
    int taken;

    if (ssl->len < PP_SSL_FIXED) {
        fprintf(out, "%6lu    ", (unsigned long)(ssl->value - bytes));
        check_column_name(out, "unreadable");
        fputs("under 5 bytes: it makes no facts\n", out);
        return;
    }
    rest_len = ssl->len - PP_SSL_FIXED;
    fprintf(out, "%6lu    ", (unsigned long)(ssl->value - bytes));
    check_column_name(out, "client bits");
    print_client_bits(out, ssl->value[0]);
    fprintf(out, "\n%6lu    ", (unsigned long)(ssl->value + 1 - bytes));
    check_column_name(out, "SSL_VERIFY");
    check_facts_verify(ssl->value, &verify);
    check_bytes_print(out, verify.bytes, verify.len);
    fprintf(out, " (verify is %lu)\n",
            (unsigned long)read_uint32(ssl->value + 1));
    for (;;) {
        size_t offset = (size_t)(rest - bytes);

        taken = pp_tlv_next(&rest, &rest_len, &sub);
        if (taken <= 0) {
            break;
        }
        print_head(out, offset, "  ", pp_ssl_sub_name(sub.type), &sub);
        fputs(sub.len > 0 ? ": " : "", out);
        print_sub_value(out, &sub);
        putc('\n', out);
    }
    if (taken < 0) {
        fprintf(out, "%6lu    ", (unsigned long)(rest - bytes));
        check_column_name(out, "no sub-TLV");
        check_bytes_print_hex(out, rest, rest_len);
        putc('\n', out);
    }
}

size_t check_tlv_print(FILE *out, const uint8_t *bytes, size_t at, size_t end)
{
    const uint8_t *rest = bytes + at;
    size_t rest_len = end - at;
    pp_tlv_t tlv;

    for (;;) {
        size_t offset = (size_t)(rest - bytes);

        if (pp_tlv_next(&rest, &rest_len, &tlv) <= 0) {
            return offset;
        }
        print_head(out, offset, "", pp_tlv_name(tlv.type), &tlv);
        if (tlv.type == PP_TLV_SSL) {
            putc('\n', out);
            print_ssl(out, bytes, &tlv);
            continue;
        }
        fputs(tlv.len > 0 ? ": " : "", out);
        if (tlv.len > 0) {
            print_value(out, &tlv);
        }
        putc('\n', out);
    }
}

size_t check_tlv_fault(const uint8_t *tlvs, size_t len)
{
    const uint8_t *rest = tlvs;
    size_t rest_len = len;
    const uint8_t *crc = NULL;
    pp_tlv_t tlv;

    for (;;) {
        const uint8_t *start = rest;
        const uint8_t *found;

        if (pp_tlv_next(&rest, &rest_len, &tlv) <= 0) {
            return (size_t)(start - tlvs);
        }
        if (pp_tlv_validate(start, (size_t)(rest - start), &found) != PP_OK
            || (found && crc)) {
            return (size_t)(start - tlvs);
        }
        crc = found ? found : crc;
    }
}

static int same_name(const char *typed, const char *known)
{
    while (*typed && *known) {
        char ch = *typed;

        if (ch >= 'a' && ch <= 'z') {
            ch = (char)(ch - 'a' + 'A');
        }
        if ((ch == '-' ? '_' : ch) != *known) {
            return 0;
        }
        typed++;
        known++;
    }
    return *typed == *known;
}

int check_tlv_type(const char *name)
{
    char number[8];
    int type;

    for (type = 0; type < 256; type++) {
        const char *known = pp_tlv_name((uint8_t)type);

        snprintf(number, sizeof(number), "TLV_%02X", (unsigned int)type);
        if ((known && same_name(name, known)) || same_name(name, number)) {
            return type;
        }
        snprintf(number, sizeof(number), "0X%02X", (unsigned int)type);
        if (same_name(name, number)) {
            return type;
        }
    }
    return -1;
}
