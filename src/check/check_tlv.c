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

/* On one line a value is cut here. */
#define LINE_VALUE_MAX 64

static uint32_t read_uint32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16
           | (uint32_t)at[2] << 8 | at[3];
}

/* A cloud provider's identifier, as the module's variables have it; 0 when
 * the value has not the form of one. */
static int print_cloud_id(FILE *out, const pp_tlv_t *tlv)
{
    const uint8_t *value = tlv->value;

    if (tlv->type == PP_TLV_AWS && tlv->len > 1
        && value[0] == PP_AWS_VPCE_ID) {
        check_bytes_print(out, value + 1, tlv->len - 1u);
        return 1;
    }
    if (tlv->type == PP_TLV_AZURE && tlv->len == 5
        && value[0] == PP_AZURE_LINK_ID) {
        fprintf(out, "%lu",
                (unsigned long)((uint32_t)value[4] << 24
                                | (uint32_t)value[3] << 16
                                | (uint32_t)value[2] << 8 | value[1]));
        return 1;
    }
    if (tlv->type == PP_TLV_GCP && tlv->len == 8) {
        uint64_t id = (uint64_t)read_uint32(value) << 32
                      | read_uint32(value + 4);

        fprintf(out, "%llu", (unsigned long long)id);
        return 1;
    }
    return 0;
}

static void print_hex(FILE *out, const pp_tlv_t *tlv)
{
    fputs("0x", out);
    check_bytes_print_hex(out, tlv->value, tlv->len);
}

static int is_cloud(uint8_t type)
{
    return type == PP_TLV_AWS || type == PP_TLV_AZURE || type == PP_TLV_GCP;
}

/* A value by its type.  Texts with bytes that are none are escaped; what has
 * no meaning here is hex. */
static void print_value(FILE *out, const pp_tlv_t *tlv)
{
    if (is_cloud(tlv->type)) {
        if (!print_cloud_id(out, tlv)) {
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

/* As the variable SSL_VERIFY: a result without a certificate is none. */
static void print_verify(FILE *out, const uint8_t *ssl)
{
    uint32_t result = read_uint32(ssl + 1);

    if (!(ssl[0] & (PP_CLIENT_CERT_CONN | PP_CLIENT_CERT_SESS))) {
        fputs("NONE", out);
    }
    else if (result == 0) {
        fputs("SUCCESS", out);
    }
    else {
        fprintf(out, "FAILED:%lu", (unsigned long)result);
    }
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
    print_verify(out, ssl->value);
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

/* One word of a line: no blank within, and not too long. */
static void print_word(FILE *out, const char *name, const uint8_t *value,
                       size_t len)
{
    size_t i;

    fprintf(out, " %s=", name);
    for (i = 0; i < len && i < LINE_VALUE_MAX; i++) {
        if (value[i] == ' ') {
            fputs("\\x20", out);
        }
        else {
            check_bytes_print(out, value + i, 1);
        }
    }
    if (i < len) {
        fputs("...", out);
    }
}

static void print_hex_word(FILE *out, const char *name, const pp_tlv_t *tlv)
{
    size_t len = tlv->len < LINE_VALUE_MAX / 2 ? tlv->len
                                               : LINE_VALUE_MAX / 2;

    fprintf(out, " %s=0x", name);
    check_bytes_print_hex(out, tlv->value, len);
    fputs(len < tlv->len ? "..." : "", out);
}

static void print_ssl_facts(FILE *out, const pp_tlv_t *ssl)
{
    const uint8_t *rest = ssl->value + PP_SSL_FIXED;
    size_t rest_len = ssl->len - PP_SSL_FIXED;
    pp_tlv_t sub;

    if (!(ssl->value[0] & PP_CLIENT_SSL)) {
        return;
    }
    fputs(" SSL=on SSL_VERIFY=", out);
    print_verify(out, ssl->value);
    while (pp_tlv_next(&rest, &rest_len, &sub) > 0) {
        const char *name = pp_ssl_sub_name(sub.type);

        if (sub.type == PP_SSL_CLIENT_CERT) {
            fprintf(out, " %s=%u\\x20bytes", name, (unsigned int)sub.len);
        }
        else if (name) {
            print_word(out, name, sub.value, sub.len);
        }
    }
}

static void print_fact(FILE *out, const pp_tlv_t *tlv)
{
    const char *name = pp_tlv_name(tlv->type);
    char number[8];

    snprintf(number, sizeof(number), "TLV_%02X", tlv->type);
    if (!name) {
        print_hex_word(out, number, tlv);
    }
    else if (tlv->type == PP_TLV_UNIQUE_ID && tlv->len > 0
             && !check_bytes_are_text(tlv->value, tlv->len)) {
        print_hex_word(out, name, tlv);
    }
    else if (tlv->type == PP_TLV_AWS && tlv->len > 1
             && tlv->value[0] == PP_AWS_VPCE_ID) {
        print_word(out, name, tlv->value + 1, tlv->len - 1u);
    }
    else if (is_cloud(tlv->type)) {
        fprintf(out, " %s=", name);
        if (!print_cloud_id(out, tlv)) {
            fputs("unknown", out);
        }
    }
    else {
        print_word(out, name, tlv->value, tlv->len);
    }
}

void check_tlv_print_facts(FILE *out, const uint8_t *tlvs, size_t len)
{
    pp_tlv_t tlv;
    pp_tlv_t ssl;

    /* The first that is there, and only if it can be read: see pp.h. */
    if (!pp_tlv_find_ssl(tlvs, len, &ssl, NULL)) {
        ssl.value = NULL;
    }
    while (pp_tlv_next(&tlvs, &len, &tlv) > 0) {
        if (tlv.type == PP_TLV_SSL) {
            if (tlv.value == ssl.value) {
                print_ssl_facts(out, &ssl);
            }
        }
        else if (tlv.type == PP_TLV_CRC32C) {
            fputs(" CRC32C=ok", out);
        }
        else if (tlv.type != PP_TLV_NOOP) {
            print_fact(out, &tlv);
        }
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
