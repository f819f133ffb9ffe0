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
 * The life of a connection.
 */

#include "connection/proxyip_process.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <http_core.h>

#include "connection/proxyip_adopt.h"
#include "connection/proxyip_back.h"
#include "connection/proxyip_lobby.h"
#include "connection/proxyip_server.h"
#include "connection/proxyip_wait.h"
#include "proxyip_clock.h"
#include "proxyip_conn.h"
#include "report/proxyip_counters.h"
#include "report/proxyip_log.h"
#include "report/proxyip_report.h"
#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"

/* Parts of receive(), because each connection would pay the calls; of these
 * proxyip_process_decide() has a copy. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* A connection while it is decided what has come. */
typedef struct {
    proxyip_conn_t *conn;
    apr_socket_t *csd;
    int fd;
    proxyip_buffer_t buffer;
    proxyip_seen_t seen;
    proxyip_wait_t wait;    /* set once it is to wait */
    proxyip_wait_end_t end; /* how its wait ended, if it waited */
} arrival_t;

/* The MPM closes the socket, if it still has one, without a word: aborted
 * keeps it from flushing, in which mod_ssl would shake hands, and from
 * shutting down what the lobby has a descriptor of.  core's own hook, which
 * would be run for us (core.c, ap_pre_connection), is spared where it finds
 * the socket in its place. */
static int end_silently(conn_rec *c, apr_socket_t *csd)
{
    c->aborted = 1;
    ap_set_core_module_config(c->conn_config, csd);
    return HTTP_FORBIDDEN;
}

/* The same for what the MPM need not know: a connection that waits in the
 * lobby, and what is none.  Nothing is logged of it here, not even by the MPM
 * (AH00469): a connection's lines begin when its client is known. */
static int end_unnoticed(conn_rec *c, apr_socket_t *csd)
{
    static const struct ap_logconf nothing = {NULL, APLOG_EMERG};

    c->log = &nothing;
    return end_silently(c, csd);
}

static proxyip_outcome_t outcome_of_bad(const proxyip_conn_t *conn,
                                        pp_reason_t reason)
{
    if (reason == PP_BAD_SIGNATURE || proxyip_conn_is_outside(conn)) {
        return PROXYIP_MISSING;
    }
    if (reason == PP_BAD_V2_TOO_LARGE) {
        return PROXYIP_TOO_LARGE;
    }
    if (reason == PP_BAD_CRC_MISMATCH || reason == PP_BAD_CRC_MISSING) {
        return PROXYIP_BAD_CHECKSUM;
    }
    return PROXYIP_MALFORMED;
}

/* An optional peer that has not begun a header: what it has sent is payload.
 * Where the server may be the one to speak first, silence says so too; but
 * TLS is begun by the client. */
static int is_without_header(const proxyip_conn_t *conn,
                             const proxyip_seen_t *seen,
                             proxyip_wait_end_t end)
{
    if (seen->stage != PROXYIP_STAGE_OPEN || proxyip_conn_is_outside(conn)) {
        return 0;
    }
    return end == PROXYIP_WAIT_CLOSED
               ? seen->len > 0
               : end == PROXYIP_WAIT_TIMED_OUT && !conn->conf->defer_us;
}

/* The wait ended before it was decided. */
static proxyip_outcome_t outcome_of_wait(const proxyip_conn_t *conn,
                                         const proxyip_seen_t *seen,
                                         proxyip_wait_end_t end)
{
    int is_payload = seen->stage == PROXYIP_STAGE_PAYLOAD;

    if (is_without_header(conn, seen, end)) {
        return PROXYIP_ABSENT;
    }
    switch (end) {
    case PROXYIP_WAIT_READY:
    case PROXYIP_WAIT_TIMED_OUT:
        return is_payload ? PROXYIP_IDLE : PROXYIP_TIMED_OUT;
    case PROXYIP_WAIT_CLOSED:
        return is_payload ? PROXYIP_CLOSED_IDLE : PROXYIP_CLOSED_EARLY;
    case PROXYIP_WAIT_NO_DESCRIPTORS:
        return PROXYIP_EVICTED;
    case PROXYIP_WAIT_STOPPING:
        return PROXYIP_STOPPING;
    }
    return PROXYIP_TIMED_OUT;
}

ALWAYS_INLINE proxyip_outcome_t outcome_of(const proxyip_conn_t *conn,
                                           const proxyip_seen_t *seen,
                                           proxyip_wait_end_t end)
{
    switch (seen->status) {
    case PROXYIP_SEEN_HEADER:
        return PROXYIP_ACCEPTED;
    case PROXYIP_SEEN_NO_HEADER:
        return proxyip_conn_is_outside(conn) ? PROXYIP_PENDING
                                             : PROXYIP_ABSENT;
    case PROXYIP_SEEN_BAD:
        return outcome_of_bad(conn, seen->answer.reason);
    case PROXYIP_SEEN_END:
        return PROXYIP_CLOSED_EARLY;
    case PROXYIP_SEEN_UNDECIDED:
        break;
    }
    return outcome_of_wait(conn, seen, end);
}

/* The bytes are on the stack: the TLVs that are kept are copied. */
static void keep_tlvs(proxyip_conn_t *conn)
{
    conn->has_header = 1;
    if (conn->header.tlvs) {
        conn->header.tlvs = apr_pmemdup(conn->c->pool, conn->header.tlvs,
                                        conn->header.tlvs_len);
    }
}

static int refuse(proxyip_conn_t *conn, const proxyip_seen_t *seen)
{
    const pp_answer_t *answer = NULL;

    if (seen->status == PROXYIP_SEEN_BAD) {
        answer = &seen->answer;
        conn->reason = answer->reason;
        proxyip_conn_look(conn, seen->bytes, seen->len);
        proxyip_log_bytes(conn, "refused", seen->bytes, seen->len);
    }
    proxyip_report_closed(conn, answer, seen->bytes, seen->len);
    return HTTP_FORBIDDEN;
}

/* The header's part ends here; from now on it is as if the client had made
 * the connection. */
ALWAYS_INLINE int adopt(proxyip_conn_t *conn, const proxyip_seen_t *seen)
{
    size_t header_len = conn->has_header ? seen->answer.len : 0;

    ap_set_module_config(conn->c->conn_config, &proxyip_module, conn);
    if (header_len) {
        proxyip_log_bytes(conn, "whole header", seen->bytes, header_len);
    }
    proxyip_adopt(conn);
    proxyip_report_taken(conn, seen->bytes + header_len,
                         seen->len - header_len);
    /* Last: what was logged up to here is the listener's. */
    if (conn->conf->adopts_server_addr) {
        proxyip_server_adopt(conn);
    }
    return DECLINED;
}

ALWAYS_INLINE int decide(proxyip_conn_t *conn, const proxyip_seen_t *seen,
                         proxyip_wait_end_t end)
{
    conn->outcome = outcome_of(conn, seen, end);
    if (proxyip_look_has_header(seen)) {
        keep_tlvs(conn);
    }
    if (conn->outcome == PROXYIP_ACCEPTED
        || conn->outcome == PROXYIP_ABSENT) {
        return adopt(conn, seen);
    }
    if (conn->outcome == PROXYIP_PENDING) {
        ap_set_module_config(conn->c->conn_config, &proxyip_module, conn);
        return DECLINED;
    }
    return refuse(conn, seen);
}

int proxyip_process_decide(proxyip_conn_t *conn, const proxyip_seen_t *seen,
                           proxyip_wait_end_t end)
{
    return decide(conn, seen, end);
}

/* Whether what is seen is still to be waited for.  A wait that has ended may
 * have left the stage that it ended in: then the next one begins. */
static int is_to_wait(arrival_t *arrival, const proxyip_ticket_t *ticket)
{
    static const proxyip_wait_t unmet = {PROXYIP_STAGE_OPEN, 0, 0};
    const proxyip_conf_t *conf = arrival->conn->conf;
    int is_new;

    arrival->wait = ticket ? ticket->wait : unmet;
    arrival->end = ticket ? ticket->end : PROXYIP_WAIT_READY;
    is_new = proxyip_stage_enter(&arrival->wait, arrival->seen.stage,
                                 proxyip_clock_now(), conf->timeout_us,
                                 conf->defer_us);
    return arrival->end == PROXYIP_WAIT_READY
           || (is_new && arrival->end == PROXYIP_WAIT_TIMED_OUT);
}

/* Returns 1 when something has come, or the peer has closed. */
static int look_in_a_moment(arrival_t *arrival)
{
    const proxyip_conn_t *conn = arrival->conn;
    proxyip_known_t known;

    if (!proxyip_back_has_idle_workers()
        || !proxyip_wait_moment(arrival->fd, &arrival->seen)) {
        return 0;
    }
    known.len = 0;
    proxyip_look_keep(&arrival->seen, &known);
    proxyip_look(arrival->fd, conn->conf, conn->rule, &known,
                 &arrival->buffer, &arrival->seen);
    return 1;
}

/* A worker that is fast looks before the peer has sent its first byte, and
 * what follows a header often comes in the next packet: from proxies that send
 * it by itself, and where TLS follows.  To wait for that here costs a third of
 * a way through the lobby, and nobody anything while workers are idle.
 * Returns whether it is decided now. */
static int wait_a_moment(arrival_t *arrival)
{
    int was_silent = arrival->seen.len == 0;

    if (look_in_a_moment(arrival) && was_silent
        && arrival->seen.status == PROXYIP_SEEN_UNDECIDED) {
        look_in_a_moment(arrival);
    }
    return arrival->seen.status != PROXYIP_SEEN_UNDECIDED;
}

/* Not all has come.  Returns 1 when the lobby has the connection, 0 when it is
 * to be decided here and now. */
static int wait_for_more(arrival_t *arrival, const proxyip_ticket_t *ticket)
{
    proxyip_conn_t *conn = arrival->conn;

    if ((!ticket && wait_a_moment(arrival)) || !is_to_wait(arrival, ticket)) {
        return 0;
    }
    if (proxyip_lobby_enter(conn->c, arrival->csd, conn->conf, conn->rule,
                            &arrival->wait, &arrival->seen)) {
        return 1;
    }
    arrival->end = proxyip_wait_here(arrival->fd, conn->conf, conn->rule,
                                     &arrival->buffer, &arrival->wait,
                                     &arrival->seen);
    return 0;
}

static int receive(proxyip_conn_t *conn, apr_socket_t *csd,
                   const proxyip_ticket_t *ticket)
{
    uint8_t bytes[PROXYIP_LOOK_SIZE];
    arrival_t arrival;

    arrival.conn = conn;
    arrival.csd = csd;
    arrival.buffer.bytes = bytes;
    arrival.buffer.size = sizeof(bytes);
    arrival.buffer.p = conn->c->pool;
    arrival.seen.header = &conn->header;
    arrival.end = PROXYIP_WAIT_READY;
    apr_os_sock_get(&arrival.fd, csd);
    proxyip_look(arrival.fd, conn->conf, conn->rule,
                 ticket ? &ticket->known : NULL, &arrival.buffer,
                 &arrival.seen);
    /* cppcheck-suppress ctuuninitvar */
    if (arrival.seen.status == PROXYIP_SEEN_UNDECIDED
        && wait_for_more(&arrival, ticket)) {
        return end_unnoticed(conn->c, csd);
    }
    if (decide(conn, &arrival.seen, arrival.end) != DECLINED) {
        return end_silently(conn->c, csd);
    }
    if (conn->has_header) { /* it is in the socket still */
        conn->strip_len = arrival.seen.answer.len;
    }
    return DECLINED;
}

static int reject(proxyip_conn_t *conn, apr_socket_t *csd)
{
    conn->outcome = PROXYIP_REJECTED;
    proxyip_report_closed(conn, NULL, NULL, 0);
    return end_silently(conn->c, csd);
}

/* By the socket's own peer. */
static int meet(conn_rec *c, apr_socket_t *csd, const proxyip_conf_t *conf,
                const proxyip_ticket_t *ticket)
{
    const proxyip_listener_t *listener = proxyip_listeners_of(c);
    const proxyip_rule_t *rule;
    proxyip_conn_t *conn;
    pp_addr_t peer;

    proxyip_conn_read_addr(c->client_addr, &peer);
    rule = proxyip_peers_find(conf->peers, &peer);
    if (rule && rule->policy == PROXYIP_DIRECT) {
        proxyip_counters_add_direct(listener);
        return DECLINED;
    }
    conn = proxyip_conn_make(c, listener, conf, rule);
    return !rule || rule->policy == PROXYIP_REJECT
               ? reject(conn, csd)
               : receive(conn, csd, ticket);
}

int proxyip_process_pre_connection(conn_rec *c, void *csd)
{
    const proxyip_ticket_t *ticket;
    const proxyip_conf_t *conf;

    if (c->outgoing || c->master) {
        return DECLINED; /* to a backend; a stream of an HTTP/2 connection */
    }
    ticket = proxyip_back_ticket(csd);
    if (ticket && ticket->is_none) {
        return end_unnoticed(c, csd);
    }
    if (ticket && ticket->lost_peer) {
        c->client_addr = ticket->lost_peer;
        apr_sockaddr_ip_get(&c->client_ip, c->client_addr);
    }
    conf = proxyip_conf_get(c->base_server);
    return conf->enabled ? meet(c, csd, conf, ticket) : DECLINED;
}
