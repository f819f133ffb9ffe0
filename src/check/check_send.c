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

#define _POSIX_C_SOURCE 200809L

#include "check/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check/check_args.h"
#include "check/check_build.h"
#include "check/check_bytes.h"
#include "check/check_column.h"
#include "check/check_net.h"
#include "check/check_show.h"
#include "check/check_talk.h"
#include "check/check_tlv_args.h"

#define NAME "send"

#define REQUEST_MAX 4096
#define BODY_SHOWN 8192

static const char usage[] =
    "usage: " CHECK_PROGRAM " send [OPTION ...] HOST:PORT\n"
    "\n"
    "Connect, send a PROXY header and a GET, say what came back.\n"
    "\n"
    "The header:\n"
    "  --v1, --v2              version, default 2\n"
    "  --src ADDR[:PORT]       client; default the socket's own address\n"
    "  --dst ADDR[:PORT]       what the client dialled; default HOST:PORT\n"
    "  --family FAMILY         tcp4, tcp6, udp4, udp6, unix, unknown; default\n"
    "                          by the addresses. unix: --src and --dst are\n"
    "                          paths\n"
    "  --local                 command LOCAL, as health checks send\n"
    "  --tlv TYPE=VALUE        alpn, authority, unique-id, netns, noop,\n"
    "                          aws-vpce-id, azure-link-id, gcp-psc-id, or\n"
    "                          0xNN; VALUE is text, hex:0011 or @FILE\n"
    "  --ssl                   SSL TLV: the client used TLS. Implied by:\n"
    "  --ssl-version, --ssl-cn, --ssl-cipher, --ssl-sig-alg, --ssl-key-alg,\n"
    "  --ssl-group, --ssl-sig-scheme VALUE, --ssl-client-cert @FILE (DER),\n"
    "  --ssl-cert              the client has shown a certificate\n"
    "  --ssl-verify N          result of its verification, default 0 with\n"
    "                          --ssl-cert, else 1\n"
    "  --pad N                 NOOP TLV of N bytes\n"
    "  --crc32c[=wrong]        checksum\n"
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
    "  -v                      fields and bytes sent, HTTP fields received\n"
    "  --body                  the answer's first bytes too\n"
    "\n"
    "Exit status: 0 when an HTTP answer came (--header-only: when the\n"
    "connection stayed open), 1 when not, 2 when it could not be tried.\n";

enum {
    OPT_HELP = 1,
    OPT_V1,
    OPT_V2,
    OPT_SRC,
    OPT_DST,
    OPT_FAMILY,
    OPT_LOCAL,
    OPT_TLV,
    OPT_SSL,
    OPT_SSL_CERT,
    OPT_SSL_VERIFY,
    OPT_PAD,
    OPT_CRC,
    OPT_TWICE,
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
    OPT_VERBOSE,
    OPT_BODY,
    /* and a sub-TLV's type: the SSL TLV has it */
    OPT_SUB = 0x100
};

/* clang-format off */
static const check_option_t options[] = {
    {"help", CHECK_ARGS_FLAG, OPT_HELP},
    {"v1", CHECK_ARGS_FLAG, OPT_V1},
    {"v2", CHECK_ARGS_FLAG, OPT_V2},
    {"src", CHECK_ARGS_VALUE, OPT_SRC},
    {"dst", CHECK_ARGS_VALUE, OPT_DST},
    {"family", CHECK_ARGS_VALUE, OPT_FAMILY},
    {"local", CHECK_ARGS_FLAG, OPT_LOCAL},
    {"tlv", CHECK_ARGS_VALUE, OPT_TLV},
    {"ssl", CHECK_ARGS_FLAG, OPT_SSL},
    {"ssl-cert", CHECK_ARGS_FLAG, OPT_SSL_CERT},
    {"ssl-verify", CHECK_ARGS_VALUE, OPT_SSL_VERIFY},
    {"ssl-version", CHECK_ARGS_VALUE, OPT_SUB + PP_SSL_VERSION},
    {"ssl-cn", CHECK_ARGS_VALUE, OPT_SUB + PP_SSL_CN},
    {"ssl-cipher", CHECK_ARGS_VALUE, OPT_SUB + PP_SSL_CIPHER},
    {"ssl-sig-alg", CHECK_ARGS_VALUE, OPT_SUB + PP_SSL_SIG_ALG},
    {"ssl-key-alg", CHECK_ARGS_VALUE, OPT_SUB + PP_SSL_KEY_ALG},
    {"ssl-group", CHECK_ARGS_VALUE, OPT_SUB + PP_SSL_GROUP},
    {"ssl-sig-scheme", CHECK_ARGS_VALUE, OPT_SUB + PP_SSL_SIG_SCHEME},
    {"ssl-client-cert", CHECK_ARGS_VALUE, OPT_SUB + PP_SSL_CLIENT_CERT},
    {"pad", CHECK_ARGS_VALUE, OPT_PAD},
    {"crc32c", CHECK_ARGS_OPTIONAL, OPT_CRC},
    {"twice", CHECK_ARGS_FLAG, OPT_TWICE},
    {"no-header", CHECK_ARGS_FLAG, OPT_NO_HEADER},
    {"raw", CHECK_ARGS_VALUE, OPT_RAW},
    {"nlb-health-check", CHECK_ARGS_FLAG, OPT_NLB},
    {"split", CHECK_ARGS_VALUE, OPT_SPLIT},
    {"delay", CHECK_ARGS_VALUE, OPT_DELAY},
    {"header-only", CHECK_ARGS_FLAG, OPT_HEADER_ONLY},
    {"path", CHECK_ARGS_VALUE, OPT_PATH},
    {"host", CHECK_ARGS_VALUE, OPT_HOST},
    {"bind", CHECK_ARGS_VALUE, OPT_BIND},
    {"timeout", CHECK_ARGS_VALUE, OPT_TIMEOUT},
    {"print", CHECK_ARGS_FLAG, OPT_PRINT},
    {"print-hex", CHECK_ARGS_FLAG, OPT_PRINT_HEX},
    {"v", CHECK_ARGS_FLAG, OPT_VERBOSE},
    {"body", CHECK_ARGS_FLAG, OPT_BODY},
    {NULL, CHECK_ARGS_FLAG, 0},
};
/* clang-format on */

/* What was asked for. */
typedef struct {
    const char *place;
    const char *src; /* as typed, NULL: the socket's */
    const char *dst;
    const char *path;
    const char *host; /* NULL: the place's */
    const char *bind;
    check_build_t build;
    check_tlv_ssl_t ssl;
    check_row_t tlvs;
    check_row_t raw;
    check_talk_pieces_t pieces;
    int64_t timeout_ms;
    unsigned long pad;
    int has_pad;
    int is_twice;
    int has_header; /* 0: --no-header */
    int has_raw;
    int is_header_only;
    int prints;     /* OPT_PRINT, OPT_PRINT_HEX or 0 */
    int is_verbose;
    int shows_body;
    int help;
} wish_t;

/* Rooms of a wish, and of what is sent. */
static uint8_t tlv_room[PP_V2_MAX];
static uint8_t sub_room[PP_V2_MAX];
static uint8_t raw_room[CHECK_INPUT_MAX];
static uint8_t send_room[2 * CHECK_INPUT_MAX + REQUEST_MAX];

static int read_split(const check_args_t *args, check_talk_pieces_t *pieces)
{
    const char *at = args->value;
    unsigned long number;
    size_t count = 0;

    for (;;) {
        if (!check_args_digits(at, &at, &number) || number == 0
            || count == CHECK_TALK_CUTS_MAX || (*at && *at != ',')) {
            return check_args_refuse(args, "a number of bytes, or up to 64 of"
                                           " them with commas between");
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

static int read_raw(const check_args_t *args, wish_t *wish)
{
    const char *accepted;

    wish->has_raw = 1;
    if (strncmp(args->value, "hex:", 4) != 0) {
        return check_bytes_read_file(NAME, args->value, &wish->raw);
    }
    accepted = check_bytes_from_hex(args->value + 4, strlen(args->value) - 4,
                                    &wish->raw);
    return accepted ? check_args_refuse(args, accepted) : 1;
}

/* An option that says what the header holds; 0 when it is not accepted, -1
 * when it is none of these. */
static int take_header(const check_args_t *args, int id, wish_t *wish)
{
    unsigned long number;

    switch (id) {
    case OPT_V1:
        wish->build.version = 1;
        return 1;
    case OPT_V2:
        wish->build.version = 2;
        return 1;
    case OPT_SRC:
        wish->src = args->value;
        return 1;
    case OPT_DST:
        wish->dst = args->value;
        return 1;
    case OPT_FAMILY:
        wish->build.family = args->value;
        return check_build_is_family(args->value)
               || check_args_refuse(args, CHECK_BUILD_FAMILIES);
    case OPT_LOCAL:
        wish->build.is_local = 1;
        return 1;
    case OPT_TLV:
        return check_tlv_args_add(args, &wish->tlvs);
    case OPT_SSL:
        wish->ssl.wanted = 1;
        return 1;
    case OPT_SSL_CERT:
        wish->ssl.wanted = 1;
        wish->ssl.client = PP_CLIENT_CERT_CONN | PP_CLIENT_CERT_SESS;
        return 1;
    case OPT_SSL_VERIFY:
        if (!check_args_number(args, 0, 4294967295ul, &number)) {
            return 0;
        }
        wish->ssl.wanted = 1;
        wish->ssl.has_verify = 1;
        wish->ssl.verify = (uint32_t)number;
        return 1;
    case OPT_PAD:
        wish->has_pad = 1;
        return check_args_number(args, 0, 65532, &wish->pad);
    case OPT_CRC:
        wish->build.crc = args->value ? CHECK_BUILD_WRONG_CRC
                                      : CHECK_BUILD_CRC;
        return !args->value || strcmp(args->value, "wrong") == 0
               || check_args_refuse(args, "--crc32c or --crc32c=wrong");
    default: /* ids of this table: the others' */
        return -1;
    }
}

static int take_sending(const check_args_t *args, int id, wish_t *wish)
{
    switch (id) {
    case OPT_TWICE:
        wish->is_twice = 1;
        return 1;
    case OPT_NO_HEADER:
        wish->has_header = 0;
        return 1;
    case OPT_RAW:
        return read_raw(args, wish);
    case OPT_NLB:
        wish->has_raw = 1;
        wish->raw.len = 0;
        return check_bytes_append(&wish->raw, check_build_nlb,
                                  CHECK_BUILD_NLB_LEN);
    case OPT_SPLIT:
        return read_split(args, &wish->pieces);
    case OPT_DELAY:
        return check_args_time(args, &wish->pieces.delay_ms);
    case OPT_HEADER_ONLY:
        wish->is_header_only = 1;
        return 1;
    case OPT_PATH:
        wish->path = args->value;
        return check_talk_is_plain(args->value)
               || check_args_refuse(args, "a path without blanks");
    case OPT_HOST:
        wish->host = args->value;
        return check_talk_is_plain(args->value)
               || check_args_refuse(args, "a name without blanks");
    case OPT_BIND:
        wish->bind = args->value;
        return 1;
    case OPT_TIMEOUT:
        return check_args_time(args, &wish->timeout_ms);
    default: /* ids of this table: the others' */
        return -1;
    }
}

static int take(const check_args_t *args, int id, wish_t *wish)
{
    int taken = take_header(args, id, wish);

    if (taken < 0) {
        taken = take_sending(args, id, wish);
    }
    if (taken >= 0) {
        return taken;
    }
    switch (id) {
    case OPT_HELP:
        wish->help = 1;
        return 1;
    case OPT_PRINT:
    case OPT_PRINT_HEX:
        wish->prints = id;
        return 1;
    case OPT_VERBOSE:
        wish->is_verbose = 1;
        return 1;
    case OPT_BODY:
        wish->shows_body = 1;
        return 1;
    case CHECK_ARGS_OPERAND:
        if (wish->place) {
            return check_args_refuse(args, "one HOST:PORT only");
        }
        wish->place = args->value;
        return 1;
    default: /* a sub-TLV, or CHECK_ARGS_WRONG: said already */
        return id > OPT_SUB
               && check_tlv_args_add_ssl(args, (uint8_t)(id - OPT_SUB),
                                         &wish->ssl);
    }
}

static void set_defaults(wish_t *wish)
{
    memset(wish, 0, sizeof(*wish));
    wish->build.version = 2;
    wish->has_header = 1;
    wish->path = "/";
    wish->timeout_ms = 5000;
    wish->pieces.delay_ms = 10;
    wish->tlvs.bytes = tlv_room;
    wish->tlvs.size = sizeof(tlv_room);
    wish->ssl.subs.bytes = sub_room;
    wish->ssl.subs.size = sizeof(sub_room);
    wish->raw.bytes = raw_room;
    wish->raw.size = sizeof(raw_room);
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
    if (!wish->place && !wish->prints) {
        return "HOST:PORT is missing";
    }
    return NULL;
}

static int read_endpoint(const wish_t *wish, const char *option,
                         const char *text, check_endpoint_t *endpoint,
                         const char **path)
{
    if (!text) {
        return 1;
    }
    if (wish->build.family ? strcmp(wish->build.family, "unix") == 0
                           : text[0] == '/') {
        *path = text;
        return 1;
    }
    if (!check_place_endpoint(text, endpoint)) {
        check_args_complain(NAME, "%s '%s': accepted is ADDR or ADDR:PORT,"
                            " an IPv6 address with a port in brackets",
                            option, text);
        return 0;
    }
    return 1;
}

/* Whether --src and --dst can be read, before anything is connected. */
static int are_endpoints(const wish_t *wish)
{
    check_endpoint_t endpoint;
    const char *path;

    return read_endpoint(wish, "--src", wish->src, &endpoint, &path)
           && read_endpoint(wish, "--dst", wish->dst, &endpoint, &path);
}

static int read_args(int argc, char **argv, wish_t *wish)
{
    check_args_t args = {NAME, options, argc, argv, 0, 0, NULL, NULL};
    static const uint8_t zeros[65535];
    const char *conflict;
    int id;

    set_defaults(wish);
    while ((id = check_args_next(&args)) != CHECK_ARGS_END) {
        if (!take(&args, id, wish)) {
            return 0;
        }
        if (wish->help) {
            return 1;
        }
    }
    conflict = find_conflict(wish);
    if (!conflict
        && (!check_tlv_args_end_ssl(&wish->ssl, &wish->tlvs)
            || (wish->has_pad
                && !pp_tlv_append(wish->tlvs.bytes, wish->tlvs.size,
                                  &wish->tlvs.len, PP_TLV_NOOP, zeros,
                                  (uint16_t)wish->pad)))) {
        conflict = "the TLVs are larger than a header can be";
    }
    if (conflict) {
        check_args_complain(NAME, "%s", conflict);
        return 0;
    }
    wish->build.tlvs = wish->tlvs.bytes;
    wish->build.tlvs_len = wish->tlvs.len;
    return are_endpoints(wish);
}

/* Without a connection: addresses that are set aside for documentation. */
static void set_example(const wish_t *wish, check_endpoint_t *src,
                        check_endpoint_t *dst)
{
    int is_inet6 = (wish->src && strchr(wish->src, ':')
                    && strchr(strchr(wish->src, ':') + 1, ':'))
                   || (wish->build.family
                       && strchr(wish->build.family, '6'));

    check_place_endpoint(is_inet6 ? "[2001:db8::1]:54321"
                                  : "192.0.2.1:54321", src);
    check_place_endpoint(is_inet6 ? "[2001:db8::2]:443"
                                  : "198.51.100.1:443", dst);
}

/* The header, or what stands in its place; 0 after a complaint. */
static int build_header(wish_t *wish, int fd, check_row_t *row)
{
    check_build_t *build = &wish->build;
    const char *why = NULL;
    int times;

    if (!wish->has_header) {
        return 1;
    }
    if (fd >= 0) {
        check_net_own(fd, &build->src);
        check_net_peer(fd, &build->dst);
    }
    else {
        set_example(wish, &build->src, &build->dst);
    }
    if (!read_endpoint(wish, "--src", wish->src, &build->src,
                       &build->src_path)
        || !read_endpoint(wish, "--dst", wish->dst, &build->dst,
                          &build->dst_path)) {
        return 0;
    }
    for (times = wish->is_twice ? 2 : 1; times > 0 && !why; times--) {
        if (wish->has_raw) {
            check_bytes_append(row, wish->raw.bytes, wish->raw.len);
        }
        else {
            why = check_build_header(build, row);
        }
    }
    if (why) {
        check_args_complain(NAME, "no such header: %s", why);
    }
    return why == NULL;
}

/* Any status: --twice and --raw may be no right header. */
static void show_sent(const wish_t *wish, const uint8_t *bytes, size_t len,
                      size_t header_len, const check_talk_t *talk)
{
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
    printf("; in %lu piece%s\n", (unsigned long)talk->pieces,
           talk->pieces == 1 ? "" : "s");
    if (talk->sent < len) {
        check_column_name(stdout, "note");
        printf("%lu of these bytes were not sent: the other end did not wait"
               " for them\n", (unsigned long)(len - talk->sent));
    }
    if (wish->is_verbose && header_len > 0) {
        check_column_name(stdout, "hex");
        check_bytes_print_hex(stdout, bytes, header_len);
        printf("\n");
        check_show_header(stdout, bytes, header_len, &answer);
    }
}

/* As check_bytes_print(), but a backslash stays one: this is text, and may
 * be another's escapes. */
static void print_plain(const uint8_t *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if (bytes[i] == '\\') {
            putchar('\\');
        }
        else {
            check_bytes_print(stdout, bytes + i, 1);
        }
    }
}

/* Lines stay lines; what is not printable is escaped. */
static void print_lines(const char *indent, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        const uint8_t *end = memchr(bytes, '\n', len);
        size_t line_len = end ? (size_t)(end - bytes) : len;
        size_t shown = line_len;

        if (shown > 0 && bytes[shown - 1] == '\r') {
            shown--;
        }
        fputs(indent, stdout);
        print_plain(bytes, shown);
        putchar('\n');
        line_len += end ? 1 : 0;
        bytes += line_len;
        len -= line_len;
    }
}

static size_t head_len(const check_talk_t *talk)
{
    size_t i;

    for (i = 0; i + 4 <= talk->reply_len; i++) {
        if (memcmp(talk->reply + i, "\r\n\r\n", 4) == 0) {
            return i + 4;
        }
    }
    return talk->reply_len;
}

static int has_text(const check_talk_t *talk, const char *text)
{
    size_t text_len = strlen(text);
    size_t i;

    for (i = 0; i + text_len <= talk->reply_len; i++) {
        if (memcmp(talk->reply + i, text, text_len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* What an answer, or its absence, most likely means; NULL when it speaks for
 * itself. */
static const char *find_hint(const wish_t *wish, const check_talk_t *talk)
{
    int is_refused = talk->outcome == CHECK_TALK_CLOSED
                     || talk->outcome == CHECK_TALK_RESET;

    if (has_text(talk, "SSL-enabled server port")
        || has_text(talk, "sent to HTTPS port")
        || (talk->reply_len > 0 && talk->reply[0] == 0x15)) {
        return "the listener wants TLS; a header, if one was sent, was taken";
    }
    if (talk->http_status == 400 && wish->is_twice) {
        return "as it should be where one header is taken: the second one is"
               " no request";
    }
    if (talk->http_status == 400 && wish->has_header) {
        return "400 most often means that the listener takes no PROXY header"
               " and read it as a request";
    }
    if (is_refused && !wish->has_header) {
        return "the listener wants a PROXY header, or refuses this peer";
    }
    if (is_refused && talk->elapsed_ms >= 1000) {
        return "the listener waited for something, and then gave up";
    }
    if (is_refused) {
        return "the listener refuses the header, or this peer; httpd's error"
               " log says why, at LogLevel info (PIP0020 to PIP0027)";
    }
    if (talk->outcome == CHECK_TALK_SILENT && !wish->is_header_only) {
        return "the listener waits for more: TLS, the rest of a header, or an"
               " application that is slow";
    }
    return NULL;
}

/* Take the sizes out of a chunked body, in place. */
static size_t join_chunks(uint8_t *body, size_t len)
{
    size_t from = 0;
    size_t to = 0;

    for (;;) {
        const uint8_t *end = memchr(body + from, '\n', len - from);
        size_t size = 0;

        for (; end && from < len && body[from] != '\r' && body[from] != ';';
             from++) {
            uint8_t byte = body[from];

            if (byte == '\n' || size > len) {
                break;
            }
            size = size * 16
                   + (size_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 87);
        }
        if (!end || size == 0) {
            return to;
        }
        from = (size_t)(end - body) + 1;
        size = size < len - from ? size : len - from;
        memmove(body + to, body + from, size);
        to += size;
        from += size + 2;
        if (from >= len) {
            return to;
        }
    }
}

static void show_body(check_talk_t *talk, size_t head)
{
    uint8_t *body = talk->reply + head;
    size_t len = talk->reply_len - head;

    if (has_text(talk, "\r\nTransfer-Encoding: chunked\r\n")) {
        len = join_chunks(body, len);
    }
    print_lines("", body, len < BODY_SHOWN ? len : BODY_SHOWN);
}

static void show_answer(const wish_t *wish, check_talk_t *talk)
{
    const char *hint = find_hint(wish, talk);
    size_t head = head_len(talk);

    check_column_name(stdout, "answer");
    if (talk->outcome == CHECK_TALK_HTTP) {
        const uint8_t *end = memchr(talk->reply, '\r', head);

        check_bytes_print(stdout, talk->reply,
                          end ? (size_t)(end - talk->reply) : head);
        printf(", after %ld ms\n", (long)talk->elapsed_ms);
    }
    else if (talk->outcome == CHECK_TALK_OTHER) {
        printf("no HTTP, after %ld ms: ", (long)talk->elapsed_ms);
        check_bytes_print(stdout, talk->reply,
                          talk->reply_len < 64 ? talk->reply_len : 64);
        printf("%s\n", talk->reply_len > 64 ? "..." : "");
    }
    else if (talk->outcome == CHECK_TALK_SILENT) {
        printf("none; the connection was open and silent for %ld ms\n",
               (long)talk->elapsed_ms);
    }
    else {
        printf("none; %s after %ld ms\n",
               talk->outcome == CHECK_TALK_RESET ? "reset" : "closed",
               (long)talk->elapsed_ms);
    }
    if (hint) {
        check_column_name(stdout, "hint");
        printf("%s\n", hint);
    }
    if (talk->outcome == CHECK_TALK_HTTP && wish->is_verbose) {
        print_lines("  ", talk->reply, head > 2 ? head - 2 : head);
    }
    if (talk->outcome == CHECK_TALK_HTTP && wish->shows_body) {
        show_body(talk, head);
    }
}

static void show_connection(int fd)
{
    check_endpoint_t end;

    check_column_name(stdout, "connected");
    check_net_own(fd, &end);
    check_place_print(stdout, &end);
    printf(" -> ");
    check_net_peer(fd, &end);
    check_place_print(stdout, &end);
    printf("\n");
}

static int send_all(wish_t *wish, int fd)
{
    static check_talk_t talk;
    check_row_t row = {send_room, sizeof(send_room), 0};
    check_talk_want_t want = wish->shows_body ? CHECK_TALK_ALL
                             : wish->is_verbose ? CHECK_TALK_HEAD
                                                : CHECK_TALK_FIRST_LINE;
    char request[REQUEST_MAX];
    const char *host = wish->host ? wish->host : wish->place;
    size_t request_len = 0;
    size_t header_len;

    if (!build_header(wish, fd, &row)) {
        return CHECK_CANNOT;
    }
    header_len = row.len;
    if (!wish->is_header_only) {
        request_len = check_talk_request(request, sizeof(request), host,
                                         wish->path);
        if (request_len == 0) {
            check_args_complain(NAME, "--path or --host is too long");
            return CHECK_CANNOT;
        }
    }
    check_bytes_append(&row, request, request_len);
    wish->pieces.each_until = header_len;
    check_talk(fd, row.bytes, row.len, &wish->pieces, want, wish->timeout_ms,
               &talk);
    show_connection(fd);
    show_sent(wish, row.bytes, row.len, header_len, &talk);
    show_answer(wish, &talk);
    if (wish->is_header_only && talk.outcome == CHECK_TALK_SILENT) {
        return CHECK_RIGHT;
    }
    return talk.outcome == CHECK_TALK_HTTP ? CHECK_RIGHT : CHECK_WRONG;
}

static int print_header(wish_t *wish)
{
    check_row_t row = {send_room, sizeof(send_room), 0};

    if (!build_header(wish, -1, &row)) {
        return CHECK_CANNOT;
    }
    if (wish->prints == OPT_PRINT_HEX) {
        check_bytes_print_hex(stdout, row.bytes, row.len);
        putchar('\n');
    }
    else {
        fwrite(row.bytes, 1, row.len, stdout);
    }
    return CHECK_RIGHT;
}

int check_send(int argc, char **argv)
{
    check_place_t place;
    wish_t wish;
    int status;
    int fd;

    if (!read_args(argc, argv, &wish)) {
        return CHECK_CANNOT;
    }
    if (wish.help) {
        fputs(usage, stdout);
        return CHECK_RIGHT;
    }
    if (wish.prints) {
        return print_header(&wish);
    }
    if (!check_place_split(wish.place, &place) || !place.host[0]
        || !place.port[0]) {
        check_args_complain(NAME, "'%s': accepted is HOST:PORT or"
                                  " [IPV6]:PORT", wish.place);
        return CHECK_CANNOT;
    }
    check_net_init();
    fd = check_net_connect(NAME, &place, wish.bind, wish.timeout_ms);
    if (fd < 0) {
        return CHECK_CANNOT;
    }
    status = send_all(&wish, fd);
    close(fd);
    return status;
}
