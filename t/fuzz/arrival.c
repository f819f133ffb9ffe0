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
 * The arrival of a connection: pre_connection, the waits in a worker and in
 * the lobby, process_connection, and then readers in every mode, over a real
 * socket and real brigades, whatever the segments and the time between them.
 *
 * input: the rules (take_rules(), with choices in the free bits), the length
 * of a script, the script, and what the peer sends.
 *
 * No byte of a header reaches a reader; payload arrives whole and in order;
 * the outcome is what pp_decode() says of all that was sent by then; what has
 * come is judged before the clock, and no time is up before its time; nothing
 * is taken from the socket by pre_connection.
 */

#include "connection/proxyip_process.h"

#include <string.h>

#include <apr_general.h>
#include <apr_portable.h>
#include <http_core.h>
#include <util_filter.h>

#include "bytes.h"
#include "connection/proxyip_strip.h"
#include "connection/proxyip_wait.h"
#include "world.h"

/* Free bits of take_rules()'s first byte, beside world_begin()'s. */
#define CHOICE_NO_LOBBY (FLAG_FREE << 2) /* workers wait */
#define CHOICE_OTHER (FLAG_FREE << 4)    /* see OTHERS */

/* Why no header is looked for: the script's first byte says so.  The first
 * three are ended at once, the others left alone. */
enum {
    OTHER_REJECT,
    OTHER_NO_RANGE,
    OTHER_NONE, /* no connection: the MPM wanted one and there was none */
    OTHER_DIRECT,
    OTHER_OFF,
    OTHER_OUTGOING,
    OTHER_STREAM, /* of HTTP/2 */
    OTHERS
};

/* So that nothing can hang. */
#define SOCKET_TIMEOUT_US apr_time_from_sec(5)

/* Where the connection is. */
typedef enum {
    PLACE_OUTSIDE, /* the MPM has it to give to a worker: it has just been
                      accepted, or comes from the lobby */
    PLACE_LOBBY,
    PLACE_MET, /* all modules have met it, and none has read */
    PLACE_HTTPD,
    PLACE_CLOSED
} place_t;

/* One connection and what its readers have got. */
typedef struct {
    apr_pool_t *pool; /* of the connection as the MPM has it */
    apr_bucket_brigade *bb;
    conn_rec c;
    conn_state_t cs;
    void *conn_config[2];
    proxyip_conn_t *conn; /* its record; NULL when it is left alone */
    place_t place;
    int is_ended;     /* a reader saw its end */
    size_t delivered; /* payload bytes that readers took */
} run_t;

static char own_ip[] = "127.0.0.1";

/* The set of ranges in which all addresses have a policy. */
static proxyip_peers_t *make_peers(apr_pool_t *p, proxyip_policy_t policy)
{
    proxyip_peers_t *peers = proxyip_peers_make(p);

    require(!proxyip_peers_add(peers, policy, "127.0.0.0/8", 0, "file", 1),
            "a range is added");
    proxyip_peers_compile(peers);
    return peers;
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

/* As the stage says that was seen, and by when what it waits for was sent. */
static void check_time(const sent_t *sent, proxyip_stage_t stage,
                       apr_time_t sent_at, apr_interval_time_t least_us)
{
    require(sent->status == PROXYIP_SEEN_UNDECIDED && sent->stage == stage,
            "bytes are judged before the clock");
    require(world.now >= world.deadline && world.now >= sent_at + least_us
                && world.now >= START_US + least_us,
            "no time is up before its time");
}

static void check_timed_out(const sent_t *sent)
{
    if (sent->stage == PROXYIP_STAGE_OPEN) {
        require(world.conf.defer_us > 0, "silence says that there is none");
        check_time(sent, PROXYIP_STAGE_OPEN, START_US, TIMEOUT_US + DEFER_US);
        return;
    }
    check_time(sent, PROXYIP_STAGE_HEADER,
               world.is_optional ? world.committed_at : START_US, TIMEOUT_US);
}

/* The outcome of one that failed, by what was sent up to then. */
static void check_failure(const run_t *run)
{
    int is_waiting;
    sent_t sent;

    world_judge(&sent);
    is_waiting = sent.status == PROXYIP_SEEN_UNDECIDED;
    require(run->c.aborted && world.closed == 1 && world.taken == 0,
            "it is closed, and that is said once");
    switch (world.outcome) {
    case PROXYIP_TIMED_OUT:
        check_timed_out(&sent);
        break;
    case PROXYIP_IDLE:
        check_time(&sent, PROXYIP_STAGE_PAYLOAD, world.whole_at, DEFER_US);
        break;
    case PROXYIP_CLOSED_EARLY:
        require(world.is_closed
                    && (sent.status == PROXYIP_SEEN_END
                        || (is_waiting && sent.stage == PROXYIP_STAGE_HEADER)),
                "the peer closed before a whole header, and one was due");
        break;
    case PROXYIP_CLOSED_IDLE:
        require(world.is_closed && is_waiting
                    && sent.stage == PROXYIP_STAGE_PAYLOAD,
                "the peer closed behind the header");
        break;
    case PROXYIP_EVICTED:
        require(is_waiting && world.has_ticket
                    && world.ticket.end == PROXYIP_WAIT_NO_DESCRIPTORS,
                "the lobby gave it up, and it had nothing to say");
        break;
    case PROXYIP_STOPPING:
        require(is_waiting && world.is_stopping, "the child stops");
        break;
    default: /* the bytes' fault */
        require(sent.status == PROXYIP_SEEN_BAD
                    && world.outcome == outcome_of(sent.answer.reason)
                    && world.reason == sent.answer.reason,
                "what is refused is what the decoder refuses");
    }
}

static void check_absent(const sent_t *sent)
{
    require(world.is_optional, "no header was due");
    if (sent->status == PROXYIP_SEEN_NO_HEADER) {
        return;
    }
    require(sent->status == PROXYIP_SEEN_UNDECIDED
                && sent->stage == PROXYIP_STAGE_OPEN,
            "one that has begun a header is not served without it");
    if (world.is_closed && world.sent > 0) {
        return;
    }
    require(world.conf.defer_us == 0, "a client that is silent is no client");
    check_time(sent, PROXYIP_STAGE_OPEN, START_US, TIMEOUT_US);
}

/* The client is who the header names, or else the peer. */
static void check_client(const run_t *run)
{
    const conn_rec *c = &run->c;
    const pp_header_t *header = &run->conn->header;
    char client_ip[PP_ADDR_TEXT_MAX];
    pp_addr_t addr;

    if (!run->conn->has_header || !pp_names_client(header)) {
        require(c->client_addr == &world.peer_addr
                    && strcmp(c->client_ip, own_ip) == 0,
                "the client is the peer");
        return;
    }
    pp_addr_format(&header->src, client_ip);
    proxyip_conn_read_addr(c->client_addr, &addr);
    require(strcmp(c->client_ip, client_ip) == 0
                && memcmp(&addr, &header->src, sizeof(addr)) == 0
                && c->client_addr->port == header->src_port && !c->remote_host,
            "the client is the header's");
}

/* Of one that goes on: a header that is the decoder's, or none. */
static void check_success(const run_t *run)
{
    const proxyip_conn_t *conn = run->conn;
    sent_t sent;

    world_judge(&sent);
    require(!run->c.aborted && world.closed == 0 && world.taken == 1
                && world.server_adopted == world.conf.adopts_server_addr,
            "it goes on, and that is said once");
    require(conn && conn->c == &run->c && conn->peer_addr == &world.peer_addr
                && conn->rule && conn->reason == PP_OK,
            "it has its record");
    check_client(run);
    if (conn->outcome == PROXYIP_ACCEPTED) {
        require(sent.status == PROXYIP_SEEN_HEADER && conn->has_header
                    && is_same_header(&sent.header, &conn->header),
                "the header is the decoder's");
        return;
    }
    require(conn->outcome == PROXYIP_ABSENT && !conn->has_header,
            "no header came");
    check_absent(&sent);
}

/* What was on the stack of who looked is there no more. */
static __attribute__((noinline)) void scribble(void)
{
    volatile char stack[1 << 14];
    size_t i;

    for (i = 0; i < sizeof(stack); i++) {
        stack[i] = 0x5a;
    }
}

static void make_connection(run_t *run)
{
    conn_rec *c = &run->c;

    memset(run, 0, sizeof(*run));
    apr_pool_create(&run->pool, NULL);
    world.csd = NULL;
    apr_os_sock_put(&world.csd, &world.own_fd, run->pool);
    apr_socket_timeout_set(world.csd, SOCKET_TIMEOUT_US);
    c->client_addr = &world.peer_addr;
    c->client_ip = own_ip;
    c->remote_host = own_ip;
    c->local_addr = &world.peer_addr;
    c->cs = &run->cs;
    c->pool = run->pool;
    c->bucket_alloc = apr_bucket_alloc_create(run->pool);
    c->conn_config = (ap_conf_vector_t *)run->conn_config;
    run->bb = apr_brigade_create(run->pool, c->bucket_alloc);
}

static void check_socket(void)
{
    apr_interval_time_t timeout_us;
    apr_os_sock_t fd = -1;

    apr_socket_timeout_get(world.csd, &timeout_us);
    apr_os_sock_get(&fd, world.csd);
    require(timeout_us == SOCKET_TIMEOUT_US && fd == world.own_fd,
            "the socket is as it was");
}

/* It waits in the lobby: to the MPM it has ended, and to nobody else was it
 * ever there. */
static void leave_mpm(run_t *run)
{
    apr_os_sock_t fd = 0;

    apr_os_sock_get(&fd, world.csd);
    require(fd == -1, "the MPM has no descriptor to close");
    require(run->c.log && run->c.aborted && !run->conn && !run->c.input_filters
                && world.closed == 0 && world.taken == 0,
            "nobody else has met it");
    apr_pool_destroy(run->pool);
    make_connection(run); /* the MPM's next, for when it is given back */
    run->place = PLACE_LOBBY;
}

static int meet(run_t *run)
{
    int rv = proxyip_process_pre_connection(&run->c, world.csd);

    scribble();
    run->conn = proxyip_conn_get(&run->c);
    require(rv == DECLINED || rv == HTTP_FORBIDDEN, "it goes on, or ends");
    require(rv == DECLINED
                || ap_get_core_module_config(run->c.conn_config) == world.csd,
            "core's own hook is spared");
    require(world.waiting == 0, "no wait is left over");
    return rv;
}

/* The socket of one that was reset does not know its peer any more. */
static void lose_peer(run_t *run)
{
    static const uint8_t nobody[] = {192, 0, 2, 99};
    static apr_sockaddr_t addr;
    pp_addr_t bytes;

    pp_addr_set(&bytes, PP_INET, nobody);
    proxyip_conn_fill_sockaddr(&addr, run->pool, &bytes, 0);
    run->c.client_addr = &addr;
    run->c.client_ip = (char *)"192.0.2.99";
}

/* A worker gets the connection, and the other modules when we are done. */
static void pre_connection(run_t *run, int has_lobby)
{
    int rv;

    world.has_lobby = has_lobby;
    world_note_look();
    if (world.has_ticket && world.ticket.lost_peer) {
        lose_peer(run);
    }
    rv = meet(run);
    if (world.is_in_lobby) {
        require(rv != DECLINED, "who has gone to wait is not served");
        leave_mpm(run);
        return;
    }
    check_socket();
    world_check_untouched();
    if (rv == DECLINED) {
        check_success(run);
        world_add_filters(&run->c);
        run->place = PLACE_MET;
    }
    else {
        check_failure(run);
        require(!run->c.log, "what the MPM says of it is said");
        run->place = PLACE_CLOSED;
    }
}

/* The lobby looks after the connection. */
static void lobby_turn(run_t *run)
{
    if (run->place == PLACE_LOBBY) {
        world_lobby_turn();
    }
    if (run->place == PLACE_LOBBY && !world.is_in_lobby) {
        run->place = PLACE_OUTSIDE;
    }
}

/* One step on the connection's way into httpd.  When the lobby releases it a
 * worker takes it at once, or not yet: more may come meanwhile. */
static void arrive(run_t *run, unsigned int choice, int has_lobby)
{
    lobby_turn(run);
    if (run->place == PLACE_OUTSIDE && !(choice & 2)) {
        pre_connection(run, has_lobby);
    }
}

/* Where payload begins in what the peer sends. */
static size_t payload_at(const run_t *run)
{
    sent_t sent;

    if (!run->conn || run->conn->outcome != PROXYIP_ACCEPTED) {
        return 0;
    }
    world_judge(&sent);
    return sent.answer.len;
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

static apr_size_t read_bucket(run_t *run, apr_bucket *e, const char **data)
{
    apr_size_t len = 0;

    if (apr_bucket_read(e, data, &len, APR_BLOCK_READ) == APR_SUCCESS) {
        return len;
    }
    require(world.is_reset, "what was got can be read");
    run->is_ended = 1;
    return 0;
}

/* Take what a reader got out of its brigade. */
static void take_brigade(run_t *run, ap_input_mode_t mode)
{
    size_t offset = 0;

    while (!APR_BRIGADE_EMPTY(run->bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(run->bb);
        const char *data = NULL;
        apr_size_t len;

        require(mode != AP_MODE_INIT, "INIT reads nothing");
        if (APR_BUCKET_IS_EOS(e)) {
            run->is_ended = 1;
        }
        else {
            len = read_bucket(run, e, &data);
            check_payload(run, offset, data, len);
            offset += len;
        }
        apr_bucket_delete(e);
    }
    if (mode != AP_MODE_SPECULATIVE) {
        run->delivered += offset;
    }
}

/* Before anybody reads; and again, as the event MPM calls its hooks each time
 * that it comes back to a connection. */
static void process_connection(run_t *run)
{
    int is_to_fail = world.is_to_fail;
    int rv;

    if (run->place != PLACE_MET) {
        return;
    }
    world.is_stripping = 1;
    rv = proxyip_strip_process_connection(&run->c);
    require(proxyip_strip_process_connection(&run->c) == DECLINED,
            "the header is taken off once");
    world.is_stripping = 0;
    if (is_to_fail && !world.is_to_fail) {
        require(rv == OK && run->c.aborted
                    && run->cs.state == CONN_STATE_LINGER,
                "one whose header cannot be had is closed");
        run->place = PLACE_CLOSED;
        return;
    }
    require(rv == DECLINED && !run->c.aborted, "it goes on");
    run->place = PLACE_HTTPD;
}

/* What a reader above us does. */
static void read_payload(run_t *run, ap_input_mode_t mode,
                         apr_read_type_e block, apr_off_t readbytes)
{
    apr_status_t rv;

    process_connection(run);
    if (run->place != PLACE_HTTPD) {
        return;
    }
    rv = ap_get_brigade(run->c.input_filters, run->bb, mode, block, readbytes);
    check_socket();
    require(rv == APR_SUCCESS || rv == APR_EOF || world.is_reset,
            "it can be read");
    run->is_ended |= rv != APR_SUCCESS;
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

/* The lobby releases the connection that is in it, for other reasons than
 * that it has looked at its bytes. */
static void release(run_t *run, unsigned int choice)
{
    if (run->place != PLACE_LOBBY) {
        return;
    }
    switch (choice % 3) {
    case 0: /* time is up */
        if (world.now < world.deadline) {
            world.now = world.deadline;
        }
        world_lobby_turn();
        break;
    case 1:
        world_lobby_release(PROXYIP_WAIT_NO_DESCRIPTORS);
        break;
    default: /* another child was given it, and has not looked at it */
        world_lobby_release(PROXYIP_WAIT_READY);
    }
    if (!world.is_in_lobby) {
        run->place = PLACE_OUTSIDE;
    }
}

static void change(unsigned int choice)
{
    switch (choice) {
    case 0:
        world_send_end();
        break;
    case 1:
        world.is_stopping = 1;
        proxyip_wait_stopping(0);
        break;
    case 3:
        world_reset();
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        world.is_to_fail = 1 + (choice & 1);
        world.good_reads = choice >= 6;
        break;
    case 16:
        proxyip_wait_stopping(1);
        break;
    default:
        world_send_all();
    }
}

/* One step: what it is in the upper three bits, how in the others. */
static void step(run_t *run, int has_lobby)
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
        world.has_idle = (choice & 4) != 0;
        arrive(run, choice, has_lobby && !(choice & 1));
        break;
    case 3:
    case 4:
        read_by_script(run, choice);
        break;
    case 5:
        world.now += apr_time_from_sec(choice);
        break;
    case 6:
        release(run, choice);
        break;
    default:
        change(choice);
    }
}

/* Everything comes, and the peer closes, or time goes by; readers read to the
 * end. */
static void end(run_t *run, int has_lobby)
{
    int steps;

    for (steps = 0; run->place < PLACE_MET; steps++) {
        require(steps < 10, "every wait ends");
        if (!world.is_silent) {
            world_send_all();
        }
        else if (run->place == PLACE_LOBBY && world.now < world.deadline) {
            world.now = world.deadline;
        }
        arrive(run, 0, has_lobby);
    }
    process_connection(run);
    if (run->place == PLACE_CLOSED) {
        return;
    }
    world_send_all();
    while (!run->is_ended) {
        read_payload(run, AP_MODE_READBYTES, APR_BLOCK_READ, 8000);
    }
    require(payload_at(run) + run->delivered == world.sent,
            "payload arrives whole");
}

static void make_other(run_t *run, int other)
{
    static conn_rec master;
    apr_os_sock_t none = -1;

    switch (other) {
    case OTHER_REJECT:
        world.conf.peers = make_peers(run->pool, PROXYIP_REJECT);
        break;
    case OTHER_DIRECT:
        world.conf.peers = make_peers(run->pool, PROXYIP_DIRECT);
        break;
    case OTHER_NO_RANGE:
        world.conf.peers = NULL;
        break;
    case OTHER_NONE:
        world.has_ticket = 1;
        world.ticket.is_none = 1;
        apr_os_sock_put(&world.csd, &none, run->pool);
        break;
    case OTHER_OFF:
        world.conf.enabled = 0;
        break;
    case OTHER_OUTGOING:
        run->c.outgoing = 1;
        break;
    case OTHER_STREAM:
        run->c.master = &master;
        break;
    }
}

/* One that is left alone, or ended at once, whatever it sends. */
static void arrive_otherwise(run_t *run)
{
    int other = take_byte(&world.script) % OTHERS;
    int is_refused = other <= OTHER_NO_RANGE;
    int rv;

    world_send_by(take_byte(&world.script));
    make_other(run, other);
    rv = meet(run);
    require(world.waits == 0 && !run->conn && !run->c.input_filters
                && world.taken == 0,
            "no header is looked for");
    require(world.closed == is_refused
                && (!is_refused || world.outcome == PROXYIP_REJECTED),
            "what is refused is reported, and no more");
    require(world.directs == (other == OTHER_DIRECT), "direct is counted");
    world_check_untouched();
    require((rv != DECLINED) == (other <= OTHER_NONE)
                && run->c.aborted == (rv != DECLINED),
            "it is left alone, or ended");
    if (rv == DECLINED) {
        world_add_filters(&run->c);
    }
    require(!run->c.log == (other != OTHER_NONE),
            "what is no connection is not talked of");
    run->place = rv == DECLINED ? PLACE_MET : PLACE_CLOSED;
}

static void make_world(apr_pool_t *p, const pp_rules_t *rules,
                       unsigned int choices, const input_t *script,
                       const block_t *stream)
{
    world_begin(p, rules, choices, script, stream);
    world.conf.rules_outside = *rules;
    world.conf.adopts_server_addr = (int)rules->max_len & 1;
    world.conf.peers =
        make_peers(p, world.is_optional ? PROXYIP_OPTIONAL : PROXYIP_REQUIRE);
}

static void run_script(unsigned int choices)
{
    int has_lobby = !(choices & CHOICE_NO_LOBBY);
    run_t run;

    make_connection(&run);
    if (choices & CHOICE_OTHER) {
        arrive_otherwise(&run);
    }
    while (world.script.left > 0 && run.place != PLACE_CLOSED) {
        step(&run, has_lobby);
    }
    end(&run, has_lobby);
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
    apr_pool_create(&pool, NULL);
    rules = take_rules(&input, &choices);
    script.left = take_byte(&input);
    script.left = script.left < input.left ? script.left : input.left;
    script.at = input.at;
    stream = block_copy(input.at + script.left, input.left - script.left);
    if (stream.len <= STREAM_MAX) {
        make_world(pool, &rules, choices, &script, &stream);
        if (world_connect()) {
            run_script(choices);
            world_disconnect();
        }
    }
    apr_pool_destroy(pool);
    block_free(&stream);
    return 0;
}
