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
 * Options and operands of a command, in any order, by apr_getopt_long(); and
 * messages that name the option, its value and what is accepted.
 */

#ifndef CHECK_OPTIONS_H
#define CHECK_OPTIONS_H

#include <stdint.h>

#include <apr_getopt.h>
#include <apr_pools.h>
#include <apr_time.h>

/** A walk over a command's arguments. */
typedef struct {
    const char *command; /* for messages */
    const apr_getopt_option_t *table;
    apr_getopt_t *os;
    int are_operands;  /* the options have all been taken */
    char option[40];   /* the one taken last: --name, -x, or "operand" */
    const char *value; /* its value, or an operand, or NULL */
} check_options_t;

/* Ids of what is no option in a table. */
#define CHECK_OPTIONS_OPERAND (-1)
#define CHECK_OPTIONS_WRONG (-2)

/* No exit status: the command goes on. */
#define CHECK_OPTIONS_TAKEN (-1)

/* An id without a letter is larger than every letter. */
#define CHECK_OPTIONS_FIRST 0x100

/* What every command's table begins with. */
#define CHECK_OPTIONS_HELP {"help", 'h', 0, NULL}

/**
 * Take an option or an operand.
 * @param options the walk; its value is set for an operand, and for an option
 *        that has one
 * @param id the option's, but --help's; CHECK_OPTIONS_OPERAND; or
 *        CHECK_OPTIONS_WRONG when there is no such option, or its value is
 *        missing, and a message was printed
 * @param baton what the walk was given
 * @return 1 on success; 0 when it is wrong, and a message was printed
 */
typedef int check_options_take_t(const check_options_t *options, int id,
                                 void *baton);

/**
 * Take all options, in their order, and then all operands; or print the usage
 * as soon as --help comes.
 * @param p for as long as values are used
 * @param table the command's options; ends with an id of 0
 * @param usage what --help prints
 * @param argc number of arguments, the command's name counted
 * @param argv the command's name, and its arguments
 * @param take called for each
 * @param baton for take
 * @return CHECK_OPTIONS_TAKEN; else the command's exit status: CHECK_RIGHT
 *         after --help, CHECK_CANNOT when one is wrong
 */
int check_options_walk(apr_pool_t *p, const apr_getopt_option_t *table,
                       const char *usage, int argc, const char *const *argv,
                       check_options_take_t *take, void *baton);

/**
 * Say on standard error that the last option's value is not accepted.
 * @param options the walk
 * @param accepted what would be
 * @return 0, so that a reader can return it
 */
int check_options_refuse(const check_options_t *options,
                         const char *accepted);

/**
 * Take the last value as the command's one operand.
 * @param options the walk
 * @param operand set, unless it was set before
 * @param accepted what the message says of a second one
 * @return 1 on success, else 0
 */
int check_options_only(const check_options_t *options, const char **operand,
                       const char *accepted);

/**
 * Read the last option's value.  Each says on standard error what is wrong.
 * @param options the walk
 * @param min least value accepted
 * @param max largest value accepted
 * @param number set on success
 * @return 1 on success, else 0
 */
int check_options_number(const check_options_t *options, unsigned long min,
                         unsigned long max, unsigned long *number);

/**
 * The same for a time: `500ms`, `2s`, or plain seconds; 1 ms to 1 hour.
 * @param options the walk
 * @param time set on success
 * @return 1 on success, else 0
 */
int check_options_time(const check_options_t *options,
                       apr_interval_time_t *time);

/**
 * The same for header formats: v1, v2 or v1,v2.
 * @param options the walk
 * @param formats set on success to PP_FORMAT_V1, PP_FORMAT_V2 or both
 * @return 1 on success, else 0
 */
int check_options_formats(const check_options_t *options,
                          unsigned int *formats);

/**
 * The same for what can stand in a request's line or field: no byte that
 * would end it.
 * @param options the walk
 * @param accepted what the message says
 * @param text set on success
 * @return 1 on success, else 0
 */
int check_options_plain(const check_options_t *options, const char *accepted,
                        const char **text);

/**
 * Read a decimal number, digits only.
 * @param text NUL-terminated
 * @param end set to the first byte that is no digit
 * @param number set to the number; at most 4294967295
 * @return 1; 0 without a digit or when it is too large
 */
int check_options_digits(const char *text, const char **end,
                         unsigned long *number);

/**
 * Complain on standard error and point to --help.
 * @param command the command's name, or NULL for the program's own
 * @param format of printf
 */
void check_options_complain(const char *command, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

#endif /* CHECK_OPTIONS_H */
