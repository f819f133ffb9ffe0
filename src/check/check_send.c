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
 * proxyip-check send: one header, one request, and what came back.
 */

#include "check/check.h"

#include <stdio.h>
#include <string.h>

#include "check/check_bytes.h"
#include "check/check_column.h"
#include "check/check_header_options.h"
#include "check/check_hello.h"
#include "check/check_net.h"
#include "check/check_object.h"
#include "check/check_reply.h"
#include "check/check_show.h"
#include "check/check_talk.h"

#define NAME "send"

#define REQUEST_MAX 4096

/* How long a listener may take to answer a ClientHello. */
#define HELLO_TIMEOUT apr_time_from_sec(2)

static const char usage[] =
    "usage: " CHECK_PROGRAM " send [OPTION ...] HOST:PORT\n"
    "\n"
    "Connect, send a PROXY header and a GET, say what came back.\n"
    "\n"
    "The header; client and destination are the socket's own by default:\n"
    CHECK_HEADER_HELP
    "  --twice                 the header two times, as two hops would\n"
    "In its place:\n"
    "  --no-header             none, as a direct client\n"
    "  --raw FILE|hex:STRING   these bytes\n"
    "  --nlb-health-check      what an AWS NLB sends; with --header-only\n"
    "\n"
    "How it is sent:\n"
    "  --split N               header in pieces of N bytes, rest in one\n"
    "  --split N1,N2[,...]     pieces of these lengths, rest in one\n"
    "  --delay TIME            between pieces, default 10ms\n"
    "  --header-only           no request: is the connection kept open?\n"
    "  --path PATH, --host NAME    of the request, default / and HOST:PORT\n"
    "  --bind ADDR             the socket's own address\n"
    "  --timeout TIME          how long silence may last, default 5s\n"
    "  --print, --print-hex    write the header to standard output, do not\n"
    "                          connect; no HOST:PORT needed\n"
    "What is shown:\n"
    "  --expect STATUS         the HTTP status that is right\n"
    "  -v                      fields and bytes sent, HTTP fields received\n"
    "  --body                  the answer's first bytes too\n"
    "  --json                  one object instead of text\n"
    "\n"
    "Exit status: 0 when an HTTP answer came that is not 400, or the one of\n"
    "--expect (--header-only: when the connection stayed open), 1 when not, 2\n"
    "when it could not be tried. A connection that was refused is followed by\n"
    "one or two more, which ask whether the listener speaks TLS.\n";

enum {
    OPT_TWICE = CHECK_HEADER_LAST + 1,
    OPT_NO_HEADER,
    OPT_RAW,
    OPT_NLB,
    OPT_SPLIT,
    OPT_DELAY,
    OPT_HEADER_ONLY,
    OPT_PATH,
    OPT_HOST,
    OPT_BIND,
    OPT_TIMEOUT,
    OPT_PRINT,
    OPT_PRINT_HEX,
    OPT_EXPECT,
    OPT_BODY,
    OPT_JSON
};

static const apr_getopt_option_t table[] = {
    CHECK_OPTIONS_HELP,
    CHECK_HEADER_ROWS,
    {"twice", OPT_TWICE, 0, NULL},
    {"no-header", OPT_NO_HEADER, 0, NULL},
    {"raw", OPT_RAW, 1, NULL},
    {"nlb-health-check", OPT_NLB, 0, NULL},
    {"split", OPT_SPLIT, 1, NULL},
    {"delay", OPT_DELAY, 1, NULL},
    {"header-only", OPT_HEADER_ONLY, 0, NULL},
    {"path", OPT_PATH, 1, NULL},
    {"host", OPT_HOST, 1, NULL},
    {"bind", OPT_BIND, 1, NULL},
    {"timeout", OPT_TIMEOUT, 1, NULL},
    {"print", OPT_PRINT, 0, NULL},
    {"print-hex", OPT_PRINT_HEX, 0, NULL},
    {"expect", OPT_EXPECT, 1, NULL},
    {NULL, 'v', 0, NULL},
    {"body", OPT_BODY, 0, NULL},
    {"json", OPT_JSON, 0, NULL},
    {NULL, 0, 0, NULL},
};

/* What was asked for. */
typedef struct {
    const char *operand;
    check_place_t place;
    check_header_wish_t header;
    const char *path;
    const char *host; /* NULL: the place's */
    const char *bind;
    check_row_t raw;
    check_talk_pieces_t pieces;
    apr_interval_time_t timeout;
    unsigned long expected; /* 0: every status but 400 */
    int is_twice;
    int has_header; /* 0: --no-header */
    int has_raw;
    int is_header_only;
    int prints; /* OPT_PRINT, OPT_PRINT_HEX or 0 */
    int is_verbose;
    int shows_body;
    int is_json;
} wish_t;

/* What a refused listener answers to a ClientHello. */
typedef enum {
    TLS_UNKNOWN,  /* nothing, as to a plain request; or it was not asked */
    TLS_ALONE,    /* it speaks TLS, without a header */
    TLS_BEHIND    /* it speaks TLS behind a header */
} tls_t;

/* All that happened. */
typedef struct {
    check_connection_t connection;
    check_row_t row; /* what was sent */
    size_t header_len;
    check_talk_t talk;
    tls_t tls;
} visit_t;

static int read_split(const check_options_t *options,
                      check_talk_pieces_t *pieces)
{
    const char *at = options->value;
    unsigned long number;
    size_t count = 0;

    for (;;) {
        if (!check_options_digits(at, &at, &number) || number == 0
            || count == CHECK_TALK_CUTS_MAX || (*at && *at != ',')) {
            return check_options_refuse(options, "a number of bytes, or up"
                                                 " to 64 of them with commas"
                                                 " between");
        }
        pieces->cuts[count++] = number;
        if (*at == '\0') {
            break;
        }
        at++;
    }
    pieces->each = count == 1 ? number : 0;
    pieces->cuts_count = count == 1 ? 0 : count;
    return 1;
}

static int read_raw(const check_options_t *options, wish_t *wish)
{
    const char *accepted;

    wish->has_raw = 1;
    if (strncmp(options->value, "hex:", 4) != 0) {
        return check_bytes_read_file(NAME, options->value, &wish->raw);
    }
    accepted = check_bytes_from_hex(options->value + 4,
                                    strlen(options->value) - 4, &wish->raw);
    return accepted ? check_options_refuse(options, accepted) : 1;
}

/* An option that says what is sent and how; -1 when it is none of these. */
static int take_sending(const check_options_t *options, int id, wish_t *wish)
{
    switch (id) {
    case OPT_TWICE:
        wish->is_twice = 1;
        return 1;
    case OPT_NO_HEADER:
        wish->has_header = 0;
        return 1;
    case OPT_RAW:
        return read_raw(options, wish);
    case OPT_NLB:
        wish->has_raw = 1;
        wish->raw.len = 0;
        return check_bytes_append(&wish->raw, check_build_nlb,
                                  CHECK_BUILD_NLB_LEN);
    case OPT_SPLIT:
        return read_split(options, &wish->pieces);
    case OPT_DELAY:
        return check_options_time(options, &wish->pieces.delay);
    case OPT_HEADER_ONLY:
        wish->is_header_only = 1;
        return 1;
    case OPT_PATH:
        return check_options_plain(options, "a path without blanks",
                                   &wish->path);
    case OPT_HOST:
        return check_options_plain(options, "a name without blanks",
                                   &wish->host);
    case OPT_BIND:
        wish->bind = options->value;
        return 1;
    case OPT_TIMEOUT:
        return check_options_time(options, &wish->timeout);
    default: /* ids of this table: the others' */
        return check_header_take(options, id, &wish->header);
    }
}

static int take(const check_options_t *options, int id, void *baton)
{
    wish_t *wish = baton;

    switch (id) {
    case OPT_PRINT:
    case OPT_PRINT_HEX:
        wish->prints = id;
        return 1;
    case OPT_EXPECT:
        return check_options_number(options, 100, 599, &wish->expected);
    case 'v':
        wish->is_verbose = 1;
        return 1;
    case OPT_BODY:
        wish->shows_body = 1;
        return 1;
    case OPT_JSON:
        wish->is_json = 1;
        return 1;
    case CHECK_OPTIONS_OPERAND:
        return check_options_only(options, &wish->operand,
                                  "one HOST:PORT only");
    case CHECK_OPTIONS_WRONG:
        return 0;
    default: /* what is sent */
        return take_sending(options, id, wish) > 0;
    }
}

static void set_defaults(wish_t *wish, apr_pool_t *p)
{
    memset(wish, 0, sizeof(*wish));
    check_header_begin(&wish->header, p, NAME);
    wish->has_header = 1;
    wish->path = "/";
    wish->timeout = apr_time_from_sec(5);
    wish->pieces.delay = apr_time_from_msec(10);
    wish->raw.size = CHECK_INPUT_MAX;
    wish->raw.bytes = apr_palloc(p, wish->raw.size);
}

/* What options say together. */
static const char *find_conflict(const wish_t *wish)
{
    if (wish->has_raw && !wish->has_header) {
        return "--no-header and bytes in its place exclude each other";
    }
    if (!wish->has_header && (wish->is_header_only || wish->prints)) {
        return "--no-header leaves nothing to send or print";
    }
    if (wish->expected && wish->is_header_only) {
        return "--header-only sends no request: there is no status to expect";
    }
    if (!wish->operand && !wish->prints) {
        return "HOST:PORT is missing";
    }
    return NULL;
}

static int read_options(apr_pool_t *p, int argc, const char *const *argv,
                        wish_t *wish)
{
    const char *conflict;
    int rv;

    set_defaults(wish, p);
    rv = check_options_walk(p, table, usage, argc, argv, take, wish);
    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    conflict = find_conflict(wish);
    if (conflict) {
        check_options_complain(NAME, "%s", conflict);
        return CHECK_CANNOT;
    }
    if (!wish->prints
        && !check_place_target(wish->operand, &wish->place)) {
        check_options_complain(NAME, "'%s': accepted is " CHECK_PLACE_TARGET,
                               wish->operand);
        return CHECK_CANNOT;
    }
    return check_header_finish(&wish->header) ? CHECK_OPTIONS_TAKEN
                                              : CHECK_CANNOT;
}

/* The header, or what stands in its place; 0 after a complaint. */
static int build_header(const wish_t *wish, const check_endpoint_t *src,
                        const check_endpoint_t *dst, check_row_t *row)
{
    int times = !wish->has_header ? 0 : wish->is_twice ? 2 : 1;
    int is_right = 1;

    while (times-- > 0 && is_right) {
        if (wish->has_raw) {
            check_bytes_append(row, wish->raw.bytes, wish->raw.len);
        }
        else {
            is_right = check_header_build(&wish->header, src, dst, row);
        }
    }
    return is_right;
}

/* Any status: --twice and --raw may be no right header. */
static void show_sent(const wish_t *wish, const visit_t *visit)
{
    const uint8_t *bytes = visit->row.bytes;
    size_t header_len = visit->header_len;
    size_t len = visit->row.len;
    pp_header_t header;
    pp_answer_t answer = pp_decode(bytes, header_len, &check_show_all,
                                   &header);

    check_column_name(stdout, "sent");
    if (header_len == 0) {
        printf("no header");
    }
    else if (answer.status == PP_DONE) {
        check_show_line(stdout, &header, answer.len);
        if (answer.len < header_len) {
            printf(", and %lu bytes more",
                   (unsigned long)(header_len - answer.len));
        }
    }
    else {
        printf("%lu byte%s, ", (unsigned long)header_len,
               header_len == 1 ? "" : "s");
        check_show_fault(stdout, bytes, header_len, &answer);
    }
    if (len > header_len) {
        printf("; then GET %s, %lu bytes", wish->path,
               (unsigned long)(len - header_len));
    }
    printf("; in %lu piece%s\n", (unsigned long)visit->talk.pieces,
           visit->talk.pieces == 1 ? "" : "s");
    if (visit->talk.sent < len) {
        check_column_name(stdout, "note");
        printf("%lu of these bytes were not sent: the other end did not wait"
               " for them\n", (unsigned long)(len - visit->talk.sent));
    }
    if (wish->is_verbose && header_len > 0) {
        check_column_name(stdout, "hex");
        check_bytes_print_hex(stdout, bytes, header_len);
        printf("\n");
        check_show_header(stdout, bytes, header_len, &answer);
    }
}

/* What the refusal of a connection most likely means. */
static const char *refused_hint(const wish_t *wish, const visit_t *visit)
{
    switch (visit->tls) {
    case TLS_ALONE:
        return wish->has_header
                   ? "the listener speaks TLS and reads no PROXY header before"
                     " it: for mod_proxyip, ProxyIP is Off there, this peer is"
                     " `direct`, or the header belongs inside TLS"
                     " (ProxyIPInTLS; docs/in-tls.md tells how to try it)"
                   : "the listener wants TLS, and no header before it";
    case TLS_BEHIND:
        return "the listener has taken the header, and wants TLS behind it";
    case TLS_UNKNOWN:
        break;
    }
    if (!wish->has_header) {
        return "the listener wants a PROXY header, or refuses this peer";
    }
    if (visit->talk.elapsed >= apr_time_from_sec(1)) {
        return "the listener waited for something, and then gave up";
    }
    return "the listener refuses the header, or this peer; httpd's error"
           " log says why, at LogLevel info (PIP0020 to PIP0027)";
}

/* What an answer, or its absence, most likely means; NULL when it speaks for
 * itself. */
static const char *find_hint(const wish_t *wish, const visit_t *visit)
{
    const check_talk_t *talk = &visit->talk;

    if (check_talk_wants_tls(talk) && !check_talk_is_tls(talk)) {
        return wish->has_header
                   ? "the listener wants TLS; the header was taken"
                   : "the listener wants TLS, and no header before it";
    }
    if (talk->http_status == 400 && wish->is_twice) {
        return "as it should be where one header is taken: the second one is"
               " no request";
    }
    if (talk->http_status == 400 && wish->has_header) {
        return "400 most often means that the listener takes no PROXY header"
               " and read it as a request";
    }
    if (check_talk_is_closed(talk) || visit->tls != TLS_UNKNOWN) {
        return refused_hint(wish, visit);
    }
    if (talk->outcome == CHECK_TALK_SILENT && !wish->is_header_only) {
        return "the listener waits for more: TLS, the rest of a header, or an"
               " application that is slow";
    }
    return NULL;
}

static void show_answer(const wish_t *wish, visit_t *visit)
{
    check_talk_t *talk = &visit->talk;
    const char *hint = find_hint(wish, visit);
    long elapsed_ms = (long)apr_time_as_msec(talk->elapsed);

    check_column_name(stdout, "answer");
    switch (talk->outcome) {
    case CHECK_TALK_HTTP:
        check_bytes_print(stdout, talk->reply, check_reply_line_len(talk));
        printf(", after %ld ms\n", elapsed_ms);
        break;
    case CHECK_TALK_OTHER:
        printf("no HTTP, after %ld ms: ", elapsed_ms);
        check_bytes_print(stdout, talk->reply,
                          talk->reply_len < 64 ? talk->reply_len : 64);
        printf("%s\n", talk->reply_len > 64 ? "..." : "");
        break;
    case CHECK_TALK_SILENT:
        printf("none; the connection was open and silent for %ld ms\n",
               elapsed_ms);
        break;
    case CHECK_TALK_CLOSED:
    case CHECK_TALK_RESET:
        printf("none; %s after %ld ms\n",
               check_talk_outcome_name(talk->outcome), elapsed_ms);
        break;
    }
    if (hint) {
        check_column_name(stdout, "hint");
        printf("%s\n", hint);
    }
    if (talk->outcome == CHECK_TALK_HTTP && wish->is_verbose) {
        check_reply_print_head(talk);
    }
    if (talk->outcome == CHECK_TALK_HTTP && wish->shows_body) {
        check_reply_print_body(talk);
    }
}

static void show_connection(const check_connection_t *connection)
{
    check_column_name(stdout, "connected");
    check_place_print(stdout, &connection->own);
    printf(" -> ");
    check_place_print(stdout, &connection->peer);
    printf("\n");
}

static void show_json(const wish_t *wish, const visit_t *visit)
{
    const check_talk_t *talk = &visit->talk;
    const uint8_t *bytes = visit->row.bytes;
    check_json_t json = {stdout, 0};
    pp_header_t header;
    pp_answer_t answer = pp_decode(bytes, visit->header_len, &check_show_all,
                                   &header);

    check_json_open(&json, NULL, '{');
    check_object_endpoint(&json, "from", &visit->connection.own);
    check_object_endpoint(&json, "to", &visit->connection.peer);
    check_json_open(&json, "sent", '{');
    check_object_header(&json, bytes, visit->header_len, &answer, &header,
                        NULL);
    check_json_close(&json, '}');
    check_json_number(&json, "request_length",
                      (long)(visit->row.len - visit->header_len));
    check_json_number(&json, "pieces", (long)talk->pieces);
    check_json_number(&json, "not_sent", (long)(visit->row.len - talk->sent));
    check_json_text(&json, "outcome",
                    check_talk_outcome_name(talk->outcome));
    if (talk->http_status > 0) {
        check_json_number(&json, "status", talk->http_status);
        check_json_bytes(&json, "line", talk->reply,
                         check_reply_line_len(talk));
    }
    check_json_number(&json, "after_ms",
                      (long)apr_time_as_msec(talk->elapsed));
    check_json_text(&json, "hint", find_hint(wish, visit));
    check_json_end(&json);
}

/* Send a ClientHello behind some bytes, on a connection of its own; whether
 * TLS answers. */
static int answers_tls(const wish_t *wish, apr_pool_t *p,
                       const uint8_t *before, size_t before_len)
{
    check_talk_t *talk = apr_palloc(p, sizeof(*talk));
    check_connection_t connection;
    check_row_t row;

    row.size = before_len + CHECK_HELLO_MAX;
    row.bytes = apr_palloc(p, row.size);
    row.len = 0;
    check_bytes_append(&row, before, before_len);
    check_hello_append(wish->place.host, &row);
    if (!check_net_connect(p, NAME, &wish->place, wish->bind, HELLO_TIMEOUT,
                           &connection)) {
        return 0;
    }
    check_talk(connection.socket, row.bytes, row.len, NULL,
               CHECK_TALK_FIRST_LINE, HELLO_TIMEOUT, talk);
    apr_socket_close(connection.socket);
    return check_talk_is_tls(talk);
}

static tls_t ask_for_tls(const wish_t *wish, apr_pool_t *p,
                         const visit_t *visit)
{
    if (answers_tls(wish, p, NULL, 0)) {
        return TLS_ALONE;
    }
    return visit->header_len > 0
                   && answers_tls(wish, p, visit->row.bytes,
                                  visit->header_len)
               ? TLS_BEHIND
               : TLS_UNKNOWN;
}

/* 0 after a complaint. */
static int build_all(const wish_t *wish, visit_t *visit)
{
    char request[REQUEST_MAX];
    size_t request_len = 0;

    if (!build_header(wish, &visit->connection.own, &visit->connection.peer,
                      &visit->row)) {
        return 0;
    }
    visit->header_len = visit->row.len;
    if (!wish->is_header_only) {
        request_len = check_talk_request(request, sizeof(request),
                                         wish->host ? wish->host
                                                    : wish->operand,
                                         wish->path);
        if (request_len == 0) {
            check_options_complain(NAME, "--path or --host is too long");
            return 0;
        }
    }
    return check_bytes_append(&visit->row, request, request_len);
}

static int judge(const wish_t *wish, const check_talk_t *talk)
{
    int is_right = talk->outcome == CHECK_TALK_HTTP
                   && (wish->expected
                           ? talk->http_status == (int)wish->expected
                           : talk->http_status != 400);

    if (wish->is_header_only && talk->outcome == CHECK_TALK_SILENT) {
        is_right = 1;
    }
    return is_right ? CHECK_RIGHT : CHECK_WRONG;
}

static int send_all(wish_t *wish, apr_pool_t *p, visit_t *visit)
{
    check_talk_want_t want = wish->shows_body ? CHECK_TALK_ALL
                             : wish->is_verbose ? CHECK_TALK_HEAD
                                                : CHECK_TALK_FIRST_LINE;

    if (!check_net_connect(p, NAME, &wish->place, wish->bind, wish->timeout,
                           &visit->connection)
        || !build_all(wish, visit)) {
        return CHECK_CANNOT;
    }
    wish->pieces.each_until = visit->header_len;
    check_talk(visit->connection.socket, visit->row.bytes, visit->row.len,
               &wish->pieces, want, wish->timeout, &visit->talk);
    apr_socket_close(visit->connection.socket);
    if (check_talk_is_closed(&visit->talk)
        || check_talk_is_tls(&visit->talk)) {
        visit->tls = ask_for_tls(wish, p, visit);
    }
    if (wish->is_json) {
        show_json(wish, visit);
    }
    else {
        show_connection(&visit->connection);
        show_sent(wish, visit);
        show_answer(wish, visit);
    }
    return judge(wish, &visit->talk);
}

static int print_header(const wish_t *wish, check_row_t *row)
{
    check_endpoint_t src;
    check_endpoint_t dst;

    check_header_example(&wish->header, &src, &dst);
    if (!build_header(wish, &src, &dst, row)) {
        return CHECK_CANNOT;
    }
    if (wish->prints == OPT_PRINT_HEX) {
        check_bytes_print_hex(stdout, row->bytes, row->len);
        putchar('\n');
    }
    else {
        fwrite(row->bytes, 1, row->len, stdout);
    }
    return CHECK_RIGHT;
}

int check_send(apr_pool_t *p, int argc, const char *const *argv)
{
    visit_t *visit = apr_pcalloc(p, sizeof(*visit));
    wish_t wish;
    int rv = read_options(p, argc, argv, &wish);

    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    visit->row.size = 2 * CHECK_INPUT_MAX + REQUEST_MAX;
    visit->row.bytes = apr_palloc(p, visit->row.size);
    return wish.prints ? print_header(&wish, &visit->row)
                       : send_all(&wish, p, visit);
}
