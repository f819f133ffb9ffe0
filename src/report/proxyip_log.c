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
 * peer's fault is error; silence is debug, and so are httpd's own
 * connections.  Texts are made only when their level is logged:
 * ap_log_cerror() is a macro that looks first.
 */

#include "report/proxyip_log.h"

#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <http_main.h>

#include "settings/proxyip_conf.h"

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

static const char *setting(const proxyip_conn_t *conn,
                           proxyip_setting_t which)
{
    apr_pool_t *p = conn->c->pool;

    return apr_psprintf(p, "%s %s (%s)", proxyip_conf_directive(which),
                        proxyip_conf_value(p, conn->conf, which),
                        proxyip_conf_where(p, conn->conf, which));
}

/* "peer 10.0.0.7:4711 (ProxyIPPeer require 10.0.0.0/8 at FILE:LINE) on
 * 192.0.2.1:443, virtual host www.example.com (FILE:LINE)", and where the
 * header is expected, if that is not before all else. */
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
    return apr_psprintf(c->pool, "peer %s (%s) on %s, %s%s%s",
                        endpoint(c->pool, conn->peer_ip,
                                 conn->peer_addr->port), rule_text,
                        endpoint(c->pool, conn->socket_ip,
                                 conn->socket_addr->port),
                        host_text, conn->conf->in_tls ? ", " : "",
                        conn->conf->in_tls
                            ? setting(conn, PROXYIP_SET_IN_TLS)
                            : "");
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

/* How a header is turned on, there where one is expected. */
static const char *where_to_turn_on(const proxyip_conn_t *conn)
{
    if (conn->conf->in_tls) {
        return ", inside TLS (AWS Classic ELB: a ProxyProtocolPolicyType"
               " policy on the instance port), or say ProxyIPInTLS Off if it"
               " sends one before TLS";
    }
    return conn->look == PP_LOOKS_TLS
               ? ", before TLS (HAProxy: send-proxy-v2; nginx stream:"
                 " proxy_protocol on; AWS NLB: proxy_protocol_v2.enabled), or"
                 " say ProxyIPInTLS On if it sends one inside TLS (AWS Classic"
                 " ELB with SSL to the instance)"
               : " (HAProxy: send-proxy-v2; nginx stream: proxy_protocol on;"
                 " AWS NLB: proxy_protocol_v2.enabled)";
}

/* What to do about bytes that came in place of a header. */
static const char *missing_advice(const proxyip_conn_t *conn)
{
    const char *ip = conn->peer_ip;
    const char *look = pp_look_text(conn->look);

    switch (conn->look) {
    case PP_LOOKS_HAPROXY:
        return apr_pstrcat(conn->c->pool, "this is ", look, ": add"
                           " check-send-proxy to its server line", NULL);
    case PP_LOOKS_AWS:
    case PP_LOOKS_GOOGLE:
    case PP_LOOKS_KUBERNETES:
    case PP_LOOKS_AZURE:
    case PP_LOOKS_NAGIOS:
        return apr_pstrcat(conn->c->pool, "this is ", look, ", which sends no"
                           " header: if ", ip, " is no load balancer, say"
                           " ProxyIPPeer direct ", ip, "; if it is one too,"
                           " ProxyIPPeer optional ", ip, NULL);
    case PP_LOOKS_HTTPD:
        return apr_pstrcat(conn->c->pool, "this is ", look, ": nothing is"
                           " wrong; ProxyIPPeer direct ", ip, " leaves it out"
                           " of here, if no load balancer has that address",
                           NULL);
    case PP_LOOKS_LOWER_CASE:
    case PP_LOOKS_LATE:
        return apr_pstrcat(conn->c->pool, "this is ", look,
                           ": correct the sender", NULL);
    case PP_LOOKS_UNKNOWN:
    case PP_LOOKS_TLS:
    case PP_LOOKS_HTTP:
    case PP_LOOKS_HTTP2:
    case PP_LOOKS_SSH:
    case PP_LOOKS_MIXED:
    case PP_LOOKS_ZONE:
        break;
    }
    return apr_pstrcat(conn->c->pool, look ? "this is " : "",
                       look ? look : "", look ? ": " : "", "turn the header"
                       " on at the peer", where_to_turn_on(conn),
                       ", or, if it is no load balancer, say ProxyIPPeer"
                       " direct ", ip, NULL);
}

/* What came in place of the TLS that a header was to come in. */
static void log_outside(const proxyip_conn_t *conn, int level,
                        const uint8_t *bytes, size_t len)
{
    const char *look = pp_look_text(conn->look);

    if (conn->reason == PP_BAD_FORMAT_REFUSED) {
        look = "a PROXY header outside TLS";
    }
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0056)
                  "closed: %s came, but TLS must, with the PROXY header as the"
                  " first thing inside it; %s; %s; make the peer speak TLS and"
                  " send the header inside, as an AWS Classic ELB does from an"
                  " SSL listener to an SSL instance port, or say ProxyIPInTLS"
                  " Off if the header comes before TLS or without it",
                  look ? look : "something else", show_bytes(conn, bytes, len),
                  describe(conn));
}

static void log_no_tls(const proxyip_conn_t *conn, int level)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0058)
                  "closed: TLS did not come about, so no PROXY header could"
                  " come inside it; LogLevel ssl:info shows why; %s",
                  describe(conn));
}

static void log_missing(const proxyip_conn_t *conn, int level,
                        const uint8_t *bytes, size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0021)
                  "closed: no PROXY header came, but one is required; %s;"
                  " %s; %s", show_bytes(conn, bytes, len), describe(conn),
                  missing_advice(conn));
}

/* A byte that no field of a v1 line may have. */
static const char *byte_text(const proxyip_conn_t *conn, uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f
               ? apr_psprintf(conn->c->pool, "; that byte is '%c'", byte)
               : apr_psprintf(conn->c->pool, "; that byte is 0x%02x", byte);
}

/* What a bad header suggests, and what to do about it. */
static const char *malformed_advice(const proxyip_conn_t *conn,
                                    const pp_answer_t *answer,
                                    const uint8_t *bytes, size_t len)
{
    int version = pp_committed_version(bytes, len);

    if (conn->reason == PP_BAD_FORMAT_REFUSED) {
        return apr_psprintf(conn->c->pool, "; add v%d to %s, or make the peer"
                            " send v%d", version,
                            setting(conn, PROXYIP_SET_FORMATS), 3 - version);
    }
    if (conn->look == PP_LOOKS_MIXED) {
        return "; it has an address of the other family than it states, as"
               " nginx writes behind another load balancer: let that one reach"
               " nginx by IPv4 for IPv4 clients and by IPv6 for IPv6 clients";
    }
    if (conn->look == PP_LOOKS_ZONE) {
        return "; zone ids (what follows a percent sign) are not allowed";
    }
    if (conn->reason == PP_BAD_V1_LINE_END && bytes[answer->len] == '\n') {
        return "; it has a line feed alone";
    }
    return conn->reason == PP_BAD_V1_CHARACTER
               ? byte_text(conn, bytes[answer->len])
               : "";
}

static void log_malformed(const proxyip_conn_t *conn, int level,
                          const pp_answer_t *answer, const uint8_t *bytes,
                          size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0022)
                  "closed: bad PROXY header: %s, found at offset %"
                  APR_SIZE_T_FMT "; %s; %s%s", pp_reason_text(answer->reason),
                  answer->len, show_bytes(conn, bytes, len),
                  describe(conn), malformed_advice(conn, answer, bytes,
                                                   len));
}

/* The size that a v2 header announces. */
static int announced_len(const uint8_t *bytes)
{
    return PP_V2_FIXED + (bytes[14] << 8 | bytes[15]);
}

/* A length in the wrong byte order announces far too much. */
static const char *byte_order_advice(const proxyip_conn_t *conn,
                                     const uint8_t *bytes, size_t len)
{
    size_t swapped = pp_swapped_len(bytes, len);

    return swapped == 0
               ? NULL
               : apr_psprintf(conn->c->pool, "its length seems to be in the"
                              " wrong byte order (exchanged it would be a"
                              " whole header of %" APR_SIZE_T_FMT " bytes):"
                              " correct the sender", swapped);
}

/* The length field is known to be there: it is what was judged. */
static void log_too_large(const proxyip_conn_t *conn, int level,
                          const uint8_t *bytes, size_t len)
{
    int wire_len = announced_len(bytes);
    const char *advice = byte_order_advice(conn, bytes, len);

    if (!advice) {
        advice = apr_psprintf(conn->c->pool, "raise %s to %d or more",
                              setting(conn, PROXYIP_SET_MAX_HEADER),
                              wire_len);
    }
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0023)
                  "closed: v2 PROXY header of %d bytes is larger than"
                  " accepted; %s; %s; %s", wire_len,
                  show_bytes(conn, bytes, PP_V2_FIXED), describe(conn),
                  advice);
}

/* A wrong checksum is refused whatever the settings; a missing one is not. */
static void log_bad_checksum(const proxyip_conn_t *conn, int level,
                             const pp_answer_t *answer, const uint8_t *bytes,
                             size_t len)
{
    const char *hint = "the header was changed on its way, or its sender"
                       " computes wrongly";

    if (answer->reason == PP_BAD_CRC_MISSING) {
        hint = apr_pstrcat(conn->c->pool, "make the peer send one (HAProxy:"
                           " proxy-v2-options crc32c), or say ProxyIPChecksum"
                           " verify; now it is ",
                           setting(conn, PROXYIP_SET_CHECKSUM), NULL);
    }
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0024)
                  "closed: %s; %s; %s; %s",
                  pp_reason_text(answer->reason),
                  show_bytes(conn, bytes, len), describe(conn), hint);
}

/* The directives that say how long a header is waited for: where none need
 * come, payload too. */
static const char *time_settings(const proxyip_conn_t *conn,
                                 const uint8_t *bytes, size_t len)
{
    const char *text = setting(conn, PROXYIP_SET_TIMEOUT);

    if (proxyip_conn_may_lack_header(conn->rule, bytes, len)
        || (proxyip_conn_is_outside(conn) && len == 0)) {
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
    return proxyip_conn_may_lack_header(conn->rule, bytes, len)
               ? APLOG_INFO
               : proxyip_log_fault_level(conn);
}

/* " of 128", where a v2 header has said how many there are to be. */
static const char *announced_text(const proxyip_conn_t *conn,
                                  const uint8_t *bytes, size_t len)
{
    return len < PP_V2_FIXED || pp_committed_version(bytes, len) != 2
               ? ""
               : apr_psprintf(conn->c->pool, " of %d that the header announces",
                              announced_len(bytes));
}

static const char *unfinished_advice(const proxyip_conn_t *conn,
                                     const uint8_t *bytes, size_t len)
{
    const char *advice = byte_order_advice(conn, bytes, len);

    return advice ? advice
                  : apr_pstrcat(conn->c->pool, "see ",
                                time_settings(conn, bytes, len), NULL);
}

static void log_unfinished(const proxyip_conn_t *conn, int level,
                           const char *event, const uint8_t *bytes,
                           size_t len)
{
    if (len == 0) {
        ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0025)
                      "closed: %s before any byte came, as after TCP health"
                      " checks and port scans; %s; %s", event,
                      describe(conn), time_settings(conn, bytes, len));
        return;
    }
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0026)
                  "closed: %s before the PROXY header was complete; bytes"
                  " that had come: %" APR_SIZE_T_FMT "%s; %s; %s; %s",
                  event, len, announced_text(conn, bytes, len),
                  show_bytes(conn, bytes, len), describe(conn),
                  unfinished_advice(conn, bytes, len));
}

static void log_idle(const proxyip_conn_t *conn, int level)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0027)
                  "closed: nothing followed the %s in time; %s; see %s: a"
                  " longer time for slow clients, Off where the server speaks"
                  " first", show_header(conn), describe(conn),
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
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0053)
                  "closed: it had waited longest of all and the child's"
                  " descriptors run out; %s; %s; raise the limit (ulimit -n;"
                  " systemd: LimitNOFILE)", show_state(conn, bytes, len),
                  describe(conn));
}

static void log_stopping(const proxyip_conn_t *conn, int level,
                         const uint8_t *bytes, size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0031)
                  "closed: the child is stopping; %s; %s",
                  show_state(conn, bytes, len), describe(conn));
}

/* A virtual host with peers of its own has lost the main server's. */
static const char *lost_rule(const proxyip_conn_t *conn)
{
    const proxyip_conf_t *main_conf = proxyip_conf_get(ap_server_conf);
    const proxyip_rule_t *rule;
    pp_addr_t peer;

    if (conn->conf->peers == main_conf->peers) {
        return NULL;
    }
    proxyip_conn_read_addr(conn->peer_addr, &peer);
    rule = proxyip_peers_find(main_conf->peers, &peer);
    return rule ? apr_psprintf(conn->c->pool, "; the main server's"
                               " ProxyIPPeer %s %s (%s:%d) does not hold here,"
                               " because this virtual host has peers of its"
                               " own: add it there",
                               proxyip_policy_name(rule->policy), rule->text,
                               rule->filename, rule->line)
                : NULL;
}

static const char *rejected_advice(const proxyip_conn_t *conn)
{
    const char *ip = conn->peer_ip;
    const char *lost;

    if (conn->rule) {
        return "";
    }
    lost = lost_rule(conn);
    return lost ? lost
                : apr_pstrcat(conn->c->pool, "; if that is a load balancer,"
                              " say ProxyIPPeer require ", ip, "; if a"
                              " monitor or a client of your own, ProxyIPPeer"
                              " direct ", ip, "; if any client, the load"
                              " balancer keeps clients' addresses: turn that"
                              " off there (AWS NLB: preserve_client_ip)",
                              NULL);
}

static void log_rejected(const proxyip_conn_t *conn, int level)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0020)
                  "closed on accept: %s%s", describe(conn),
                  rejected_advice(conn));
}

int proxyip_log_level(const proxyip_conn_t *conn, const uint8_t *bytes,
                      size_t len)
{
    switch (conn->outcome) {
    case PROXYIP_REJECTED:
    case PROXYIP_IDLE:
    case PROXYIP_NO_TLS:
        return APLOG_INFO;
    case PROXYIP_MISSING:
        if (conn->look == PP_LOOKS_HTTPD) {
            return APLOG_DEBUG;
        }
        return proxyip_log_fault_level(conn);
    case PROXYIP_MALFORMED:
    case PROXYIP_TOO_LARGE:
    case PROXYIP_BAD_CHECKSUM:
        return proxyip_log_fault_level(conn);
    case PROXYIP_TIMED_OUT:
    case PROXYIP_CLOSED_EARLY:
        return unfinished_level(conn, bytes, len);
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
        if (proxyip_conn_is_outside(conn)) {
            log_outside(conn, level, bytes, len);
        }
        else {
            log_missing(conn, level, bytes, len);
        }
        break;
    case PROXYIP_MALFORMED:
        log_malformed(conn, level, answer, bytes, len);
        break;
    case PROXYIP_TOO_LARGE:
        log_too_large(conn, level, bytes, len);
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
    case PROXYIP_STOPPING:
        log_stopping(conn, level, bytes, len);
        break;
    case PROXYIP_NO_TLS:
        log_no_tls(conn, level);
        break;
    case PROXYIP_PENDING:
    case PROXYIP_ACCEPTED:
    case PROXYIP_ABSENT:
        break;
    }
}

/* In hex, as `proxyip-check decode --hex` takes it. */
static void trace_bytes(const proxyip_conn_t *conn, const char *what,
                        const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
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

void proxyip_log_bytes(const proxyip_conn_t *conn, const char *what,
                       const uint8_t *bytes, size_t len)
{
    /* Asked here, because every header comes by: the room for hex is large. */
    if (APLOGctrace4(conn->c)) {
        trace_bytes(conn, what, bytes, len);
    }
}

static const char *show_destination(const proxyip_conn_t *conn)
{
    char ip[PP_ADDR_TEXT_MAX];

    if (!pp_names_destination(&conn->header)) {
        return "an address that the header does not tell";
    }
    pp_addr_format(&conn->header.dst, ip);
    return endpoint(conn->c->pool, ip, conn->header.dst_port);
}

static void debug_taken(const proxyip_conn_t *conn)
{
    const pp_header_t *header = &conn->header;

    if (conn->outcome == PROXYIP_ABSENT) {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, conn->c,
                      PROXYIP_LOGNO(0040)
                      "no PROXY header came and none is required: the client"
                      " is the peer; if that is a load balancer, turn the"
                      " header on there and say require; %s",
                      describe(conn));
        return;
    }
    if (!pp_names_client(header)) {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, conn->c,
                      PROXYIP_LOGNO(0041)
                      "%s names no client: the client is the peer, right for"
                      " health checks, wrong for clients; %s",
                      show_header(conn), describe(conn));
        return;
    }
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, conn->c,
                  PROXYIP_LOGNO(0042) "%s, who dialled %s; %s",
                  show_header(conn), show_destination(conn), describe(conn));
}

void proxyip_log_taken(const proxyip_conn_t *conn)
{
    if (APLOGcdebug(conn->c)) {
        debug_taken(conn);
    }
}

void proxyip_log_second_header(const proxyip_conn_t *conn, int level,
                               const uint8_t *bytes, size_t len)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0043)
                  "another PROXY header follows the first: peer %s adds one in"
                  " front of one that it was sent, so the client is taken to"
                  " be %s; make that peer read the header it is sent (HAProxy:"
                  " accept-proxy on bind; nginx: listen ... proxy_protocol"
                  " and set_real_ip_from), or add none; %s; %s",
                  conn->peer_ip, conn->c->client_ip,
                  show_bytes(conn, bytes, len), describe(conn));
}

void proxyip_log_bad_ssl(const proxyip_conn_t *conn, int level,
                         size_t ssl_len, pp_reason_t fault)
{
    ap_log_cerror(APLOG_MARK, level, 0, conn->c, PROXYIP_LOGNO(0055)
                  "the SSL TLV of a header cannot be read (%s; it has %"
                  APR_SIZE_T_FMT " bytes): the connection is served, and what"
                  " the TLV would say, PROXYIP_SSL and those behind it, is"
                  " left out; %s%s", pp_reason_text(fault), ssl_len,
                  describe(conn),
                  fault == PP_BAD_SSL_SHORT
                      ? "; HAProxy's set-proxy-v2-tlv-fmt(0x20) ends a value"
                        " at its first NUL byte (HAProxy issue 3489): take it"
                        " out there, and use proxy-v2-options ssl"
                      : "; correct the sender");
}
