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
 * The memory that all processes of the server share, kept over restarts.
 *
 * Every child can write it, and the parent, which runs as root, reads it.  So
 * it holds plain counters and records of a fixed size, and nothing that could
 * lead a reader anywhere: how large it is, what is where, how many rows are in
 * use and what they are called is in each process's own memory, which
 * children have from the parent as it was when they were made.  Whoever reads
 * a record takes nothing in it for granted: see proxyip_refusals.c.
 */

#ifndef PROXYIP_BLOCK_H
#define PROXYIP_BLOCK_H

#include <apr_tables.h>

#include "protocol/pp.h"
#include "proxyip_private.h"

/* What is counted of a listener: each connection once. */
typedef enum {
    PROXYIP_COUNT_ACCEPTED_V1,
    PROXYIP_COUNT_ACCEPTED_V2,
    PROXYIP_COUNT_LOCAL,
    PROXYIP_COUNT_UNKNOWN,
    PROXYIP_COUNT_ABSENT,
    PROXYIP_COUNT_DIRECT,
    PROXYIP_COUNT_REJECTED,
    PROXYIP_COUNT_MISSING,
    PROXYIP_COUNT_MALFORMED,
    PROXYIP_COUNT_TOO_LARGE,
    PROXYIP_COUNT_BAD_CHECKSUM,
    PROXYIP_COUNT_TIMED_OUT,
    PROXYIP_COUNT_CLOSED_EARLY,
    PROXYIP_COUNT_EVICTED,
    PROXYIP_COUNTS
} proxyip_count_t;

/* A connection that was refused.  Any value can be read from it. */
typedef struct {
    apr_uint64_t serial;  /* which of its kind, from 1; 0 unfinished */
    apr_int64_t time;     /* of day, to be shown; it may jump */
    apr_int64_t moment;   /* on proxyip_clock_now()'s clock */
    apr_uint32_t outcome; /* a proxyip_outcome_t */
    apr_uint32_t reason;  /* a pp_reason_t */
    apr_uint32_t look;    /* a pp_look_t */
    apr_uint32_t family;  /* of the peer: a pp_family_t */
    apr_byte_t peer[16];
} proxyip_record_t;

/* Refusals that are kept of each kind.  More than one, so that there is one to
 * read while the next is written. */
#define PROXYIP_KEPT 4

/* A listener's refusals of one kind of peer. */
typedef struct {
    apr_uint64_t count;
    proxyip_record_t kept[PROXYIP_KEPT]; /* refusal n is at n % KEPT */
} proxyip_records_t;

/** A listener's row, in shared memory: accessed atomically, but for what is in
 * a record. */
struct proxyip_counters_t {
    apr_uint64_t counts[PROXYIP_COUNTS];
    proxyip_records_t named;     /* peers that a range narrower than /0 holds */
    proxyip_records_t strangers; /* all others: warnings name only these */
    apr_uint64_t unsaid;   /* refused strangers that no warning counted */
    apr_int64_t warned_at; /* on proxyip_clock_now()'s clock; 0 never */
};

/** A child's place, in shared memory: accessed atomically. */
typedef struct {
    apr_uint32_t pid; /* 0 free */
    apr_uint32_t waiting;
} proxyip_place_t;

/**
 * Give every listener that is On its row: the one that it had before a
 * restart, or a new one.  Without shared memory each child has rows of its
 * own, which is logged.
 * @param main_s the main server
 * @param listeners what proxyip_listeners_attach() found
 * @remark for post_config, and there not for the first of its two runs at
 *         the start, after which the module is loaded anew
 */
void proxyip_block_attach(server_rec *main_s,
                          const apr_array_header_t *listeners);

/** @return how many rows are in use, those of earlier configurations
 * included; 0 before there is a block */
int proxyip_block_rows(void);

/** @return one of them, from 0 */
proxyip_counters_t *proxyip_block_row(int n);

/** @return the name of the listener whose row it is; those that found no row
 * share one, and its name */
const char *proxyip_block_name(const proxyip_counters_t *row);

/** @return since when is counted */
apr_time_t proxyip_block_since(void);

/** @return how many children have a place; 0 before there is a block */
int proxyip_block_places(void);

/** @return one of the places, from 0 */
proxyip_place_t *proxyip_block_place(int n);

#endif /* PROXYIP_BLOCK_H */
