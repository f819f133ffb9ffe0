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
 * The lines about one connection in the error log.
 *
 * Levels: what any stranger can provoke is info, and so is everything from a
 * peer that only a range without bounds (all, or a /0) holds; a trusted
 * peer's fault is error; silence is debug.  Texts are made only when their
 * level is logged: ap_log_cerror() is a macro that looks first.
 */

#include "proxyip_log.h"

#include <string.h>

#include <apr_strings.h>

#include "proxyip_conf.h"

#define SHOWN_BYTES 32

/* Bytes in one line at trace4: in hex, well under what a line can hold. */
#define TRACED_BYTES 1024

int proxyip_log_fault_level(const proxyip_conn_t *conn)
{
    return proxyip_conn_is_stranger(conn) ? APLOG_INFO : APLOG_ERR;
}

static const char *endpoint(apr_pool_t *p, const char *ip, int port)
{
    return apr_psprintf(p, strchr(ip, ':') ? "[%s]:%d" : "%s:%d", ip, port);
}

/* "peer 10.0.0.7:4711 (ProxyIPPeer require 10.0.0.0/8 at FILE:LINE) on
 * 192.0.2.1:443, virtual host www.example.com (FILE:LINE)" */
static const char *describe(const proxyip_conn_t *conn)
{
    const conn_rec *c = conn->c;
    const server_rec *s = conn->server;
    const proxyip_rule_t *rule = conn->rule;
    const char *rule_text = "in no ProxyIPPeer range";
    const char *host_text = "main server";

    if (rule) {
        rule_text = apr_psprintf(c->pool, "ProxyIPPeer %s %s at %s:%d",
                                 proxyip_policy_name(rule->policy),
                                 rule->text, rule->filename, rule->line);
    }
    if (s->defn_name) {
        host_text = apr_psprintf(c->pool, "virtual host %s (%s:%u)",
                                 s->server_hostname, s->defn_name,
                                 s->defn_line_number);
    }
    return apr_psprintf(c->pool, "peer %s (%s) on %s, %s",
                        endpoint(c->pool, conn->peer_ip,
                                 conn->peer_addr->port), rule_text,
                        endpoint(c->pool, conn->socket_ip,
                                 conn->socket_addr->port),
                        host_text);
}

/* What kind of header it was, for those that name no client. */
static const char *kind_of(const pp_header_t *header)
{
    if (header->command == PP_LOCAL) {
        return "LOCAL";
    }
    return header->family == PP_UNIX ? "UNIX" : "UNKNOWN";
}

/* What a header said, for a connection that ends before anyone adopts it. */
static const char *show_header(const proxyip_conn_t *conn)
{
    const pp_header_t *header = &conn->header;
    apr_pool_t *p = conn->c->pool;
    char ip[PP_ADDR_TEXT_MAX];

    if (!pp_names_client(header)) {
        return apr_psprintf(p, "v%d PROXY header, %s", header->version,
                            kind_of(header));
    }
    pp_addr_format(&header->src, ip);
    return apr_psprintf(p, "v%d PROXY header of client %s", header->version,
                        endpoint(p, ip, header->src_port));
}

/* What came, at most SHOWN_BYTES of it; all but plain characters as in URLs.
 * Not with backslashes: the error log would escape those once more. */
static const char *show_bytes(const proxyip_conn_t *conn,
                              const uint8_t *bytes, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    char text[3 * SHOWN_BYTES + 1];
    char *at = text;
    size_t i;

    if (len == 0) {
        return "no byte came";
    }
    for (i = 0; i < len && i < SHOWN_BYTES; i++) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f
            && !strchr("%\"\\", bytes[i])) {
            *at++ = (char)bytes[i];
            continue;
        }
        *at++ = '%';
        *at++ = hex[bytes[i] >> 4];
        *at++ = hex[bytes[i] & 0xf];
    }
    *at = '\0';
    return apr_psprintf(conn->c->pool, "%s \"%s\"",
                        len > SHOWN_BYTES ? "first 32 bytes" : "bytes so far",
                        text);
}

/* How far the connection had come when something else ended it. */
static const char *show_state(const proxyip_conn_t *conn,
                              const uint8_t *bytes, size_t len)
{
    if (conn->has_header) {
        return apr_pstrcat(conn->c->pool, "nothing had followed the ",
                           show_header(conn), NULL);
    }
    return show_bytes(conn, bytes, len);
}

static const char *setting(const proxyip_conn_t *conn,
                           proxyip_setting_t which)
{
    apr_pool_t *p = conn->c->pool;

    return apr_psprintf(p, "%s %s (%s)", proxyip_conf_directive(which),
                        proxyip_conf_value(p, conn->conf, which),
                        proxyip_conf_where(p, conn->conf, which));
}

/* Who sends such bytes in place of a header. */
static const char *look_text(const proxyip_conn_t *conn)
{
    const char *text = pp_look_text(conn->look);

    if (!text) {
        return "";
    }
    return apr_pstrcat(conn->c->pool, "this is ", text,
                       conn->look == PP_LOOKS_TLS
                           ? ", and the header must come before TLS; "
                           : "; ", NULL);
}

static void log_missing(const proxyip_conn_t *conn, int level,
                        const uint8_t *bytes, size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0021)
                  "closed: no PROXY header came, but one is required; %s;"
                  " %s; %sturn the header on at the peer, or, if it is no"
                  " load balancer, give it a ProxyIPPeer of its own"
                  " (optional, direct)",
                  show_bytes(conn, bytes, len), describe(conn),
                  look_text(conn));
}

/* What a bad header suggests. */
static const char *fault_text(const proxyip_conn_t *conn)
{
    if (conn->reason == PP_BAD_FORMAT_REFUSED) {
        return apr_pstrcat(conn->c->pool, "; see ",
                           setting(conn, PROXYIP_SET_FORMATS), NULL);
    }
    if (conn->look == PP_LOOKS_MIXED) {
        return "; it has an address of the other family than it states, as"
               " nginx writes that is itself behind a load balancer and gets"
               " IPv4 clients on an IPv6 socket, or the reverse";
    }
    if (conn->look == PP_LOOKS_ZONE) {
        return "; zone ids (what follows a percent sign) are not allowed";
    }
    return "";
}

static void log_malformed(const proxyip_conn_t *conn, int level,
                          const pp_answer_t *answer, const uint8_t *bytes,
                          size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0022)
                  "closed: bad PROXY header: %s, found at byte %"
                  APR_SIZE_T_FMT "; %s; %s%s", pp_reason_text(answer->reason),
                  answer->len + 1, show_bytes(conn, bytes, len),
                  describe(conn), fault_text(conn));
}

/* The length field is known to be there: it is what was judged. */
static void log_too_large(const proxyip_conn_t *conn, int level,
                          const uint8_t *bytes)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0023)
                  "closed: v2 PROXY header of %d bytes is larger than"
                  " accepted; %s; %s; see %s",
                  PP_V2_FIXED + (bytes[14] << 8 | bytes[15]),
                  show_bytes(conn, bytes, PP_V2_FIXED), describe(conn),
                  setting(conn, PROXYIP_SET_MAX_HEADER));
}

/* A wrong checksum is refused whatever the settings; a missing one is not. */
static void log_bad_checksum(const proxyip_conn_t *conn, int level,
                             const pp_answer_t *answer, const uint8_t *bytes,
                             size_t len)
{
    const char *hint = "the header was changed on its way, or its sender"
                       " computes wrongly";

    if (answer->reason == PP_BAD_CRC_MISSING) {
        hint = apr_pstrcat(conn->c->pool, "see ",
                           setting(conn, PROXYIP_SET_CHECKSUM), NULL);
    }
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0024)
                  "closed: %s; %s; %s; %s",
                  pp_reason_text(answer->reason),
                  show_bytes(conn, bytes, len), describe(conn), hint);
}

/* The directives that say how long a header is waited for: of an optional
 * peer, which may send none, payload too. */
static const char *time_settings(const proxyip_conn_t *conn)
{
    const char *text = setting(conn, PROXYIP_SET_TIMEOUT);

    if (conn->rule->policy == PROXYIP_OPTIONAL) {
        text = apr_pstrcat(conn->c->pool, text, " and ",
                           setting(conn, PROXYIP_SET_DEFER), NULL);
    }
    return text;
}

/* A header that was begun and not finished is the peer's fault.  Silence is
 * nobody's (port scans and health checks end so), and what an optional peer
 * sent may not have been meant as a header. */
static int unfinished_level(const proxyip_conn_t *conn, const uint8_t *bytes,
                            size_t len)
{
    if (len == 0) {
        return APLOG_DEBUG;
    }
    return conn->rule->policy == PROXYIP_OPTIONAL
                   && !pp_committed_version(bytes, len)
               ? APLOG_INFO
               : proxyip_log_fault_level(conn);
}

static void log_unfinished(const proxyip_conn_t *conn, int level,
                           const char *event, const uint8_t *bytes,
                           size_t len)
{
    if (len == 0) {
        ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0025)
                      "closed: %s before any byte came; %s; see %s", event,
                      describe(conn), time_settings(conn));
        return;
    }
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0026)
                  "closed: %s before the PROXY header was complete; bytes"
                  " that had come: %" APR_SIZE_T_FMT "; %s; %s; see %s",
                  event, len, show_bytes(conn, bytes, len), describe(conn),
                  time_settings(conn));
}

static void log_idle(const proxyip_conn_t *conn, int level)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0027)
                  "closed: nothing followed the %s in time; %s; see %s",
                  show_header(conn), describe(conn),
                  setting(conn, PROXYIP_SET_DEFER));
}

static void log_closed_idle(const proxyip_conn_t *conn, int level)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0028)
                  "closed: the peer closed behind the %s, as health checks"
                  " do; %s", show_header(conn), describe(conn));
}

static void log_evicted(const proxyip_conn_t *conn, int level,
                        const uint8_t *bytes, size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0029)
                  "closed: it had waited longest of all and the child needs"
                  " room for other connections; %s; %s; see ThreadsPerChild"
                  " and AsyncRequestWorkerFactor",
                  show_state(conn, bytes, len), describe(conn));
}

static void log_mpm_timed_out(const proxyip_conn_t *conn, int level,
                              const uint8_t *bytes, size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0030)
                  "closed: the main server's Timeout passed, which is shorter"
                  " than %s or %s; %s; %s",
                  setting(conn, PROXYIP_SET_TIMEOUT),
                  setting(conn, PROXYIP_SET_DEFER),
                  show_state(conn, bytes, len), describe(conn));
}

static void log_stopping(const proxyip_conn_t *conn, int level,
                         const uint8_t *bytes, size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0031)
                  "closed: the child is stopping; %s; %s",
                  show_state(conn, bytes, len), describe(conn));
}

static void log_rejected(const proxyip_conn_t *conn, int level)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0020)
                  "closed on accept: %s%s%s", describe(conn),
                  conn->rule ? ""
                             : "; if it is a load balancer, say ProxyIPPeer"
                               " require ",
                  conn->rule ? "" : conn->peer_ip);
}

int proxyip_log_level(const proxyip_conn_t *conn, const uint8_t *bytes,
                      size_t len)
{
    switch (conn->outcome) {
    case PROXYIP_REJECTED:
    case PROXYIP_IDLE:
        return APLOG_INFO;
    case PROXYIP_MISSING:
    case PROXYIP_MALFORMED:
    case PROXYIP_TOO_LARGE:
    case PROXYIP_BAD_CHECKSUM:
        return proxyip_log_fault_level(conn);
    case PROXYIP_TIMED_OUT:
    case PROXYIP_CLOSED_EARLY:
        return unfinished_level(conn, bytes, len);
    case PROXYIP_MPM_TIMED_OUT:
        /* Timeout cut short one of our own waits: judged as those are. */
        return conn->has_header ? APLOG_INFO
                                : unfinished_level(conn, bytes, len);
    case PROXYIP_CLOSED_IDLE:
    case PROXYIP_EVICTED:
    case PROXYIP_STOPPING:
    case PROXYIP_PENDING:
    case PROXYIP_ACCEPTED:
    case PROXYIP_ABSENT:
        break;
    }
    return APLOG_DEBUG;
}

void proxyip_log_closed(const proxyip_conn_t *conn, int level,
                        const pp_answer_t *answer, const uint8_t *bytes,
                        size_t len)
{
    switch (conn->outcome) {
    case PROXYIP_REJECTED:
        log_rejected(conn, level);
        break;
    case PROXYIP_MISSING:
        log_missing(conn, level, bytes, len);
        break;
    case PROXYIP_MALFORMED:
        log_malformed(conn, level, answer, bytes, len);
        break;
    case PROXYIP_TOO_LARGE:
        log_too_large(conn, level, bytes);
        break;
    case PROXYIP_BAD_CHECKSUM:
        log_bad_checksum(conn, level, answer, bytes, len);
        break;
    case PROXYIP_TIMED_OUT:
        log_unfinished(conn, level, "time was up", bytes, len);
        break;
    case PROXYIP_CLOSED_EARLY:
        log_unfinished(conn, level, "the peer closed", bytes, len);
        break;
    case PROXYIP_IDLE:
        log_idle(conn, level);
        break;
    case PROXYIP_CLOSED_IDLE:
        log_closed_idle(conn, level);
        break;
    case PROXYIP_EVICTED:
        log_evicted(conn, level, bytes, len);
        break;
    case PROXYIP_MPM_TIMED_OUT:
        log_mpm_timed_out(conn, level, bytes, len);
        break;
    case PROXYIP_STOPPING:
        log_stopping(conn, level, bytes, len);
        break;
    case PROXYIP_PENDING:
    case PROXYIP_ACCEPTED:
    case PROXYIP_ABSENT:
        break;
    }
}

/* In hex, as `proxyip-check decode --hex` takes it. */
void proxyip_log_bytes(const proxyip_conn_t *conn, const char *what,
                       const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    while (at < len && APLOG_C_IS_LEVEL(conn->c, APLOG_TRACE4)) {
        char hex[2 * TRACED_BYTES + 1];
        size_t step = len - at < TRACED_BYTES ? len - at : TRACED_BYTES;

        ap_bin2hex(bytes + at, step, hex);
        ap_log_cerror(APLOG_MARK, APLOG_TRACE4, 0, conn->c,
                      "%s, bytes %" APR_SIZE_T_FMT " to %" APR_SIZE_T_FMT
                      " of %" APR_SIZE_T_FMT " from peer %s: %s", what, at,
                      at + step - 1, len,
                      endpoint(conn->c->pool, conn->peer_ip,
                               conn->peer_addr->port), hex);
        at += step;
    }
}

void proxyip_log_taken(const proxyip_conn_t *conn)
{
    const pp_header_t *header = &conn->header;
    char server_ip[PP_ADDR_TEXT_MAX];

    if (conn->outcome == PROXYIP_ABSENT) {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, conn->c,
                      PROXYIP_LOGNO(0040)
                      "no PROXY header came and none is required; %s",
                      describe(conn));
    }
    else if (!pp_names_client(header)) {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, conn->c,
                      PROXYIP_LOGNO(0041)
                      "%s: the socket's own addresses stay; %s",
                      show_header(conn), describe(conn));
    }
    else if (APLOGcdebug(conn->c)) {
        pp_addr_format(&header->dst, server_ip);
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, conn->c,
                      PROXYIP_LOGNO(0042) "%s, who dialled %s; %s",
                      show_header(conn),
                      endpoint(conn->c->pool, server_ip, header->dst_port),
                      describe(conn));
    }
}

void proxyip_log_second_header(const proxyip_conn_t *conn, int level,
                               const uint8_t *bytes, size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0043)
                  "another PROXY header follows the first: two hops before"
                  " this server each add one, and only the first is taken;"
                  " %s; %s", show_bytes(conn, bytes, len), describe(conn));
}

void proxyip_log_refused(const proxyip_conn_t *conn, int rc)
{
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, conn->c, PROXYIP_LOGNO(0044)
                  "closed: another module's pre_connection hook returned %d;"
                  " %s", rc, describe(conn));
}
