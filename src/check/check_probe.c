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

#define _POSIX_C_SOURCE 200809L

#include "check/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check/check_args.h"
#include "check/check_bytes.h"
#include "check/check_cases.h"
#include "check/check_column.h"
#include "check/check_net.h"
#include "check/check_show.h"
#include "check/check_talk.h"

#define NAME "probe"

#define REQUEST_MAX 4096
#define PIECE_DELAY_MS 5

/* How long a connection that has sent one byte must stay open to count as
 * one that is waited for. */
#define WAIT_MS 500

static const char usage[] =
    "usage: " CHECK_PROGRAM " probe [OPTION ...] HOST:PORT\n"
    "\n"
    "Send good and bad PROXY headers, each with a GET and on a connection of\n"
    "its own, one after the other, and say what the listener did.\n"
    "\n"
    "  --bind ADDR      the sockets' own address\n"
    "  --formats v1|v2  what the listener is to accept, default v1,v2\n"
    "  --only WHICH     good, bad, open, or a case's name\n"
    "  --path PATH, --host NAME    of the request, default / and HOST:PORT\n"
    "  --timeout TIME   how long silence may last, default 5s\n"
    "  --list           print the cases and what is expected, do not connect\n"
    "\n"
    "What is expected is the specification's of a listener that requires a\n"
    "header; what it leaves to the receiver is `open` and never counts.\n"
    "\n"
    "Exit status: 0 when all good headers were answered and all bad ones were\n"
    "not, 1 when not, 2 when it could not be tried.\n";

enum {
    OPT_HELP = 1,
    OPT_BIND,
    OPT_FORMATS,
    OPT_ONLY,
    OPT_PATH,
    OPT_HOST,
    OPT_TIMEOUT,
    OPT_LIST
};

static const check_option_t options[] = {
    {"help", CHECK_ARGS_FLAG, OPT_HELP},
    {"bind", CHECK_ARGS_VALUE, OPT_BIND},
    {"formats", CHECK_ARGS_VALUE, OPT_FORMATS},
    {"only", CHECK_ARGS_VALUE, OPT_ONLY},
    {"path", CHECK_ARGS_VALUE, OPT_PATH},
    {"host", CHECK_ARGS_VALUE, OPT_HOST},
    {"timeout", CHECK_ARGS_VALUE, OPT_TIMEOUT},
    {"list", CHECK_ARGS_FLAG, OPT_LIST},
    {NULL, CHECK_ARGS_FLAG, 0},
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
    int64_t timeout_ms;
    int lists;
    int help;
} wish_t;

/* What the listener is like, by a few connections before the battery. */
typedef struct {
    check_talk_t none; /* without a header */
    check_talk_t v1;
    check_talk_t v2;
    check_talk_t crc;  /* v2 with a checksum, when v2 was not served */
    check_talk_t byte; /* after one byte that may begin a header */
} first_t;

/* What the battery has shown. */
typedef struct {
    size_t judged;
    size_t as_wanted;
    size_t open;
} tally_t;

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

static int take(const check_args_t *args, int id, wish_t *wish)
{
    switch (id) {
    case OPT_HELP:
        wish->help = 1;
        return 1;
    case OPT_BIND:
        wish->bind = args->value;
        return 1;
    case OPT_FORMATS:
        return check_args_formats(args, &wish->formats);
    case OPT_ONLY:
        wish->only = args->value;
        return is_group(args->value) || find_case(args->value)
               || check_args_refuse(args, "good, bad, open, or a name that"
                                          " --list prints");
    case OPT_PATH:
        wish->path = args->value;
        return check_talk_is_plain(args->value)
               || check_args_refuse(args, "a path without blanks");
    case OPT_HOST:
        wish->host = args->value;
        return check_talk_is_plain(args->value)
               || check_args_refuse(args, "a name without blanks");
    case OPT_TIMEOUT:
        return check_args_time(args, &wish->timeout_ms);
    case OPT_LIST:
        wish->lists = 1;
        return 1;
    case CHECK_ARGS_OPERAND:
        if (wish->operand) {
            return check_args_refuse(args, "one HOST:PORT only");
        }
        wish->operand = args->value;
        return check_place_split(args->value, &wish->place)
                       && wish->place.host[0] && wish->place.port[0]
                   ? 1
                   : check_args_refuse(args, "HOST:PORT or [IPV6]:PORT");
    default: /* CHECK_ARGS_WRONG: said already */
        return 0;
    }
}

static int read_args(int argc, char **argv, wish_t *wish)
{
    check_args_t args = {NAME, options, argc, argv, 0, 0, NULL, NULL};
    int id;

    memset(wish, 0, sizeof(*wish));
    wish->formats = PP_FORMAT_V1 | PP_FORMAT_V2;
    wish->path = "/";
    wish->timeout_ms = 5000;
    while ((id = check_args_next(&args)) != CHECK_ARGS_END) {
        if (!take(&args, id, wish)) {
            return 0;
        }
        if (wish->help) {
            return 1;
        }
    }
    if (!wish->operand && !wish->lists) {
        check_args_complain(NAME, "HOST:PORT is missing");
        return 0;
    }
    return 1;
}

/* One connection: a header, and a request behind it.  0 when there was no
 * connection; said already. */
static int try_bytes(const wish_t *wish, check_row_t *row,
                     const check_case_t *one, check_talk_t *talk)
{
    check_talk_pieces_t pieces;
    char request[REQUEST_MAX];
    size_t header_len = row->len;
    size_t request_len;
    int fd;

    request_len = check_talk_request(request, sizeof(request),
                                     wish->host ? wish->host : wish->operand,
                                     wish->path);
    check_bytes_append(row, request, request_len);
    memset(&pieces, 0, sizeof(pieces));
    pieces.delay_ms = PIECE_DELAY_MS;
    pieces.each = one->each;
    pieces.each_until = header_len;
    if (one->cuts_middle) {
        pieces.cuts[0] = header_len / 2;
        pieces.cuts[1] = header_len - header_len / 2 + request_len / 2;
        pieces.cuts_count = 2;
    }
    fd = check_net_connect(NAME, &wish->place, wish->bind, wish->timeout_ms);
    if (fd < 0) {
        return 0;
    }
    check_talk(fd, row->bytes, row->len, &pieces, CHECK_TALK_HEAD,
               wish->timeout_ms, talk);
    close(fd);
    return 1;
}

static int try_case(const wish_t *wish, const check_case_t *one,
                    size_t *header_len, check_talk_t *talk)
{
    static uint8_t room[CHECK_INPUT_MAX];
    check_row_t row = {room, sizeof(room), 0};

    check_cases_build(one, &row);
    *header_len = row.len;
    return try_bytes(wish, &row, one, talk);
}

/* One byte and nothing more: a peer that is refused is closed, any other is
 * waited for. */
static int try_byte(const wish_t *wish, check_talk_t *talk)
{
    static const uint8_t byte[1] = {'P'};
    int fd = check_net_connect(NAME, &wish->place, wish->bind,
                               wish->timeout_ms);

    if (fd < 0) {
        return 0;
    }
    check_talk(fd, byte, sizeof(byte), NULL, CHECK_TALK_FIRST_LINE, WAIT_MS,
               talk);
    close(fd);
    return 1;
}

/* A TLS listener's answer to a request without TLS: a header was taken. */
static int wants_tls(const check_talk_t *talk)
{
    static const char *const texts[] = {"SSL-enabled server port",
                                        "sent to HTTPS port"};
    size_t t;
    size_t i;

    for (t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
        size_t len = strlen(texts[t]);

        for (i = 0; i + len <= talk->reply_len; i++) {
            if (memcmp(talk->reply + i, texts[t], len) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

/* 400 is what a server says that reads a header as a request. */
static int is_served(const check_talk_t *talk)
{
    return talk->outcome == CHECK_TALK_OTHER
           || (talk->outcome == CHECK_TALK_HTTP
               && (talk->http_status != 400 || wants_tls(talk)));
}

static int is_closed(const check_talk_t *talk)
{
    return talk->outcome == CHECK_TALK_CLOSED
           || talk->outcome == CHECK_TALK_RESET;
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

static const char *judge(check_cases_expected_t expected,
                         const check_talk_t *talk, tally_t *tally)
{
    int is_right = 0;

    switch (expected) {
    case CHECK_CASES_ANSWERED:
        is_right = is_served(talk);
        break;
    case CHECK_CASES_CLOSED:
        is_right = is_closed(talk);
        break;
    case CHECK_CASES_REFUSED:
        is_right = is_closed(talk) || talk->http_status == 400;
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
    char text[40];

    switch (talk->outcome) {
    case CHECK_TALK_HTTP:
        snprintf(text, sizeof(text), "answered %d, %ld ms",
                 talk->http_status, (long)talk->elapsed_ms);
        break;
    case CHECK_TALK_OTHER:
        snprintf(text, sizeof(text), "answered, no HTTP, %ld ms",
                 (long)talk->elapsed_ms);
        break;
    case CHECK_TALK_CLOSED:
        snprintf(text, sizeof(text), "closed, %ld ms",
                 (long)talk->elapsed_ms);
        break;
    case CHECK_TALK_RESET:
        snprintf(text, sizeof(text), "reset, %ld ms",
                 (long)talk->elapsed_ms);
        break;
    case CHECK_TALK_SILENT:
        snprintf(text, sizeof(text), "silent, %ld ms",
                 (long)talk->elapsed_ms);
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

static void print_first(const char *name, const check_talk_t *talk)
{
    check_column_name(stdout, name);
    print_happened(talk, 0);
    printf("\n");
}

static int look_first(const wish_t *wish, first_t *first)
{
    size_t header_len;

    first->crc.outcome = CHECK_TALK_SILENT; /* unless it is tried */
    check_column_name(stdout, "listener");
    printf("%s\n", wish->operand);
    if (!try_case(wish, find_case("no-header"), &header_len, &first->none)
        || !try_case(wish, find_case("v1-tcp4"), &header_len, &first->v1)
        || !try_case(wish, find_case("v2-tcp4"), &header_len, &first->v2)
        || !try_byte(wish, &first->byte)) {
        return 0;
    }
    print_first("no header", &first->none);
    print_first("v1", &first->v1);
    print_first("v2", &first->v2);
    if (!is_served(&first->v2)) {
        if (!try_case(wish, find_case("v2-crc32c"), &header_len,
                      &first->crc)) {
            return 0;
        }
        print_first("v2 and checksum", &first->crc);
    }
    print_first("first byte only", &first->byte);
    return 1;
}

/* What kind of listener it is, in words; *goes_on when a battery can tell
 * more. */
static const char *conclude(const first_t *first, int *goes_on)
{
    int takes_none = is_served(&first->none);
    int takes_crc = is_served(&first->crc);
    int takes_header = is_served(&first->v1) || is_served(&first->v2)
                       || takes_crc;

    *goes_on = takes_header;
    if (takes_none && takes_header) {
        return "takes connections with and without a header: this peer is"
               " `optional`. Right only where no client can connect by"
               " itself: it could claim any address";
    }
    if (takes_crc) {
        return "requires a header of this peer, in version 2 with a checksum"
               " (ProxyIPChecksum require)";
    }
    if (takes_header) {
        return "requires a header of this peer";
    }
    if (takes_none) {
        return "takes connections without a header, and none with one:"
               " ProxyIP is Off for this listener, or this peer is `direct`."
               " A load balancer that sends headers gets 400 here";
    }
    if (is_closed(&first->byte)) {
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
    return "takes neither a header nor a plain request: it may want TLS, or"
           " headers of another kind; httpd's error log says why it closes, at"
           " LogLevel info";
}

static int run_battery(const wish_t *wish, tally_t *tally)
{
    size_t i;

    printf("\n%-16s %5s  %-14s%-24s%s\n", "case", "bytes", "expected",
           "happened", "verdict");
    for (i = 0; i < check_cases_count; i++) {
        const check_case_t *one = &check_cases[i];
        check_talk_t talk;
        size_t header_len;

        if (!is_wanted(wish, one)) {
            continue;
        }
        if (!try_case(wish, one, &header_len, &talk)) {
            return 0;
        }
        printf("%-16s %5lu  %-14s", one->name, (unsigned long)header_len,
               expected_text(expected_of(wish, one)));
        print_happened(&talk, 24);
        printf("%s\n", judge(expected_of(wish, one), &talk, tally));
        fflush(stdout);
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

static int run(const wish_t *wish)
{
    static first_t first;
    tally_t tally = {0, 0, 0};
    const char *conclusion;
    int goes_on;

    if (!look_first(wish, &first)) {
        return CHECK_CANNOT;
    }
    conclusion = conclude(&first, &goes_on);
    if (goes_on && !run_battery(wish, &tally)) {
        return CHECK_CANNOT;
    }
    printf("\n");
    check_column_name(stdout, "result");
    if (goes_on) {
        printf("%lu of %lu as the specification wants",
               (unsigned long)tally.as_wanted, (unsigned long)tally.judged);
        if (tally.open > 0) {
            printf("; %lu more it leaves open", (unsigned long)tally.open);
        }
        printf("\n");
    }
    else {
        printf("no header is taken, so no more were sent\n");
    }
    check_column_name(stdout, "formats");
    printf("%s\n", formats_text(&first));
    check_column_name(stdout, "conclusion");
    printf("%s\n", conclusion);
    return goes_on && tally.as_wanted == tally.judged ? CHECK_RIGHT
                                                      : CHECK_WRONG;
}

int check_probe(int argc, char **argv)
{
    wish_t wish;

    if (!read_args(argc, argv, &wish)) {
        return CHECK_CANNOT;
    }
    if (wish.help) {
        fputs(usage, stdout);
        return CHECK_RIGHT;
    }
    if (wish.lists) {
        return print_list(&wish);
    }
    check_net_init();
    return run(&wish);
}
