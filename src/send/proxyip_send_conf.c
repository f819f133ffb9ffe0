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
 * The directives of mod_proxyip_send, and the settings of one section.
 *
 * All are per directory, so that they stand in the server, in a virtual host,
 * and in <Location> and <Proxy> sections.
 */

#include "send/proxyip_send_conf.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "protocol/pp.h"

/* Used only while the configuration is being read. */
static void (*add_hooks_once)(void);

static const struct {
    const char *name;
    int bits;
} fact_names[] = {
    {"authority", PROXYIP_SEND_AUTHORITY},
    {"alpn", PROXYIP_SEND_ALPN},
    {"ssl", PROXYIP_SEND_SSL},
    {"cn", PROXYIP_SEND_SSL | PROXYIP_SEND_CN},
    {"unique-id", PROXYIP_SEND_UNIQUE_ID},
    {"checksum", PROXYIP_SEND_CHECKSUM},
    {"relay", PROXYIP_SEND_RELAY},
};
#define FACT_NAMES (sizeof(fact_names) / sizeof(fact_names[0]))

static proxyip_send_conf_t *create_dir_conf(apr_pool_t *p)
{
    proxyip_send_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->version = -1;
    conf->reuses = -1;
    conf->check = PROXYIP_SEND_CHECK_UNSET;
    conf->facts = -1;
    conf->tlvs = NULL;
    conf->origin = NULL;
    return conf;
}

static const proxyip_send_tlv_t *find_tlv(const apr_array_header_t *tlvs,
                                          int type)
{
    int i;

    for (i = 0; tlvs && i < tlvs->nelts; i++) {
        const proxyip_send_tlv_t *tlv;

        tlv = &APR_ARRAY_IDX(tlvs, i, proxyip_send_tlv_t);
        if (tlv->type == type) {
            return tlv;
        }
    }
    return NULL;
}

/* An inner section's TLV takes the place of an outer one of its type. */
static apr_array_header_t *merge_tlvs(apr_pool_t *p,
                                      apr_array_header_t *base,
                                      apr_array_header_t *add)
{
    apr_array_header_t *tlvs;
    int i;

    if (!base || !add) {
        return add ? add : base;
    }
    tlvs = apr_array_copy(p, add);
    for (i = 0; i < base->nelts; i++) {
        const proxyip_send_tlv_t *tlv;

        tlv = &APR_ARRAY_IDX(base, i, proxyip_send_tlv_t);
        if (!find_tlv(add, tlv->type)) {
            APR_ARRAY_PUSH(tlvs, proxyip_send_tlv_t) = *tlv;
        }
    }
    return tlvs;
}

static proxyip_send_conf_t *merge_dir_conf(apr_pool_t *p,
                                           const proxyip_send_conf_t *base,
                                           const proxyip_send_conf_t *add)
{
    proxyip_send_conf_t *conf = create_dir_conf(p);

    conf->version = add->version != -1 ? add->version : base->version;
    conf->reuses = add->reuses != -1 ? add->reuses : base->reuses;
    conf->check = add->check ? add->check : base->check;
    conf->facts = add->facts != -1 ? add->facts : base->facts;
    conf->tlvs = merge_tlvs(p, base->tlvs, add->tlvs);
    conf->origin = add->origin ? add->origin : base->origin;
    return conf;
}

/* The record has this type for it.
 * NOLINTNEXTLINE(readability-non-const-parameter) */
void *proxyip_send_conf_create(apr_pool_t *p, char *dir)
{
    (void)dir;
    return create_dir_conf(p);
}

void *proxyip_send_conf_merge(apr_pool_t *p, void *base, void *add)
{
    return merge_dir_conf(p, base, add);
}

const proxyip_send_conf_t *proxyip_send_conf_get(const ap_conf_vector_t *dirs)
{
    static const proxyip_send_conf_t unset = {
        -1, -1, PROXYIP_SEND_CHECK_UNSET, -1, NULL, NULL};
    const proxyip_send_conf_t *conf;

    /* A section has settings only of modules with a directive in it. */
    conf = ap_get_module_config(dirs, &proxyip_send_module);
    return conf ? conf : &unset;
}

int proxyip_send_conf_is_on(const proxyip_send_conf_t *conf)
{
    return conf->version > 0;
}

proxyip_send_check_t proxyip_send_conf_check(const proxyip_send_conf_t *conf)
{
    return conf->check ? conf->check : PROXYIP_SEND_CHECK_LOCAL;
}

int proxyip_send_conf_reuses(const proxyip_send_conf_t *conf)
{
    return conf->reuses != 0;
}

int proxyip_send_conf_facts(const proxyip_send_conf_t *conf)
{
    return conf->facts == -1 ? 0 : conf->facts;
}

const char *proxyip_send_conf_version(const proxyip_send_conf_t *conf)
{
    return conf->version == 1 ? "v1" : conf->version == 2 ? "v2" : "Off";
}

const char *proxyip_send_conf_where(apr_pool_t *p,
                                    const proxyip_send_conf_t *conf)
{
    if (!conf->origin) {
        return "default";
    }
    return apr_psprintf(p, "%s:%d", conf->origin->filename,
                        conf->origin->line_num);
}

static const char *check_name(proxyip_send_check_t check)
{
    switch (check) {
    case PROXYIP_SEND_CHECK_PROXY:
        return "proxy";
    case PROXYIP_SEND_CHECK_OFF:
        return "off";
    case PROXYIP_SEND_CHECK_LOCAL:
    case PROXYIP_SEND_CHECK_UNSET:
        break;
    }
    return "local";
}

const char *proxyip_send_conf_describe(apr_pool_t *p,
                                       const proxyip_send_conf_t *conf)
{
    const char *text = "ProxyIPSendFacts";
    int facts = proxyip_send_conf_facts(conf);
    size_t i;
    int n;

    for (i = 0; i < FACT_NAMES; i++) {
        /* `cn` is with `ssl`; it alone has a bit of its own beside. */
        if ((facts & fact_names[i].bits) == fact_names[i].bits) {
            text = apr_pstrcat(p, text, " ", fact_names[i].name, NULL);
        }
    }
    if (!facts) {
        text = apr_pstrcat(p, text, " none", NULL);
    }
    for (n = 0; conf->tlvs && n < conf->tlvs->nelts; n++) {
        const proxyip_send_tlv_t *tlv;

        tlv = &APR_ARRAY_IDX(conf->tlvs, n, proxyip_send_tlv_t);
        text = apr_psprintf(p, "%s, ProxyIPSendTLV 0x%02X \"%s\"", text,
                            (unsigned int)tlv->type, tlv->text);
    }
    return apr_psprintf(p, "%s, ProxyIPSendReuse %s, ProxyIPSendCheck %s",
                        text,
                        proxyip_send_conf_reuses(conf) ? "Client" : "Off",
                        check_name(proxyip_send_conf_check(conf)));
}

static const char *wrong_value(cmd_parms *cmd, const char *value,
                               const char *accepted)
{
    return apr_psprintf(cmd->pool, "%s: '%s' is not accepted: %s",
                        cmd->cmd->name, value, accepted);
}

static const char *set_version(cmd_parms *cmd, void *dir, const char *arg)
{
    proxyip_send_conf_t *conf = dir;

    if (strcasecmp(arg, "off") == 0) {
        conf->version = 0;
    }
    else if (strcasecmp(arg, "v1") == 0) {
        conf->version = 1;
    }
    else if (strcasecmp(arg, "v2") == 0) {
        conf->version = 2;
    }
    else {
        return wrong_value(cmd, arg, "Off, v1 or v2");
    }
    conf->origin = cmd->directive;
    if (conf->version > 0 && add_hooks_once) {
        add_hooks_once();
        add_hooks_once = NULL;
    }
    return NULL;
}

static const char *set_reuse(cmd_parms *cmd, void *dir, const char *arg)
{
    proxyip_send_conf_t *conf = dir;

    if (strcasecmp(arg, "client") != 0 && strcasecmp(arg, "off") != 0) {
        return wrong_value(cmd, arg, "Client or Off");
    }
    conf->reuses = strcasecmp(arg, "client") == 0;
    return NULL;
}

static const char *set_check(cmd_parms *cmd, void *dir, const char *arg)
{
    proxyip_send_conf_t *conf = dir;

    if (strcasecmp(arg, "local") == 0) {
        conf->check = PROXYIP_SEND_CHECK_LOCAL;
    }
    else if (strcasecmp(arg, "proxy") == 0) {
        conf->check = PROXYIP_SEND_CHECK_PROXY;
    }
    else if (strcasecmp(arg, "off") == 0) {
        conf->check = PROXYIP_SEND_CHECK_OFF;
    }
    else {
        return wrong_value(cmd, arg, "local, proxy or off");
    }
    return NULL;
}

/* Lines of one section add up; `none` stands alone. */
static const char *add_fact(cmd_parms *cmd, void *dir, const char *arg)
{
    proxyip_send_conf_t *conf = dir;
    size_t i;

    if (strcasecmp(arg, "none") == 0) {
        if (conf->facts > 0) {
            return apr_psprintf(cmd->pool, "%s: 'none' cannot stand beside"
                                " facts that are to be sent", cmd->cmd->name);
        }
        conf->facts = 0;
        return NULL;
    }
    for (i = 0; i < FACT_NAMES; i++) {
        if (strcasecmp(arg, fact_names[i].name) == 0) {
            break;
        }
    }
    if (i == FACT_NAMES) {
        return wrong_value(cmd, arg, "none, or one or more of authority,"
                           " alpn, ssl, cn, unique-id, checksum and relay");
    }
    if (conf->facts == 0) {
        return apr_psprintf(cmd->pool, "%s: '%s' cannot stand beside 'none'",
                            cmd->cmd->name, arg);
    }
    conf->facts = (conf->facts == -1 ? 0 : conf->facts) | fact_names[i].bits;
    return NULL;
}

/* A TLV type in hex, as in 0xE0; -1 for anything else. */
static int read_type(const char *arg)
{
    char *end;
    apr_int64_t type;

    if (strncasecmp(arg, "0x", 2) != 0 || !apr_isxdigit(arg[2])) {
        return -1;
    }
    type = apr_strtoi64(arg + 2, &end, 16);
    return *end == '\0' && type >= PROXYIP_SEND_TLV_FIRST
                   && type <= PROXYIP_SEND_TLV_LAST
               ? (int)type
               : -1;
}

static const char *add_tlv(cmd_parms *cmd, void *dir, const char *arg,
                           const char *text)
{
    proxyip_send_conf_t *conf = dir;
    proxyip_send_tlv_t tlv;
    const char *error;

    tlv.type = read_type(arg);
    tlv.text = text;
    if (tlv.type == -1) {
        return wrong_value(cmd, arg, "a type from 0xE0 to 0xEF, which the"
                           " specification leaves to applications");
    }
    if (find_tlv(conf->tlvs, tlv.type)) {
        return apr_psprintf(cmd->pool, "%s: type %s is given twice in one"
                            " section", cmd->cmd->name, arg);
    }
    tlv.expr = ap_expr_parse_cmd(cmd, text, AP_EXPR_FLAG_STRING_RESULT,
                                 &error, NULL);
    if (error) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not an expression of"
                            " httpd's that gives a text: %s", cmd->cmd->name,
                            text, error);
    }
    if (!conf->tlvs) {
        conf->tlvs = apr_array_make(cmd->pool, 2, sizeof(tlv));
    }
    APR_ARRAY_PUSH(conf->tlvs, proxyip_send_tlv_t) = tlv;
    return NULL;
}

void proxyip_send_conf_begin(void (*add_hooks)(void))
{
    add_hooks_once = add_hooks;
}

/* In a server, a virtual host, <Location> and <Proxy>; not in .htaccess. */
#define WHERE (RSRC_CONF | ACCESS_CONF)

/* clang-format off */
const command_rec proxyip_send_conf_directives[] = {
    AP_INIT_TAKE1("ProxyIPSend", set_version, NULL, WHERE,
                  "Send a PROXY header to mod_proxy's backends: Off, v1 or v2"
                  " (default Off)."),
    AP_INIT_ITERATE("ProxyIPSendFacts", add_fact, NULL, WHERE,
                    "What a v2 header says beside the addresses: none, or"
                    " authority, alpn, ssl, cn, unique-id, checksum, relay"
                    " (default none)."),
    AP_INIT_TAKE2("ProxyIPSendTLV", add_tlv, NULL, WHERE,
                  "A TLV of a v2 header: its type, 0xE0 to 0xEF, and an"
                  " expression for its value."),
    AP_INIT_TAKE1("ProxyIPSendReuse", set_reuse, NULL, WHERE,
                  "Client: a connection to a backend carries requests of one"
                  " client connection; Off: one request (default Client)."),
    AP_INIT_TAKE1("ProxyIPSendCheck", set_check, NULL, WHERE,
                  "What mod_proxy_hcheck's connections send: local, proxy or"
                  " off (default local)."),
    {0}
};
/* clang-format on */
