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
 */

#ifndef PROXYIP_SEND_CONF_H
#define PROXYIP_SEND_CONF_H

#include <ap_expr.h>
#include <apr_tables.h>

#include "send/proxyip_send_private.h"

/* Bits of proxyip_send_conf_t.facts. */
#define PROXYIP_SEND_AUTHORITY 0x01
#define PROXYIP_SEND_ALPN 0x02
#define PROXYIP_SEND_SSL 0x04
#define PROXYIP_SEND_CN 0x08 /* within the SSL TLV, so with SEND_SSL */
#define PROXYIP_SEND_UNIQUE_ID 0x10
#define PROXYIP_SEND_CHECKSUM 0x20
#define PROXYIP_SEND_RELAY 0x40

/* The types that ProxyIPSendTLV may give: those that the specification
 * leaves to applications (section 2.2.8). */
#define PROXYIP_SEND_TLV_FIRST 0xE0
#define PROXYIP_SEND_TLV_LAST 0xEF

/* What health checks send. */
typedef enum {
    PROXYIP_SEND_CHECK_UNSET,
    PROXYIP_SEND_CHECK_LOCAL, /* LOCAL; in v1 UNKNOWN, which is as much */
    PROXYIP_SEND_CHECK_PROXY, /* this server as the client */
    PROXYIP_SEND_CHECK_OFF
} proxyip_send_check_t;

/** One ProxyIPSendTLV. */
typedef struct {
    int type;
    const char *text;           /* the expression as it was written */
    const ap_expr_info_t *expr; /* its result is a string */
} proxyip_send_tlv_t;

/**
 * What one section says.  Read-only once the configuration is read.
 */
struct proxyip_send_conf_t {
    int version;                /* 0 Off, 1, 2; -1 unset */
    int reuses;                 /* -1 unset */
    proxyip_send_check_t check;
    int facts;                  /* PROXYIP_SEND_* bits; -1 unset */
    apr_array_header_t *tlvs;   /* of proxyip_send_tlv_t; NULL unset */
    const ap_directive_t *origin; /* what gave version; NULL while unset */
};

/** The directives of the module, for its record. */
extern const command_rec proxyip_send_conf_directives[];

/** create_dir_config of the module's record. */
void *proxyip_send_conf_create(apr_pool_t *p, char *dir);

/** merge_dir_config of the module's record. */
void *proxyip_send_conf_merge(apr_pool_t *p, void *base, void *add);

/**
 * The settings in a vector of per-directory settings.
 * @param dirs a request's, a section's or a server's lookup_defaults
 * @return the settings, never NULL
 */
const proxyip_send_conf_t *
proxyip_send_conf_get(const ap_conf_vector_t *dirs);

/**
 * Say whether a header of some version is to be sent.
 * @param conf settings
 * @return 1 or 0
 */
int proxyip_send_conf_is_on(const proxyip_send_conf_t *conf);

/** @return what health checks are to send, UNSET replaced by the default */
proxyip_send_check_t
proxyip_send_conf_check(const proxyip_send_conf_t *conf);

/** @return whether a connection may carry a client's further requests */
int proxyip_send_conf_reuses(const proxyip_send_conf_t *conf);

/** @return PROXYIP_SEND_* bits, 0 where none were said */
int proxyip_send_conf_facts(const proxyip_send_conf_t *conf);

/** @return "Off", "v1" or "v2" */
const char *proxyip_send_conf_version(const proxyip_send_conf_t *conf);

/**
 * Where ProxyIPSend was said.
 * @param p where the text is made
 * @param conf the settings
 * @return "FILE:LINE" or "default"
 */
const char *proxyip_send_conf_where(apr_pool_t *p,
                                    const proxyip_send_conf_t *conf);

/**
 * The settings beside ProxyIPSend, as one would write them.
 * @param p where the text is made
 * @param conf the settings
 * @return "ProxyIPSendFacts ssl cn, ProxyIPSendReuse Client, ..."
 */
const char *proxyip_send_conf_describe(apr_pool_t *p,
                                       const proxyip_send_conf_t *conf);

/**
 * Begin a reading of the configuration.
 * @param add_hooks called in it while directives are read, once, and only
 *        where a ProxyIPSend says v1 or v2.  Hooks that it registers come to
 *        stand in their order: httpd sorts them after the last directive
 *        (main.c).
 * @remark from the module's register_hooks
 */
void proxyip_send_conf_begin(void (*add_hooks)(void));

#endif /* PROXYIP_SEND_CONF_H */
