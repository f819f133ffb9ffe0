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
 * Lines that repeat.
 *
 * A small table per child.  A kind of line has an entry for a minute; the
 * first few lines are logged, the rest is counted, and the sum is logged when
 * the minute is over: by whichever connection comes next, or by the end of
 * the child.  While all entries are taken the kinds that find none share one,
 * so a child logs a bounded number of lines in a minute, whoever sends.  What
 * strangers can cause is info and has a shared entry of its own: they cannot
 * silence the errors of those that are trusted.
 */

#include "report/proxyip_flood.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "proxyip_clock.h"
#include "settings/proxyip_listeners.h"

#define ENTRIES 64
#define PERIOD_US apr_time_from_sec(60)

/* Lines of a kind in a minute that are logged: enough to see whether they
 * differ in their bytes. */
#define LINES 5

/* An IPv6 peer is known by its /64. */
#define PREFIX_BYTES 8

typedef struct {
    const char *what; /* NULL: free */
    const char *why;
    server_rec *s;
    const proxyip_listener_t *listener;
    pp_addr_t peer;   /* cut to its prefix; PP_UNSPEC in a shared entry */
    int level;        /* the lines'; in a shared entry the first's */
    apr_time_t since; /* on proxyip_clock_now()'s clock */
    int lines;
    apr_uint64_t left_out;
} entry_t;

typedef struct {
    apr_thread_mutex_t *mutex;
    apr_pool_t *pool;       /* for texts; cleared after each */
    entry_t entries[ENTRIES];
    entry_t others_info;    /* kinds that found no entry, of info ... */
    entry_t others_fault;   /* ... and of more than that */
    apr_uint32_t unsettled; /* entries with lines left out; also read
                               without the mutex */
} flood_t;

/* The child's own; set in child_init before any connection. */
static flood_t *flood;

static const char *peer_text(apr_pool_t *p, const entry_t *entry)
{
    char ip[PP_ADDR_TEXT_MAX];

    if (entry->peer.family == PP_UNSPEC) {
        return "many peers";
    }
    pp_addr_format(&entry->peer, ip);
    return entry->peer.family == PP_INET
               ? apr_pstrcat(p, "peer ", ip, NULL)
               : apr_pstrcat(p, "peers in ", ip, "/64", NULL);
}

/* An entry ends: its sum is said, and it is free. */
static void settle(entry_t *entry, apr_time_t now)
{
    if (entry->left_out) {
        ap_log_error(APLOG_MARK, entry->level, 0, entry->s,
                     PROXYIP_LOGNO(0045)
                     "%" APR_UINT64_T_FMT " more connections of %s to %s"
                     " within %" APR_TIME_T_FMT "s, without a line of their"
                     " own: %s%s%s",
                     entry->left_out, peer_text(flood->pool, entry),
                     entry->listener ? entry->listener->name : "the server",
                     apr_time_sec(now - entry->since + APR_USEC_PER_SEC / 2),
                     entry->what, entry->why ? ": " : "",
                     entry->why ? entry->why : "");
        apr_pool_clear(flood->pool);
        __atomic_sub_fetch(&flood->unsettled, 1, __ATOMIC_RELAXED);
    }
    memset(entry, 0, sizeof(*entry));
}

static void settle_if_older(entry_t *entry, apr_time_t now,
                            apr_interval_time_t age_us)
{
    if (entry->what && now - entry->since >= age_us) {
        settle(entry, now);
    }
}

static void settle_older(apr_time_t now, apr_interval_time_t age_us)
{
    int i;

    for (i = 0; i < ENTRIES; i++) {
        settle_if_older(&flood->entries[i], now, age_us);
    }
    settle_if_older(&flood->others_info, now, age_us);
    settle_if_older(&flood->others_fault, now, age_us);
}

void proxyip_flood_settle(void)
{
    if (!flood || !__atomic_load_n(&flood->unsettled, __ATOMIC_RELAXED)) {
        return;
    }
    apr_thread_mutex_lock(flood->mutex);
    settle_older(proxyip_clock_now(), PERIOD_US);
    apr_thread_mutex_unlock(flood->mutex);
}

/* Prefork ends a child from within a signal handler, which may have
 * interrupted whoever has the mutex: then nothing is said. */
static apr_status_t settle_all(void *unused)
{
    (void)unused;
    if (apr_thread_mutex_trylock(flood->mutex) != APR_SUCCESS) {
        return APR_SUCCESS;
    }
    settle_older(proxyip_clock_now(), 0);
    apr_thread_mutex_unlock(flood->mutex);
    return APR_SUCCESS;
}

static int is_same_kind(const entry_t *a, const entry_t *b)
{
    return a->what == b->what && a->why == b->why && a->level == b->level
           && a->listener == b->listener && a->peer.family == b->peer.family
           && memcmp(a->peer.bytes, b->peer.bytes, sizeof(a->peer.bytes))
                  == 0;
}

static entry_t *share_entry(const entry_t *kind)
{
    entry_t *others = kind->level >= APLOG_INFO ? &flood->others_info
                                                : &flood->others_fault;

    if (!others->what) {
        *others = *kind;
        others->what = "closed or warned of, for several reasons";
        others->why = NULL;
        others->listener = NULL;
        memset(&others->peer, 0, sizeof(others->peer));
    }
    return others;
}

/* The entry of a kind, a new one, or one that is shared. */
static entry_t *find_entry(const entry_t *kind)
{
    entry_t *free_entry = NULL;
    int i;

    for (i = 0; i < ENTRIES; i++) {
        entry_t *entry = &flood->entries[i];

        if (!entry->what) {
            free_entry = free_entry ? free_entry : entry;
        }
        else if (is_same_kind(entry, kind)) {
            return entry;
        }
    }
    if (free_entry) {
        *free_entry = *kind;
        return free_entry;
    }
    return share_entry(kind);
}

static int count_line(const entry_t *kind)
{
    entry_t *entry;

    settle_older(kind->since, PERIOD_US);
    entry = find_entry(kind);
    if (entry->lines < LINES) {
        entry->lines++;
        return 1;
    }
    if (!entry->left_out) {
        __atomic_add_fetch(&flood->unsettled, 1, __ATOMIC_RELAXED);
    }
    entry->left_out++;
    return 0;
}

int proxyip_flood_admit(const proxyip_conn_t *conn, int level,
                        const char *what, const char *why)
{
    entry_t kind;
    int is_admitted;

    if (!flood || APLOG_C_IS_LEVEL(conn->c, APLOG_TRACE1)) {
        return 1;
    }
    memset(&kind, 0, sizeof(kind));
    kind.what = what;
    kind.why = why;
    kind.s = conn->server;
    kind.listener = conn->listener;
    kind.level = level;
    kind.since = proxyip_clock_now();
    proxyip_conn_read_addr(conn->peer_addr, &kind.peer);
    if (kind.peer.family == PP_INET6) {
        memset(kind.peer.bytes + PREFIX_BYTES, 0,
               sizeof(kind.peer.bytes) - PREFIX_BYTES);
    }
    apr_thread_mutex_lock(flood->mutex);
    is_admitted = count_line(&kind);
    apr_thread_mutex_unlock(flood->mutex);
    return is_admitted;
}

void proxyip_flood_child_init(apr_pool_t *pchild)
{
    flood_t *table = apr_pcalloc(pchild, sizeof(*table));

    flood = NULL;
    apr_pool_create(&table->pool, pchild);
    if (apr_thread_mutex_create(&table->mutex, APR_THREAD_MUTEX_DEFAULT,
                                pchild)
        == APR_SUCCESS) {
        flood = table;
        apr_pool_pre_cleanup_register(pchild, NULL, settle_all);
    }
}
