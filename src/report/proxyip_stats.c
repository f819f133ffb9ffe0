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
 * Counters of all children, kept over restarts.
 *
 * One block of shared memory for the life of the process: a head, an entry
 * for each listener, and a place for each child.  Entries are found by the
 * listener's name and are never moved or given to another, because children
 * of earlier generations still count in them.
 *
 * The compiler's atomics rather than APR's: those may be made of a mutex,
 * which holds within one process only.
 */

#include "report/proxyip_stats.h"

#include <string.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <http_core.h>

#include "proxyip_clock.h"
#include "settings/proxyip_conf.h"
#include "settings/proxyip_listeners.h"

/* Under this name a restarted server finds the block again.  Its number grows
 * with every change of what the block holds, enumerations included: a newer
 * module may be loaded at a restart. */
#define RETAINED "mod_proxyip/stats/4"

/* Listeners beyond those of the first start that can get an entry; those
 * beyond share the last one. */
#define SPARE_ENTRIES 64
#define SHARED_NAME "other listeners"

/* Room for "[" IPv6 "]:65535". */
#define NAME_SIZE 56

/* Refusals that are kept of each kind.  More than one, so that there is one to
 * read while the next is written. */
#define KEPT 4

#define WARN_PERIOD_US apr_time_from_sec(60)

/* Never warned yet: longer ago than any period. */
#define NEVER_WARNED (-WARN_PERIOD_US)

typedef enum {
    COUNT_ACCEPTED_V1,
    COUNT_ACCEPTED_V2,
    COUNT_LOCAL,
    COUNT_UNKNOWN,
    COUNT_ABSENT,
    COUNT_DIRECT,
    COUNT_REJECTED,
    COUNT_MISSING,
    COUNT_MALFORMED,
    COUNT_TOO_LARGE,
    COUNT_BAD_CHECKSUM,
    COUNT_TIMED_OUT,
    COUNT_CLOSED_EARLY,
    COUNT_EVICTED,
    COUNTS
} count_t;

static const char *const count_names[COUNTS] = {
    [COUNT_ACCEPTED_V1] = "AcceptedV1",
    [COUNT_ACCEPTED_V2] = "AcceptedV2",
    [COUNT_LOCAL] = "Local",
    [COUNT_UNKNOWN] = "Unknown",
    [COUNT_ABSENT] = "Absent",
    [COUNT_DIRECT] = "Direct",
    [COUNT_REJECTED] = "Rejected",
    [COUNT_MISSING] = "Missing",
    [COUNT_MALFORMED] = "Malformed",
    [COUNT_TOO_LARGE] = "TooLarge",
    [COUNT_BAD_CHECKSUM] = "BadChecksum",
    [COUNT_TIMED_OUT] = "TimedOut",
    [COUNT_CLOSED_EARLY] = "ClosedEarly",
    [COUNT_EVICTED] = "Evicted",
};

/* A connection that was refused, in shared memory.  Written by whoever
 * refuses, without a lock: one that a child did not live to finish has the
 * serial 0. */
typedef struct {
    apr_uint64_t serial; /* which of its kind; 0 unfinished */
    apr_time_t time;     /* of day, to be shown; it may jump */
    apr_time_t moment;   /* on proxyip_clock_now()'s clock */
    pp_addr_t peer;
    proxyip_outcome_t outcome;
    pp_reason_t reason;
    pp_look_t look;
} refusal_t;

/* A listener's refusals of one kind of peer. */
typedef struct {
    apr_uint64_t count;
    refusal_t kept[KEPT]; /* refusal n is in kept[n % KEPT] */
} refusals_t;

struct proxyip_counters_t {
    char name[NAME_SIZE]; /* the listener's; written once, by the parent */
    apr_uint64_t counts[COUNTS];
    refusals_t named;     /* of peers that a range narrower than /0 holds */
    refusals_t strangers; /* of all others: warnings name only these */
    apr_uint64_t unsaid;  /* refused strangers that no warning counted */
    apr_time_t warned_at; /* on proxyip_clock_now()'s clock */
};

/* A child's place. */
typedef struct {
    apr_uint32_t pid; /* 0 free */
    apr_uint32_t waiting;
} place_t;

typedef struct {
    apr_time_t since;
    apr_size_t entry_size; /* as it was made; see is_usable() */
    int entries;     /* in use; the last of all is shared */
    int max_entries;
    int places;
} head_t;

/* What is kept for the next generation: an address that is the same in all
 * children, because it was mapped before they were made. */
typedef struct {
    head_t *head;
} retained_t;

/* Set by post_config, only read afterwards. */
static head_t *head;
static proxyip_counters_t *entries;
static place_t *places;
static apr_array_header_t *current; /* listeners of this configuration */

/* The child's own; set by child_init. */
static place_t *place;

static apr_size_t block_size(int max_entries, int max_places)
{
    return APR_ALIGN_DEFAULT(sizeof(head_t))
           + APR_ALIGN_DEFAULT((apr_size_t)max_entries * sizeof(*entries))
           + (apr_size_t)max_places * sizeof(*places);
}

static void find_parts(head_t *block)
{
    char *at = (char *)block;

    head = block;
    at += APR_ALIGN_DEFAULT(sizeof(head_t));
    entries = (proxyip_counters_t *)at;
    at += APR_ALIGN_DEFAULT((apr_size_t)head->max_entries * sizeof(*entries));
    places = (place_t *)at;
}

/* Nothing of ours may be left on the process's pool but memory: the module is
 * unloaded at each restart.  (apr_shm's own cleanup is APR's.) */
static head_t *make_block(server_rec *main_s, int max_entries, int max_places)
{
    apr_pool_t *p = main_s->process->pool;
    apr_size_t size = block_size(max_entries, max_places);
    apr_shm_t *shm;
    head_t *block;
    apr_status_t rv = apr_shm_create(&shm, size, NULL, p);

    if (rv == APR_SUCCESS) {
        block = apr_shm_baseaddr_get(shm);
        memset(block, 0, size);
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, main_s, PROXYIP_LOGNO(0009)
                     "no shared memory for counters: each child counts for"
                     " itself, and mod_status shows one child's counts");
        block = apr_pcalloc(p, size);
    }
    block->since = apr_time_now();
    block->entry_size = sizeof(*entries);
    block->max_entries = max_entries;
    block->places = max_places;
    return block;
}

/* Children of two generations may run at once; each place is one child's. */
static int count_places(void)
{
    int daemons = 0;

    if (ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons) != APR_SUCCESS
        || daemons < 1) {
        daemons = 1;
    }
    return 2 * daemons;
}

static proxyip_counters_t *find_entry(const char *name)
{
    proxyip_counters_t *entry;
    int i;

    for (i = 0; i < head->entries; i++) {
        if (strcmp(entries[i].name, name) == 0) {
            return &entries[i];
        }
    }
    if (head->entries == head->max_entries) {
        return &entries[head->entries - 1];
    }
    entry = &entries[head->entries];
    apr_cpystrn(entry->name, head->entries == head->max_entries - 1
                                 ? SHARED_NAME : name, NAME_SIZE);
    entry->warned_at = NEVER_WARNED;
    /* Children of earlier generations read it from now on. */
    __atomic_store_n(&head->entries, head->entries + 1, __ATOMIC_RELEASE);
    return entry;
}

/* A module that was changed without a thought of RETAINED starts anew. */
static int is_usable(const retained_t *retained)
{
    return retained->head
           && retained->head->entry_size == sizeof(*entries);
}

void proxyip_stats_attach(server_rec *main_s,
                          const apr_array_header_t *listeners)
{
    retained_t *retained = ap_retained_data_get(RETAINED);
    int i;

    if (!retained) {
        retained = ap_retained_data_create(RETAINED, sizeof(*retained));
    }
    if (!is_usable(retained)) {
        retained->head = make_block(main_s,
                                    listeners->nelts + SPARE_ENTRIES + 1,
                                    count_places());
    }
    find_parts(retained->head);
    current = apr_array_copy(listeners->pool, listeners);
    for (i = 0; i < listeners->nelts; i++) {
        proxyip_listener_t *listener = APR_ARRAY_IDX(listeners, i,
                                                     proxyip_listener_t *);

        if (proxyip_listeners_is_on(listener)) {
            listener->counters = find_entry(listener->name);
        }
    }
}

void proxyip_stats_child_init(void)
{
    int i;

    for (i = 0; i < head->places; i++) {
        apr_uint32_t free_pid = 0;

        if (__atomic_compare_exchange_n(&places[i].pid, &free_pid,
                                        (apr_uint32_t)getpid(), 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            place = &places[i];
            return;
        }
    }
}

int proxyip_stats_has_siblings(void)
{
    int i;

    for (i = 0; i < head->places; i++) {
        if (&places[i] != place
            && __atomic_load_n(&places[i].pid, __ATOMIC_RELAXED)) {
            return 1;
        }
    }
    return 0;
}

void proxyip_stats_child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                                int slot, mpm_child_status state)
{
    int i;

    (void)s;
    (void)gen;
    (void)slot;
    if (state != MPM_CHILD_EXITED || !head) {
        return;
    }
    for (i = 0; i < head->places; i++) {
        if (places[i].pid == (apr_uint32_t)pid) {
            __atomic_store_n(&places[i].waiting, 0, __ATOMIC_RELAXED);
            __atomic_store_n(&places[i].pid, 0, __ATOMIC_RELEASE);
        }
    }
}

void proxyip_stats_add_waiting(int count)
{
    if (place) {
        __atomic_add_fetch(&place->waiting, (apr_uint32_t)count,
                           __ATOMIC_RELAXED);
    }
}

static void add_one(const proxyip_listener_t *listener, count_t which)
{
    if (listener && listener->counters) {
        __atomic_add_fetch(&listener->counters->counts[which], 1,
                           __ATOMIC_RELAXED);
    }
}

void proxyip_stats_count_direct(const proxyip_listener_t *listener)
{
    add_one(listener, COUNT_DIRECT);
}

static count_t count_of_header(const pp_header_t *header)
{
    if (header->command == PP_LOCAL) {
        return COUNT_LOCAL;
    }
    if (!pp_names_client(header)) {
        return COUNT_UNKNOWN;
    }
    return header->version == 1 ? COUNT_ACCEPTED_V1 : COUNT_ACCEPTED_V2;
}

/* A health check that sends a header and closes is counted by its header. */
static count_t count_of(const proxyip_conn_t *conn)
{
    switch (conn->outcome) {
    case PROXYIP_ACCEPTED:
    case PROXYIP_CLOSED_IDLE:
        /* An optional peer that left without a word has no header. */
        return conn->has_header ? count_of_header(&conn->header)
                                : COUNT_CLOSED_EARLY;
    case PROXYIP_ABSENT:
        return COUNT_ABSENT;
    case PROXYIP_REJECTED:
        return COUNT_REJECTED;
    case PROXYIP_MISSING:
        return COUNT_MISSING;
    case PROXYIP_MALFORMED:
        return COUNT_MALFORMED;
    case PROXYIP_TOO_LARGE:
        return COUNT_TOO_LARGE;
    case PROXYIP_BAD_CHECKSUM:
        return COUNT_BAD_CHECKSUM;
    case PROXYIP_CLOSED_EARLY:
        return COUNT_CLOSED_EARLY;
    case PROXYIP_EVICTED:
        return COUNT_EVICTED;
    case PROXYIP_TIMED_OUT:
    case PROXYIP_IDLE:
    case PROXYIP_STOPPING:
    case PROXYIP_PENDING:
        break;
    }
    return COUNT_TIMED_OUT;
}

/* Two children may write the same place when more than KEPT refusals come at
 * once; then it is a mixture for a moment, and the next serial ends that. */
static void remember(refusals_t *refusals, const proxyip_conn_t *conn)
{
    apr_uint64_t serial = __atomic_add_fetch(&refusals->count, 1,
                                             __ATOMIC_RELAXED);
    refusal_t *refusal = &refusals->kept[serial % KEPT];

    __atomic_store_n(&refusal->serial, 0, __ATOMIC_RELEASE);
    refusal->time = apr_time_now();
    refusal->moment = proxyip_clock_now();
    proxyip_conn_read_addr(conn->peer_addr, &refusal->peer);
    refusal->outcome = conn->outcome;
    refusal->reason = conn->reason;
    refusal->look = conn->look;
    __atomic_store_n(&refusal->serial, serial, __ATOMIC_RELEASE);
}

/* What operators are to hear of; not httpd's own connections. */
static int is_refusal(const proxyip_conn_t *conn)
{
    switch (conn->outcome) {
    case PROXYIP_MISSING:
        return conn->look != PP_LOOKS_HTTPD;
    case PROXYIP_REJECTED:
    case PROXYIP_MALFORMED:
    case PROXYIP_TOO_LARGE:
    case PROXYIP_BAD_CHECKSUM:
        return 1;
    case PROXYIP_PENDING:
    case PROXYIP_ACCEPTED:
    case PROXYIP_ABSENT:
    case PROXYIP_TIMED_OUT:
    case PROXYIP_CLOSED_EARLY:
    case PROXYIP_IDLE:
    case PROXYIP_CLOSED_IDLE:
    case PROXYIP_EVICTED:
    case PROXYIP_STOPPING:
        break;
    }
    return 0;
}

void proxyip_stats_count(const proxyip_conn_t *conn)
{
    const proxyip_listener_t *listener = conn->listener;
    proxyip_counters_t *counters = listener ? listener->counters : NULL;

    add_one(listener, count_of(conn));
    if (!is_refusal(conn) || !counters) {
        return;
    }
    if (!proxyip_conn_is_stranger(conn)) {
        remember(&counters->named, conn);
        return;
    }
    remember(&counters->strangers, conn);
    __atomic_add_fetch(&counters->unsaid, 1, __ATOMIC_RELAXED);
    proxyip_stats_warn(conn->server, listener);
}

/* One refusal, when it is whole; its serial is looked at before and after,
 * because others write meanwhile. */
static int read_refusal(const refusal_t *kept, refusal_t *copy)
{
    apr_uint64_t serial = __atomic_load_n(&kept->serial, __ATOMIC_ACQUIRE);

    *copy = *kept;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    copy->serial = serial;
    return serial
           && serial == __atomic_load_n(&kept->serial, __ATOMIC_RELAXED);
}

/* The newest refusal that is whole. */
static int read_last(const refusals_t *refusals, refusal_t *last)
{
    int i;

    last->serial = 0; /* none has it */
    for (i = 0; i < KEPT; i++) {
        refusal_t copy;

        if (read_refusal(&refusals->kept[i], &copy)
            && copy.serial > last->serial) {
            *last = copy;
        }
    }
    return last->serial != 0;
}

static void describe(const refusal_t *refusal, const char *listener,
                     proxyip_refused_t *refused)
{
    refused->listener = listener;
    pp_addr_format(&refusal->peer, refused->peer_ip);
    refused->time = refusal->time;
    refused->outcome = refusal->outcome;
    refused->what = proxyip_conn_outcome_text(refusal->outcome);
    refused->why = proxyip_conn_why_text(refusal->outcome, refusal->reason,
                                         refusal->look);
}

static int find_last(const refusals_t *refusals, const char *listener,
                     proxyip_refused_t *refused)
{
    refusal_t last;

    if (!read_last(refusals, &last)) {
        return 0;
    }
    describe(&last, listener, refused);
    return 1;
}

/* What to do if the last refused peer was the load balancer. */
static const char *advice_of(const proxyip_refused_t *last)
{
    if (last->outcome == PROXYIP_REJECTED) {
        return "say ProxyIPPeer require and its address; if it is a client,"
               " the load balancer keeps clients' addresses: turn that off"
               " there (AWS NLB: preserve_client_ip)";
    }
    return last->outcome == PROXYIP_MISSING ? "turn the header on there"
                                            : "correct what it sends";
}

/* Who else was refused of late: one balancer looks other than many clients.
 * Each address once, and not the last peer's. */
static void list_others(const refusals_t *refusals, const char *last_ip,
                        char *text, apr_size_t size)
{
    char ips[KEPT][PP_ADDR_TEXT_MAX];
    apr_size_t len = 0;
    int i;
    int j;

    *text = '\0';
    for (i = 0; i < KEPT; i++) {
        refusal_t kept;
        int is_new = read_refusal(&refusals->kept[i], &kept);

        pp_addr_format(&kept.peer, ips[i]);
        is_new = is_new && strcmp(ips[i], last_ip) != 0;
        for (j = 0; j < i; j++) {
            is_new = is_new && strcmp(ips[i], ips[j]) != 0;
        }
        if (is_new) {
            apr_snprintf(text + len, size - len, "%s%s",
                         len ? ", " : ", others: ", ips[i]);
            len = strlen(text);
        }
    }
}

static void log_refused(server_rec *s, const proxyip_counters_t *counters,
                        apr_uint64_t count, int is_first,
                        const proxyip_refused_t *last)
{
    char others[(size_t)KEPT * (PP_ADDR_TEXT_MAX + 2) + sizeof(", others: ")];
    const ap_directive_t *on = proxyip_conf_get(s)
                                   ->origin[PROXYIP_SET_ENABLED];

    list_others(&counters->strangers, last->peer_ip, others, sizeof(others));
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, PROXYIP_LOGNO(0046)
                 "%s (ProxyIP On at %s:%d): %" APR_UINT64_T_FMT
                 " connection%s refused%s, of peers that %s; the last: %s,"
                 " %s%s%s%s; if that is your load balancer, %s; LogLevel"
                 " proxyip:info shows each",
                 last->listener, on ? on->filename : "?",
                 on ? on->line_num : 0, count, count == 1 ? "" : "s",
                 is_first ? "" : " since the last such line",
                 last->outcome == PROXYIP_REJECTED
                     ? "no ProxyIPPeer names"
                     : "only `all` or a /0 holds",
                 last->peer_ip, last->what, last->why ? ": " : "",
                 last->why ? last->why : "", others, advice_of(last));
}

/* Whoever finds that a minute has passed, in whichever process, says it. */
void proxyip_stats_warn(server_rec *s, const proxyip_listener_t *listener)
{
    proxyip_counters_t *counters = listener->counters;
    apr_time_t now = proxyip_clock_now();
    apr_time_t before;
    apr_uint64_t unsaid;
    proxyip_refused_t last;

    /* A refusal that is half written is shown by a later call. */
    before = __atomic_load_n(&counters->warned_at, __ATOMIC_RELAXED);
    if (now - before < WARN_PERIOD_US
        || !__atomic_load_n(&counters->unsaid, __ATOMIC_RELAXED)
        || !find_last(&counters->strangers, counters->name, &last)
        || !__atomic_compare_exchange_n(&counters->warned_at, &before, now, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        return;
    }
    unsaid = __atomic_exchange_n(&counters->unsaid, 0, __ATOMIC_RELAXED);
    if (unsaid) {
        log_refused(s, counters, unsaid,
                    before == NEVER_WARNED, &last);
    }
}

int proxyip_stats_monitor(apr_pool_t *p, server_rec *main_s)
{
    int i;

    (void)p;
    (void)main_s;
    for (i = 0; current && i < current->nelts; i++) {
        const proxyip_listener_t *listener;

        listener = APR_ARRAY_IDX(current, i, proxyip_listener_t *);
        if (listener->counters) {
            proxyip_stats_warn(proxyip_listeners_server(listener, 0),
                               listener);
        }
    }
    return OK;
}

const char *proxyip_stats_count_name(int which)
{
    return which < COUNTS ? count_names[which] : NULL;
}

int proxyip_stats_listeners(void)
{
    return __atomic_load_n(&head->entries, __ATOMIC_ACQUIRE);
}

const char *proxyip_stats_listener_name(int n)
{
    return entries[n].name;
}

apr_time_t proxyip_stats_since(void)
{
    return head->since;
}

apr_uint64_t proxyip_stats_read(int n, int which)
{
    return __atomic_load_n(&entries[n].counts[which], __ATOMIC_RELAXED);
}

unsigned int proxyip_stats_waiting(void)
{
    unsigned int total = 0;
    int i;

    for (i = 0; i < head->places; i++) {
        total += __atomic_load_n(&places[i].waiting, __ATOMIC_RELAXED);
    }
    return total;
}

/* The last of these, if nothing newer is there yet. */
static int find_later(const refusals_t *refusals, int found,
                      refusal_t *newest)
{
    refusal_t own;

    if (!read_last(refusals, &own)
        || (found && own.moment <= newest->moment)) {
        return 0;
    }
    *newest = own;
    return 1;
}

int proxyip_stats_last_refused(proxyip_refused_t *last)
{
    const char *listener = NULL;
    refusal_t newest;
    int i;

    for (i = 0; i < proxyip_stats_listeners(); i++) {
        const proxyip_counters_t *entry = &entries[i];

        if (find_later(&entry->named, listener != NULL, &newest)) {
            listener = entry->name;
        }
        if (find_later(&entry->strangers, listener != NULL, &newest)) {
            listener = entry->name;
        }
    }
    if (!listener) {
        return 0;
    }
    describe(&newest, listener, last);
    return 1;
}
