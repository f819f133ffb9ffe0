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
 * ProxyIPInTLS: the header as the first thing inside the TLS connection that
 * a load balancer makes.
 *
 * No byte behind a header is ever taken: the decoder says how many one that
 * begins so has at least.  Not by looking ahead (SPECULATIVE) at more and
 * taking a part of it: mod_ssl's filter then looks ahead, for the next who
 * asks, into the buffer from which it still has to give the rest, and writes
 * over that (ssl_engine_io.c, char_buffer_read()).  Where an optional peer's
 * first bytes turn out to be none of a header's, they go back
 * (proxyip_unread.h).
 */

#include "connection/proxyip_in_tls.h"

#include <string.h>

#include <ap_mpm.h>
#include <apr_buckets.h>
#include <apr_portable.h>
#include <http_core.h>
#include <http_ssl.h>
#include <util_filter.h>

#include "connection/proxyip_alarm.h"
#include "connection/proxyip_process.h"
#include "connection/proxyip_unread.h"
#include "connection/proxyip_wait.h"
#include "proxyip_clock.h"
#include "report/proxyip_report.h"
#include "settings/proxyip_conf.h"

/* As httpd registers mod_ssl's "SSL/TLS Filter" (util_filter.c makes the
 * letters small). */
#define TLS_FILTER "ssl/tls filter"

/* The most that mod_ssl gives at a time. */
#define READ_SIZE AP_IOBUFSIZE

/* How far the header has been read. */
struct proxyip_in_tls_t {
    proxyip_conn_t *conn;
    uint8_t *bytes;         /* in the connection's pool; NULL at first */
    size_t size;            /* room there */
    size_t taken;           /* bytes that are mod_ssl's no more */
    proxyip_seen_t seen;    /* of these, and of what was seen behind them */
    proxyip_wait_t wait;    /* from the end of the handshake */
    proxyip_alarm_t *alarm; /* NULL until it waits without a worker */
};

/* The connection has ended, and its header was still to come: in a wait of
 * which the MPM's own Timeout was the shorter one, before there was TLS, or
 * with its child. */
static void report_if_pending(const proxyip_in_tls_t *in_tls)
{
    proxyip_conn_t *conn = in_tls->conn;
    int state = AP_MPMQ_RUNNING;

    if (conn->outcome == PROXYIP_PENDING) {
        ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
        conn->outcome = state == AP_MPMQ_STOPPING ? PROXYIP_STOPPING
                        : in_tls->alarm           ? PROXYIP_TIMED_OUT
                                                  : PROXYIP_NO_TLS;
        proxyip_report_closed(conn, NULL, in_tls->bytes, in_tls->taken);
    }
}

/* Pool cleanup. */
static apr_status_t report_end(void *data)
{
    report_if_pending(data);
    return APR_SUCCESS;
}

/* The child ends, and event gives up what waits. */
static void report_left(conn_rec *c)
{
    report_if_pending(proxyip_conn_get(c)->in_tls);
}

void proxyip_in_tls_child_init(apr_pool_t *pchild, server_rec *s)
{
    proxyip_alarm_start(pchild, s, report_left);
}

static void expect(proxyip_conn_t *conn)
{
    apr_pool_t *p = conn->c->pool;
    proxyip_in_tls_t *in_tls = apr_pcalloc(p, sizeof(*in_tls));

    in_tls->conn = conn;
    in_tls->seen.header = &conn->header;
    in_tls->seen.bytes = (const uint8_t *)""; /* an address, for none */
    conn->is_in_tls = 1;
    conn->in_tls = in_tls;
    apr_pool_cleanup_register(p, in_tls, report_end, apr_pool_cleanup_null);
}

int proxyip_in_tls_pre_connection(conn_rec *c, void *csd)
{
    proxyip_conn_t *conn = proxyip_conn_get(c);

    (void)csd;
    if (conn && conn->c == c && conn->outcome == PROXYIP_PENDING) {
        expect(conn);
    }
    return DECLINED;
}

static ap_filter_t *find_tls_filter(const conn_rec *c)
{
    ap_filter_t *f = c->input_filters;

    while (f && strcmp(f->frec->name, TLS_FILTER) != 0) {
        f = f->next;
    }
    return f;
}

/* Hands are shaken.  INIT alone does not tell: where mod_ssl has given TLS up
 * (plain HTTP, a handshake that failed) its filter passes on what comes
 * without TLS, of which nothing may be believed. */
static int is_tls(conn_rec *c, ap_filter_t *f)
{
    apr_bucket_brigade *bb;
    const char *cipher;
    apr_status_t rv;

    if (!f || c->aborted) {
        return 0;
    }
    bb = apr_brigade_create(c->pool, c->bucket_alloc);
    rv = ap_get_brigade(f, bb, AP_MODE_INIT, APR_BLOCK_READ, 0);
    apr_brigade_destroy(bb);
    if (rv != APR_SUCCESS || c->aborted) {
        return 0;
    }
    cipher = ap_ssl_var_lookup(c->pool, c->base_server, c, NULL,
                               "SSL_CIPHER");
    return cipher && *cipher;
}

static void make_room(proxyip_in_tls_t *in_tls, size_t len)
{
    size_t size = in_tls->size ? in_tls->size : 256;
    uint8_t *bytes;

    if (len <= in_tls->size) {
        return;
    }
    while (size < len) {
        size *= 2;
    }
    bytes = apr_palloc(in_tls->conn->c->pool, size);
    if (in_tls->taken) {
        memcpy(bytes, in_tls->bytes, in_tls->taken);
    }
    in_tls->bytes = bytes;
    in_tls->size = size;
}

/* Put what was read behind what was taken before.  Returns how much it was,
 * or -1 for an end or an error. */
static apr_off_t add_bytes(proxyip_in_tls_t *in_tls, apr_bucket_brigade *bb)
{
    apr_off_t got = 0;
    apr_size_t len;

    if (apr_brigade_length(bb, 1, &got) != APR_SUCCESS) {
        return -1;
    }
    if (got <= 0) {
        return APR_BRIGADE_EMPTY(bb) ? 0 : -1;
    }
    len = (apr_size_t)got;
    make_room(in_tls, in_tls->taken + len);
    return apr_brigade_flatten(bb, (char *)in_tls->bytes + in_tls->taken,
                               &len) == APR_SUCCESS
               ? (apr_off_t)len
               : -1;
}

/* A read that does not wait: of as many bytes as a header that begins so must
 * at least have, which are taken; behind a whole one, of what is there, which
 * is left. */
static apr_status_t read_more(proxyip_in_tls_t *in_tls, ap_filter_t *f)
{
    const conn_rec *c = in_tls->conn->c;
    proxyip_seen_t *seen = &in_tls->seen;
    int is_whole = seen->stage == PROXYIP_STAGE_PAYLOAD;
    apr_bucket_brigade *bb = apr_brigade_create(c->pool, c->bucket_alloc);
    apr_status_t rv;
    apr_off_t got;

    rv = ap_get_brigade(f, bb,
                        is_whole ? AP_MODE_SPECULATIVE : AP_MODE_READBYTES,
                        APR_NONBLOCK_READ,
                        is_whole ? READ_SIZE
                                 : (apr_off_t)(seen->needed - in_tls->taken));
    if (rv == APR_SUCCESS) {
        got = add_bytes(in_tls, bb);
        rv = got > 0 ? APR_SUCCESS : got == 0 ? APR_EAGAIN : APR_EOF;
    }
    if (rv == APR_SUCCESS) {
        in_tls->taken += is_whole ? 0 : (size_t)got;
        seen->bytes = in_tls->bytes;
        seen->len = is_whole ? in_tls->taken + (size_t)got : in_tls->taken;
    }
    apr_brigade_destroy(bb);
    return rv;
}

static void judge(proxyip_in_tls_t *in_tls)
{
    const proxyip_conn_t *conn = in_tls->conn;

    proxyip_look_judge(&conn->conf->rules, conn->conf, conn->rule,
                       &in_tls->seen);
}

/* Read what is there, until it decides, or nothing more is there now
 * (APR_EAGAIN), or ever (any other). */
static apr_status_t read_header(proxyip_in_tls_t *in_tls, ap_filter_t *f)
{
    apr_status_t rv = APR_SUCCESS;

    judge(in_tls);
    while (rv == APR_SUCCESS
           && in_tls->seen.status == PROXYIP_SEEN_UNDECIDED) {
        rv = read_more(in_tls, f);
        if (rv == APR_SUCCESS) {
            judge(in_tls);
        }
    }
    return rv;
}

static void enter_stage(proxyip_in_tls_t *in_tls)
{
    const proxyip_conf_t *conf = in_tls->conn->conf;

    proxyip_stage_enter(&in_tls->wait, in_tls->seen.stage,
                        proxyip_clock_now(), conf->timeout_us,
                        conf->defer_us);
}

/* How the wait of one ends of which no more is to be read. */
static proxyip_wait_end_t end_of(const proxyip_in_tls_t *in_tls,
                                 apr_status_t rv)
{
    return APR_STATUS_IS_TIMEUP(rv) || APR_STATUS_IS_EAGAIN(rv)
                   || proxyip_alarm_has_rung(in_tls->alarm)
               ? PROXYIP_WAIT_TIMED_OUT
               : PROXYIP_WAIT_CLOSED;
}

/* Closed without a word, TLS's last one included. */
static int close_silently(conn_rec *c)
{
    c->aborted = 1;
    if (c->cs) {
        c->cs->state = CONN_STATE_LINGER;
    }
    return OK;
}

/* TLS did not come about; of what came nothing was looked at. */
static int refuse_without_tls(proxyip_conn_t *conn)
{
    conn->outcome = PROXYIP_NO_TLS;
    proxyip_report_closed(conn, NULL, NULL, 0);
    return close_silently(conn->c);
}

static int decide(proxyip_in_tls_t *in_tls, proxyip_wait_end_t end)
{
    proxyip_conn_t *conn = in_tls->conn;

    if (proxyip_process_decide(conn, &in_tls->seen, end) != DECLINED) {
        return close_silently(conn->c);
    }
    if (conn->outcome == PROXYIP_ABSENT && in_tls->taken) {
        proxyip_unread(conn->c, in_tls->bytes, in_tls->taken);
    }
    return DECLINED;
}

/* Nothing more is there now.  Returns 1 when the MPM waits for it; else how
 * the wait has ended is set, READY when there is more to read. */
static int wait_for_more(proxyip_in_tls_t *in_tls, proxyip_wait_end_t *end)
{
    conn_rec *c = in_tls->conn->c;
    const proxyip_conf_t *conf = in_tls->conn->conf;
    const proxyip_wait_t *wait = &in_tls->wait;
    int fd = -1;

    *end = PROXYIP_WAIT_TIMED_OUT;
    if (proxyip_clock_now() >= wait->deadline) {
        return 0;
    }
    apr_os_sock_get(&fd, ap_get_conn_socket(c));
    if (proxyip_alarm_set(&in_tls->alarm, c, fd, wait,
                          proxyip_stage_time(wait->stage, conf->timeout_us,
                                             conf->defer_us))) {
        return 1;
    }
    *end = proxyip_wait_readable(fd, wait->deadline);
    return 0;
}

/* Until it is decided, or the MPM waits. */
static int receive(proxyip_in_tls_t *in_tls, ap_filter_t *f)
{
    for (;;) {
        apr_status_t rv = read_header(in_tls, f);
        proxyip_wait_end_t end = end_of(in_tls, rv);

        if (in_tls->seen.status != PROXYIP_SEEN_UNDECIDED) {
            return decide(in_tls, end);
        }
        enter_stage(in_tls);
        if (!APR_STATUS_IS_EAGAIN(rv)) {
            return decide(in_tls, end);
        }
        if (wait_for_more(in_tls, &end)) {
            return OK;
        }
        if (end != PROXYIP_WAIT_READY) {
            return decide(in_tls, end);
        }
    }
}

int proxyip_in_tls_process_connection(conn_rec *c)
{
    proxyip_conn_t *conn = proxyip_conn_get(c);
    ap_filter_t *f;

    if (!conn || !conn->is_in_tls || conn->outcome != PROXYIP_PENDING
        || c != conn->c) {
        return DECLINED;
    }
    proxyip_alarm_stop(conn->in_tls->alarm);
    f = find_tls_filter(c);
    return is_tls(c, f) ? receive(conn->in_tls, f) : refuse_without_tls(conn);
}
