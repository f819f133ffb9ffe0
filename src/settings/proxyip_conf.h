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
 * The directives, and the settings that they make of a server.
 */

#ifndef PROXYIP_CONF_H
#define PROXYIP_CONF_H

#include <apr_tables.h>
#include <apr_time.h>

#include "protocol/pp.h"
#include "settings/proxyip_peers.h"
#include "proxyip_private.h"

/* The directives of one value, or of one set of peers. */
typedef enum {
    PROXYIP_SET_ENABLED,
    PROXYIP_SET_PEERS,
    PROXYIP_SET_FORMATS,
    PROXYIP_SET_TIMEOUT,
    PROXYIP_SET_MAX_HEADER,
    PROXYIP_SET_CHECKSUM,
    PROXYIP_SET_DEFER,
    PROXYIP_SET_CLOUD,
    PROXYIP_SET_SERVER_ADDR,
    PROXYIP_SET_HTTPS,
    PROXYIP_SET_IN_TLS,
    /* up to here they must agree within a listener */
    PROXYIP_SET_ENV,
    PROXYIP_SETTINGS
} proxyip_setting_t;

/* When a connection whose header names a client counts as https. */
typedef enum {
    PROXYIP_HTTPS_UNSET,
    PROXYIP_HTTPS_OFF,
    PROXYIP_HTTPS_ON,
    PROXYIP_HTTPS_TLV, /* when the SSL TLV says that the client used TLS */
    PROXYIP_HTTPS_PORT /* when the header's destination has a port */
} proxyip_https_t;

/* Whose private TLVs make facts. */
#define PROXYIP_CLOUD_AWS 0x1u
#define PROXYIP_CLOUD_AZURE 0x2u
#define PROXYIP_CLOUD_GCP 0x4u
#define PROXYIP_CLOUD_NONE 0x8u /* so that 0 is unset */

/* How much of what is known goes into the request environment. */
typedef enum {
    PROXYIP_ENV_UNSET,
    PROXYIP_ENV_OFF,
    PROXYIP_ENV_BASIC, /* addresses and ports */
    PROXYIP_ENV_ALL
} proxyip_env_t;

/**
 * What one server_rec says.  While the configuration is read a member may be
 * unset; proxyip_conf_finish() puts the defaults in, and from then on all of
 * it is read-only.
 */
struct proxyip_conf_t {
    int enabled;            /* -1 unset */
    proxyip_peers_t *peers; /* NULL unset */
    unsigned int formats;   /* PP_FORMAT_* bits; 0 unset */
    apr_interval_time_t timeout_us; /* for a whole header; -1 unset */
    apr_size_t max_header;  /* bytes of a v2 header; 0 unset */
    int checksum_required;  /* -1 unset */
    apr_interval_time_t defer_us; /* for the first payload byte after the
                                     header; 0 Off, -1 unset */
    unsigned int clouds;    /* PROXYIP_CLOUD_* bits; 0 unset */
    int adopts_server_addr; /* -1 unset */
    proxyip_https_t https;
    apr_port_t https_port;  /* host byte order; for PROXYIP_HTTPS_PORT */
    proxyip_env_t env;      /* a request's matter: it follows r->server, and
                               the names of a listener may differ in it */
    int in_tls;             /* the header is the first thing inside the TLS
                               connection; -1 unset */
    apr_array_header_t *listeners; /* of proxyip_listener_t *, those that it
                                      is in; set by post_config */
    /* the directive that gave each value, in this server or the one it
     * inherits from; NULL for a default */
    const ap_directive_t *origin[PROXYIP_SETTINGS];
    pp_rules_t rules;       /* the decoder's view; valid once finished */
    pp_rules_t rules_outside; /* the same for what comes outside TLS: of no
                                 format where the header is to come inside */
};

/** The directives of the module, for its record. */
extern const command_rec proxyip_conf_directives[];

/** create_server_config of the module's record. */
void *proxyip_conf_create(apr_pool_t *p, server_rec *s);

/** merge_server_config of the module's record. */
void *proxyip_conf_merge(apr_pool_t *p, void *base, void *add);

/**
 * The settings of a server.
 * @param s any server
 * @return its settings, never NULL
 */
proxyip_conf_t *proxyip_conf_get(const server_rec *s);

/**
 * Replace what is unset by the defaults and make the settings ready for use.
 * @param conf a server's settings; doing it twice is harmless
 */
void proxyip_conf_finish(proxyip_conf_t *conf);

/**
 * Begin a reading of the configuration.
 * @param add_hooks called in it while directives are read, once for each of
 *        PROXYIP_SET_HTTPS, PROXYIP_SET_IN_TLS and PROXYIP_SET_ENV, and only
 *        where one of their directives says more than off.  Hooks that it
 *        registers come to stand in their order: httpd sorts them after the
 *        last directive (main.c).
 * @remark from the module's register_hooks
 */
void proxyip_conf_begin(void (*add_hooks)(proxyip_setting_t setting));

/** @return the name of the directive behind a setting */
const char *proxyip_conf_directive(proxyip_setting_t setting);

/**
 * A setting as one would write it.
 * @param p where the text is made
 * @param conf finished settings
 * @param setting any but PROXYIP_SET_PEERS, which has no single value
 * @return the value's text
 */
const char *proxyip_conf_value(apr_pool_t *p, const proxyip_conf_t *conf,
                               proxyip_setting_t setting);

/**
 * Where a setting was said.
 * @param p where the text is made
 * @param conf the settings
 * @param setting which
 * @return "FILE:LINE" or "default"
 */
const char *proxyip_conf_where(apr_pool_t *p, const proxyip_conf_t *conf,
                               proxyip_setting_t setting);

#endif /* PROXYIP_CONF_H */
