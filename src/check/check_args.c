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
 * Arguments.  The program's own reading of them, because getopt_long() is
 * not in POSIX and its messages do not say what would be accepted.
 */

#include "check/check_args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/check.h"

#define NUMBER_MAX 4294967295ul

void check_args_complain(const char *command, const char *format, ...)
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

int check_args_refuse(const check_args_t *args, const char *accepted)
{
    check_args_complain(args->command, "%s '%s': accepted is %s",
                        args->option, args->value ? args->value : "",
                        accepted);
    return 0;
}

/* The option that an argument names; *value is what stands behind its `=`. */
static const check_option_t *find_option(const check_args_t *args,
                                         const char *argument,
                                         const char **value)
{
    const char *name = argument + 1;
    const check_option_t *option;
    size_t name_len;

    if (*name == '-') {
        name++;
    }
    name_len = strcspn(name, "=");
    *value = name[name_len] == '=' ? name + name_len + 1 : NULL;
    for (option = args->options; option->name; option++) {
        if (strlen(option->name) == name_len
            && strncmp(option->name, name, name_len) == 0
            && (name_len == 1) == (argument[1] != '-')) {
            return option;
        }
    }
    return NULL;
}

static int take_option(check_args_t *args, const char *argument)
{
    const char *value;
    const check_option_t *option = find_option(args, argument, &value);

    args->option = argument;
    args->value = value;
    if (!option) {
        check_args_complain(args->command, "%s: no such option", argument);
        return CHECK_ARGS_WRONG;
    }
    if (option->kind == CHECK_ARGS_FLAG && value) {
        check_args_complain(args->command, "%s: --%s takes no value",
                            argument, option->name);
        return CHECK_ARGS_WRONG;
    }
    if (option->kind == CHECK_ARGS_VALUE && !value) {
        if (args->at == args->argc) {
            check_args_complain(args->command, "%s: its value is missing",
                                argument);
            return CHECK_ARGS_WRONG;
        }
        args->value = args->argv[args->at++];
    }
    return option->id;
}

int check_args_next(check_args_t *args)
{
    const char *argument;

    if (args->at == args->argc) {
        return CHECK_ARGS_END;
    }
    argument = args->argv[args->at++];
    if (!args->operands_only && strcmp(argument, "--") == 0) {
        args->operands_only = 1;
        if (args->at == args->argc) {
            return CHECK_ARGS_END;
        }
        argument = args->argv[args->at++];
    }
    /* A lone `-` is an operand: standard input. */
    if (!args->operands_only && argument[0] == '-' && argument[1] != '\0') {
        return take_option(args, argument);
    }
    args->option = "operand";
    args->value = argument;
    return CHECK_ARGS_OPERAND;
}

int check_args_digits(const char *text, const char **end,
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

int check_args_number(const check_args_t *args, unsigned long min,
                      unsigned long max, unsigned long *number)
{
    const char *end;
    char accepted[80];

    if (check_args_digits(args->value, &end, number) && *end == '\0'
        && *number >= min && *number <= max) {
        return 1;
    }
    snprintf(accepted, sizeof(accepted), "a number from %lu to %lu", min,
             max);
    return check_args_refuse(args, accepted);
}

int check_args_time(const check_args_t *args, int64_t *time_ms)
{
    unsigned long number;
    const char *unit;

    if (check_args_digits(args->value, &unit, &number)
        && number <= 3600000) {
        int64_t scale = strcmp(unit, "ms") == 0                   ? 1
                        : *unit == '\0' || strcmp(unit, "s") == 0 ? 1000
                                                                  : 0;

        *time_ms = scale * (int64_t)number;
        if (*time_ms >= 1 && *time_ms <= 3600000) {
            return 1;
        }
    }
    return check_args_refuse(args, "a time from 1ms to 3600s: 500ms, 2s, or"
                                   " plain seconds");
}

int check_args_formats(const check_args_t *args, unsigned int *formats)
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
        if (strcmp(args->value, words[i].word) == 0) {
            *formats = words[i].formats;
            return 1;
        }
    }
    return check_args_refuse(args, "v1, v2, or v1,v2");
}
