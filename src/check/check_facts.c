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
 * Facts.
 */

#include "check/check_facts.h"

#include <stdio.h>
#include <string.h>

#include "check/check_bytes.h"

/* A walk over facts. */
typedef struct {
    check_facts_fn *fn;
    void *context;
    check_fact_t fact; /* the one that is next */
} walk_t;

static uint32_t read_uint32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16
           | (uint32_t)at[2] << 8 | at[3];
}

const char *check_facts_transport(uint8_t family)
{
    switch (family) {
    case 0x11:
        return "TCP4";
    case 0x12:
        return "UDP4";
    case 0x21:
        return "TCP6";
    case 0x22:
        return "UDP6";
    case 0x31:
    case 0x32:
        return "UNIX";
    default: /* a byte from the wire */
        return family >> 4 > PP_UNIX || (family & 0xf) > PP_DGRAM
                   ? "undefined"
                   : "UNKNOWN";
    }
}

/* What is in the fact's own room. */
static void set_text(check_fact_t *fact)
{
    fact->bytes = (const uint8_t *)fact->text;
    fact->len = strlen(fact->text);
}

int check_facts_is_cloud(uint8_t type)
{
    return type == PP_TLV_AWS || type == PP_TLV_AZURE || type == PP_TLV_GCP;
}

int check_facts_cloud_id(const pp_tlv_t *tlv, check_fact_t *fact)
{
    const uint8_t *value = tlv->value;
    uint64_t id;

    if (tlv->type == PP_TLV_AWS && tlv->len > 1
        && value[0] == PP_AWS_VPCE_ID) {
        fact->bytes = value + 1;
        fact->len = tlv->len - 1u;
        return 1;
    }
    if (tlv->type == PP_TLV_AZURE && tlv->len == 5
        && value[0] == PP_AZURE_LINK_ID) {
        id = (uint32_t)value[4] << 24 | (uint32_t)value[3] << 16
             | (uint32_t)value[2] << 8 | value[1];
    }
    else if (tlv->type == PP_TLV_GCP && tlv->len == 8) {
        id = (uint64_t)read_uint32(value) << 32 | read_uint32(value + 4);
    }
    else {
        return 0;
    }
    snprintf(fact->text, sizeof(fact->text), "%llu", (unsigned long long)id);
    set_text(fact);
    return 1;
}

/* As the variable SSL_VERIFY: a result without a certificate is none. */
void check_facts_verify(const uint8_t *ssl, check_fact_t *fact)
{
    unsigned long result = read_uint32(ssl + 1);
    int has_cert = ssl[0] & (PP_CLIENT_CERT_CONN | PP_CLIENT_CERT_SESS);

    if (has_cert && result != 0) {
        snprintf(fact->text, sizeof(fact->text), "FAILED:%lu", result);
    }
    else {
        snprintf(fact->text, sizeof(fact->text), "%s",
                 has_cert ? "SUCCESS" : "NONE");
    }
    set_text(fact);
}

static void tell(walk_t *walk, const char *name, check_facts_kind_t kind,
                 const uint8_t *bytes, size_t len)
{
    walk->fact.name = name;
    walk->fact.kind = kind;
    walk->fact.bytes = bytes;
    walk->fact.len = len;
    walk->fn(walk->context, &walk->fact);
}

static void tell_text(walk_t *walk, const char *name, const char *text)
{
    tell(walk, name, CHECK_FACTS_TEXT, (const uint8_t *)text, strlen(text));
}

/* What the fact's own room holds. */
static void tell_room(walk_t *walk, const char *name)
{
    tell_text(walk, name, walk->fact.text);
}

static void tell_end(walk_t *walk, const pp_addr_t *addr, uint16_t port,
                     const char *addr_name, const char *port_name)
{
    pp_addr_format(addr, walk->fact.text);
    tell_room(walk, addr_name);
    snprintf(walk->fact.text, sizeof(walk->fact.text), "%u", port);
    tell_room(walk, port_name);
}

/* The first SSL TLV, if it can be read. */
static void tell_ssl(walk_t *walk, const uint8_t *tlvs, size_t len)
{
    const uint8_t *subs;
    const uint8_t *rest;
    size_t rest_len;
    size_t subs_len;
    pp_tlv_t first;
    pp_tlv_t ssl;
    pp_tlv_t sub;

    if (!pp_tlv_find_ssl(tlvs, len, &ssl, NULL)
        || !(ssl.value[0] & PP_CLIENT_SSL)) {
        return;
    }
    subs = rest = ssl.value + PP_SSL_FIXED;
    subs_len = rest_len = ssl.len - (size_t)PP_SSL_FIXED;
    tell_text(walk, "SSL", "on");
    check_facts_verify(ssl.value, &walk->fact);
    tell_room(walk, "SSL_VERIFY");
    while (pp_tlv_next(&rest, &rest_len, &sub) > 0) {
        const char *name = pp_ssl_sub_name(sub.type);

        if (!name || !pp_tlv_find(subs, subs_len, sub.type, &first)
            || first.value != sub.value) {
            continue;
        }
        if (sub.type == PP_SSL_CLIENT_CERT) {
            tell(walk, name, CHECK_FACTS_CERT, sub.value, sub.len);
        }
        else if (pp_is_text(sub.value, sub.len)) {
            tell(walk, name, CHECK_FACTS_TEXT, sub.value, sub.len);
        }
    }
}

static void tell_number(walk_t *walk, const pp_tlv_t *tlv)
{
    snprintf(walk->fact.number, sizeof(walk->fact.number), "TLV_%02X",
             tlv->type);
    tell(walk, walk->fact.number, CHECK_FACTS_HEX, tlv->value, tlv->len);
    if (!pp_tlv_name(tlv->type) && pp_is_text(tlv->value, tlv->len)) {
        snprintf(walk->fact.number, sizeof(walk->fact.number),
                 "TLV_%02X_TEXT", tlv->type);
        tell(walk, walk->fact.number, CHECK_FACTS_TEXT, tlv->value,
             tlv->len);
    }
}

static void tell_tlv(walk_t *walk, const pp_tlv_t *tlv)
{
    const char *name = pp_tlv_name(tlv->type);

    switch (tlv->type) {
    case PP_TLV_CRC32C:
        tell_text(walk, name, "ok");
        return;
    case PP_TLV_NOOP:
        return;
    case PP_TLV_UNIQUE_ID:
        tell(walk, name,
             check_bytes_are_text(tlv->value, tlv->len) ? CHECK_FACTS_TEXT
                                                        : CHECK_FACTS_HEX,
             tlv->value, tlv->len);
        return;
    default: /* a byte from the wire: every other type */
        break;
    }
    if (check_facts_is_cloud(tlv->type)) {
        if (check_facts_cloud_id(tlv, &walk->fact)
            && pp_is_text(walk->fact.bytes, walk->fact.len)) {
            tell(walk, name, CHECK_FACTS_TEXT, walk->fact.bytes,
                 walk->fact.len);
            return;
        }
    }
    else if (name && pp_is_text(tlv->value, tlv->len)) {
        tell(walk, name, CHECK_FACTS_TEXT, tlv->value, tlv->len);
        return;
    }
    tell_number(walk, tlv);
}

void check_facts_each_tlv(const uint8_t *tlvs, size_t len, check_facts_fn *fn,
                          void *context)
{
    const uint8_t *rest = tlvs;
    size_t rest_len = len;
    pp_tlv_t first;
    pp_tlv_t tlv;
    walk_t walk;

    memset(&walk, 0, sizeof(walk));
    walk.fn = fn;
    walk.context = context;
    while (pp_tlv_next(&rest, &rest_len, &tlv) > 0) {
        if (!pp_tlv_find(tlvs, len, tlv.type, &first)
            || first.value != tlv.value) {
            continue;
        }
        if (tlv.type == PP_TLV_SSL) {
            tell_ssl(&walk, tlvs, len);
        }
        else {
            tell_tlv(&walk, &tlv);
        }
    }
}

void check_facts_each(const pp_header_t *header, check_facts_fn *fn,
                      void *context)
{
    walk_t walk;

    memset(&walk, 0, sizeof(walk));
    walk.fn = fn;
    walk.context = context;
    if (pp_names_client(header)) {
        tell_text(&walk, "PROXYIP", "on");
    }
    tell_text(&walk, "VERSION", header->version == 1 ? "1" : "2");
    tell_text(&walk, "COMMAND",
              header->command == PP_LOCAL ? "LOCAL" : "PROXY");
    if (header->command == PP_PROXY) {
        tell_text(&walk, "TRANSPORT",
                  check_facts_transport((uint8_t)(header->family << 4
                                                  | header->transport)));
    }
    if (pp_names_client(header)) {
        tell_end(&walk, &header->src, header->src_port, "CLIENT_ADDR",
                 "CLIENT_PORT");
    }
    if (pp_names_destination(header)) {
        tell_end(&walk, &header->dst, header->dst_port, "SERVER_ADDR",
                 "SERVER_PORT");
    }
    check_facts_each_tlv(header->tlvs, header->tlvs_len, fn, context);
}
