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
 * Connections that were refused, and the warnings of them.
 *
 * Written by whoever refuses, without a lock: one that a child did not live
 * to finish has the serial 0.  Any child can have written anything: a record
 * is read into a copy, and the copy is used if all of it can be.
 *
 * The compiler's atomics, as in proxyip_children.c.
 */

#include "report/proxyip_refusals.h"

#include <string.h>

#include <apr_strings.h>

#include "proxyip_clock.h"
#include "report/proxyip_block.h"
#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"

#define WARN_PERIOD_US apr_time_from_sec(60)

/* The end of the year 9999. */
#define LAST_TIME apr_time_from_sec(APR_INT64_C(253402300799))

/* The parent's, and with them every child's; set by post_config. */
static const apr_array_header_t *current;

/* Two children may write the same place when more than PROXYIP_KEPT refusals
 * come at once; then it is a mixture for a moment, and the next serial ends
 * that. */
static void remember(proxyip_records_t *records, const proxyip_conn_t *conn)
{
    apr_uint64_t serial = __atomic_add_fetch(&records->count, 1,
                                             __ATOMIC_RELAXED);
    proxyip_record_t *record = &records->kept[serial % PROXYIP_KEPT];
    pp_addr_t peer;

    proxyip_conn_read_addr(conn->peer_addr, &peer);
    __atomic_store_n(&record->serial, 0, __ATOMIC_RELEASE);
    record->time = apr_time_now();
    record->moment = proxyip_clock_now();
    record->outcome = conn->outcome;
    record->reason = conn->reason;
    record->look = conn->look;
    record->family = peer.family;
    memcpy(record->peer, peer.bytes, sizeof(record->peer));
    __atomic_store_n(&record->serial, serial, __ATOMIC_RELEASE);
}

/* Operators are told of these; not of httpd's own connections. */
static int is_refusal(apr_uint32_t outcome, apr_uint32_t look)
{
    switch (outcome) {
    case PROXYIP_MISSING:
        return look != PP_LOOKS_HTTPD;
    case PROXYIP_REJECTED:
    case PROXYIP_MALFORMED:
    case PROXYIP_TOO_LARGE:
    case PROXYIP_BAD_CHECKSUM:
        return 1;
    default:
        return 0;
    }
}

/* Whether a copy of a record says what a refusal can be. */
static int is_sound(const proxyip_record_t *copy)
{
    return copy->serial != 0 && is_refusal(copy->outcome, copy->look)
           && (copy->reason == PP_OK
               || pp_reason_text((pp_reason_t)copy->reason) != NULL)
           && (copy->look == PP_LOOKS_UNKNOWN
               || pp_look_text((pp_look_t)copy->look) != NULL)
           && (copy->family == PP_INET || copy->family == PP_INET6)
           && copy->time >= 0 && copy->time <= LAST_TIME;
}

/* One refusal, when it is whole; its serial is looked at before and after,
 * because others write meanwhile. */
static int read_record(const proxyip_record_t *record, proxyip_record_t *copy)
{
    apr_uint64_t serial = __atomic_load_n(&record->serial, __ATOMIC_ACQUIRE);

    memcpy(copy, record, sizeof(*copy));
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    copy->serial = serial;
    return serial == __atomic_load_n(&record->serial, __ATOMIC_RELAXED)
           && is_sound(copy);
}

/* The newest refusal that is whole. */
static int read_last(const proxyip_records_t *records, proxyip_record_t *last)
{
    int i;

    last->serial = 0; /* none has it */
    for (i = 0; i < PROXYIP_KEPT; i++) {
        proxyip_record_t copy;

        if (read_record(&records->kept[i], &copy)
            && copy.serial > last->serial) {
            *last = copy;
        }
    }
    return last->serial != 0;
}

static void format_peer(const proxyip_record_t *copy, char *ip)
{
    pp_addr_t peer;

    memset(&peer, 0, sizeof(peer));
    peer.family = (pp_family_t)copy->family;
    memcpy(peer.bytes, copy->peer, sizeof(copy->peer));
    pp_addr_format(&peer, ip);
}

static void describe(const proxyip_record_t *copy, const char *listener,
                     proxyip_refused_t *refused)
{
    pp_look_t look = (pp_look_t)copy->look;
    pp_reason_t reason = (pp_reason_t)copy->reason;

    refused->listener = listener;
    format_peer(copy, refused->peer_ip);
    refused->time = copy->time;
    refused->outcome = (proxyip_outcome_t)copy->outcome;
    refused->what = proxyip_conn_outcome_text(refused->outcome);
    refused->why = proxyip_conn_why_text(refused->outcome, reason, look);
}

/* What to do if the last refused peer was the load balancer. */
static const char *advice_of(const proxyip_refused_t *last)
{
    if (last->outcome == PROXYIP_REJECTED) {
        return "say ProxyIPPeer require and its address; if it is a client,"
               " the load balancer keeps clients' addresses: turn that off"
               " there (AWS NLB: preserve_client_ip)";
    }
    return last->outcome == PROXYIP_MISSING ? "turn the header on there"
                                            : "correct what it sends";
}

/* Who else was refused of late: one balancer looks other than many clients.
 * Each address once, and not the last peer's. */
static void list_others(const proxyip_records_t *records, const char *last_ip,
                        char *text, apr_size_t size)
{
    char ips[PROXYIP_KEPT][PP_ADDR_TEXT_MAX] = {""};
    apr_size_t len = 0;
    int i;
    int j;

    *text = '\0';
    for (i = 0; i < PROXYIP_KEPT; i++) {
        proxyip_record_t copy;
        int is_new = read_record(&records->kept[i], &copy);

        if (is_new) {
            format_peer(&copy, ips[i]);
            is_new = strcmp(ips[i], last_ip) != 0;
        }
        for (j = 0; j < i; j++) {
            is_new = is_new && strcmp(ips[i], ips[j]) != 0;
        }
        if (is_new) {
            apr_snprintf(text + len, size - len, "%s%s",
                         len ? ", " : ", others: ", ips[i]);
            len = strlen(text);
        }
    }
}

static void log_refused(server_rec *s, const proxyip_counters_t *counters,
                        apr_uint64_t count, int is_first,
                        const proxyip_refused_t *last)
{
    char others[(size_t)PROXYIP_KEPT * (PP_ADDR_TEXT_MAX + 2)
                + sizeof(", others: ")];
    const ap_directive_t *on = proxyip_conf_get(s)
                                   ->origin[PROXYIP_SET_ENABLED];

    list_others(&counters->strangers, last->peer_ip, others, sizeof(others));
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, PROXYIP_LOGNO(0046)
                 "%s (ProxyIP On at %s:%d): %" APR_UINT64_T_FMT
                 " connection%s refused%s, from peers that %s; the last: %s,"
                 " %s%s%s%s; if that is your load balancer, %s; LogLevel"
                 " proxyip:info shows each",
                 last->listener, on ? on->filename : "?",
                 on ? on->line_num : 0, count, count == 1 ? "" : "s",
                 is_first ? "" : " since the last such line",
                 last->outcome == PROXYIP_REJECTED
                     ? "no ProxyIPPeer matches"
                     : "only `all` or a /0 matches",
                 last->peer_ip, last->what, last->why ? ": " : "",
                 last->why ? last->why : "", others, advice_of(last));
}

/* A time in the future was not written by this module: do not wait for it. */
static int is_time_to_warn(apr_int64_t before, apr_time_t now)
{
    return before <= now - WARN_PERIOD_US || before > now + WARN_PERIOD_US;
}

/* Warn if a minute has passed since the last warning: whichever process finds
 * that first. */
static void warn(server_rec *s, proxyip_counters_t *counters)
{
    apr_time_t now = proxyip_clock_now();
    apr_int64_t before;
    apr_uint64_t unsaid;
    proxyip_record_t copy;
    proxyip_refused_t last;

    /* A refusal that is half written is shown by a later call. */
    before = __atomic_load_n(&counters->warned_at, __ATOMIC_RELAXED);
    if ((before != 0 && !is_time_to_warn(before, now))
        || !__atomic_load_n(&counters->unsaid, __ATOMIC_RELAXED)
        || !read_last(&counters->strangers, &copy)
        || !__atomic_compare_exchange_n(&counters->warned_at, &before, now, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        return;
    }
    unsaid = __atomic_exchange_n(&counters->unsaid, 0, __ATOMIC_RELAXED);
    if (unsaid) {
        describe(&copy, proxyip_block_name(counters), &last);
        log_refused(s, counters, unsaid, before == 0, &last);
    }
}

void proxyip_refusals_add(const proxyip_conn_t *conn)
{
    const proxyip_listener_t *listener = conn->listener;
    proxyip_counters_t *counters = listener ? listener->counters : NULL;

    if (!counters || !is_refusal(conn->outcome, conn->look)) {
        return;
    }
    if (!proxyip_conn_is_stranger(conn)) {
        remember(&counters->named, conn);
        return;
    }
    remember(&counters->strangers, conn);
    __atomic_add_fetch(&counters->unsaid, 1, __ATOMIC_RELAXED);
    warn(conn->server, counters);
}

void proxyip_refusals_attach(const apr_array_header_t *listeners)
{
    current = listeners;
}

int proxyip_refusals_monitor(apr_pool_t *p, server_rec *main_s)
{
    int i;

    (void)p;
    (void)main_s;
    for (i = 0; current && i < current->nelts; i++) {
        const proxyip_listener_t *listener;

        listener = APR_ARRAY_IDX(current, i, proxyip_listener_t *);
        if (listener->counters) {
            warn(proxyip_listeners_server(listener, 0), listener->counters);
        }
    }
    return OK;
}

/* The last of these, if nothing newer is there yet. */
static int find_later(const proxyip_records_t *records, int found,
                      proxyip_record_t *newest)
{
    proxyip_record_t last;

    if (!read_last(records, &last)
        || (found && last.moment <= newest->moment)) {
        return 0;
    }
    *newest = last;
    return 1;
}

int proxyip_refusals_last(proxyip_refused_t *last)
{
    const char *listener = NULL;
    proxyip_record_t newest;
    int i;

    for (i = 0; i < proxyip_block_rows(); i++) {
        const proxyip_counters_t *row = proxyip_block_row(i);

        if (find_later(&row->named, listener != NULL, &newest)) {
            listener = proxyip_block_name(row);
        }
        if (find_later(&row->strangers, listener != NULL, &newest)) {
            listener = proxyip_block_name(row);
        }
    }
    if (!listener) {
        return 0;
    }
    describe(&newest, listener, last);
    return 1;
}
