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

#include <apr_file_info.h>
#include <apr_strings.h>

#include "check/check_bytes.h"
#include "check/check_column.h"
#include "check/check_forms.h"
#include "check/check_guess.h"
#include "check/check_object.h"
#include "check/check_options.h"
#include "check/check_show.h"

#define NAME "decode"

/* ProxyIPMaxHeader's default. */
#define USUAL_MAX_HEADER 4096

#define PAYLOAD_SHOWN 32

static const char usage[] =
    "usage: " CHECK_PROGRAM " decode [OPTION ...] [FILE | BYTES | -]\n"
    "\n"
    "Say what PROXY header some bytes begin with, and what follows it. The\n"
    "bytes are a file's, standard input's (- or nothing), or, where no file\n"
    "has that name, the argument itself. They may be as they came, or as they\n"
    "are pasted: hex, the output of xxd, xxd -i, hexdump -C, od -A x -t x1z,\n"
    "tcpdump -x or -X, a string or list of bytes of C or Go, a line of a log\n"
    "of httpd, nginx or mod_proxyip. To say it yourself:\n"
    "  --hex STRING|-   hex digits; white space, `:`, `,`, `0x` and `\\x` may\n"
    "                   stand between them; - reads them from standard input\n"
    "  --log STRING|-   text as httpd's error log shows it, %0d%0a for CRLF\n"
    "\n"
    "What the receiver accepts:\n"
    "  --formats v1|v2|v1,v2       default both\n"
    "  --max-header BYTES          232 to 65551, default 65551\n"
    "  --checksum verify|require   default verify\n"
    "What is shown:\n"
    "  --json                      an object for each header instead of text\n"
    "\n"
    "Exit status: 0 for one right header, 1 for anything else, 2 when the\n"
    "bytes cannot be read.\n";

enum {
    OPT_HEX = CHECK_OPTIONS_FIRST,
    OPT_LOG,
    OPT_FORMATS,
    OPT_MAX,
    OPT_CHECKSUM,
    OPT_JSON
};

static const apr_getopt_option_t table[] = {
    CHECK_OPTIONS_HELP,
    {"hex", OPT_HEX, 1, NULL},
    {"log", OPT_LOG, 1, NULL},
    {"formats", OPT_FORMATS, 1, NULL},
    {"max-header", OPT_MAX, 1, NULL},
    {"checksum", OPT_CHECKSUM, 1, NULL},
    {"json", OPT_JSON, 0, NULL},
    {NULL, 0, 0, NULL},
};

/* What was asked for. */
typedef struct {
    const char *file; /* NULL: not said */
    const char *hex;
    const char *log;
    pp_rules_t rules;
    int is_json;
} wish_t;

/* What was read. */
typedef struct {
    check_row_t row;
    const char *form; /* NULL: the bytes as they are */
} input_t;

static int read_checksum(const check_options_t *options, int *required)
{
    *required = strcmp(options->value, "require") == 0;
    if (*required || strcmp(options->value, "verify") == 0) {
        return 1;
    }
    return check_options_refuse(options, "verify or require");
}

/* One option or operand; 0 when it is not accepted. */
static int take(const check_options_t *options, int id, void *baton)
{
    wish_t *wish = baton;
    unsigned long number;

    switch (id) {
    case OPT_HEX:
        wish->hex = options->value;
        return 1;
    case OPT_LOG:
        wish->log = options->value;
        return 1;
    case OPT_FORMATS:
        return check_options_formats(options, &wish->rules.formats);
    case OPT_CHECKSUM:
        return read_checksum(options, &wish->rules.checksum_required);
    case OPT_MAX:
        if (!check_options_number(options, 232, PP_V2_MAX, &number)) {
            return 0;
        }
        wish->rules.max_len = number;
        return 1;
    case OPT_JSON:
        wish->is_json = 1;
        return 1;
    case CHECK_OPTIONS_OPERAND:
        return check_options_only(options, &wish->file, "one file only");
    default: /* CHECK_OPTIONS_WRONG: said already */
        return 0;
    }
}

static int read_options(apr_pool_t *p, int argc, const char *const *argv,
                        wish_t *wish)
{
    int rv;

    memset(wish, 0, sizeof(*wish));
    wish->rules = check_show_all;
    rv = check_options_walk(p, table, usage, argc, argv, take, wish);
    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    if ((wish->file != NULL) + (wish->hex != NULL) + (wish->log != NULL) > 1) {
        check_options_complain(NAME, "one of FILE, --hex and --log at a time");
        return CHECK_CANNOT;
    }
    return CHECK_OPTIONS_TAKEN;
}

/* Text of --hex or --log, or standard input's for `-`, to bytes. */
static int read_text(const char *option, const char *text, check_row_t *from,
                     check_row_t *row)
{
    size_t text_len = strlen(text);
    const char *accepted;

    if (strcmp(text, "-") == 0) {
        if (!check_bytes_read_file(NAME, "-", from)) {
            return 0;
        }
        text = (const char *)from->bytes;
        text_len = from->len;
        /* The line end of what was pasted or echoed. */
        while (text_len > 0 && strchr("\r\n", text[text_len - 1])) {
            text_len--;
        }
    }
    accepted = strcmp(option, "--hex") == 0
                   ? check_bytes_from_hex(text, text_len, row)
                   : check_bytes_from_log(text, text_len, row);
    if (accepted) {
        check_options_complain(NAME, "%s: accepted is %s", option, accepted);
        return 0;
    }
    return 1;
}

/* A name for the shell, where it needs to be quoted. */
static const char *quote(apr_pool_t *p, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+";
    const char *quoted = "'";

    if (name[strspn(name, plain)] == '\0') {
        return name;
    }
    for (; *name; name++) {
        quoted = *name == '\'' ? apr_pstrcat(p, quoted, "'\\''", NULL)
                               : apr_psprintf(p, "%s%c", quoted, *name);
    }
    return apr_pstrcat(p, quoted, "'", NULL);
}

/* Packets are tshark's matter: it follows connections, and knows links. */
static int refuse_capture(apr_pool_t *p, const char *file, const char *form)
{
    fprintf(stderr, CHECK_PROGRAM " " NAME ": %s: a capture file (%s). Take"
                    " the bytes out of it with:\n"
                    "  tshark -r %s -Y 'tcp.len > 0' -T fields"
                    " -e tcp.payload | head -n 1 | " CHECK_PROGRAM
                    " " NAME "\n",
            strcmp(file, "-") == 0 ? "standard input" : file, form,
            quote(p, file));
    return 0;
}

/* Of any kind, readable or not. */
static int is_file(apr_pool_t *p, const char *name)
{
    apr_finfo_t info;
    apr_status_t rv = apr_stat(&info, name, APR_FINFO_TYPE, p);

    return rv == APR_SUCCESS || rv == APR_INCOMPLETE
           || APR_STATUS_IS_EACCES(rv);
}

/* A file, standard input, or bytes in the operand itself; 0 after a
 * complaint. */
static int read_operand(apr_pool_t *p, const char *operand, check_row_t *from,
                        input_t *input)
{
    const char *capture;

    if (strcmp(operand, "-") != 0 && !is_file(p, operand)) {
        input->form = check_forms_read((const uint8_t *)operand,
                                       strlen(operand), &input->row);
        if (input->form) {
            return 1;
        }
    }
    if (!check_bytes_read_file(NAME, operand, from)) {
        return 0;
    }
    capture = check_forms_capture(from->bytes, from->len);
    if (capture) {
        return refuse_capture(p, operand, capture);
    }
    input->form = check_forms_read(from->bytes, from->len, &input->row);
    return 1;
}

static int read_bytes(apr_pool_t *p, const wish_t *wish, input_t *input)
{
    check_row_t from;

    from.size = (size_t)CHECK_FORMS_MAX;
    from.bytes = apr_palloc(p, from.size);
    from.len = 0;
    if (wish->hex) {
        return read_text("--hex", wish->hex, &from, &input->row);
    }
    if (wish->log) {
        return read_text("--log", wish->log, &from, &input->row);
    }
    return read_operand(p, wish->file ? wish->file : "-", &from, input);
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
    pp_reason_t fault;
    pp_tlv_t ssl;

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
    if (!pp_tlv_find_ssl(header->tlvs, header->tlvs_len, &ssl, &fault)
        && fault != PP_OK) {
        check_column_name(stdout, "note");
        printf("%s: what it says of TLS is left out\n",
               pp_reason_text(fault));
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

/* One object for each header. */
static int show_json(const input_t *input, const pp_rules_t *rules)
{
    const uint8_t *bytes = input->row.bytes;
    size_t len = input->row.len;
    check_json_t json = {stdout, 0};
    int is_right = 1;
    int count = 0;

    do {
        pp_header_t header;
        pp_answer_t answer = pp_decode(bytes, len, rules, &header);

        check_json_open(&json, NULL, '{');
        check_json_text(&json, "form", input->form ? input->form : "bytes");
        check_object_header(&json, bytes, len, &answer, &header, NULL);
        check_json_end(&json);
        is_right = is_right && answer.status == PP_DONE;
        len -= is_right ? answer.len : 0;
        bytes += is_right ? answer.len : 0;
        count++;
    } while (is_right && check_guess(bytes, len) == CHECK_HEADER);
    return is_right && count == 1 ? CHECK_RIGHT : CHECK_WRONG;
}

int check_decode(apr_pool_t *p, int argc, const char *const *argv)
{
    input_t input;
    wish_t wish;
    int rv = read_options(p, argc, argv, &wish);

    if (rv != CHECK_OPTIONS_TAKEN) {
        return rv;
    }
    memset(&input, 0, sizeof(input));
    input.row.size = CHECK_INPUT_MAX;
    input.row.bytes = apr_palloc(p, input.row.size);
    if (!read_bytes(p, &wish, &input)) {
        return CHECK_CANNOT;
    }
    if (wish.is_json) {
        return show_json(&input, &wish.rules);
    }
    if (input.form) {
        check_column_name(stdout, "read as");
        printf("%s\n", input.form);
    }
    return show_all(&input.row, &wish.rules);
}
