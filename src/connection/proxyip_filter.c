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
 * Reading: the connection input filter that takes the header off.
 *
 * A reader goes through two phases, HEADER and PAYLOAD.  The process hook
 * drives it (proxyip_filter_advance()); the filter drives it as far as the
 * end of the header, should anything read from the connection before that.
 * Whatever mode it reads in, it gets payload and never a header.
 */

#include "connection/proxyip_filter.h"

#include <string.h>

#include <apr_strings.h>
#include <http_core.h>
#include <util_filter.h>

#include "connection/proxyip_wait.h"
#include "proxyip_clock.h"
#include "report/proxyip_log.h"
#include "report/proxyip_report.h"
#include "settings/proxyip_conf.h"

/* As much as core's own socket bucket asks for at once, so that header and
 * request in one segment cost the same one recv() as a request alone. */
#define READ_SIZE APR_BUCKET_BUFF_SIZE

/* The longest v1 line and one byte more (specification, section 2.1). */
#define SMALL_SIZE (PP_V1_MAX + 1)

/* How long a worker that waits for bytes does not look whether its child is
 * to stop. */
#define LONGEST_POLL_US apr_time_from_msec(500)

typedef enum {
    PHASE_HEADER,
    PHASE_PAYLOAD,
    PHASE_FAILED
} phase_t;

typedef struct proxyip_reader_t {
    proxyip_conn_t *conn;
    ap_filter_t *filter;
    phase_t phase;
    apr_time_t deadline;  /* of this phase, on proxyip_clock_now()'s clock; 0
                             while nothing had to be waited for */
    apr_time_t stop_by;   /* the child is stopping and waits no longer than
                             this; 0 as long as it is not */
    proxyip_waiter_t waiter;
    int is_seeded;        /* core has its network bucket: it reads itself */
    apr_bucket *payload;  /* what came behind the header, until core asks */
    /* The part of a header that has come; unused when it came at once. */
    uint8_t *part;        /* small, or the announced length from the pool */
    size_t part_len;
    size_t part_size;
    size_t needed;        /* the least the whole header can have */
    uint8_t small[SMALL_SIZE];
} reader_t;

static ap_filter_rec_t *filter_handle;

static const proxyip_conf_t *conf_of(const reader_t *reader)
{
    return reader->conn->conf;
}

/* An optional peer may still turn out to send no header. */
static int is_undecided(const reader_t *reader)
{
    return reader->phase == PHASE_HEADER
           && proxyip_conn_may_lack_header(reader->conn, reader->part,
                                           reader->part_len);
}

static proxyip_read_t fail(reader_t *reader, proxyip_outcome_t outcome,
                           const pp_answer_t *answer, const uint8_t *bytes,
                           size_t len)
{
    reader->phase = PHASE_FAILED;
    reader->conn->outcome = outcome;
    if (answer) {
        reader->conn->reason = answer->reason;
        proxyip_conn_look(reader->conn, bytes, len);
    }
    /* Before anything can be flushed: where mod_ssl has met a connection, a
     * closing flush would shake hands on it and answer a bad header. */
    reader->conn->c->aborted = 1;
    proxyip_report_closed(reader->conn, answer, bytes, len);
    return PROXYIP_READ_FAILED;
}

/* The end of a wait that the bytes so far did not cause. */
static proxyip_read_t fail_waiting(reader_t *reader,
                                   proxyip_outcome_t outcome)
{
    return fail(reader, outcome, NULL, reader->part, reader->part_len);
}

static proxyip_outcome_t outcome_of(pp_reason_t reason)
{
    if (reason == PP_BAD_SIGNATURE) {
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

/* A connection may end before core asks for the payload, and a bucket in no
 * brigade is nobody's: its memory would stay with the allocator for ever. */
static apr_status_t drop_payload(void *data)
{
    reader_t *reader = data;

    apr_bucket_destroy(reader->payload);
    reader->payload = NULL;
    return APR_SUCCESS;
}

/* Keep what is not ours for core: the rest of a row of bytes, and what was
 * read behind it. */
static void keep_payload(reader_t *reader, const uint8_t *bytes, size_t len,
                         const uint8_t *behind, size_t behind_len)
{
    apr_bucket_alloc_t *list = reader->conn->c->bucket_alloc;
    char *copy;

    if (len + behind_len == 0) {
        return;
    }
    copy = apr_bucket_alloc(len + behind_len, list);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    if (behind_len > 0) {
        memcpy(copy + len, behind, behind_len);
    }
    reader->payload = apr_bucket_heap_create(copy, len + behind_len,
                                             apr_bucket_free, list);
    apr_pool_cleanup_register(reader->conn->c->pool, reader, drop_payload,
                              apr_pool_cleanup_null);
}

static void end_header(reader_t *reader, proxyip_outcome_t outcome)
{
    reader->conn->outcome = outcome;
    reader->phase = PHASE_PAYLOAD;
    reader->deadline = 0; /* the payload has a time of its own */
}

/* Bytes that were received to the stack do not outlive the call. */
static void accept_header(reader_t *reader, const pp_header_t *header,
                          const uint8_t *bytes)
{
    proxyip_conn_t *conn = reader->conn;

    conn->has_header = 1;
    conn->header = *header;
    if (header->tlvs && bytes != reader->part) {
        conn->header.tlvs = apr_pmemdup(conn->c->pool, header->tlvs,
                                        header->tlvs_len);
    }
    end_header(reader, PROXYIP_ACCEPTED);
}

/* Judge all bytes of a header that have come; behind them in the same read
 * came others.  Returns how many bytes are needed, or 0 when it is decided. */
static size_t judge(reader_t *reader, const uint8_t *bytes, size_t len,
                    const uint8_t *behind, size_t behind_len)
{
    pp_header_t header;
    pp_answer_t answer = pp_decode(bytes, len, &conf_of(reader)->rules,
                                   &header);

    switch (answer.status) {
    case PP_MORE:
        return answer.len;
    case PP_DONE:
        proxyip_log_bytes(reader->conn, "whole header", bytes, answer.len);
        accept_header(reader, &header, bytes);
        keep_payload(reader, bytes + answer.len, len - answer.len, behind,
                     behind_len);
        return 0;
    case PP_BAD:
        if (proxyip_conn_may_lack_header(reader->conn, bytes, len)) {
            end_header(reader, PROXYIP_ABSENT);
            keep_payload(reader, bytes, len, behind, behind_len);
        }
        else {
            proxyip_log_bytes(reader->conn, "refused", bytes, len);
            fail(reader, outcome_of(answer.reason), &answer, bytes, len);
        }
        return 0;
    }
    return 0;
}

/* Make room for a header of some length: 108 bytes to begin with, then what
 * the header itself announces, which pp_decode() has held to the limit. */
static void make_room(reader_t *reader, size_t needed)
{
    reader->needed = needed;
    if (needed > reader->part_size) {
        uint8_t *larger = apr_palloc(reader->conn->c->pool, needed);

        memcpy(larger, reader->part, reader->part_len);
        reader->part = larger;
        reader->part_size = needed;
    }
}

static void take_header_bytes(reader_t *reader, const uint8_t *bytes,
                              size_t len)
{
    size_t needed;

    if (reader->part_len == 0) {
        needed = judge(reader, bytes, len, NULL, 0);
        if (needed) {
            proxyip_log_bytes(reader->conn, "part of a header", bytes, len);
            make_room(reader, needed);
            memcpy(reader->part, bytes, len);
            reader->part_len = len;
        }
        return;
    }
    /* Never more than the header must have: what is behind it is not ours. */
    while (len > 0) {
        size_t step = reader->needed - reader->part_len;

        if (step > len) {
            step = len;
        }
        memcpy(reader->part + reader->part_len, bytes, step);
        reader->part_len += step;
        bytes += step;
        len -= step;
        needed = judge(reader, reader->part, reader->part_len, bytes, len);
        if (!needed) {
            return;
        }
        proxyip_log_bytes(reader->conn, "part of a header", bytes - step,
                          step);
        make_room(reader, needed);
    }
}

/* Receive what is there, without waiting.  APR_EOF: the peer has closed. */
static apr_status_t receive(reader_t *reader)
{
    char bytes[READ_SIZE];
    apr_size_t len = sizeof(bytes);
    apr_socket_t *csd = reader->waiter.csd;
    apr_interval_time_t timeout_us;
    apr_status_t rv;

    apr_socket_timeout_get(csd, &timeout_us);
    apr_socket_timeout_set(csd, 0);
    rv = apr_socket_recv(csd, bytes, &len);
    apr_socket_timeout_set(csd, timeout_us);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (len == 0) {
        return APR_EOF;
    }
    if (reader->phase == PHASE_HEADER) {
        take_header_bytes(reader, (const uint8_t *)bytes, len);
    }
    else {
        keep_payload(reader, (const uint8_t *)bytes, len, NULL, 0);
    }
    return APR_SUCCESS;
}

/* An optional peer that sends no header is waited for as long as one that
 * does: for the header, and then for the payload. */
static apr_time_t limit_of(const reader_t *reader)
{
    apr_time_t limit = reader->deadline;

    if (is_undecided(reader)) {
        limit += conf_of(reader)->defer_us;
    }
    return reader->stop_by && reader->stop_by < limit ? reader->stop_by
                                                      : limit;
}

/* Nothing to read: has it been too long?  The clock of a phase starts when
 * it is first looked at, in the same call that began the phase. */
static int is_time_up(reader_t *reader)
{
    apr_time_t now = proxyip_clock_now();

    if (!reader->deadline) {
        reader->deadline = now + (reader->phase == PHASE_HEADER
                                      ? conf_of(reader)->timeout_us
                                      : conf_of(reader)->defer_us);
    }
    return now >= limit_of(reader);
}

static void give_up(reader_t *reader)
{
    if (reader->stop_by) {
        fail_waiting(reader, PROXYIP_STOPPING);
    }
    else if (reader->phase == PHASE_PAYLOAD) {
        fail_waiting(reader, PROXYIP_IDLE);
    }
    else if (is_undecided(reader) && !conf_of(reader)->defer_us) {
        /* Nothing is waited for behind a header: the server may be the one
         * to speak first. */
        end_header(reader, PROXYIP_ABSENT);
        keep_payload(reader, reader->part, reader->part_len, NULL, 0);
    }
    else {
        fail_waiting(reader, PROXYIP_TIMED_OUT);
    }
}

/* The watch has shut the socket down for reading. */
static proxyip_read_t fail_shut(reader_t *reader, proxyip_shut_t shut)
{
    switch (shut) {
    case PROXYIP_SHUT_EVICTED:
        return fail_waiting(reader, PROXYIP_EVICTED);
    case PROXYIP_SHUT_STOPPING:
        return fail_waiting(reader, PROXYIP_STOPPING);
    case PROXYIP_SHUT_EXPIRED:
    case PROXYIP_SHUT_NOT:
        break;
    }
    return fail_waiting(reader, reader->phase == PHASE_HEADER
                                    ? PROXYIP_TIMED_OUT
                                    : PROXYIP_IDLE);
}

/* The socket has no more to give: the peer has closed, or the watch. */
static void meet_end(reader_t *reader)
{
    proxyip_shut_t shut = proxyip_wait_leave(&reader->waiter);

    if (shut != PROXYIP_SHUT_NOT) {
        fail_shut(reader, shut);
    }
    else if (is_undecided(reader) && reader->part_len > 0) {
        end_header(reader, PROXYIP_ABSENT);
        keep_payload(reader, reader->part, reader->part_len, NULL, 0);
    }
    else {
        fail_waiting(reader, reader->phase == PHASE_HEADER
                                 ? PROXYIP_CLOSED_EARLY
                                 : PROXYIP_CLOSED_IDLE);
    }
}

/* Wait here until there is something to read or time is up.  Not by a
 * blocking read: a signal can make that start its wait again, as prefork's
 * graceful restart does.  Nor at a stretch: a child that is to stop must not
 * be held. */
static apr_status_t wait_here(reader_t *reader)
{
    apr_time_t now = proxyip_clock_now();
    apr_interval_time_t left_us;

    if (!reader->stop_by && proxyip_wait_is_stopping()) {
        reader->stop_by = now + PROXYIP_WAIT_GRACE_US;
    }
    left_us = limit_of(reader) - now;
    if (left_us <= 0) {
        return APR_SUCCESS;
    }
    if (left_us > LONGEST_POLL_US) {
        left_us = LONGEST_POLL_US;
    }
    return proxyip_wait_here(reader->waiter.csd, reader->conn->c->pool,
                             left_us);
}

static int is_ready(const reader_t *reader, int is_payload_awaited)
{
    return reader->phase == PHASE_PAYLOAD
           && (!is_payload_awaited || reader->payload || reader->is_seeded
               || !conf_of(reader)->defer_us);
}

static proxyip_read_t advance(reader_t *reader, int may_block,
                              int is_payload_awaited)
{
    while (reader->phase != PHASE_FAILED
           && !is_ready(reader, is_payload_awaited)) {
        apr_status_t rv = receive(reader);

        if (APR_STATUS_IS_EAGAIN(rv)) {
            if (is_time_up(reader)) {
                give_up(reader);
                continue;
            }
            if (!may_block) {
                return PROXYIP_READ_WAIT;
            }
            rv = wait_here(reader);
        }
        if (rv != APR_SUCCESS && !APR_STATUS_IS_EINTR(rv)) {
            meet_end(reader);
        }
    }
    return reader->phase == PHASE_FAILED ? PROXYIP_READ_FAILED
                                         : PROXYIP_READ_READY;
}

/* Behind us in the chain is core's filter alone, and it asks for its network
 * bucket, our payload included, when first called. */
static apr_status_t filter_input(ap_filter_t *f, apr_bucket_brigade *bb,
                                 ap_input_mode_t mode, apr_read_type_e block,
                                 apr_off_t readbytes)
{
    switch (advance(f->ctx, block == APR_BLOCK_READ, 0)) {
    case PROXYIP_READ_WAIT:
        return APR_EAGAIN;
    case PROXYIP_READ_FAILED:
        return APR_ECONNABORTED;
    case PROXYIP_READ_READY:
        break;
    }
    return ap_get_brigade(f->next, bb, mode, block, readbytes);
}

void proxyip_filter_register(apr_pool_t *p)
{
    (void)p;
    /* Directly above core's own filter (AP_FTYPE_NETWORK) and below all
     * others, mod_ssl's (AP_FTYPE_CONNECTION + 5) and mod_reqtimeout's
     * (+ 8) among them: whatever any module puts on the connection while the
     * header is awaited reads from us. */
    filter_handle = ap_register_input_filter("PROXYIP_IN", filter_input, NULL,
                                             AP_FTYPE_NETWORK - 1);
}

void proxyip_filter_add(proxyip_conn_t *conn, apr_socket_t *csd)
{
    reader_t *reader = apr_pcalloc(conn->c->pool, sizeof(*reader));

    reader->conn = conn;
    reader->waiter.csd = csd;
    reader->part = reader->small;
    reader->part_size = sizeof(reader->small);
    conn->reader = reader;
    reader->filter = ap_add_input_filter_handle(filter_handle, reader, NULL,
                                                conn->c);
}

proxyip_read_t proxyip_filter_advance(proxyip_conn_t *conn, int may_block)
{
    proxyip_wait_leave(&conn->reader->waiter);
    return advance(conn->reader, may_block, 1);
}

void proxyip_filter_wait(proxyip_conn_t *conn)
{
    reader_t *reader = conn->reader;

    proxyip_wait_enter(&reader->waiter, conn->c->pool, limit_of(reader));
}

void proxyip_filter_fail(proxyip_conn_t *conn, proxyip_outcome_t outcome)
{
    proxyip_wait_leave(&conn->reader->waiter);
    fail_waiting(conn->reader, outcome);
}

proxyip_read_t proxyip_filter_finish(proxyip_conn_t *conn)
{
    reader_t *reader = conn->reader;
    proxyip_shut_t shut = proxyip_wait_leave(&reader->waiter);

    if (shut != PROXYIP_SHUT_NOT) {
        return fail_shut(reader, shut);
    }
    proxyip_wait_note_spoke(&reader->waiter);
    ap_remove_input_filter(reader->filter);
    return PROXYIP_READ_READY;
}

apr_size_t proxyip_filter_payload(const proxyip_conn_t *conn,
                                  const uint8_t **bytes)
{
    apr_bucket *payload = conn->reader->payload;
    const char *data = NULL;
    apr_size_t len = 0;

    if (payload) {
        apr_bucket_read(payload, &data, &len, APR_BLOCK_READ);
    }
    *bytes = (const uint8_t *)data;
    return len;
}

apr_status_t proxyip_filter_insert_payload(conn_rec *c,
                                           apr_bucket_brigade *bb,
                                           apr_socket_t *csd)
{
    proxyip_conn_t *conn = proxyip_conn_get(c);
    reader_t *reader = conn ? conn->reader : NULL;

    (void)csd;
    if (reader) {
        reader->is_seeded = 1;
        if (reader->payload) {
            APR_BRIGADE_INSERT_TAIL(bb, reader->payload);
            apr_pool_cleanup_kill(c->pool, reader, drop_payload);
            reader->payload = NULL;
        }
    }
    return AP_DECLINED;
}
