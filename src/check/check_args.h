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
 * Arguments of a command: options and operands in any order, and messages
 * that name the option, its value and what is accepted.
 */

#ifndef CHECK_ARGS_H
#define CHECK_ARGS_H

#include <stdint.h>

/* How an option has its value. */
typedef enum {
    CHECK_ARGS_FLAG,    /* none */
    CHECK_ARGS_VALUE,   /* --name=VALUE or --name VALUE */
    CHECK_ARGS_OPTIONAL /* --name or --name=VALUE */
} check_args_kind_t;

/** One option that a command knows.  A table ends with a NULL name. */
typedef struct {
    const char *name; /* without its dashes; one letter: -v */
    check_args_kind_t kind;
    int id; /* greater than zero, the command's own */
} check_option_t;

/** A walk over arguments.  The caller fills the first four. */
typedef struct {
    const char *command; /* for messages */
    const check_option_t *options;
    int argc;
    char **argv;
    int at;             /* next argument; 0 at first */
    int operands_only;  /* `--` was seen; 0 at first */
    const char *option; /* the option taken last, as it was typed */
    const char *value;  /* its value, or an operand, or NULL */
} check_args_t;

/* Answers of check_args_next() besides an option's id. */
#define CHECK_ARGS_END 0
#define CHECK_ARGS_OPERAND (-1)
#define CHECK_ARGS_WRONG (-2)

/**
 * Take the next argument.
 * @param args the walk
 * @return an option's id; CHECK_ARGS_OPERAND with args->value set;
 *         CHECK_ARGS_END; CHECK_ARGS_WRONG when there is no such option, or
 *         its value is missing, and a message was printed
 */
int check_args_next(check_args_t *args);

/**
 * Say on standard error that the last option's value is not accepted.
 * @param args the walk
 * @param accepted what would be
 * @return 0, so that a reader can return it
 */
int check_args_refuse(const check_args_t *args, const char *accepted);

/**
 * Read the last option's value.  Each says on standard error what is wrong.
 * @param args the walk
 * @param min least value accepted
 * @param max largest value accepted
 * @param number set on success
 * @return 1 on success, else 0
 */
int check_args_number(const check_args_t *args, unsigned long min,
                      unsigned long max, unsigned long *number);

/**
 * The same for a time: `500ms`, `2s`, or plain seconds; 1 ms to 1 hour.
 * @param args the walk
 * @param time_ms set on success, in milliseconds
 * @return 1 on success, else 0
 */
int check_args_time(const check_args_t *args, int64_t *time_ms);

/**
 * The same for header formats: v1, v2 or v1,v2.
 * @param args the walk
 * @param formats set on success to PP_FORMAT_V1, PP_FORMAT_V2 or both
 * @return 1 on success, else 0
 */
int check_args_formats(const check_args_t *args, unsigned int *formats);

/**
 * Read a decimal number, digits only.
 * @param text NUL-terminated
 * @param end set to the first byte that is no digit
 * @param number set to the number; at most 4294967295
 * @return 1; 0 without a digit or when it is too large
 */
int check_args_digits(const char *text, const char **end,
                      unsigned long *number);

/**
 * Complain on standard error and point to --help.
 * @param command the command's name, or NULL for the program's own
 * @param format of printf
 */
void check_args_complain(const char *command, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

#endif /* CHECK_ARGS_H */
