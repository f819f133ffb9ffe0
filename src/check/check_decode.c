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
 * proxyip-check decode: what some bytes say.
 */

#include "check/check.h"

#include <stdio.h>
#include <string.h>

#include "check/check_args.h"
#include "check/check_bytes.h"
#include "check/check_column.h"
#include "check/check_guess.h"
#include "check/check_show.h"

#define NAME "decode"

/* ProxyIPMaxHeader's default. */
#define USUAL_MAX_HEADER 4096

#define PAYLOAD_SHOWN 32

static const char usage[] =
    "usage: " CHECK_PROGRAM " decode [OPTION ...] [FILE | -]\n"
    "\n"
    "Say what PROXY header some bytes begin with, and what follows it. The\n"
    "bytes are a file's, standard input's (- or nothing), or given by:\n"
    "  --hex STRING|-   hex digits; white space, `:`, `,`, `0x` and `\\x` may\n"
    "                   stand between them; - reads them from standard input\n"
    "  --log STRING|-   text as httpd's error log shows it, %0d%0a for CRLF\n"
    "\n"
    "What the receiver accepts:\n"
    "  --formats v1|v2|v1,v2       default both\n"
    "  --max-header BYTES          232 to 65551, default 65551\n"
    "  --checksum verify|require   default verify\n"
    "\n"
    "Exit status: 0 for one right header, 1 for anything else, 2 when the\n"
    "bytes cannot be read.\n";

enum { OPT_HELP = 1, OPT_HEX, OPT_LOG, OPT_FORMATS, OPT_MAX, OPT_CHECKSUM };

static const check_option_t options[] = {
    {"help", CHECK_ARGS_FLAG, OPT_HELP},
    {"hex", CHECK_ARGS_VALUE, OPT_HEX},
    {"log", CHECK_ARGS_VALUE, OPT_LOG},
    {"formats", CHECK_ARGS_VALUE, OPT_FORMATS},
    {"max-header", CHECK_ARGS_VALUE, OPT_MAX},
    {"checksum", CHECK_ARGS_VALUE, OPT_CHECKSUM},
    {NULL, CHECK_ARGS_FLAG, 0},
};

/* What was asked for. */
typedef struct {
    const char *file; /* NULL: not said */
    const char *hex;
    const char *log;
    pp_rules_t rules;
    int help;
} wish_t;

static int read_checksum(const check_args_t *args, int *required)
{
    *required = strcmp(args->value, "require") == 0;
    if (*required || strcmp(args->value, "verify") == 0) {
        return 1;
    }
    return check_args_refuse(args, "verify or require");
}

/* One argument; 0 when it is not accepted. */
static int take(const check_args_t *args, int id, wish_t *wish)
{
    unsigned long number;

    switch (id) {
    case OPT_HELP:
        wish->help = 1;
        return 1;
    case OPT_HEX:
        wish->hex = args->value;
        return 1;
    case OPT_LOG:
        wish->log = args->value;
        return 1;
    case OPT_FORMATS:
        return check_args_formats(args, &wish->rules.formats);
    case OPT_CHECKSUM:
        return read_checksum(args, &wish->rules.checksum_required);
    case OPT_MAX:
        if (!check_args_number(args, 232, PP_V2_MAX, &number)) {
            return 0;
        }
        wish->rules.max_len = number;
        return 1;
    case CHECK_ARGS_OPERAND:
        if (wish->file) {
            return check_args_refuse(args, "one file only");
        }
        wish->file = args->value;
        return 1;
    default: /* CHECK_ARGS_WRONG: said already */
        return 0;
    }
}

static int read_args(int argc, char **argv, wish_t *wish)
{
    check_args_t args = {NAME, options, argc, argv, 0, 0, NULL, NULL};
    int id;

    memset(wish, 0, sizeof(*wish));
    wish->rules = check_show_all;
    while ((id = check_args_next(&args)) != CHECK_ARGS_END) {
        if (!take(&args, id, wish)) {
            return 0;
        }
        if (wish->help) {
            return 1;
        }
    }
    if ((wish->file != NULL) + (wish->hex != NULL) + (wish->log != NULL) > 1) {
        check_args_complain(NAME, "one of FILE, --hex and --log at a time");
        return 0;
    }
    return 1;
}

/* Text of --hex or --log, or standard input's for `-`, to bytes. */
static int read_text(const char *option, const char *text, check_row_t *row)
{
    /* A byte takes up to five characters, and white space. */
    static uint8_t input[8 * CHECK_INPUT_MAX];
    check_row_t from = {input, sizeof(input), 0};
    size_t text_len = strlen(text);
    const char *accepted;

    if (strcmp(text, "-") == 0) {
        if (!check_bytes_read_file(NAME, "-", &from)) {
            return 0;
        }
        text = (const char *)input;
        text_len = from.len;
        /* The line end of what was pasted or echoed. */
        while (text_len > 0 && strchr("\r\n", text[text_len - 1])) {
            text_len--;
        }
    }
    accepted = strcmp(option, "--hex") == 0
                   ? check_bytes_from_hex(text, text_len, row)
                   : check_bytes_from_log(text, text_len, row);
    if (accepted) {
        check_args_complain(NAME, "%s: accepted is %s", option, accepted);
        return 0;
    }
    return 1;
}

static int read_bytes(const wish_t *wish, check_row_t *row)
{
    if (wish->hex) {
        return read_text("--hex", wish->hex, row);
    }
    if (wish->log) {
        return read_text("--log", wish->log, row);
    }
    return check_bytes_read_file(NAME, wish->file ? wish->file : "-", row);
}

/* What it means that there is no header. */
static const char *meaning_of(check_guess_t guess)
{
    switch (guess) {
    case CHECK_NOTHING:
        return "nothing came";
    case CHECK_HEADER:
        break;
    case CHECK_LOWER_HEADER:
        return "the word must be PROXY, in capitals";
    case CHECK_HTTP:
    case CHECK_HTTP2:
    case CHECK_SSH:
        return "the sender sends no PROXY header";
    case CHECK_TLS:
        return "the sender sends no PROXY header, or sends it inside TLS,"
               " where it must not be";
    case CHECK_UNKNOWN:
        return "the sender sends no PROXY header, or the bytes are not the"
               " connection's first";
    }
    return "";
}

static void show_absence(const uint8_t *bytes, size_t len)
{
    check_column_name(stdout, "looks like");
    check_guess_print(stdout, bytes, len);
    printf("\n");
    check_column_name(stdout, "meaning");
    printf("%s\n", meaning_of(check_guess(bytes, len)));
    if (len > 0) {
        check_column_name(stdout, "bytes");
        check_bytes_print(stdout, bytes,
                          len < PAYLOAD_SHOWN ? len : PAYLOAD_SHOWN);
        printf("%s\n", len > PAYLOAD_SHOWN ? "..." : "");
    }
}

static void show_payload(const uint8_t *bytes, size_t len, int is_cut)
{
    check_column_name(stdout, "follows");
    if (len == 0) {
        printf("nothing\n");
        return;
    }
    printf("%s%lu byte%s, ", is_cut ? "at least " : "", (unsigned long)len,
           len == 1 ? "" : "s");
    check_guess_print(stdout, bytes, len);
    printf("\n");
    check_column_name(stdout, "bytes");
    check_bytes_print(stdout, bytes,
                      len < PAYLOAD_SHOWN ? len : PAYLOAD_SHOWN);
    printf("%s\n", len > PAYLOAD_SHOWN ? "..." : "");
}

/* What httpd makes of a right header. */
static void show_outcome(const pp_header_t *header, size_t wire_len)
{
    check_column_name(stdout, "client");
    if (pp_names_client(header)) {
        char text[PP_ADDR_TEXT_MAX];

        pp_addr_format(&header->src, text);
        printf("%s port %u\n", text, (unsigned int)header->src_port);
    }
    else {
        printf("the socket's own peer: %s names no client\n",
               header->command == PP_LOCAL   ? "LOCAL"
               : header->family == PP_UNIX   ? "UNIX"
               : header->version == 1        ? "UNKNOWN"
                                             : "UNSPEC");
    }
    if (wire_len > USUAL_MAX_HEADER) {
        check_column_name(stdout, "note");
        printf("larger than ProxyIPMaxHeader's default, %d\n",
               USUAL_MAX_HEADER);
    }
}

static int show_second(const uint8_t *bytes, size_t len,
                       const pp_rules_t *rules)
{
    pp_header_t header;
    pp_answer_t answer = pp_decode(bytes, len, rules, &header);

    printf("\nsecond header: two hops each add one; mod_proxyip takes the"
           " first only\n");
    check_show_header(stdout, bytes, len, &answer);
    return CHECK_WRONG;
}

static int show_all(const check_row_t *row, const pp_rules_t *rules)
{
    pp_header_t header;
    pp_answer_t answer = pp_decode(row->bytes, row->len, rules, &header);
    const uint8_t *payload;
    size_t payload_len;

    check_show_header(stdout, row->bytes, row->len, &answer);
    if (answer.status != PP_DONE) {
        if (!pp_committed_version(row->bytes, row->len)
            && (answer.status == PP_BAD || row->len == 0)) {
            show_absence(row->bytes, row->len);
        }
        return CHECK_WRONG;
    }
    show_outcome(&header, answer.len);
    payload = row->bytes + answer.len;
    payload_len = row->len - answer.len;
    show_payload(payload, payload_len, row->len == row->size);
    if (check_guess(payload, payload_len) == CHECK_HEADER) {
        return show_second(payload, payload_len, rules);
    }
    return CHECK_RIGHT;
}

int check_decode(int argc, char **argv)
{
    static uint8_t bytes[CHECK_INPUT_MAX];
    check_row_t row = {bytes, sizeof(bytes), 0};
    wish_t wish;

    if (!read_args(argc, argv, &wish)) {
        return CHECK_CANNOT;
    }
    if (wish.help) {
        fputs(usage, stdout);
        return CHECK_RIGHT;
    }
    if (!read_bytes(&wish, &row)) {
        return CHECK_CANNOT;
    }
    return show_all(&row, &wish.rules);
}
