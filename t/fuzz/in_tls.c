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
 * A header inside TLS: process_connection over mod_ssl's filter, whatever the
 * records and the time between them, where the MPM waits and where a worker
 * does; and then readers in every mode.
 *
 * input: the rules (take_rules(), with choices in the free bits), the length
 * of a script, the script, and what the peer sends inside TLS.
 *
 * No byte of a header reaches a reader, and none behind it is taken; payload
 * arrives whole and in order, also that of who sends no header; the outcome is
 * what pp_decode() says of all that came by then; nothing is read where there
 * is no TLS; the same bytes outside TLS are never a header.
 */

#include "connection/proxyip_in_tls.h"

#include <string.h>

#include <apr_general.h>
#include <apr_portable.h>
#include <http_core.h>
#include <util_filter.h>

#include "bytes.h"
#include "connection/proxyip_unread.h"
#include "settings/proxyip_listeners.h"
#include "world.h"

/* Free bits of take_rules()'s first byte, beside world_begin()'s. */
#define CHOICE_NO_ALARMS (FLAG_FREE << 2) /* workers wait */
#define CHOICE_NO_TLS (FLAG_FREE << 4)    /* the handshake has failed */

typedef struct {
    apr_pool_t *pool;
    apr_bucket_brigade *bb;
    conn_rec c;
    conn_state_t cs;
    void *conn_config[2];
    proxyip_conn_t *conn;
    proxyip_rule_t rule;
    size_t payload_at; /* where payload begins */
    size_t delivered;  /* bytes of it that readers took */
} run_t;

static char own_ip[] = "127.0.0.1";

/* Where the header is expected inside, what is outside is none. */
static void check_outside(const run_t *run)
{
    static pp_rules_t outside;
    pp_header_t header;
    proxyip_seen_t seen;
    size_t len;

    outside = world.conf.rules;
    outside.formats = 0;
    memset(&seen, 0, sizeof(seen));
    seen.header = &header;
    seen.bytes = world.stream;
    for (len = 0; len <= world.stream_len && len < 64; len++) {
        seen.len = len;
        proxyip_look_judge(&outside, &world.conf, &run->rule, &seen);
        require(seen.status != PROXYIP_SEEN_HEADER,
                "outside TLS nothing is a header");
        require((seen.status == PROXYIP_SEEN_NO_HEADER)
                    == (len > 0
                        && pp_look(world.stream, len) == PP_LOOKS_TLS),
                "TLS alone goes on");
    }
}

static void make_connection(run_t *run)
{
    static int fd = -1;
    conn_rec *c = &run->c;

    memset(run, 0, sizeof(*run));
    apr_pool_create(&run->pool, NULL);
    apr_os_sock_put(&world.csd, &fd, run->pool);
    c->client_addr = &world.peer_addr;
    c->client_ip = own_ip;
    c->local_addr = &world.peer_addr;
    c->local_ip = own_ip;
    c->cs = &run->cs;
    c->pool = run->pool;
    c->bucket_alloc = apr_bucket_alloc_create(run->pool);
    c->conn_config = (ap_conf_vector_t *)run->conn_config;
    run->bb = apr_brigade_create(run->pool, c->bucket_alloc);
    run->rule.policy = world.is_optional ? PROXYIP_OPTIONAL : PROXYIP_REQUIRE;
    world_tls_add_filter(c);
    run->conn = proxyip_conn_make(c, proxyip_listeners_of(c), &world.conf,
                                  &run->rule);
    ap_set_module_config(c->conn_config, &proxyip_module, run->conn);
    require(proxyip_in_tls_pre_connection(c, world.csd) == DECLINED
                && run->conn->is_in_tls
                && run->conn->outcome == PROXYIP_PENDING,
            "it is to have its header inside");
}

static proxyip_outcome_t outcome_of(pp_reason_t reason)
{
    switch (reason) {
    case PP_BAD_SIGNATURE:
        return PROXYIP_MISSING;
    case PP_BAD_V2_TOO_LARGE:
        return PROXYIP_TOO_LARGE;
    case PP_BAD_CRC_MISMATCH:
    case PP_BAD_CRC_MISSING:
        return PROXYIP_BAD_CHECKSUM;
    default: /* all others, of which there are many */
        return PROXYIP_MALFORMED;
    }
}

static void check_refused(const run_t *run)
{
    sent_t sent;
    int is_waiting;

    world_judge(&sent);
    is_waiting = sent.status == PROXYIP_SEEN_UNDECIDED;
    require(run->c.aborted && run->cs.state == CONN_STATE_LINGER
                && world.closed == 1 && world.taken == 0,
            "it is closed, and that is said once");
    switch (run->conn->outcome) {
    case PROXYIP_NO_TLS:
        require(!world.tls.is_up && world.tls.given == 0, "there is no TLS");
        break;
    case PROXYIP_TIMED_OUT:
    case PROXYIP_IDLE:
        require(is_waiting
                    && (sent.stage == PROXYIP_STAGE_PAYLOAD)
                           == (run->conn->outcome == PROXYIP_IDLE)
                    && world.now >= START_US + TIMEOUT_US,
                "bytes are judged before the clock");
        break;
    case PROXYIP_CLOSED_EARLY:
        require(world.is_closed
                    && (is_waiting || sent.status == PROXYIP_SEEN_END)
                    && sent.stage != PROXYIP_STAGE_PAYLOAD,
                "the peer closed before a whole header");
        break;
    case PROXYIP_CLOSED_IDLE:
        require(world.is_closed && is_waiting
                    && sent.stage == PROXYIP_STAGE_PAYLOAD,
                "the peer closed behind the header");
        break;
    default: /* the bytes' fault */
        require(sent.status == PROXYIP_SEEN_BAD
                    && run->conn->outcome == outcome_of(sent.answer.reason)
                    && run->conn->reason == sent.answer.reason,
                "what is refused is what the decoder refuses");
    }
}

static void check_client(const run_t *run)
{
    const pp_header_t *header = &run->conn->header;
    char ip[PP_ADDR_TEXT_MAX];

    if (!run->conn->has_header || !pp_names_client(header)) {
        require(run->c.client_addr == &world.peer_addr,
                "the client is the peer");
        return;
    }
    pp_addr_format(&header->src, ip);
    require(strcmp(run->c.client_ip, ip) == 0
                && run->c.client_addr->port == header->src_port,
            "the client is the header's");
}

static void check_taken(run_t *run)
{
    sent_t sent;

    world_judge(&sent);
    require(!run->c.aborted && world.closed == 0 && world.taken == 1,
            "it goes on, and that is said once");
    check_client(run);
    if (run->conn->outcome == PROXYIP_ACCEPTED) {
        run->payload_at = sent.answer.len;
        require(sent.status == PROXYIP_SEEN_HEADER
                    && is_same_header(&sent.header, &run->conn->header),
                "the header is the decoder's");
        require(world.tls.given == sent.answer.len,
                "the header is taken, and not a byte more");
        return;
    }
    require(run->conn->outcome == PROXYIP_ABSENT && world.is_optional
                && !run->conn->has_header,
            "no header came, and none was due");
    require(sent.status == PROXYIP_SEEN_NO_HEADER
                || (sent.status == PROXYIP_SEEN_UNDECIDED
                    && sent.stage == PROXYIP_STAGE_OPEN
                    && (world.is_closed || world.conf.defer_us == 0)),
            "one that has begun a header is not served without it");
}

/* 1 when it has gone on, -1 when it is closed, 0 when the MPM waits. */
static int process(run_t *run)
{
    int rv;

    world.tls.is_ours = 1;
    rv = proxyip_in_tls_process_connection(&run->c);
    world.tls.is_ours = 0;
    require(world.waiting == 0, "no wait is left over");
    if (rv == OK && !run->c.aborted) {
        require(world.tls.is_alarm_set
                    && run->conn->outcome == PROXYIP_PENDING,
                "what is not decided waits for an alarm");
        return 0;
    }
    require(rv == OK || rv == DECLINED, "it goes on, or ends");
    if (rv == OK) {
        check_refused(run);
        return -1;
    }
    check_taken(run);
    require(proxyip_in_tls_process_connection(&run->c) == DECLINED,
            "and that once");
    return 1;
}

/* The MPM waits for bytes; the script goes on. */
static int wait_in_mpm(run_t *run)
{
    int rv = 0;
    int turns = 0;

    while (rv == 0) {
        uint8_t how = take_byte(&world.script);

        if (world.script.left == 0 && turns++ > 2) {
            if (!world.is_silent) {
                world_tls_send(world.stream_len);
                world.is_closed = 1;
            }
            world.now += DEFER_US;
        }
        else if (how < 0xc0) {
            world_tls_send((how & 0x80 ? 64 : 1) * (size_t)((how & 0x3f) + 1));
        }
        else if (how < 0xf0) {
            world.now += apr_time_from_msec(100) * (how & 0x3f);
        }
        else if (how < 0xf8) {
            world.is_closed = 1;
        }
        if (how >= 0xf8 || world.script.left == 0) {
            world_tls_ring(); /* else it is late */
        }
        rv = process(run);
    }
    return rv;
}

static void check_payload(run_t *run, ap_input_mode_t mode)
{
    size_t at = run->payload_at + run->delivered;
    size_t got = 0;

    while (!APR_BRIGADE_EMPTY(run->bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(run->bb);
        const char *data;
        apr_size_t len;

        require(apr_bucket_read(e, &data, &len, APR_BLOCK_READ) == APR_SUCCESS,
                "what was got can be read");
        require(at + got + len <= world.sent
                    && memcmp(data, world.stream + at + got, len) == 0,
                "a reader gets payload, whole and in order");
        got += len;
        apr_bucket_delete(e);
    }
    if (mode != AP_MODE_SPECULATIVE) {
        run->delivered += got;
    }
}

/* Looking ahead twice is the reader's own risk: once, and before all else. */
static void read_payload(run_t *run)
{
    static const ap_input_mode_t modes[] = {
        AP_MODE_READBYTES, AP_MODE_GETLINE, AP_MODE_INIT, AP_MODE_READBYTES};
    uint8_t how = take_byte(&world.script);
    apr_status_t rv;
    int turns = 0;

    if (how & 0x80) {
        rv = ap_get_brigade(run->c.input_filters, run->bb, AP_MODE_SPECULATIVE,
                            APR_BLOCK_READ, 24);
        check_payload(run, AP_MODE_SPECULATIVE);
    }
    do {
        ap_input_mode_t mode = modes[how & 3];

        rv = ap_get_brigade(run->c.input_filters, run->bb, mode,
                            APR_BLOCK_READ, (how & 0x7f) + 1);
        check_payload(run, mode);
        how = take_byte(&world.script);
        if (turns++ > 300) {
            how = 0x7c; /* by 125 bytes */
        }
    } while (rv == APR_SUCCESS);
    require(rv == APR_EOF
                && run->payload_at + run->delivered == world.sent,
            "all of it arrives");
}

static void make_world(apr_pool_t *p, const pp_rules_t *rules,
                       unsigned int choices, const input_t *script,
                       const block_t *stream)
{
    world_begin(p, rules, choices, script, stream);
    world.tls.is_on = 1;
    world.tls.is_up = !(choices & CHOICE_NO_TLS);
    world.tls.has_alarms = !(choices & CHOICE_NO_ALARMS);
    world.conf.in_tls = 1;
}

static void run_script(void)
{
    run_t run;
    int rv;

    make_connection(&run);
    check_outside(&run);
    rv = process(&run);
    if (rv == 0) {
        rv = wait_in_mpm(&run);
    }
    if (rv > 0) {
        read_payload(&run);
    }
    apr_pool_destroy(run.pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    input_t input = {bytes, len};
    input_t script;
    unsigned int choices;
    pp_rules_t rules;
    block_t stream;
    apr_pool_t *pool;

    apr_initialize(); /* counted: only the first call does anything */
    proxyip_unread_register();
    apr_pool_create(&pool, NULL);
    rules = take_rules(&input, &choices);
    script.left = take_byte(&input);
    script.left = script.left < input.left ? script.left : input.left;
    script.at = input.at;
    stream = block_copy(input.at + script.left, input.left - script.left);
    if (stream.len <= STREAM_MAX) {
        make_world(pool, &rules, choices, &script, &stream);
        run_script();
    }
    apr_pool_destroy(pool);
    block_free(&stream);
    return 0;
}
