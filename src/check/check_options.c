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
 * Options.  apr_getopt_long() walks; its messages do not say what would be
 * accepted, so those here are the program's own.
 */

#include "check/check_options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/check.h"

#define NUMBER_MAX 4294967295ul

/* There are no more operands. */
#define END 0

#define HELP 'h' /* see CHECK_OPTIONS_HELP */

void check_options_complain(const char *command, const char *format, ...)
{
    va_list list;

    fprintf(stderr, CHECK_PROGRAM "%s%s: ", command ? " " : "",
            command ? command : "");
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "\nTry `" CHECK_PROGRAM "%s%s --help`.\n",
            command ? " " : "", command ? command : "");
}

int check_options_refuse(const check_options_t *options, const char *accepted)
{
    check_options_complain(options->command, "%s '%s': accepted is %s",
                           options->option,
                           options->value ? options->value : "", accepted);
    return 0;
}

static void begin(check_options_t *options, apr_pool_t *p,
                  const apr_getopt_option_t *table, int argc,
                  const char *const *argv)
{
    memset(options, 0, sizeof(*options));
    options->command = argv[0];
    options->table = table;
    /* There is no error but of memory, which APR ends the program for. */
    apr_getopt_init(&options->os, p, argc, argv);
    options->os->interleave = 1;
    options->os->errfn = NULL;
}

/* Note which option it was, for messages. */
static void set_option(check_options_t *options, int id)
{
    const apr_getopt_option_t *row = options->table;

    while (row->optch != id) {
        row++;
    }
    if (row->name) {
        snprintf(options->option, sizeof(options->option), "--%s", row->name);
    }
    else {
        snprintf(options->option, sizeof(options->option), "-%c", id);
    }
}

/* What apr_getopt_long() has not accepted is the argument it came to last. */
static int complain(const check_options_t *options, apr_status_t rv)
{
    const char *argument = options->os->argv[options->os->ind - 1];
    const char *equals = strchr(argument, '=');

    if (rv == APR_BADARG) {
        check_options_complain(options->command, equals
                                   ? "%s: this option takes no value"
                                   : "%s: its value is missing", argument);
    }
    else {
        check_options_complain(options->command, "%s: no such option",
                               argument);
    }
    return CHECK_OPTIONS_WRONG;
}

static int next_operand(check_options_t *options)
{
    apr_getopt_t *os = options->os;

    options->are_operands = 1;
    if (os->ind == os->argc) {
        return END;
    }
    snprintf(options->option, sizeof(options->option), "operand");
    options->value = os->argv[os->ind++];
    return CHECK_OPTIONS_OPERAND;
}

/* The next option, and after the last the next operand. */
static int next(check_options_t *options)
{
    apr_status_t rv = APR_EOF;
    int id = 0;

    options->value = NULL;
    while (!options->are_operands) {
        rv = apr_getopt_long(options->os, options->table, &id,
                             &options->value);
        /* A lone `-`, standard input, is no option to APR and is skipped as
         * an operand when we go on. */
        if (rv != APR_BADCH
            || strcmp(options->os->argv[options->os->ind - 1], "-") != 0) {
            break;
        }
    }
    if (rv == APR_EOF) {
        return next_operand(options);
    }
    if (rv != APR_SUCCESS) {
        return complain(options, rv);
    }
    set_option(options, id);
    return id;
}

int check_options_walk(apr_pool_t *p, const apr_getopt_option_t *table,
                       const char *usage, int argc, const char *const *argv,
                       check_options_take_t *take, void *baton)
{
    check_options_t options;
    int id;

    begin(&options, p, table, argc, argv);
    while ((id = next(&options)) != END) {
        if (id == HELP) {
            fputs(usage, stdout);
            return CHECK_RIGHT;
        }
        if (!take(&options, id, baton)) {
            return CHECK_CANNOT;
        }
    }
    return CHECK_OPTIONS_TAKEN;
}

int check_options_only(const check_options_t *options, const char **operand,
                       const char *accepted)
{
    if (*operand) {
        return check_options_refuse(options, accepted);
    }
    *operand = options->value;
    return 1;
}

int check_options_plain(const check_options_t *options, const char *accepted,
                        const char **text)
{
    const char *at = options->value;

    while (isgraph((unsigned char)*at)) {
        at++;
    }
    if (*at != '\0' || at == options->value) {
        return check_options_refuse(options, accepted);
    }
    *text = options->value;
    return 1;
}

int check_options_digits(const char *text, const char **end,
                         unsigned long *number)
{
    unsigned long value = 0;
    const char *at = text;

    while (*at >= '0' && *at <= '9') {
        unsigned long digit = (unsigned long)(*at - '0');

        if (value > (NUMBER_MAX - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
        at++;
    }
    *end = at;
    *number = value;
    return at > text;
}

int check_options_number(const check_options_t *options, unsigned long min,
                         unsigned long max, unsigned long *number)
{
    const char *end;
    char accepted[80];

    if (check_options_digits(options->value, &end, number) && *end == '\0'
        && *number >= min && *number <= max) {
        return 1;
    }
    snprintf(accepted, sizeof(accepted), "a number from %lu to %lu", min,
             max);
    return check_options_refuse(options, accepted);
}

int check_options_time(const check_options_t *options,
                       apr_interval_time_t *time)
{
    unsigned long number;
    const char *unit;

    if (check_options_digits(options->value, &unit, &number)
        && number <= 3600000) {
        apr_interval_time_t ms = strcmp(unit, "ms") == 0 ? 1
                                 : *unit == '\0' || strcmp(unit, "s") == 0
                                     ? 1000
                                     : 0;

        ms *= (apr_interval_time_t)number;
        if (ms >= 1 && ms <= 3600000) {
            *time = apr_time_from_msec(ms);
            return 1;
        }
    }
    return check_options_refuse(options, "a time from 1ms to 3600s: 500ms,"
                                         " 2s, or plain seconds");
}

int check_options_formats(const check_options_t *options,
                          unsigned int *formats)
{
    static const struct {
        const char *word;
        unsigned int formats;
    } words[] = {
        {"v1", PP_FORMAT_V1},
        {"v2", PP_FORMAT_V2},
        {"v1,v2", PP_FORMAT_V1 | PP_FORMAT_V2},
        {"v2,v1", PP_FORMAT_V1 | PP_FORMAT_V2},
    };
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(options->value, words[i].word) == 0) {
            *formats = words[i].formats;
            return 1;
        }
    }
    return check_options_refuse(options, "v1, v2, or v1,v2");
}
