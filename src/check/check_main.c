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
 * proxyip-check: what a load balancer sends, and what a listener makes of it.
 *
 *   decode   what some bytes say            check_decode.c
 *   send     a header and a request         check_send.c
 *   probe    good and bad headers           check_probe.c
 *   listen   show every header that comes   check_listen.c
 *   relay    add a header, or take it off   check_relay.c
 *
 * On the same decoder as the module, so what is said here is what the module
 * does.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_signal.h>

#include "check/check.h"
#include "check/check_options.h"

static const char usage[] =
    "usage: " CHECK_PROGRAM " COMMAND [OPTION ...] [ARGUMENT ...]\n"
    "\n"
    "Look at PROXY protocol headers, versions 1 and 2.\n"
    "\n"
    "  decode [FILE]        say what some bytes say\n"
    "  send HOST:PORT       send a header and a request, say what came back\n"
    "  probe HOST:PORT      send good and bad headers, say what the listener\n"
    "                       did\n"
    "  listen [ADDR:]PORT   say what header each connection brings\n"
    "  relay LISTEN TARGET  add a header to each connection, or take it off\n"
    "\n"
    "  COMMAND --help       the command's options; -h\n"
    "  --version            -V\n"
    "\n"
    "Exit status: 0 right, 1 not right, 2 wrong usage or impossible.\n";

typedef struct {
    const char *name;
    int (*run)(apr_pool_t *p, int argc, const char *const *argv);
} command_t;

static const command_t commands[] = {
    {"decode", check_decode}, {"send", check_send},
    {"probe", check_probe},   {"listen", check_listen},
    {"relay", check_relay},
};

static int is_either(const char *text, const char *one, const char *other)
{
    return strcmp(text, one) == 0 || strcmp(text, other) == 0;
}

static int run(apr_pool_t *p, int argc, const char *const *argv)
{
    const char *name = argv[0];
    size_t i;

    if (is_either(name, "--help", "-h") || strcmp(name, "help") == 0) {
        fputs(usage, stdout);
        return CHECK_RIGHT;
    }
    if (is_either(name, "--version", "-V")) {
        puts(CHECK_PROGRAM " " CHECK_VERSION);
        return CHECK_RIGHT;
    }
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(p, argc, argv);
        }
    }
    check_options_complain(NULL, "'%s': accepted is decode, send, probe,"
                                 " listen or relay", name);
    return CHECK_CANNOT;
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *p;
    int status;

    if (argc < 2) {
        fputs(usage, stderr);
        return CHECK_CANNOT;
    }
    apr_app_initialize(&argc, &argv, NULL);
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    /* A write to a closed connection fails, and that is told. */
    apr_signal(SIGPIPE, SIG_IGN);
    status = run(p, argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, CHECK_PROGRAM ": output cannot be written\n");
        return CHECK_CANNOT;
    }
    return status;
}
