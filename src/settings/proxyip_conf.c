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
 *
 * A handler refuses whatever it can judge alone: words, ranges, times, sizes,
 * files.  What takes more than one directive or more than one virtual host is
 * judged by proxyip_checks.c once everything has been read.
 */

#include "settings/proxyip_conf.h"

#include <errno.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#define DEFAULT_TIMEOUT_US apr_time_from_sec(5)
#define DEFAULT_DEFER_US apr_time_from_sec(20)
#define DEFAULT_MAX_HEADER 4096

/* Longest time a directive accepts: an hour is far beyond any use, and far
 * from any overflow. */
#define LONGEST_US apr_time_from_sec(3600)

/* Smallest ProxyIPMaxHeader: a UNIX header without TLVs, the largest address
 * block there is (specification, section 2.2). */
#define MIN_MAX_HEADER (PP_V2_FIXED + 2 * 108)

/* Largest list of peers in bytes: room for a million ranges. */
#define LARGEST_LIST ((apr_off_t)64 * 1024 * 1024)

static const char *const setting_directives[PROXYIP_SETTINGS] = {
    [PROXYIP_SET_ENABLED] = "ProxyIP",
    [PROXYIP_SET_PEERS] = "ProxyIPPeer",
    [PROXYIP_SET_FORMATS] = "ProxyIPFormats",
    [PROXYIP_SET_TIMEOUT] = "ProxyIPTimeout",
    [PROXYIP_SET_MAX_HEADER] = "ProxyIPMaxHeader",
    [PROXYIP_SET_CHECKSUM] = "ProxyIPChecksum",
    [PROXYIP_SET_DEFER] = "ProxyIPDefer",
    [PROXYIP_SET_CLOUD] = "ProxyIPCloud",
    [PROXYIP_SET_SERVER_ADDR] = "ProxyIPServerAddr",
    [PROXYIP_SET_HTTPS] = "ProxyIPHTTPS",
    [PROXYIP_SET_IN_TLS] = "ProxyIPInTLS",
    [PROXYIP_SET_ENV] = "ProxyIPEnv",
};

/* Set while the configuration is read, and not used afterwards. */
static void (*add_hooks_for)(proxyip_setting_t setting);
static int has_hooks[PROXYIP_SETTINGS];

static proxyip_conf_t *create_server_conf(apr_pool_t *p)
{
    proxyip_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->enabled = -1;
    conf->peers = NULL;
    conf->formats = 0;
    conf->timeout_us = -1;
    conf->max_header = 0;
    conf->checksum_required = -1;
    conf->defer_us = -1;
    conf->clouds = 0;
    conf->adopts_server_addr = -1;
    conf->https = PROXYIP_HTTPS_UNSET;
    conf->https_port = 0;
    conf->env = PROXYIP_ENV_UNSET;
    conf->in_tls = -1;
    conf->listeners = NULL;
    memset(conf->origin, 0, sizeof(conf->origin));
    memset(&conf->rules, 0, sizeof(conf->rules));
    memset(&conf->rules_outside, 0, sizeof(conf->rules_outside));
    return conf;
}

static proxyip_conf_t *merge_server_conf(apr_pool_t *p,
                                         const proxyip_conf_t *base,
                                         const proxyip_conf_t *add)
{
    proxyip_conf_t *conf = create_server_conf(p);
    int i;

    conf->enabled = add->enabled != -1 ? add->enabled : base->enabled;
    conf->peers = add->peers ? add->peers : base->peers;
    conf->formats = add->formats ? add->formats : base->formats;
    conf->timeout_us = add->timeout_us != -1 ? add->timeout_us
                                             : base->timeout_us;
    conf->max_header = add->max_header ? add->max_header : base->max_header;
    conf->checksum_required = add->checksum_required != -1
                                  ? add->checksum_required
                                  : base->checksum_required;
    conf->defer_us = add->defer_us != -1 ? add->defer_us : base->defer_us;
    conf->clouds = add->clouds ? add->clouds : base->clouds;
    conf->adopts_server_addr = add->adopts_server_addr != -1
                                   ? add->adopts_server_addr
                                   : base->adopts_server_addr;
    conf->https = add->https ? add->https : base->https;
    conf->https_port = add->https ? add->https_port : base->https_port;
    conf->env = add->env ? add->env : base->env;
    conf->in_tls = add->in_tls != -1 ? add->in_tls : base->in_tls;
    for (i = 0; i < PROXYIP_SETTINGS; i++) {
        conf->origin[i] = add->origin[i] ? add->origin[i] : base->origin[i];
    }
    conf->listeners = add->listeners; /* not found yet: post_config */
    conf->rules = add->rules; /* not made yet: proxyip_conf_finish() */
    conf->rules_outside = add->rules_outside; /* likewise */
    return conf;
}

void *proxyip_conf_create(apr_pool_t *p, server_rec *s)
{
    (void)s;
    return create_server_conf(p);
}

void *proxyip_conf_merge(apr_pool_t *p, void *base, void *add)
{
    return merge_server_conf(p, base, add);
}

proxyip_conf_t *proxyip_conf_get(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &proxyip_module);
}

void proxyip_conf_finish(proxyip_conf_t *conf)
{
    if (conf->enabled == -1) {
        conf->enabled = 0;
    }
    if (conf->peers) {
        proxyip_peers_compile(conf->peers);
    }
    if (!conf->formats) {
        conf->formats = PP_FORMAT_V1 | PP_FORMAT_V2;
    }
    if (conf->timeout_us == -1) {
        conf->timeout_us = DEFAULT_TIMEOUT_US;
    }
    if (!conf->max_header) {
        conf->max_header = DEFAULT_MAX_HEADER;
    }
    if (conf->checksum_required == -1) {
        conf->checksum_required = 0;
    }
    if (conf->defer_us == -1) {
        conf->defer_us = DEFAULT_DEFER_US;
    }
    if (!conf->clouds) {
        conf->clouds = PROXYIP_CLOUD_AWS | PROXYIP_CLOUD_AZURE
                       | PROXYIP_CLOUD_GCP;
    }
    if (conf->adopts_server_addr == -1) {
        conf->adopts_server_addr = 0;
    }
    if (conf->https == PROXYIP_HTTPS_UNSET) {
        conf->https = PROXYIP_HTTPS_OFF;
    }
    if (conf->env == PROXYIP_ENV_UNSET) {
        conf->env = PROXYIP_ENV_OFF;
    }
    if (conf->in_tls == -1) {
        conf->in_tls = 0;
    }
    conf->rules.formats = conf->formats;
    conf->rules.max_len = conf->max_header;
    conf->rules.checksum_required = conf->checksum_required;
    conf->rules_outside = conf->rules;
    if (conf->in_tls) {
        conf->rules_outside.formats = 0;
    }
}

const char *proxyip_conf_directive(proxyip_setting_t setting)
{
    return setting_directives[setting];
}

static const char *time_text(apr_pool_t *p, apr_interval_time_t time_us)
{
    if (time_us % APR_USEC_PER_SEC == 0) {
        return apr_psprintf(p, "%" APR_TIME_T_FMT "s", apr_time_sec(time_us));
    }
    return apr_psprintf(p, "%" APR_TIME_T_FMT "ms", apr_time_as_msec(time_us));
}

static const char *https_text(apr_pool_t *p, const proxyip_conf_t *conf)
{
    switch (conf->https) {
    case PROXYIP_HTTPS_ON:
        return "on";
    case PROXYIP_HTTPS_TLV:
        return "tlv";
    case PROXYIP_HTTPS_PORT:
        return apr_psprintf(p, "port=%d", (int)conf->https_port);
    case PROXYIP_HTTPS_OFF:
    case PROXYIP_HTTPS_UNSET:
        break;
    }
    return "off";
}

/* Cloud providers whose private TLVs are known. */
static const struct {
    const char *word;
    unsigned int bit;
} clouds[] = {
    {"aws", PROXYIP_CLOUD_AWS},
    {"azure", PROXYIP_CLOUD_AZURE},
    {"gcp", PROXYIP_CLOUD_GCP},
};

static const char *clouds_text(apr_pool_t *p, unsigned int bits)
{
    const char *text = NULL;
    size_t i;

    for (i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++) {
        if (bits & clouds[i].bit) {
            text = text ? apr_pstrcat(p, text, " ", clouds[i].word, NULL)
                        : clouds[i].word;
        }
    }
    return text ? text : "none";
}

const char *proxyip_conf_value(apr_pool_t *p, const proxyip_conf_t *conf,
                               proxyip_setting_t setting)
{
    switch (setting) {
    case PROXYIP_SET_ENABLED:
        return conf->enabled == 1 ? "On" : "Off";
    case PROXYIP_SET_FORMATS:
        return conf->formats == PP_FORMAT_V1   ? "v1"
               : conf->formats == PP_FORMAT_V2 ? "v2"
                                               : "v1 v2";
    case PROXYIP_SET_TIMEOUT:
        return time_text(p, conf->timeout_us);
    case PROXYIP_SET_MAX_HEADER:
        return apr_psprintf(p, "%" APR_SIZE_T_FMT, conf->max_header);
    case PROXYIP_SET_CHECKSUM:
        return conf->checksum_required == 1 ? "require" : "verify";
    case PROXYIP_SET_DEFER:
        return conf->defer_us ? time_text(p, conf->defer_us) : "Off";
    case PROXYIP_SET_CLOUD:
        return clouds_text(p, conf->clouds);
    case PROXYIP_SET_SERVER_ADDR:
        return conf->adopts_server_addr == 1 ? "On" : "Off";
    case PROXYIP_SET_HTTPS:
        return https_text(p, conf);
    case PROXYIP_SET_IN_TLS:
        return conf->in_tls == 1 ? "On" : "Off";
    case PROXYIP_SET_ENV:
        return conf->env == PROXYIP_ENV_ALL     ? "All"
               : conf->env == PROXYIP_ENV_BASIC ? "Basic"
                                                : "Off";
    case PROXYIP_SET_PEERS:
    case PROXYIP_SETTINGS:
        break;
    }
    return "";
}

const char *proxyip_conf_where(apr_pool_t *p, const proxyip_conf_t *conf,
                               proxyip_setting_t setting)
{
    const ap_directive_t *origin = conf->origin[setting];

    if (!origin) {
        return "default";
    }
    return apr_psprintf(p, "%s:%d", origin->filename, origin->line_num);
}

/* The settings a directive writes to, its place noted. */
static proxyip_conf_t *conf_for(cmd_parms *cmd, proxyip_setting_t setting)
{
    proxyip_conf_t *conf = proxyip_conf_get(cmd->server);

    if (setting != PROXYIP_SET_PEERS || !conf->origin[setting]) {
        conf->origin[setting] = cmd->directive;
    }
    return conf;
}

static const char *wrong_value(cmd_parms *cmd, const char *value,
                               const char *accepted)
{
    return apr_psprintf(cmd->pool, "%s: '%s' is not accepted: %s",
                        cmd->cmd->name, value, accepted);
}

/* On or Off, in any case. */
static const char *read_flag(cmd_parms *cmd, const char *arg, int *flag)
{
    if (strcasecmp(arg, "on") != 0 && strcasecmp(arg, "off") != 0) {
        return wrong_value(cmd, arg, "On or Off");
    }
    *flag = strcasecmp(arg, "on") == 0;
    return NULL;
}

static const char *set_enabled(cmd_parms *cmd, void *unused, const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_ENABLED);

    (void)unused;
    return read_flag(cmd, arg, &conf->enabled);
}

static proxyip_peers_t *peers_for(cmd_parms *cmd)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_PEERS);

    if (!conf->peers) {
        conf->peers = proxyip_peers_make(cmd->pool);
    }
    return conf->peers;
}

static const char *read_policy(cmd_parms *cmd, const char *word,
                               proxyip_policy_t *policy)
{
    return proxyip_policy_parse(word, policy)
               ? NULL
               : wrong_value(cmd, word,
                             "require, optional, direct or reject");
}

/* Add the ranges of one argument. */
static const char *add_ranges(cmd_parms *cmd, proxyip_policy_t policy,
                              char *words, int *added)
{
    const ap_directive_t *here = cmd->directive;
    const char *error = proxyip_peers_add_words(peers_for(cmd), policy, words,
                                                here->filename,
                                                here->line_num, added);

    return error ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", error, NULL)
                 : NULL;
}

/* The arguments are taken apart here: httpd itself silently drops what comes
 * after the 64th (AP_MAX_ARGC in server/config.c). */
static const char *add_peers(cmd_parms *cmd, void *unused, const char *args)
{
    const char *word = ap_getword_conf(cmd->temp_pool, &args);
    proxyip_policy_t policy;
    const char *error;
    int added = 0;

    (void)unused;
    if (!*word) {
        return apr_psprintf(cmd->pool, "%s needs a policy (require, optional,"
                            " direct or reject) and ranges", cmd->cmd->name);
    }
    error = read_policy(cmd, word, &policy);
    while (!error && *args) {
        error = add_ranges(cmd, policy,
                           ap_getword_conf(cmd->temp_pool, &args), &added);
    }
    if (!error && !added) {
        return apr_psprintf(cmd->pool, "%s %s: no range follows; 'all' or"
                            " addresses or CIDR ranges are accepted",
                            cmd->cmd->name, word);
    }
    return error;
}

/* The range on one line of a list, or NULL when it holds none. */
static char *range_of_line(char *line)
{
    char *comment = strchr(line, '#');
    char *end;

    if (comment) {
        *comment = '\0';
    }
    while (apr_isspace(*line)) {
        line++;
    }
    end = line + strlen(line);
    while (end > line && apr_isspace(end[-1])) {
        *--end = '\0';
    }
    return *line ? line : NULL;
}

static const char *add_lines(cmd_parms *cmd, char *text, const char *path,
                             proxyip_policy_t policy)
{
    proxyip_peers_t *peers = peers_for(cmd);
    int line_num = 0;
    int added = 0;

    while (text) {
        char *end = strchr(text, '\n');
        const char *range;
        const char *error = NULL;

        line_num++;
        if (end) {
            *end++ = '\0';
        }
        range = range_of_line(text);
        if (range) {
            error = proxyip_peers_add(peers, policy, range, 0, path,
                                      line_num);
            added++;
        }
        if (error) {
            return apr_psprintf(cmd->pool, "%s: %s:%d: %s", cmd->cmd->name,
                                path, line_num, error);
        }
        text = end;
    }
    if (!added) {
        return apr_psprintf(cmd->pool, "%s: '%s' holds no range; one address"
                            " or CIDR range per line is accepted",
                            cmd->cmd->name, path);
    }
    return NULL;
}

/* A whole file as text; NULL, and why, when it cannot be had.  Not by httpd's
 * reader of configurations: that joins lines at a backslash, so that a comment
 * could swallow a range.  Looked at before it is opened: the start would wait
 * for a pipe's other end. */
static char *read_text(apr_pool_t *p, const char *path, apr_size_t *len,
                       const char **why)
{
    char *text = NULL;
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t rv = apr_stat(&info, path, APR_FINFO_TYPE, p);

    if (rv == APR_SUCCESS && info.filetype != APR_REG) {
        *why = "it is not a regular file";
        return NULL;
    }
    if (rv == APR_SUCCESS) {
        rv = apr_file_open(&file, path, APR_FOPEN_READ, 0, p);
    }
    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(p, "%pm", &rv);
        return NULL;
    }
    rv = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (rv == APR_SUCCESS && info.size > LARGEST_LIST) {
        rv = APR_FROM_OS_ERROR(EFBIG);
    }
    if (rv == APR_SUCCESS) {
        text = apr_pcalloc(p, (apr_size_t)info.size + 1);
        rv = apr_file_read_full(file, text, (apr_size_t)info.size, len);
        if (APR_STATUS_IS_EOF(rv)) {
            rv = APR_SUCCESS; /* nothing in it */
        }
    }
    apr_file_close(file);
    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(p, "%pm", &rv);
        return NULL;
    }
    return text;
}

static const char *add_peer_list(cmd_parms *cmd, void *unused,
                                 const char *word, const char *file)
{
    const char *path = ap_server_root_relative(cmd->pool, file);
    proxyip_policy_t policy;
    const char *error = read_policy(cmd, word, &policy);
    char *text;
    apr_size_t len = 0;

    (void)unused;
    if (error) {
        return error;
    }
    if (!path) {
        return wrong_value(cmd, file, "the path of a file");
    }
    text = read_text(cmd->temp_pool, path, &len, &error);
    if (!text) {
        return apr_psprintf(cmd->pool, "%s: '%s' cannot be read: %s",
                            cmd->cmd->name, path, error);
    }
    if (memchr(text, '\0', len)) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not a text file; one"
                            " address or CIDR range per line is accepted",
                            cmd->cmd->name, path);
    }
    return add_lines(cmd, text, path, policy);
}

static const char *set_formats(cmd_parms *cmd, void *unused, int argc,
                               char *const argv[])
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_FORMATS);
    int i;

    (void)unused;
    conf->formats = 0;
    for (i = 0; i < argc; i++) {
        if (strcasecmp(argv[i], "v1") == 0) {
            conf->formats |= PP_FORMAT_V1;
        }
        else if (strcasecmp(argv[i], "v2") == 0) {
            conf->formats |= PP_FORMAT_V2;
        }
        else {
            return wrong_value(cmd, argv[i], "v1, v2 or both");
        }
    }
    return conf->formats ? NULL : wrong_value(cmd, "", "v1, v2 or both");
}

/* ap_timeout_parameter_parse() looks at the unit's first letters only; a
 * time with anything behind them is a typing error. */
static int is_time(const char *text)
{
    static const char *const units[] = {"", "s", "ms", "mi", "min", "h"};
    apr_size_t i;

    if (!apr_isdigit(*text)) {
        return 0;
    }
    while (apr_isdigit(*text)) {
        text++;
    }
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text, units[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static const char *read_time(cmd_parms *cmd, const char *arg,
                             const char *accepted,
                             apr_interval_time_t *time_us)
{
    apr_interval_time_t value;

    if (!is_time(arg)
        || ap_timeout_parameter_parse(arg, &value, "s") != APR_SUCCESS
        || value < apr_time_from_msec(1) || value > LONGEST_US) {
        return wrong_value(cmd, arg, accepted);
    }
    *time_us = value;
    return NULL;
}

static const char *set_timeout(cmd_parms *cmd, void *unused, const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_TIMEOUT);

    (void)unused;
    return read_time(cmd, arg, "a time from 1ms to 1h, in seconds or with"
                     " a unit ms, s, min or h", &conf->timeout_us);
}

static const char *set_defer(cmd_parms *cmd, void *unused, const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_DEFER);

    (void)unused;
    if (strcasecmp(arg, "off") == 0) {
        conf->defer_us = 0;
        return NULL;
    }
    return read_time(cmd, arg, "Off, or a time from 1ms to 1h, in seconds or"
                     " with a unit ms, s, min or h", &conf->defer_us);
}

static const char *set_max_header(cmd_parms *cmd, void *unused,
                                  const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_MAX_HEADER);
    apr_size_t bytes = 0;
    apr_size_t i;

    (void)unused;
    for (i = 0; i < 6 && apr_isdigit(arg[i]); i++) {
        bytes = bytes * 10 + (apr_size_t)(arg[i] - '0');
    }
    if (arg[i] || bytes < MIN_MAX_HEADER || bytes > PP_V2_MAX) {
        return wrong_value(cmd, arg, "a number of bytes from 232 to 65551");
    }
    conf->max_header = bytes;
    return NULL;
}

static const char *set_checksum(cmd_parms *cmd, void *unused, const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_CHECKSUM);

    (void)unused;
    if (strcasecmp(arg, "verify") != 0 && strcasecmp(arg, "require") != 0) {
        return wrong_value(cmd, arg, "verify or require");
    }
    conf->checksum_required = strcasecmp(arg, "require") == 0;
    return NULL;
}

static unsigned int find_cloud(const char *word)
{
    size_t i;

    for (i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++) {
        if (strcasecmp(word, clouds[i].word) == 0) {
            return clouds[i].bit;
        }
    }
    return strcasecmp(word, "none") == 0 ? PROXYIP_CLOUD_NONE : 0;
}

static const char *set_cloud(cmd_parms *cmd, void *unused, int argc,
                             char *const argv[])
{
    static const char accepted[] = "aws, azure, gcp or several of them; or"
                                   " none, alone";
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_CLOUD);
    int i;

    (void)unused;
    conf->clouds = 0;
    for (i = 0; i < argc; i++) {
        unsigned int bit = find_cloud(argv[i]);

        if (!bit || (bit == PROXYIP_CLOUD_NONE && argc > 1)) {
            return wrong_value(cmd, argv[i], accepted);
        }
        conf->clouds |= bit;
    }
    return argc ? NULL : wrong_value(cmd, "", accepted);
}

static const char *set_server_addr(cmd_parms *cmd, void *unused,
                                   const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_SERVER_ADDR);

    (void)unused;
    return read_flag(cmd, arg, &conf->adopts_server_addr);
}

/* N of "port=N", or 0. */
static apr_port_t read_https_port(const char *arg)
{
    int port = 0;
    int i;

    if (strncasecmp(arg, "port=", 5) != 0) {
        return 0;
    }
    arg += 5;
    for (i = 0; i < 5 && apr_isdigit(arg[i]); i++) {
        port = port * 10 + (arg[i] - '0');
    }
    return arg[i] || port > 65535 ? 0 : (apr_port_t)port;
}

/* Add the hooks that a setting needs, once. */
static void want_hooks(proxyip_setting_t setting)
{
    if (!has_hooks[setting]) {
        has_hooks[setting] = 1;
        add_hooks_for(setting);
    }
}

static const char *set_https(cmd_parms *cmd, void *unused, const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_HTTPS);

    (void)unused;
    conf->https_port = read_https_port(arg);
    if (conf->https_port) {
        conf->https = PROXYIP_HTTPS_PORT;
    }
    else if (strcasecmp(arg, "off") == 0) {
        conf->https = PROXYIP_HTTPS_OFF;
    }
    else if (strcasecmp(arg, "on") == 0) {
        conf->https = PROXYIP_HTTPS_ON;
    }
    else if (strcasecmp(arg, "tlv") == 0) {
        conf->https = PROXYIP_HTTPS_TLV;
    }
    else {
        return wrong_value(cmd, arg, "off, on, tlv or port=N with N from 1 to"
                           " 65535");
    }
    if (conf->https != PROXYIP_HTTPS_OFF) {
        want_hooks(PROXYIP_SET_HTTPS);
    }
    return NULL;
}

static const char *set_env(cmd_parms *cmd, void *unused, const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_ENV);

    (void)unused;
    if (strcasecmp(arg, "off") == 0) {
        conf->env = PROXYIP_ENV_OFF;
    }
    else if (strcasecmp(arg, "basic") == 0) {
        conf->env = PROXYIP_ENV_BASIC;
    }
    else if (strcasecmp(arg, "all") == 0) {
        conf->env = PROXYIP_ENV_ALL;
    }
    else {
        return wrong_value(cmd, arg, "Off, Basic or All");
    }
    if (conf->env != PROXYIP_ENV_OFF) {
        want_hooks(PROXYIP_SET_ENV);
    }
    return NULL;
}

static const char *set_in_tls(cmd_parms *cmd, void *unused, const char *arg)
{
    proxyip_conf_t *conf = conf_for(cmd, PROXYIP_SET_IN_TLS);
    const char *error = read_flag(cmd, arg, &conf->in_tls);

    (void)unused;
    if (!error && conf->in_tls) {
        want_hooks(PROXYIP_SET_IN_TLS);
    }
    return error;
}

void proxyip_conf_begin(void (*add_hooks)(proxyip_setting_t setting))
{
    add_hooks_for = add_hooks;
    memset(has_hooks, 0, sizeof(has_hooks));
}

/* clang-format off */
const command_rec proxyip_conf_directives[] = {
    AP_INIT_TAKE1("ProxyIP", set_enabled, NULL, RSRC_CONF,
        "On takes a PROXY protocol header off the connections of this"
        " listener; the default is Off."),
    AP_INIT_RAW_ARGS("ProxyIPPeer", add_peers, NULL, RSRC_CONF,
        "A policy (require, optional, direct, reject) and the peers it is"
        " for: all, or addresses and CIDR ranges; everyone else is"
        " rejected."),
    AP_INIT_TAKE2("ProxyIPPeerList", add_peer_list, NULL, RSRC_CONF,
        "A policy (require, optional, direct, reject) and a file that lists"
        " the peers it is for, one address or CIDR range per line."),
    AP_INIT_TAKE_ARGV("ProxyIPFormats", set_formats, NULL, RSRC_CONF,
        "The header formats accepted, v1, v2 or both; the default is both."),
    AP_INIT_TAKE1("ProxyIPTimeout", set_timeout, NULL, RSRC_CONF,
        "Total time in which a whole header must have come, in seconds or"
        " with a unit; the default is 5s."),
    AP_INIT_TAKE1("ProxyIPMaxHeader", set_max_header, NULL, RSRC_CONF,
        "Largest v2 header in bytes, 232 to 65551; the default is 4096."),
    AP_INIT_TAKE1("ProxyIPChecksum", set_checksum, NULL, RSRC_CONF,
        "verify checks a CRC32C checksum when one comes, require demands"
        " one; the default is verify."),
    AP_INIT_TAKE1("ProxyIPDefer", set_defer, NULL, RSRC_CONF,
        "Time a connection may wait for its first byte after the header, or"
        " Off to hand it over at once; the default is 20s."),
    AP_INIT_TAKE1("ProxyIPServerAddr", set_server_addr, NULL, RSRC_CONF,
        "On adopts the header's destination as the server's address and"
        " chooses the virtual host by it; the default is Off."),
    AP_INIT_TAKE_ARGV("ProxyIPCloud", set_cloud, NULL, RSRC_CONF,
        "Whose private TLVs make PROXYIP_ variables: aws, azure, gcp, several"
        " of them, or none; the default is all three."),
    AP_INIT_TAKE1("ProxyIPHTTPS", set_https, NULL, RSRC_CONF,
        "off, on, tlv or port=N: when a connection counts as https because"
        " TLS ended at the load balancer; the default is off."),
    AP_INIT_TAKE1("ProxyIPInTLS", set_in_tls, NULL, RSRC_CONF,
        "On expects the header inside the TLS connection that the load"
        " balancer makes, where SSLEngine is on; the default is Off."),
    AP_INIT_TAKE1("ProxyIPEnv", set_env, NULL, RSRC_CONF,
        "Off, Basic or All: which PROXYIP_ variables go into the request"
        " environment; the default is Off."),
    {0}
};
/* clang-format on */
