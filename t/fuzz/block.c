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
 * The block of shared memory, written at random: nothing that reads it may
 * read outside it, hang, or say what it did not say itself.  The parent runs
 * as root, and any child can write.
 *
 * input: steps of one byte each (see step()), and what each takes.
 */

#include "report/proxyip_block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ap_mpm.h>
#include <apr_escape.h>
#include <apr_general.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "exact.h"
#include "fuzz.h"
#include "proxyip_clock.h"
#include "report/proxyip_children.h"
#include "report/proxyip_counters.h"
#include "report/proxyip_refusals.h"
#include "report/proxyip_status.h"
#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"

#define DAEMONS 3
#define MOST_LISTENERS 70 /* more than there are spare rows */
#define MOST_TEXT 200000
#define START apr_time_from_sec(1000)

/* core's is 0. */
module AP_MODULE_DECLARE_DATA proxyip_module = {.module_index = 1};

/* The process: what it keeps over restarts, and what a run has done so far. */
static struct {
    apr_pool_t *pool;
    server_rec server;
    process_rec process;
    conn_rec c;
    proxyip_conf_t conf;
    apr_array_header_t *listeners;
    void *retained;
    uint8_t *memory; /* the block */
    size_t memory_size;
    apr_time_t now;
    int lines; /* in the error log */
    char text[MOST_TEXT]; /* of mod_status */
    size_t text_len;
} run;

void *ap_retained_data_get(const char *key)
{
    require(strncmp(key, "mod_proxyip/", 12) == 0, "the key is ours");
    return run.retained;
}

void *ap_retained_data_create(const char *key, apr_size_t size)
{
    (void)key;
    run.retained = exact_palloc(run.pool, size);
    memset(run.retained, 0, size);
    return run.retained;
}

/* Of exactly its size, so that a byte outside it shows. */
apr_status_t apr_shm_create(apr_shm_t **shm, apr_size_t size, const char *file,
                            apr_pool_t *p)
{
    (void)file;
    (void)p;
    run.memory = exact_palloc(run.pool, size);
    run.memory_size = size;
    *shm = NULL;
    return APR_SUCCESS;
}

void *apr_shm_baseaddr_get(const apr_shm_t *shm)
{
    (void)shm;
    return run.memory;
}

apr_status_t ap_mpm_query(int query, int *result)
{
    require(query == AP_MPMQ_HARD_LIMIT_DAEMONS, "only this is asked for");
    *result = DAEMONS;
    return APR_SUCCESS;
}

apr_time_t proxyip_clock_now(void)
{
    return run.now;
}

proxyip_conf_t *proxyip_conf_get(const server_rec *s)
{
    (void)s;
    return &run.conf;
}

int proxyip_listeners_is_on(const proxyip_listener_t *listener)
{
    return listener->port != 0;
}

server_rec *proxyip_listeners_server(const proxyip_listener_t *listener, int i)
{
    (void)listener;
    (void)i;
    return &run.server;
}

/* Nothing but what is printed may come of any bytes. */
static void check_text(const char *text, const char *more)
{
    for (; *text; text++) {
        require((*text >= ' ' && *text <= '~') || strchr(more, *text),
                "only printed characters are shown");
    }
}

void ap_log_error_(const char *file, int line, int module_index, int level,
                   apr_status_t status, const server_rec *s,
                   const char *format, ...)
{
    char text[1024];
    va_list args;

    (void)file;
    (void)line;
    (void)module_index;
    (void)status;
    require(level == APLOG_WARNING && s == &run.server, "a warning of ours");
    va_start(args, format);
    require(apr_vsnprintf(text, sizeof(text), format, args)
                < (int)sizeof(text) - 1,
            "a line is short");
    va_end(args);
    check_text(text, "");
    require(strncmp(text, "PIP0046: ", 9) == 0, "it has its number");
    run.lines++;
}

static void add_text(const char *text, size_t len)
{
    require(run.text_len + len < sizeof(run.text), "a page is bounded");
    memcpy(run.text + run.text_len, text, len);
    run.text_len += len;
    run.text[run.text_len] = '\0';
}

int ap_rwrite(const void *text, int len, request_rec *r)
{
    (void)r;
    add_text(text, (size_t)len);
    return len;
}

int ap_rprintf(request_rec *r, const char *format, ...)
{
    va_list args;
    const char *text;

    va_start(args, format);
    text = apr_pvsprintf(r->pool, format, args);
    va_end(args);
    return ap_rwrite(text, (int)strlen(text), r);
}

char *ap_ht_time(apr_pool_t *p, apr_time_t time, const char *format, int gmt)
{
    apr_time_exp_t exploded;
    apr_size_t len;
    char text[64];

    require(gmt && apr_time_exp_gmt(&exploded, time) == APR_SUCCESS,
            "it is a time");
    require(apr_strftime(text, &len, sizeof(text), format, &exploded)
                    == APR_SUCCESS
                && strlen(text) == sizeof("2026-01-01T00:00:00Z") - 1,
            "it is a time of our era");
    return apr_pstrdup(p, text);
}

char *ap_escape_html2(apr_pool_t *p, const char *text, int to_ascii)
{
    return (char *)apr_pescape_entity(p, text, to_ascii);
}

static void write_block(input_t *input)
{
    size_t at = run.memory_size * take_uint16(input) / 65536;
    size_t len = take_byte(input);

    for (; len > 0 && at < run.memory_size; at++, len--) {
        run.memory[at] = take_byte(input);
    }
}

/* The same value again and again from somewhere on: pids, counts, families. */
static void write_pattern(input_t *input)
{
    size_t at = run.memory_size * take_uint16(input) / 65536;
    uint8_t pattern[8];
    size_t i;

    for (i = 0; i < sizeof(pattern); i++) {
        pattern[i] = take_byte(input);
    }
    for (at -= at % 8; at + 8 <= run.memory_size; at += 8) {
        memcpy(run.memory + at, pattern, 8);
    }
}

/* A (re)start with so many listeners, of which some are Off. */
static void restart(input_t *input)
{
    int count = 1 + take_byte(input) % MOST_LISTENERS;
    int first = take_byte(input) % 3 * MOST_LISTENERS;
    int rows = run.retained ? proxyip_block_rows() : 0;
    int i;

    run.listeners = apr_array_make(run.pool, count,
                                   sizeof(proxyip_listener_t *));
    for (i = 0; i < count; i++) {
        proxyip_listener_t *listener = apr_pcalloc(run.pool,
                                                   sizeof(*listener));

        listener->name = apr_psprintf(run.pool, "10.0.0.5:%d", first + i);
        listener->port = (apr_port_t)((first + i) % 8);
        APR_ARRAY_PUSH(run.listeners, proxyip_listener_t *) = listener;
    }
    proxyip_block_attach(&run.server, run.listeners);
    proxyip_refusals_attach(run.listeners);
    require(proxyip_block_rows() >= rows, "no row is lost");
    for (i = 0; i < count; i++) {
        const proxyip_listener_t *listener;

        listener = APR_ARRAY_IDX(run.listeners, i, proxyip_listener_t *);
        require((listener->counters != NULL) == (listener->port != 0),
                "who is On has a row");
        require(!listener->counters
                    || strcmp(proxyip_block_name(listener->counters),
                              listener->name) == 0
                    || strcmp(proxyip_block_name(listener->counters),
                              "other listeners") == 0,
                "its own, or the shared one");
    }
}

static void refuse(input_t *input)
{
    proxyip_conn_t conn;
    apr_sockaddr_t peer;
    pp_addr_t addr;
    uint8_t which = take_byte(input);

    memset(&conn, 0, sizeof(conn));
    memset(&addr, 0, sizeof(addr));
    addr.family = which & 1 ? PP_INET : PP_INET6;
    addr.bytes[0] = take_byte(input);
    proxyip_conn_fill_sockaddr(&peer, run.pool, &addr, 7);
    conn.c = &run.c;
    conn.server = &run.server;
    conn.peer_addr = &peer;
    conn.outcome = which & 2 ? PROXYIP_MALFORMED : PROXYIP_REJECTED;
    conn.reason = which & 2 ? PP_BAD_SIGNATURE : PP_OK;
    conn.listener = APR_ARRAY_IDX(run.listeners,
                                  (which >> 2) % run.listeners->nelts,
                                  proxyip_listener_t *);
    proxyip_counters_add(&conn);
    proxyip_refusals_add(&conn);
}

/* Warnings: of each listener one, and no second at once. */
static void monitor(void)
{
    run.lines = 0;
    proxyip_refusals_monitor(run.pool, &run.server);
    require(run.lines <= run.listeners->nelts, "one line of each listener");
    run.lines = 0;
    proxyip_refusals_monitor(run.pool, &run.server);
    require(run.lines == 0, "once a minute");
}

static void show_status(input_t *input)
{
    request_rec r;

    memset(&r, 0, sizeof(r));
    r.pool = run.pool;
    run.text_len = 0;
    proxyip_status_show(&r, take_byte(input));
    check_text(run.text, "\n");
}

static void end_child(input_t *input)
{
    proxyip_children_status(&run.server, take_uint16(input), 0, 0,
                            MPM_CHILD_EXITED);
    proxyip_children_has_siblings();
    proxyip_children_add_waiting(1);
    proxyip_children_add_waiting(-1);
}

static void step(input_t *input)
{
    switch (take_byte(input) % 9) {
    case 0:
    case 1:
        write_block(input);
        break;
    case 2:
        write_pattern(input);
        break;
    case 3:
        restart(input);
        break;
    case 4:
        refuse(input);
        break;
    case 5:
        monitor();
        break;
    case 6:
        show_status(input);
        break;
    case 7:
        end_child(input);
        break;
    case 8:
        run.now += apr_time_from_sec(take_byte(input));
        break;
    }
}

/* A child of its own for each run: what child_init sets is not of use again
 * once the block is another. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    input_t input = {bytes, len};

    apr_initialize();
    memset(&run, 0, sizeof(run));
    run.now = START;
    apr_pool_create(&run.pool, NULL);
    run.process.pool = run.pool;
    run.server.process = &run.process;
    restart(&input);
    proxyip_children_init();
    while (input.left > 0) {
        step(&input);
    }
    apr_pool_destroy(run.pool);
    apr_terminate();
    return 0;
}
