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
 * The filter: driven by the process hook and by readers in every mode, over
 * a real socket and real brigades, whatever the segments and the time
 * between them.
 *
 * input: the rules (take_rules(), with choices in the free bits), the length
 * of a script, the script, and what the peer sends.
 *
 * No byte of a header reaches a reader; payload arrives whole and in order;
 * the outcome is what pp_decode() says of all that was sent; what is decided
 * is decided as soon as it has come.
 */

#include "connection/proxyip_filter.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_portable.h>
#include <util_filter.h>

#include "bytes.h"
#include "settings/proxyip_conf.h"
#include "connection/proxyip_wait.h"
#include "world.h"

/* Free bits of take_rules()'s first byte. */
#define CHOICE_OPTIONAL (FLAG_FREE << 0)
#define CHOICE_DEFER_OFF (FLAG_FREE << 1)
#define CHOICE_READERS_END (FLAG_FREE << 2) /* no process hook at the end */

/* All sends of a script fit into the socket with so much behind them. */
#define STREAM_MAX ((size_t)70000)

#define START_US apr_time_from_sec(1000)
#define TIMEOUT_US apr_time_from_sec(5)
#define DEFER_US apr_time_from_sec(20)

/* So that nothing can hang. */
#define SOCKET_TIMEOUT_US apr_time_from_sec(5)

/* One connection and what its readers have got. */
typedef struct {
    apr_pool_t *pool;
    apr_bucket_brigade *bb;
    conn_rec c;
    apr_sockaddr_t addr; /* of both its ends: this machine's */
    void *conn_config[1];
    proxyip_conf_t conf;
    proxyip_rule_t rule;
    proxyip_conn_t *conn;
    int is_handed_over; /* the process hook is done with it */
    int is_closed;      /* the process hook, or a reader, saw it fail */
    int is_ended;       /* a reader saw its end */
    int is_mpm_end;     /* the MPM ended its wait */
    size_t delivered;   /* payload bytes that readers took */
} run_t;

/* What the decoder says of what was sent. */
static pp_answer_t decode_sent(const run_t *run, pp_header_t *header)
{
    return pp_decode(world.stream, world.sent, &run->conf.rules, header);
}

static int is_optional(const run_t *run)
{
    return run->rule.policy == PROXYIP_OPTIONAL;
}

static int is_undecided(const run_t *run)
{
    return is_optional(run) && !pp_committed_version(world.stream, world.sent);
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

/* Nothing more to read, and no answer: rightly so? */
static void check_waits(const run_t *run, int is_payload_awaited)
{
    pp_header_t header;
    pp_answer_t answer = decode_sent(run, &header);

    require(!world_is_readable(), "all that came was read");
    if (answer.status == PP_DONE) {
        require(is_payload_awaited && run->conf.defer_us > 0
                    && answer.len == world.sent,
                "what is whole is not waited for");
    }
    else {
        require(answer.status == PP_MORE, "what is bad is not waited for");
    }
    require(
        run->conn->outcome
            == (answer.status == PP_DONE ? PROXYIP_ACCEPTED : PROXYIP_PENDING),
        "the outcome is as far as the bytes are");
}

static void check_time(const run_t *run, apr_time_t least_us)
{
    require(world.is_shut || world.now - START_US >= least_us,
            "no time is up before its time");
    require(run->conn->reason == PP_OK, "time is no fault of the bytes");
}

/* The header was awaited and all that came was no whole one. */
static void check_no_header(const run_t *run)
{
    pp_header_t header;

    require(decode_sent(run, &header).status == PP_MORE,
            "bytes are judged before the clock");
    require(run->delivered == 0, "nothing is read of a failed header");
}

/* The outcome of one that failed, by what was sent up to then. */
static void check_failure(const run_t *run)
{
    pp_header_t header;
    pp_answer_t answer = decode_sent(run, &header);

    require(run->c.aborted && world.reports == 1, "it is closed, once");
    switch (run->conn->outcome) {
    case PROXYIP_TIMED_OUT:
        check_no_header(run);
        check_time(run,
                   TIMEOUT_US + (is_undecided(run) ? run->conf.defer_us : 0));
        break;
    case PROXYIP_CLOSED_EARLY:
        check_no_header(run);
        require(world.is_closed, "the peer has closed");
        require(!is_undecided(run) || world.sent == 0, "no header was due");
        break;
    case PROXYIP_IDLE:
        check_time(run, DEFER_US);
        break;
    case PROXYIP_CLOSED_IDLE:
        require(world.is_closed && answer.status == PP_DONE
                    && answer.len == world.sent,
                "the peer closed behind the header");
        break;
    case PROXYIP_EVICTED:
        require(world.is_shut, "the watch has shut it down");
        break;
    case PROXYIP_STOPPING:
        require(world.is_shut || world.is_stopping, "the child stops");
        break;
    case PROXYIP_MPM_TIMED_OUT:
        require(run->is_mpm_end, "the MPM ended the wait");
        break;
    default: /* the bytes' fault */
        require(answer.status == PP_BAD && run->delivered == 0
                    && run->conn->outcome == outcome_of(answer.reason)
                    && run->conn->reason == answer.reason,
                "what is refused is what the decoder refuses");
        require(!is_undecided(run), "what no header is due from is served");
    }
}

/* Of one that goes on: a header that is the decoder's, or none. */
static void check_success(const run_t *run)
{
    pp_header_t header;
    pp_answer_t answer = decode_sent(run, &header);

    require(!run->c.aborted && world.reports == 0, "it goes on");
    if (run->conn->outcome == PROXYIP_ACCEPTED) {
        require(answer.status == PP_DONE && run->conn->has_header
                    && is_same_header(&header, &run->conn->header),
                "the header is the decoder's");
        return;
    }
    require(run->conn->outcome == PROXYIP_ABSENT && is_optional(run)
                && !run->conn->has_header,
            "no header, and none was due");
    /* Time may be up with nothing to wait for behind a header: what comes
     * later is payload, a header too. */
    require(
        is_undecided(run)
            || (run->conf.defer_us == 0 && world.now - START_US >= TIMEOUT_US),
        "without a header there is none");
}

/* Where payload begins in what the peer sends. */
static size_t payload_at(const run_t *run)
{
    pp_header_t header;

    return run->conn->outcome == PROXYIP_ACCEPTED
               ? decode_sent(run, &header).len
               : 0;
}

/* What a reader got is the next of the payload. */
static void check_payload(const run_t *run, size_t offset, const void *data,
                          size_t len)
{
    size_t at = payload_at(run) + run->delivered + offset;

    require(at + len <= world.sent
                && (len == 0 || memcmp(data, world.stream + at, len) == 0),
            "a reader gets payload, whole and in order");
}

static void check_socket(void)
{
    apr_interval_time_t timeout_us;

    apr_socket_timeout_get(world.csd, &timeout_us);
    require(timeout_us == SOCKET_TIMEOUT_US, "the socket's timeout is kept");
}

/* The process hook was told that the connection is ready. */
static void hand_over(run_t *run)
{
    char client_ip[PP_ADDR_TEXT_MAX];
    const uint8_t *payload;
    apr_size_t len;

    check_success(run);
    if (proxyip_filter_finish(run->conn) != PROXYIP_READ_READY) {
        run->is_closed = 1;
        check_failure(run);
        return;
    }
    run->is_handed_over = 1;
    proxyip_conn_adopt(run->conn);
    if (run->conn->has_header && pp_names_client(&run->conn->header)) {
        pp_addr_format(&run->conn->header.src, client_ip);
        require(strcmp(run->c.client_ip, client_ip) == 0,
                "the client is the header's");
    }
    len = proxyip_filter_payload(run->conn, &payload);
    check_payload(run, 0, payload, len);
}

/* What process_connection does. */
static void process(run_t *run, int may_block)
{
    if (run->is_handed_over || run->is_closed) {
        return;
    }
    switch (proxyip_filter_advance(run->conn, may_block)) {
    case PROXYIP_READ_WAIT:
        require(!may_block, "who may block does not wait");
        check_waits(run, 1);
        proxyip_filter_wait(run->conn);
        break;
    case PROXYIP_READ_FAILED:
        run->is_closed = 1;
        check_failure(run);
        break;
    case PROXYIP_READ_READY:
        hand_over(run);
        break;
    }
    check_socket();
}

/* Take what a reader got out of its brigade. */
static void take_brigade(run_t *run, ap_input_mode_t mode)
{
    size_t offset = 0;

    while (!APR_BRIGADE_EMPTY(run->bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(run->bb);
        const char *data;
        apr_size_t len;

        require(mode != AP_MODE_INIT, "INIT reads nothing");
        if (APR_BUCKET_IS_EOS(e)) {
            run->is_ended = 1;
        }
        else {
            require(apr_bucket_read(e, &data, &len, APR_BLOCK_READ)
                        == APR_SUCCESS,
                    "what was got can be read");
            check_payload(run, offset, data, len);
            offset += len;
        }
        apr_bucket_delete(e);
    }
    if (mode != AP_MODE_SPECULATIVE) {
        run->delivered += offset;
    }
}

/* What a reader above us does. */
static void read_payload(run_t *run, ap_input_mode_t mode,
                         apr_read_type_e block, apr_off_t readbytes)
{
    apr_status_t rv =
        ap_get_brigade(run->c.input_filters, run->bb, mode, block, readbytes);

    check_socket();
    if (run->conn->outcome > PROXYIP_ABSENT) {
        require(rv == APR_ECONNABORTED && APR_BRIGADE_EMPTY(run->bb),
                "nothing is read of one that failed");
        run->is_closed = 1;
        check_failure(run);
        return;
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        require(block == APR_NONBLOCK_READ && APR_BRIGADE_EMPTY(run->bb),
                "only who does not block is told to come again");
        check_waits(run, 0);
        return;
    }
    check_success(run);
    require(rv == APR_SUCCESS || rv == APR_EOF, "it can be read");
    run->is_ended |= rv == APR_EOF;
    take_brigade(run, mode);
}

static void read_by_script(run_t *run, unsigned int choice)
{
    static const ap_input_mode_t modes[] = {
        AP_MODE_READBYTES,   AP_MODE_READBYTES,  AP_MODE_GETLINE,
        AP_MODE_GETLINE,     AP_MODE_EXHAUSTIVE, AP_MODE_SPECULATIVE,
        AP_MODE_SPECULATIVE, AP_MODE_INIT};
    apr_off_t readbytes = 1 + take_byte(&world.script);

    if (choice & 0x10) {
        readbytes *= 64;
    }
    read_payload(run, modes[choice & 7],
                 choice & 8 ? APR_BLOCK_READ : APR_NONBLOCK_READ, readbytes);
}

/* The watch shuts the socket of one that waits down for reading. */
static void shut(unsigned int choice)
{
    static const proxyip_shut_t why[] = {
        PROXYIP_SHUT_EXPIRED, PROXYIP_SHUT_EVICTED, PROXYIP_SHUT_STOPPING};

    if (world.waiting) {
        world.waiting->shut = why[choice % 3];
        world.is_shut = 1;
        world.waiting = NULL;
        apr_socket_shutdown(world.csd, APR_SHUTDOWN_READ);
    }
}

/* The MPM's own timeout for one that waits. */
static void end_by_mpm(run_t *run)
{
    if (world.waiting) {
        run->is_mpm_end = 1;
        proxyip_filter_fail(run->conn, PROXYIP_MPM_TIMED_OUT);
        run->is_closed = 1;
        check_failure(run);
    }
}

/* One step: what it is in the upper three bits, how in the others. */
static void step(run_t *run)
{
    unsigned int byte = take_byte(&world.script);
    unsigned int choice = byte & 0x1f;

    switch (byte >> 5) {
    case 0:
        world_send(choice + 1);
        break;
    case 1:
        world_send((size_t)(choice + 1) << 6);
        break;
    case 2:
        process(run, choice & 1);
        break;
    case 3:
    case 4:
        read_by_script(run, choice);
        break;
    case 5:
        world.now += apr_time_from_sec(choice);
        break;
    case 6:
        shut(choice);
        break;
    default:
        if (choice == 0) {
            end_by_mpm(run);
        }
        else if (choice == 1) {
            world.is_stopping = 1;
        }
        else {
            world_send_all();
        }
    }
}

/* Everything comes, and the peer closes; readers read to the end. */
static void end(run_t *run, unsigned int choices)
{
    int is_read_to_the_end;

    if (!(choices & CHOICE_READERS_END)) {
        process(run, 1);
    }
    while (!run->is_closed && !run->is_ended) {
        read_payload(run, AP_MODE_READBYTES, APR_BLOCK_READ, 8000);
    }
    if (run->is_closed) {
        check_failure(run);
        read_payload(run, AP_MODE_READBYTES, APR_NONBLOCK_READ, 1);
        require(world.reports == 1, "what is closed stays so");
        return;
    }
    check_success(run);
    is_read_to_the_end = payload_at(run) + run->delivered == world.sent;
    require(is_read_to_the_end, "payload arrives whole");
}

static void make_connection(run_t *run, const int *fds)
{
    static const uint8_t loopback[] = {127, 0, 0, 1};
    conn_rec *c = &run->c;
    pp_addr_t addr;

    apr_pool_create(&run->pool, NULL);
    apr_os_sock_put(&world.csd, (apr_os_sock_t *)&fds[0], run->pool);
    apr_socket_timeout_set(world.csd, SOCKET_TIMEOUT_US);
    pp_addr_set(&addr, PP_INET, loopback);
    proxyip_conn_fill_sockaddr(&run->addr, run->pool, &addr, 80);
    c->client_addr = &run->addr;
    c->local_addr = &run->addr;
    c->pool = run->pool;
    c->bucket_alloc = apr_bucket_alloc_create(run->pool);
    c->conn_config = (ap_conf_vector_t *)run->conn_config;
    run->bb = apr_brigade_create(run->pool, c->bucket_alloc);
    run->conn = proxyip_conn_make(c, NULL, &run->conf, &run->rule);
    run->conn_config[0] = run->conn;
    world_add_core_filter(c);
    proxyip_filter_add(run->conn, world.csd);
}

static void make_world(const int *fds, const input_t *script,
                       const block_t *stream)
{
    int room = 1 << 18;

    memset(&world, 0, sizeof(world));
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    world.own_fd = fds[0];
    world.peer_fd = fds[1];
    world.stream = stream->bytes;
    world.stream_len = stream->len;
    world.script = *script;
    world.now = START_US;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    input_t input = {bytes, len};
    input_t script;
    unsigned int choices;
    block_t stream;
    run_t run;
    int fds[2];

    apr_initialize(); /* counted: only the first call does anything */
    memset(&run, 0, sizeof(run));
    run.conf.rules = take_rules(&input, &choices);
    run.conf.timeout_us = TIMEOUT_US;
    run.conf.defer_us = choices & CHOICE_DEFER_OFF ? 0 : DEFER_US;
    run.rule.policy =
        choices & CHOICE_OPTIONAL ? PROXYIP_OPTIONAL : PROXYIP_REQUIRE;
    script.left = take_byte(&input);
    script.left = script.left < input.left ? script.left : input.left;
    script.at = input.at;
    stream = block_copy(input.at + script.left, input.left - script.left);
    if (stream.len > STREAM_MAX
        || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) {
        block_free(&stream);
        return 0;
    }
    make_world(fds, &script, &stream);
    proxyip_filter_register(NULL);
    make_connection(&run, fds);
    while (world.script.left > 0 && !run.is_closed) {
        step(&run);
    }
    end(&run, choices);
    apr_pool_destroy(run.pool);
    close(fds[0]);
    close(fds[1]);
    block_free(&stream);
    return 0;
}
