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
 * proxyip-check probe: what a listener makes of good and bad headers.
 */

#include "check/check.h"

#include <stdio.h>
#include <string.h>

#include "check/check_bytes.h"
#include "check/check_cases.h"
#include "check/check_column.h"
#include "check/check_hello.h"
#include "check/check_json.h"
#include "check/check_net.h"
#include "check/check_options.h"
#include "check/check_talk.h"

#define NAME "probe"

#define REQUEST_MAX 4096
#define PIECE_DELAY apr_time_from_msec(5)

/* How long a connection that has sent one byte must stay open to count as
 * one that is waited for. */
#define WAIT apr_time_from_msec(500)

static const char usage[] =
    "usage: " CHECK_PROGRAM " probe [OPTION ...] HOST:PORT\n"
    "\n"
    "Send good and bad PROXY headers, each with a GET and on a connection of\n"
    "its own, one after the other, and say what the listener did. Where it\n"
    "wants TLS behind the header, a ClientHello takes the GET's place.\n"
    "\n"
    "  --bind ADDR      the sockets' own address\n"
    "  --formats v1|v2  what the listener is to accept, default v1,v2\n"
    "  --only WHICH     good, bad, open, or a case's name\n"
    "  --path PATH, --host NAME    of the request, default / and HOST:PORT\n"
    "  --timeout TIME   how long silence may last, default 5s\n"
    "  --list           print the cases and what is expected, do not connect\n"
    "  --json           an object for each case, and one for the conclusion\n"
    "\n"
    "What is expected is the specification's of a listener that requires a\n"
    "header; what it leaves to the receiver is `open` and never counts.\n"
    "\n"
    "Exit status: 0 when all good headers were answered and all bad ones were\n"
    "not, 1 when not, 2 when it could not be tried.\n";

enum {
    OPT_BIND = CHECK_OPTIONS_FIRST,
    OPT_FORMATS,
    OPT_ONLY,
    OPT_PATH,
    OPT_HOST,
    OPT_TIMEOUT,
    OPT_LIST,
    OPT_JSON
};

static const apr_getopt_option_t table[] = {
    CHECK_OPTIONS_HELP,
    {"bind", OPT_BIND, 1, NULL},
    {"formats", OPT_FORMATS, 1, NULL},
    {"only", OPT_ONLY, 1, NULL},
    {"path", OPT_PATH, 1, NULL},
    {"host", OPT_HOST, 1, NULL},
    {"timeout", OPT_TIMEOUT, 1, NULL},
    {"list", OPT_LIST, 0, NULL},
    {"json", OPT_JSON, 0, NULL},
    {NULL, 0, 0, NULL},
};

/* What was asked for. */
typedef struct {
    const char *operand;
    check_place_t place;
    const char *bind;
    const char *only; /* NULL: all */
    const char *path;
    const char *host;
    unsigned int formats;
    apr_interval_time_t timeout;
    int lists;
    int is_json;
} wish_t;

/* What the listener is like, by a few connections before the battery. */
typedef struct {
    check_talk_t none; /* without a header */
    check_talk_t v1;
    check_talk_t v2;
    check_talk_t crc;  /* v2 with a checksum, when v2 was not served */
    check_talk_t byte; /* after one byte that may begin a header */
    check_talk_t hello;    /* a ClientHello, when no header was served */
    check_talk_t v2_hello; /* ... behind v2 */
} first_t;

/* What the battery has shown. */
typedef struct {
    size_t judged;
    size_t as_wanted;
    size_t open;
} tally_t;

/* The probe. */
typedef struct {
    const wish_t *wish;
    apr_pool_t *p;  /* cleared for each connection */
    int says_hello; /* behind a header a ClientHello is sent, no GET */
    first_t first;
    tally_t tally;
} probe_t;

static const check_case_t *find_case(const char *name)
{
    size_t i;

    for (i = 0; i < check_cases_count; i++) {
        if (strcmp(check_cases[i].name, name) == 0) {
            return &check_cases[i];
        }
    }
    return NULL;
}

/* What is to be expected of a case, given the formats the listener is to
 * accept. */
static check_cases_expected_t expected_of(const wish_t *wish,
                                          const check_case_t *one)
{
    unsigned int format = one->line ? PP_FORMAT_V1 : PP_FORMAT_V2;

    return wish->formats & format || one->expected == CHECK_CASES_REFUSED
               ? one->expected
               : CHECK_CASES_CLOSED;
}

static int is_wanted(const wish_t *wish, const check_case_t *one)
{
    check_cases_expected_t expected = expected_of(wish, one);

    if (!wish->only || strcmp(wish->only, one->name) == 0) {
        return 1;
    }
    if (strcmp(wish->only, "good") == 0) {
        return expected == CHECK_CASES_ANSWERED;
    }
    if (strcmp(wish->only, "open") == 0) {
        return expected == CHECK_CASES_OPEN;
    }
    return strcmp(wish->only, "bad") == 0
           && (expected == CHECK_CASES_CLOSED
               || expected == CHECK_CASES_REFUSED);
}

static int is_group(const char *text)
{
    return strcmp(text, "good") == 0 || strcmp(text, "bad") == 0
           || strcmp(text, "open") == 0;
}

/* One option or operand; 0 when it is not accepted. */
static int take(const check_options_t *options, int id, void *baton)
{
    wish_t *wish = baton;

    switch (id) {
    case OPT_BIND:
        wish->bind = options->value;
        return 1;
    case OPT_FORMATS:
        return check_options_formats(options, &wish->formats);
    case OPT_ONLY:
        wish->only = options->value;
        return is_group(wish->only) || find_case(wish->only)
               || check_options_refuse(options, "good, bad, open, or a name"
                                                " that --list prints");
    case OPT_PATH:
        return check_options_plain(options, "a path without blanks",
                                   &wish->path);
    case OPT_HOST:
        return check_options_plain(options, "a name without blanks",
                                   &wish->host);
    case OPT_TIMEOUT:
        return check_options_time(options, &wish->timeout);
    case OPT_LIST:
        wish->lists = 1;
        return 1;
    case OPT_JSON:
        wish->is_json = 1;
        return 1;
    case CHECK_OPTIONS_OPERAND:
        return check_options_only(options, &wish->operand,
                                  "one HOST:PORT only")
               && (check_place_target(wish->operand, &wish->place)
                   || check_options_refuse(options, CHECK_PLACE_TARGET));
    default: /* CHECK_OPTIONS_WRONG: said already */
        return 0;
    }
}

static int read_options(apr_pool_t *p, int argc, const char *const *argv,
                        wish_t *wish)
{
    int rv;

    memset(wish, 0, sizeof(*wish));
    wish->formats = PP_FORMAT_V1 | PP_FORMAT_V2;
    wish->path = "/";
    wish->timeout = apr_time_from_sec(5);
    rv = check_options_walk(p, table, usage, argc, argv, take, wish);
    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    if (!wish->operand && !wish->lists) {
        check_options_complain(NAME, "HOST:PORT is missing");
        return CHECK_CANNOT;
    }
    return CHECK_OPTIONS_TAKEN;
}

/* One connection; 0 when there was none, and that is said. */
static int try_bytes(probe_t *probe, const check_row_t *row,
                     const check_talk_pieces_t *pieces,
                     check_talk_want_t want, apr_interval_time_t timeout,
                     check_talk_t *talk)
{
    const wish_t *wish = probe->wish;
    check_connection_t connection;

    apr_pool_clear(probe->p);
    if (!check_net_connect(probe->p, NAME, &wish->place, wish->bind,
                           wish->timeout, &connection)) {
        return 0;
    }
    check_talk(connection.socket, row->bytes, row->len, pieces, want, timeout,
               talk);
    apr_socket_close(connection.socket);
    return 1;
}

/* What follows a header. */
static void append_payload(const probe_t *probe, check_row_t *row)
{
    const wish_t *wish = probe->wish;
    char request[REQUEST_MAX];

    if (probe->says_hello) {
        check_hello_append(wish->place.host, row);
        return;
    }
    check_bytes_append(row, request,
                       check_talk_request(request, sizeof(request),
                                          wish->host ? wish->host
                                                     : wish->operand,
                                          wish->path));
}

static int try_case(probe_t *probe, const check_case_t *one,
                    size_t *header_len, check_talk_t *talk)
{
    static uint8_t room[CHECK_INPUT_MAX];
    check_row_t row = {room, sizeof(room), 0};
    check_talk_pieces_t pieces;

    check_cases_build(one, &row);
    *header_len = row.len;
    append_payload(probe, &row);
    memset(&pieces, 0, sizeof(pieces));
    pieces.delay = PIECE_DELAY;
    pieces.each = one->each;
    pieces.each_until = *header_len;
    if (one->cuts_middle) {
        pieces.cuts[0] = *header_len / 2;
        pieces.cuts[1] = *header_len - *header_len / 2
                         + (row.len - *header_len) / 2;
        pieces.cuts_count = 2;
    }
    return try_bytes(probe, &row, &pieces,
                     probe->says_hello ? CHECK_TALK_FIRST_LINE
                                       : CHECK_TALK_HEAD,
                     probe->wish->timeout, talk);
}

static int try_name(probe_t *probe, const char *name, check_talk_t *talk)
{
    size_t header_len;

    return try_case(probe, find_case(name), &header_len, talk);
}

/* One byte and nothing more: a peer that is refused is closed, any other is
 * waited for. */
static int try_byte(probe_t *probe, check_talk_t *talk)
{
    uint8_t byte[1] = {'P'};
    const check_row_t row = {byte, sizeof(byte), sizeof(byte)};

    return try_bytes(probe, &row, NULL, CHECK_TALK_FIRST_LINE, WAIT, talk);
}

/* 400 is what a server says that reads a header as a request.  One that wants
 * TLS says so too, and has taken what was before the request. */
static int is_served(const check_talk_t *talk)
{
    /* An alert: what was sent, header or request, was read as TLS. */
    int is_alert = check_talk_is_tls(talk) && talk->reply[0] == 0x15;

    return (talk->outcome == CHECK_TALK_OTHER && !is_alert)
           || (talk->outcome == CHECK_TALK_HTTP
               && (talk->http_status != 400 || check_talk_wants_tls(talk)));
}

static const char *expected_text(check_cases_expected_t expected)
{
    switch (expected) {
    case CHECK_CASES_ANSWERED:
        return "answered";
    case CHECK_CASES_CLOSED:
        return "closed";
    case CHECK_CASES_REFUSED:
        return "closed or 400";
    case CHECK_CASES_OPEN:
        return "open";
    }
    return "";
}

/* Whether it is what was wanted, in a word. */
static const char *judge(check_cases_expected_t expected,
                         const check_talk_t *talk, tally_t *tally)
{
    int is_right = 0;

    switch (expected) {
    case CHECK_CASES_ANSWERED:
        is_right = is_served(talk);
        break;
    case CHECK_CASES_CLOSED:
        is_right = check_talk_is_closed(talk);
        break;
    case CHECK_CASES_REFUSED:
        /* A TLS listener reads what is behind the first header as TLS. */
        is_right = check_talk_is_closed(talk) || talk->http_status == 400
                   || check_talk_is_tls(talk);
        break;
    case CHECK_CASES_OPEN:
        tally->open++;
        return "open";
    }
    tally->judged++;
    tally->as_wanted += is_right ? 1 : 0;
    return is_right ? "ok" : "DIFFERS";
}

static void print_happened(const check_talk_t *talk, int width)
{
    long elapsed_ms = (long)apr_time_as_msec(talk->elapsed);
    char text[40];

    switch (talk->outcome) {
    case CHECK_TALK_HTTP:
        snprintf(text, sizeof(text), "answered %d, %ld ms",
                 talk->http_status, elapsed_ms);
        break;
    case CHECK_TALK_OTHER:
        snprintf(text, sizeof(text), "answered, %s, %ld ms",
                 check_talk_is_tls(talk) ? "TLS" : "no HTTP", elapsed_ms);
        break;
    case CHECK_TALK_CLOSED:
    case CHECK_TALK_RESET:
    case CHECK_TALK_SILENT:
        snprintf(text, sizeof(text), "%s, %ld ms",
                 check_talk_outcome_name(talk->outcome), elapsed_ms);
        break;
    }
    printf("%-*s", width, text);
}

static int print_list(const wish_t *wish)
{
    static uint8_t room[CHECK_INPUT_MAX];
    size_t i;

    for (i = 0; i < check_cases_count; i++) {
        check_row_t row = {room, sizeof(room), 0};

        if (is_wanted(wish, &check_cases[i])) {
            check_cases_build(&check_cases[i], &row);
            printf("%-16s %5lu  %s\n", check_cases[i].name,
                   (unsigned long)row.len,
                   expected_text(expected_of(wish, &check_cases[i])));
        }
    }
    return CHECK_RIGHT;
}

static void write_talk(check_json_t *json, const check_talk_t *talk)
{
    check_json_text(json, "outcome", check_talk_outcome_name(talk->outcome));
    if (talk->http_status > 0) {
        check_json_number(json, "status", talk->http_status);
    }
    if (check_talk_is_tls(talk)) {
        check_json_bool(json, "tls", 1);
    }
    check_json_number(json, "after_ms",
                      (long)apr_time_as_msec(talk->elapsed));
}

/* One of the connections before the battery; 0 when it could not be made. */
static int show_first(const probe_t *probe, const char *name,
                      const check_talk_t *talk)
{
    check_json_t json = {stdout, 0};

    if (probe->wish->is_json) {
        check_json_open(&json, NULL, '{');
        check_json_text(&json, "first", name);
        write_talk(&json, talk);
        check_json_end(&json);
        return 1;
    }
    check_column_name(stdout, name);
    print_happened(talk, 0);
    printf("\n");
    return 1;
}

/* A listener that serves no header: it may speak TLS. */
static int look_for_tls(probe_t *probe)
{
    first_t *first = &probe->first;
    int is_tried;

    probe->says_hello = 1;
    is_tried = try_name(probe, "no-header", &first->hello)
               && show_first(probe, "TLS", &first->hello)
               && try_name(probe, "v2-crc32c", &first->v2_hello)
               && show_first(probe, "TLS behind v2", &first->v2_hello);
    /* What it sends then is for one that serves headers. */
    probe->says_hello = check_talk_is_tls(&first->v2_hello)
                        && !check_talk_is_tls(&first->hello);
    return is_tried;
}

static int look_first(probe_t *probe)
{
    first_t *first = &probe->first;

    if (!probe->wish->is_json) {
        check_column_name(stdout, "listener");
        printf("%s\n", probe->wish->operand);
    }
    first->crc.outcome = CHECK_TALK_SILENT; /* unless it is tried */
    first->hello.outcome = CHECK_TALK_SILENT;
    first->v2_hello.outcome = CHECK_TALK_SILENT;
    if (!try_name(probe, "no-header", &first->none)
        || !show_first(probe, "no header", &first->none)
        || !try_name(probe, "v1-tcp4", &first->v1)
        || !show_first(probe, "v1", &first->v1)
        || !try_name(probe, "v2-tcp4", &first->v2)
        || !show_first(probe, "v2", &first->v2)
        || (!is_served(&first->v2)
            && (!try_name(probe, "v2-crc32c", &first->crc)
                || !show_first(probe, "v2 and checksum", &first->crc)))
        || !try_byte(probe, &first->byte)
        || !show_first(probe, "first byte only", &first->byte)) {
        return 0;
    }
    if (is_served(&first->v1) || is_served(&first->v2)
        || is_served(&first->crc)) {
        return 1;
    }
    if (!look_for_tls(probe)) {
        return 0;
    }
    /* With TLS behind the header each is asked again. */
    return !probe->says_hello
           || (try_name(probe, "no-header", &first->none)
               && try_name(probe, "v1-tcp4", &first->v1)
               && try_name(probe, "v2-tcp4", &first->v2)
               && try_name(probe, "v2-crc32c", &first->crc));
}

/* A listener that serves no header. */
static const char *conclude_without(const first_t *first)
{
    if (check_talk_is_tls(&first->hello)) {
        return "speaks TLS and reads no header before it: ProxyIP is Off for"
               " this listener, this peer is `direct`, or the header belongs"
               " inside TLS (ProxyIPInTLS; docs/in-tls.md tells how to try it)."
               " Through a load balancer that sends headers before TLS no"
               " handshake succeeds here";
    }
    if (is_served(&first->none)) {
        return "takes connections without a header, and none with one:"
               " ProxyIP is Off for this listener, or this peer is `direct`."
               " A load balancer that sends headers gets 400 here";
    }
    if (check_talk_is_closed(&first->byte)) {
        return "closed at once, whatever comes: for mod_proxyip this peer is"
               " in no ProxyIPPeer range, or `reject` (PIP0020 in httpd's error"
               " log at LogLevel info)";
    }
    if (first->none.outcome == CHECK_TALK_SILENT
        && first->v1.outcome == CHECK_TALK_SILENT
        && first->v2.outcome == CHECK_TALK_SILENT) {
        return "says nothing, with or without a header: no HTTP, or no worker"
               " is free, or it is slower than --timeout";
    }
    return "takes neither a header nor a plain request, and speaks no TLS:"
           " it refuses these headers; httpd's error log says why it closes,"
           " at LogLevel info";
}

static int takes_header(const first_t *first)
{
    return is_served(&first->v1) || is_served(&first->v2)
           || is_served(&first->crc);
}

/* What kind of listener it is, in words. */
static const char *conclude(const first_t *first)
{
    if (!takes_header(first)) {
        return conclude_without(first);
    }
    if (is_served(&first->none)) {
        return "takes connections with and without a header: this peer is"
               " `optional`. Right only where no client can connect by"
               " itself: it could claim any address";
    }
    if (is_served(&first->crc) && !is_served(&first->v2)) {
        return "requires a header of this peer, in version 2 with a checksum"
               " (ProxyIPChecksum require)";
    }
    return check_talk_wants_tls(is_served(&first->v2) ? &first->v2
                                                      : &first->v1)
               ? "requires a header of this peer, and TLS behind it"
               : "requires a header of this peer";
}

static void show_case(probe_t *probe, const check_case_t *one,
                      size_t header_len, const check_talk_t *talk)
{
    check_cases_expected_t expected = expected_of(probe->wish, one);
    const char *verdict = judge(expected, talk, &probe->tally);
    check_json_t json = {stdout, 0};

    if (probe->wish->is_json) {
        check_json_open(&json, NULL, '{');
        check_json_text(&json, "case", one->name);
        check_json_number(&json, "length", (long)header_len);
        check_json_text(&json, "expected", expected_text(expected));
        write_talk(&json, talk);
        check_json_text(&json, "verdict", verdict);
        check_json_end(&json);
    }
    else {
        printf("%-16s %5lu  %-14s", one->name, (unsigned long)header_len,
               expected_text(expected));
        print_happened(talk, 24);
        printf("%s\n", verdict);
    }
    fflush(stdout);
}

static int run_battery(probe_t *probe)
{
    size_t i;

    if (!probe->wish->is_json) {
        printf("\n%-16s %5s  %-14s%-24s%s\n", "case", "bytes", "expected",
               "happened", "verdict");
    }
    for (i = 0; i < check_cases_count; i++) {
        const check_case_t *one = &check_cases[i];
        check_talk_t talk;
        size_t header_len;

        if (is_wanted(probe->wish, one)) {
            if (!try_case(probe, one, &header_len, &talk)) {
                return 0;
            }
            show_case(probe, one, header_len, &talk);
        }
    }
    return 1;
}

static const char *formats_text(const first_t *first)
{
    int v1 = is_served(&first->v1);
    int v2 = is_served(&first->v2) || is_served(&first->crc);

    if (v1 && v2) {
        return "v1 and v2";
    }
    return v1 ? "v1 only" : v2 ? "v2 only" : "none";
}

static void show_conclusion(const probe_t *probe)
{
    const tally_t *tally = &probe->tally;

    printf("\n");
    check_column_name(stdout, "result");
    if (takes_header(&probe->first)) {
        printf("%lu of %lu as the specification wants",
               (unsigned long)tally->as_wanted,
               (unsigned long)tally->judged);
        if (tally->open > 0) {
            printf("; %lu more it leaves open", (unsigned long)tally->open);
        }
        printf("\n");
    }
    else {
        printf("no header is taken, so no more were sent\n");
    }
    check_column_name(stdout, "formats");
    printf("%s\n", formats_text(&probe->first));
    check_column_name(stdout, "conclusion");
    printf("%s\n", conclude(&probe->first));
}

static void write_conclusion(const probe_t *probe)
{
    check_json_t json = {stdout, 0};

    check_json_open(&json, NULL, '{');
    check_json_text(&json, "listener", probe->wish->operand);
    check_json_number(&json, "judged", (long)probe->tally.judged);
    check_json_number(&json, "as_specified", (long)probe->tally.as_wanted);
    check_json_number(&json, "open", (long)probe->tally.open);
    check_json_text(&json, "formats", formats_text(&probe->first));
    check_json_text(&json, "conclusion", conclude(&probe->first));
    check_json_end(&json);
}

static int run(probe_t *probe)
{
    if (!look_first(probe)
        || (takes_header(&probe->first) && !run_battery(probe))) {
        return CHECK_CANNOT;
    }
    if (probe->wish->is_json) {
        write_conclusion(probe);
    }
    else {
        show_conclusion(probe);
    }
    return takes_header(&probe->first)
                   && probe->tally.as_wanted == probe->tally.judged
               ? CHECK_RIGHT
               : CHECK_WRONG;
}

int check_probe(apr_pool_t *p, int argc, const char *const *argv)
{
    probe_t *probe = apr_pcalloc(p, sizeof(*probe));
    wish_t wish;
    int rv = read_options(p, argc, argv, &wish);

    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    if (wish.lists) {
        return print_list(&wish);
    }
    probe->wish = &wish;
    apr_pool_create(&probe->p, p);
    return run(probe);
}
