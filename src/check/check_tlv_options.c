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
 * TLVs from options.
 */

#include "check/check_tlv_options.h"

#include <string.h>

#include "check/check.h"
#include "check/check_tlv.h"

#define VALUE_MAX 65535

static int no_room(const check_options_t *options)
{
    return check_options_refuse(options, "what fits a header: 65535 bytes of"
                                         " TLVs in all");
}

/* Text as it is, `hex:...`, or `@FILE`. */
static int read_value(const check_options_t *options, const char *text,
                      check_row_t *value)
{
    if (text[0] == '@') {
        return check_bytes_read_file(options->command, text + 1, value);
    }
    if (strncmp(text, "hex:", 4) == 0) {
        const char *accepted = check_bytes_from_hex(text + 4,
                                                    strlen(text + 4), value);

        return accepted ? check_options_refuse(options, accepted) : 1;
    }
    value->len = 0;
    return check_bytes_append(value, text, strlen(text)) || no_room(options);
}

/* The digits of a 64-bit number. */
static int read_uint64(const char *text, uint64_t *number)
{
    *number = 0;
    if (*text == '\0') {
        return 0;
    }
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (*number > (UINT64_MAX - digit) / 10) {
            return 0;
        }
        *number = *number * 10 + digit;
    }
    return *text == '\0';
}

/* An identifier of a cloud provider as people write it, to the bytes that the
 * provider sends. */
static int read_cloud_id(const check_options_t *options, int type,
                         const char *text, check_row_t *value)
{
    uint64_t id;
    uint8_t bytes[8];
    int i;

    value->len = 0;
    if (type == PP_TLV_AWS) {
        bytes[0] = PP_AWS_VPCE_ID;
        return (check_bytes_append(value, bytes, 1)
                && check_bytes_append(value, text, strlen(text)))
               || no_room(options);
    }
    if (!read_uint64(text, &id)
        || (type == PP_TLV_AZURE && id > UINT32_MAX)) {
        return check_options_refuse(options, type == PP_TLV_AZURE
                                           ? "a number of 32 bits, or hex:"
                                           : "a number of 64 bits, or hex:");
    }
    if (type == PP_TLV_AZURE) {
        bytes[0] = PP_AZURE_LINK_ID;
        for (i = 0; i < 4; i++) {
            bytes[1 + i] = (uint8_t)(id >> 8 * i);
        }
        return check_bytes_append(value, bytes, 5);
    }
    for (i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(id >> (56 - 8 * i));
    }
    return check_bytes_append(value, bytes, 8);
}

static int append(const check_options_t *options, check_row_t *row, int type,
                  const check_row_t *value)
{
    return (value->len <= VALUE_MAX
            && pp_tlv_append(row->bytes, row->size, &row->len, (uint8_t)type,
                             value->bytes, (uint16_t)value->len))
           || no_room(options);
}

int check_tlv_options_add(const check_options_t *options, check_row_t *row)
{
    uint8_t bytes[VALUE_MAX + 1];
    check_row_t value = {bytes, sizeof(bytes), 0};
    const char *equals = strchr(options->value, '=');
    char name[32];
    int is_text;
    int type;

    if (!equals || (size_t)(equals - options->value) >= sizeof(name)) {
        return check_options_refuse(options, "TYPE=VALUE");
    }
    memset(name, 0, sizeof(name));
    memcpy(name, options->value, (size_t)(equals - options->value));
    type = check_tlv_type(name);
    if (type < 0) {
        return check_options_refuse(
            options, "TYPE=VALUE with TYPE one of alpn, authority, unique-id,"
                  " netns, noop, aws-vpce-id, azure-link-id, gcp-psc-id,"
                  " ssl, crc32c, or a number such as 0xEA");
    }
    is_text = equals[1] != '@' && strncmp(equals + 1, "hex:", 4) != 0;
    if (is_text && name[0] != '0'
        && (type == PP_TLV_AWS || type == PP_TLV_AZURE
            || type == PP_TLV_GCP)) {
        return read_cloud_id(options, type, equals + 1, &value)
               && append(options, row, type, &value);
    }
    return read_value(options, equals + 1, &value)
           && append(options, row, type, &value);
}

int check_tlv_options_add_ssl(const check_options_t *options, uint8_t type,
                           check_tlv_ssl_t *ssl)
{
    uint8_t bytes[VALUE_MAX + 1];
    check_row_t value = {bytes, sizeof(bytes), 0};

    ssl->wanted = 1;
    if (!read_value(options, options->value, &value)) {
        return 0;
    }
    if (type == PP_SSL_CLIENT_CERT && value.len > 10
        && memcmp(bytes, "-----BEGIN", 10) == 0) {
        return check_options_refuse(options, "DER; of a PEM file make it by"
                                       " `openssl x509 -outform der`");
    }
    return append(options, &ssl->subs, type, &value);
}

int check_tlv_options_end_ssl(const check_tlv_ssl_t *ssl, check_row_t *row)
{
    uint8_t bytes[VALUE_MAX];
    check_row_t value = {bytes, sizeof(bytes), 0};
    uint8_t cert_bits = PP_CLIENT_CERT_CONN | PP_CLIENT_CERT_SESS;
    /* Zero means a certificate that was verified (section 2.2.6). */
    uint32_t verify = (ssl->client & cert_bits) ? 0 : 1;
    uint8_t fixed[PP_SSL_FIXED];

    if (!ssl->wanted) {
        return 1;
    }
    if (ssl->has_verify) {
        verify = ssl->verify;
    }
    fixed[0] = (uint8_t)(ssl->client | PP_CLIENT_SSL);
    fixed[1] = (uint8_t)(verify >> 24);
    fixed[2] = (uint8_t)(verify >> 16);
    fixed[3] = (uint8_t)(verify >> 8);
    fixed[4] = (uint8_t)verify;
    return check_bytes_append(&value, fixed, sizeof(fixed))
           && check_bytes_append(&value, ssl->subs.bytes, ssl->subs.len)
           && pp_tlv_append(row->bytes, row->size, &row->len, PP_TLV_SSL,
                            value.bytes, (uint16_t)value.len);
}
