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
 * What is known of a connection, by name.
 *
 * Values come from a trusted peer but may echo a client's bytes (a server
 * name, a common name, a unique id), and expressions carry them into headers
 * and logs.  So a text with a control character is absent as such; its bytes
 * can be had in hex (TLV_NN) and by the C function.
 */

#include "facts/proxyip_facts.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "mod_proxyip.h"
#include "proxyip_conn.h"
#include "settings/proxyip_conf.h"

/* Where the facts of one connection are. */
typedef struct {
    const pp_header_t *header;  /* NULL without one */
    const apr_sockaddr_t *peer_addr;
    unsigned int clouds;        /* the listener's: PROXYIP_CLOUD_* bits */
} source_t;

typedef const char *reader_t(apr_pool_t *p, const source_t *source, int arg);

struct proxyip_fact_t {
    const char *name;
    reader_t *read;
    int arg;        /* what one reader needs to serve several facts */
    int is_basic;   /* of ProxyIPEnv Basic */
    int needs_cert; /* says who the client is, if its certificate was
                       verified */
};

/* The argument of readers that need none. */
#define NO_ARG 0

/* A connection's facts; 0 when it has none.  A `direct` peer's connection has
 * no record, and the peer is all that is known of it. */
static int find_source(const conn_rec *c, source_t *source)
{
    const proxyip_conn_t *conn;

    if (c->master) {
        c = c->master;
    }
    conn = proxyip_conn_get(c);
    source->header = NULL;
    source->clouds = PROXYIP_CLOUD_NONE;
    if (conn) {
        source->clouds = conn->conf->clouds;
        source->header = conn->has_header ? &conn->header : NULL;
        source->peer_addr = conn->peer_addr;
        return 1;
    }
    if (c->outgoing || !proxyip_conf_get(c->base_server)->enabled) {
        return 0;
    }
    source->peer_addr = c->client_addr;
    return 1;
}

static const char *read_adopted(apr_pool_t *p, const source_t *source,
                                int arg)
{
    (void)p;
    (void)arg;
    return source->header && pp_names_client(source->header) ? "on" : NULL;
}

static const char *read_version(apr_pool_t *p, const source_t *source,
                                int arg)
{
    (void)p;
    (void)arg;
    if (!source->header) {
        return NULL;
    }
    return source->header->version == 1 ? "1" : "2";
}

static const char *read_command(apr_pool_t *p, const source_t *source,
                                int arg)
{
    (void)p;
    (void)arg;
    if (!source->header) {
        return NULL;
    }
    return source->header->command == PP_LOCAL ? "LOCAL" : "PROXY";
}

static const char *read_transport(apr_pool_t *p, const source_t *source,
                                  int arg)
{
    int is_stream;

    (void)p;
    (void)arg;
    if (!source->header || source->header->command == PP_LOCAL) {
        return NULL;
    }
    is_stream = source->header->transport == PP_STREAM;
    switch (source->header->family) {
    case PP_INET:
        return is_stream ? "TCP4" : "UDP4";
    case PP_INET6:
        return is_stream ? "TCP6" : "UDP6";
    case PP_UNIX:
        return "UNIX";
    case PP_UNSPEC:
        break;
    }
    return "UNKNOWN";
}

static const char *read_peer_addr(apr_pool_t *p, const source_t *source,
                                  int arg)
{
    pp_addr_t addr;
    char text[PP_ADDR_TEXT_MAX];

    (void)arg;
    proxyip_conn_read_addr(source->peer_addr, &addr);
    pp_addr_format(&addr, text);
    return apr_pstrdup(p, text);
}

static const char *read_peer_port(apr_pool_t *p, const source_t *source,
                                  int arg)
{
    (void)arg;
    return apr_itoa(p, source->peer_addr->port);
}

/* arg: whether the header's source or its destination is meant. */
enum { ARG_SOURCE, ARG_DESTINATION };

static int names_end(const source_t *source, int arg)
{
    return source->header
           && (arg == ARG_SOURCE ? pp_names_client(source->header)
                                 : pp_names_destination(source->header));
}

static const char *read_addr(apr_pool_t *p, const source_t *source, int arg)
{
    char text[PP_ADDR_TEXT_MAX];

    if (!names_end(source, arg)) {
        return NULL;
    }
    pp_addr_format(arg == ARG_SOURCE ? &source->header->src
                                     : &source->header->dst, text);
    return apr_pstrdup(p, text);
}

static const char *read_port(apr_pool_t *p, const source_t *source, int arg)
{
    if (!names_end(source, arg)) {
        return NULL;
    }
    return apr_itoa(p, arg == ARG_SOURCE ? source->header->src_port
                                         : source->header->dst_port);
}

static int find_tlv(const source_t *source, int type, pp_tlv_t *tlv)
{
    return source->header
           && pp_tlv_find(source->header->tlvs, source->header->tlvs_len,
                          (uint8_t)type, tlv);
}

/* The value as text, unless it has a control character or is empty. */
static const char *text_of(apr_pool_t *p, const uint8_t *value, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (value[i] < 0x20 || value[i] == 0x7f) {
            return NULL;
        }
    }
    return len > 0 ? apr_pstrmemdup(p, (const char *)value, len) : NULL;
}

static const char *hex_of(apr_pool_t *p, const char *prefix,
                          const uint8_t *value, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    size_t prefix_len = strlen(prefix);
    char *text;
    char *at;
    size_t i;

    if (len == 0) {
        return NULL;
    }
    text = apr_palloc(p, prefix_len + 2 * len + 1);
    /* The text's end is written below.
     * NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(text, prefix, prefix_len);
    at = text + prefix_len;
    for (i = 0; i < len; i++) {
        *at++ = digits[value[i] >> 4];
        *at++ = digits[value[i] & 0xf];
    }
    *at = '\0';
    return text;
}

/* arg: the TLV's type. */
static const char *read_tlv_text(apr_pool_t *p, const source_t *source,
                                 int arg)
{
    pp_tlv_t tlv;

    return find_tlv(source, arg, &tlv) ? text_of(p, tlv.value, tlv.len)
                                       : NULL;
}

static const char *read_tlv_hex(apr_pool_t *p, const source_t *source,
                                int arg)
{
    pp_tlv_t tlv;

    return find_tlv(source, arg, &tlv) ? hex_of(p, "", tlv.value, tlv.len)
                                       : NULL;
}

/* A custom TLV as text, where its bytes are text. */
static const char *read_tlv_utf8(apr_pool_t *p, const source_t *source,
                                 int arg)
{
    pp_tlv_t tlv;

    return find_tlv(source, arg, &tlv) && tlv.len > 0
                   && pp_is_text(tlv.value, tlv.len)
               ? apr_pstrmemdup(p, (const char *)tlv.value, tlv.len)
               : NULL;
}

static const char *read_unique_id(apr_pool_t *p, const source_t *source,
                                  int arg)
{
    pp_tlv_t tlv;
    size_t i;

    (void)arg;
    if (!find_tlv(source, PP_TLV_UNIQUE_ID, &tlv)) {
        return NULL;
    }
    for (i = 0; i < tlv.len; i++) {
        if (tlv.value[i] < 0x20 || tlv.value[i] > 0x7e) {
            return hex_of(p, "0x", tlv.value, tlv.len);
        }
    }
    return text_of(p, tlv.value, tlv.len);
}

static const char *read_crc32c(apr_pool_t *p, const source_t *source, int arg)
{
    (void)p;
    (void)arg;
    return source->header && source->header->checksum_held ? "ok" : NULL;
}

/* The SSL TLV, if it is right and says that the client used TLS. */
static int find_ssl(const source_t *source, pp_tlv_t *ssl)
{
    return source->header
           && pp_tlv_find_ssl(source->header->tlvs, source->header->tlvs_len,
                              ssl, NULL)
           && (ssl->value[0] & PP_CLIENT_SSL);
}

static int find_ssl_sub(const source_t *source, int type, pp_tlv_t *sub)
{
    pp_tlv_t ssl;

    return find_ssl(source, &ssl)
           && pp_tlv_find(ssl.value + PP_SSL_FIXED,
                          (size_t)ssl.len - PP_SSL_FIXED, (uint8_t)type, sub);
}

static const char *read_ssl(apr_pool_t *p, const source_t *source, int arg)
{
    pp_tlv_t ssl;

    (void)p;
    (void)arg;
    return find_ssl(source, &ssl) ? "on" : NULL;
}

/* arg: the sub-TLV's type. */
static const char *read_ssl_text(apr_pool_t *p, const source_t *source,
                                 int arg)
{
    pp_tlv_t sub;

    return find_ssl_sub(source, arg, &sub) ? text_of(p, sub.value, sub.len)
                                           : NULL;
}

/* The specification gives non-zero for a client without a certificate,
 * HAProxy zero: the bits say whether there was one. */
static const char *read_ssl_verify(apr_pool_t *p, const source_t *source,
                                   int arg)
{
    pp_tlv_t ssl;
    apr_uint32_t result;

    (void)arg;
    if (!find_ssl(source, &ssl)) {
        return NULL;
    }
    if (!(ssl.value[0] & (PP_CLIENT_CERT_CONN | PP_CLIENT_CERT_SESS))) {
        return "NONE";
    }
    result = (apr_uint32_t)ssl.value[1] << 24
             | (apr_uint32_t)ssl.value[2] << 16
             | (apr_uint32_t)ssl.value[3] << 8 | ssl.value[4];
    return result == 0 ? "SUCCESS" : apr_psprintf(p, "FAILED:%u", result);
}

/* DER as PEM (RFC 7468): base64 in lines of 64. */
static const char *read_ssl_client_cert(apr_pool_t *p, const source_t *source,
                                        int arg)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
    static const char end[] = "-----END CERTIFICATE-----\n";
    pp_tlv_t der;
    char *base64;
    char *pem;
    char *at;
    size_t left;

    (void)arg;
    if (!find_ssl_sub(source, PP_SSL_CLIENT_CERT, &der) || der.len == 0) {
        return NULL;
    }
    base64 = apr_palloc(p, (apr_size_t)apr_base64_encode_len(der.len));
    apr_base64_encode_binary(base64, der.value, der.len);
    left = strlen(base64);
    pem = apr_palloc(p, sizeof(begin) + left + left / 64 + 1 + sizeof(end));
    at = apr_cpystrn(pem, begin, sizeof(begin));
    while (left > 0) {
        size_t step = left < 64 ? left : 64;

        memcpy(at, base64, step);
        at += step;
        *at++ = '\n';
        base64 += step;
        left -= step;
    }
    apr_cpystrn(at, end, sizeof(end));
    return pem;
}

/* arg, of this and the next two: the provider's bit. */
static const char *read_aws_vpce_id(apr_pool_t *p, const source_t *source,
                                    int arg)
{
    pp_tlv_t tlv;

    if (!(source->clouds & (unsigned int)arg)
        || !find_tlv(source, PP_TLV_AWS, &tlv) || tlv.len < 1
        || tlv.value[0] != PP_AWS_VPCE_ID) {
        return NULL;
    }
    return text_of(p, tlv.value + 1, (size_t)tlv.len - 1);
}

/* Four bytes, the lowest first. */
static const char *read_azure_link_id(apr_pool_t *p, const source_t *source,
                                      int arg)
{
    pp_tlv_t tlv;

    if (!(source->clouds & (unsigned int)arg)
        || !find_tlv(source, PP_TLV_AZURE, &tlv) || tlv.len != 5
        || tlv.value[0] != PP_AZURE_LINK_ID) {
        return NULL;
    }
    return apr_psprintf(p, "%u", (apr_uint32_t)tlv.value[4] << 24
                                     | (apr_uint32_t)tlv.value[3] << 16
                                     | (apr_uint32_t)tlv.value[2] << 8
                                     | tlv.value[1]);
}

/* Eight bytes, the highest first. */
static const char *read_gcp_psc_id(apr_pool_t *p, const source_t *source,
                                   int arg)
{
    apr_uint64_t id = 0;
    pp_tlv_t tlv;
    int i;

    if (!(source->clouds & (unsigned int)arg)
        || !find_tlv(source, PP_TLV_GCP, &tlv) || tlv.len != 8) {
        return NULL;
    }
    for (i = 0; i < 8; i++) {
        id = id << 8 | tlv.value[i];
    }
    return apr_psprintf(p, "%" APR_UINT64_T_FMT, id);
}

/* clang-format off */
static const proxyip_fact_t facts[] = {
    {"",                read_adopted,         NO_ARG,             1, 0},
    {"VERSION",         read_version,         NO_ARG,             0, 0},
    {"COMMAND",         read_command,         NO_ARG,             0, 0},
    {"TRANSPORT",       read_transport,       NO_ARG,             0, 0},
    {"PEER_ADDR",       read_peer_addr,       NO_ARG,             1, 0},
    {"PEER_PORT",       read_peer_port,       NO_ARG,             1, 0},
    {"CLIENT_ADDR",     read_addr,            ARG_SOURCE,         1, 0},
    {"CLIENT_PORT",     read_port,            ARG_SOURCE,         1, 0},
    {"SERVER_ADDR",     read_addr,            ARG_DESTINATION,    1, 0},
    {"SERVER_PORT",     read_port,            ARG_DESTINATION,    1, 0},
    {"ALPN",            read_tlv_text,        PP_TLV_ALPN,        0, 0},
    {"AUTHORITY",       read_tlv_text,        PP_TLV_AUTHORITY,   0, 0},
    {"NETNS",           read_tlv_text,        PP_TLV_NETNS,       0, 0},
    {"UNIQUE_ID",       read_unique_id,       NO_ARG,             0, 0},
    {"CRC32C",          read_crc32c,          NO_ARG,             0, 0},
    {"SSL",             read_ssl,             NO_ARG,             0, 0},
    {"SSL_VERSION",     read_ssl_text,        PP_SSL_VERSION,     0, 0},
    {"SSL_CIPHER",      read_ssl_text,        PP_SSL_CIPHER,      0, 0},
    {"SSL_SIG_ALG",     read_ssl_text,        PP_SSL_SIG_ALG,     0, 0},
    {"SSL_KEY_ALG",     read_ssl_text,        PP_SSL_KEY_ALG,     0, 0},
    {"SSL_GROUP",       read_ssl_text,        PP_SSL_GROUP,       0, 0},
    {"SSL_SIG_SCHEME",  read_ssl_text,        PP_SSL_SIG_SCHEME,  0, 0},
    {"SSL_CN",          read_ssl_text,        PP_SSL_CN,          0, 1},
    {"SSL_VERIFY",      read_ssl_verify,      NO_ARG,             0, 0},
    {"SSL_CLIENT_CERT", read_ssl_client_cert, NO_ARG,             0, 1},
    {"AWS_VPCE_ID",     read_aws_vpce_id,     PROXYIP_CLOUD_AWS,  0, 0},
    {"AZURE_LINK_ID",   read_azure_link_id,   PROXYIP_CLOUD_AZURE, 0, 0},
    {"GCP_PSC_ID",      read_gcp_psc_id,      PROXYIP_CLOUD_GCP,  0, 0},
};

/* Any TLV by its number, in hex and as text; the type comes with the name. */
static const proxyip_fact_t any_tlv =
    {"TLV_",            read_tlv_hex,         NO_ARG,             0, 0};
static const proxyip_fact_t any_tlv_text =
    {"TLV_",            read_tlv_utf8,        NO_ARG,             0, 0};
/* clang-format on */

#define FACTS (sizeof(facts) / sizeof(facts[0]))

/* TLV types whose meaning the table gives, or that have none; of a provider's
 * only where its TLVs are read. */
static const struct {
    uint8_t type;
    unsigned int cloud; /* PROXYIP_CLOUD_* bit; 0: nobody's */
} named_types[] = {
    {PP_TLV_ALPN, 0}, {PP_TLV_AUTHORITY, 0}, {PP_TLV_CRC32C, 0},
    {PP_TLV_NOOP, 0}, {PP_TLV_UNIQUE_ID, 0}, {PP_TLV_SSL, 0},
    {PP_TLV_NETNS, 0}, {PP_TLV_GCP, PROXYIP_CLOUD_GCP},
    {PP_TLV_AWS, PROXYIP_CLOUD_AWS}, {PP_TLV_AZURE, PROXYIP_CLOUD_AZURE}};

#define NAMED_TYPES (sizeof(named_types) / sizeof(named_types[0]))

/* Whether a name is a fact's, in any case, with `-` for `_`. */
static int is_name(const char *name, const char *fact_name, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        char ch = (char)(name[i] == '-' ? '_' : apr_toupper(name[i]));

        if (ch != fact_name[i]) {
            return 0;
        }
    }
    return 1;
}

static int hex_digit(char ch)
{
    if (apr_isdigit(ch)) {
        return ch - '0';
    }
    return apr_isxdigit(ch) ? apr_tolower(ch) - 'a' + 10 : -1;
}

const proxyip_fact_t *proxyip_facts_find(const char *name, int *tlv_type)
{
    size_t len = strlen(name);
    size_t i;

    *tlv_type = -1;
    for (i = 0; i < FACTS; i++) {
        if (strlen(facts[i].name) == len
            && is_name(name, facts[i].name, len)) {
            return &facts[i];
        }
    }
    if ((len != 6 && (len != 11 || !is_name(name + 6, "_TEXT", 5)))
        || !is_name(name, any_tlv.name, 4) || hex_digit(name[4]) < 0
        || hex_digit(name[5]) < 0) {
        return NULL;
    }
    *tlv_type = hex_digit(name[4]) << 4 | hex_digit(name[5]);
    return len == 6 ? &any_tlv : &any_tlv_text;
}

const char *proxyip_facts_get(apr_pool_t *p, const conn_rec *c,
                              const proxyip_fact_t *fact, int tlv_type)
{
    source_t source;

    if (!find_source(c, &source)) {
        return NULL;
    }
    /* The text is p's or the connection's, never the source's. */
    /* cppcheck-suppress returnDanglingLifetime */
    return fact->read(p, &source, tlv_type < 0 ? fact->arg : tlv_type);
}

const char *proxyip_facts_lookup(apr_pool_t *p, const conn_rec *c,
                                 const char *name)
{
    int tlv_type;
    const proxyip_fact_t *fact = proxyip_facts_find(name, &tlv_type);

    return fact ? proxyip_facts_get(p, c, fact, tlv_type) : NULL;
}

int proxyip_facts_is_proven(apr_pool_t *p, const conn_rec *c,
                            const proxyip_fact_t *fact)
{
    source_t source;
    const char *verify;

    if (!fact->needs_cert) {
        return 1;
    }
    verify = find_source(c, &source) ? read_ssl_verify(p, &source, NO_ARG)
                                     : NULL;
    return verify && strcmp(verify, "SUCCESS") == 0;
}

const apr_sockaddr_t *proxyip_facts_peer(const conn_rec *c)
{
    source_t source;

    return find_source(c, &source) ? source.peer_addr : NULL;
}

/* TLVs without a name, each type once: of several the first counts. */
static void visit_unnamed(apr_pool_t *p, const source_t *source,
                          void (*visit)(void *baton, const char *name,
                                        const char *value),
                          void *baton)
{
    const uint8_t *rest = source->header ? source->header->tlvs : NULL;
    size_t left = rest ? source->header->tlvs_len : 0;
    char seen[256]; /* by type: visited, or not to be */
    pp_tlv_t tlv;
    size_t i;

    memset(seen, 0, sizeof(seen));
    for (i = 0; i < NAMED_TYPES; i++) {
        seen[named_types[i].type] = (char)(!named_types[i].cloud
            || named_types[i].cloud & source->clouds);
    }
    while (pp_tlv_next(&rest, &left, &tlv) > 0) {
        if (!seen[tlv.type] && tlv.len > 0) {
            const char *name = apr_psprintf(p, PROXYIP_FACTS_PREFIX
                                            "_TLV_%02X", tlv.type);
            const char *text = read_tlv_utf8(p, source, tlv.type);

            visit(baton, name, hex_of(p, "", tlv.value, tlv.len));
            if (text) {
                visit(baton, apr_pstrcat(p, name, "_TEXT", NULL), text);
            }
        }
        seen[tlv.type] = 1;
    }
}

void proxyip_facts_each(apr_pool_t *p, const conn_rec *c, int is_all,
                        void (*visit)(void *baton, const char *name,
                                      const char *value),
                        void *baton)
{
    source_t source;
    size_t i;

    if (!find_source(c, &source)) {
        return;
    }
    for (i = 0; i < FACTS; i++) {
        const proxyip_fact_t *fact = &facts[i];
        const char *value;

        if (!is_all && !fact->is_basic) {
            continue;
        }
        value = fact->read(p, &source, fact->arg);
        if (value) {
            visit(baton, apr_pstrcat(p, PROXYIP_FACTS_PREFIX,
                                     *fact->name ? "_" : "", fact->name,
                                     NULL), value);
        }
    }
    if (is_all) {
        visit_unnamed(p, &source, visit, baton);
    }
}

static const char *proxyip_fact(apr_pool_t *p, conn_rec *c, const char *name)
{
    return proxyip_facts_lookup(p, c, name);
}

static int proxyip_tlv(conn_rec *c, int type, const unsigned char **value,
                       apr_size_t *len)
{
    source_t source;
    pp_tlv_t tlv;

    if (type < 0 || type > 255 || !find_source(c, &source)
        || !find_tlv(&source, type, &tlv)) {
        return 0;
    }
    *value = tlv.value;
    *len = tlv.len;
    return 1;
}

void proxyip_facts_export(void)
{
    APR_REGISTER_OPTIONAL_FN(proxyip_fact);
    APR_REGISTER_OPTIONAL_FN(proxyip_tlv);
}
