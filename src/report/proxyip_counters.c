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
 * The counters of each listener.
 *
 * The compiler's atomics, as in proxyip_children.c.
 */

#include "report/proxyip_counters.h"

#include "report/proxyip_block.h"
#include "settings/proxyip_listeners.h"

static const proxyip_counter_t counters[PROXYIP_COUNTS] = {
    [PROXYIP_COUNT_ACCEPTED_V1] = {"AcceptedV1",
        "a version 1 header named the client", "PIP0042"},
    [PROXYIP_COUNT_ACCEPTED_V2] = {"AcceptedV2",
        "a version 2 header named the client", "PIP0042"},
    [PROXYIP_COUNT_LOCAL] = {"Local",
        "a LOCAL header: the load balancer's own health check", "PIP0041"},
    [PROXYIP_COUNT_UNKNOWN] = {"Unknown",
        "a header that names no client (UNKNOWN, UNSPEC, UNIX)", "PIP0041"},
    [PROXYIP_COUNT_ABSENT] = {"Absent",
        "an optional peer sent no header", "PIP0040"},
    [PROXYIP_COUNT_DIRECT] = {"Direct",
        "a direct peer: no header is looked for", NULL},
    [PROXYIP_COUNT_REJECTED] = {"Rejected",
        "closed: the peer is in no range, or in one with reject", "PIP0020"},
    [PROXYIP_COUNT_MISSING] = {"Missing",
        "closed: something else came in place of a required header",
        "PIP0021"},
    [PROXYIP_COUNT_MALFORMED] = {"Malformed",
        "closed: a bad header, or one of a version that is not accepted",
        "PIP0022"},
    [PROXYIP_COUNT_TOO_LARGE] = {"TooLarge",
        "closed: a header larger than ProxyIPMaxHeader", "PIP0023"},
    [PROXYIP_COUNT_BAD_CHECKSUM] = {"BadChecksum",
        "closed: the checksum is wrong, or missing where it is required",
        "PIP0024"},
    [PROXYIP_COUNT_TIMED_OUT] = {"TimedOut",
        "closed: no whole header in time, or nothing behind it",
        "PIP0025 PIP0026 PIP0027 PIP0031"},
    [PROXYIP_COUNT_CLOSED_EARLY] = {"ClosedEarly",
        "the peer closed before a whole header had come", "PIP0025 PIP0026"},
    [PROXYIP_COUNT_EVICTED] = {"Evicted",
        "closed while it waited: no descriptors were left",
        "PIP0029 PIP0053"},
};

static void add_one(const proxyip_listener_t *listener, proxyip_count_t which)
{
    if (listener && listener->counters) {
        __atomic_add_fetch(&listener->counters->counts[which], 1,
                           __ATOMIC_RELAXED);
    }
}

void proxyip_counters_add_direct(const proxyip_listener_t *listener)
{
    add_one(listener, PROXYIP_COUNT_DIRECT);
}

static proxyip_count_t count_of_header(const pp_header_t *header)
{
    if (header->command == PP_LOCAL) {
        return PROXYIP_COUNT_LOCAL;
    }
    if (!pp_names_client(header)) {
        return PROXYIP_COUNT_UNKNOWN;
    }
    return header->version == 1 ? PROXYIP_COUNT_ACCEPTED_V1
                                : PROXYIP_COUNT_ACCEPTED_V2;
}

/* A health check that sends a header and closes is counted by its header. */
static proxyip_count_t count_of(const proxyip_conn_t *conn)
{
    switch (conn->outcome) {
    case PROXYIP_ACCEPTED:
    case PROXYIP_CLOSED_IDLE:
        /* An optional peer that left without a word has no header. */
        return conn->has_header ? count_of_header(&conn->header)
                                : PROXYIP_COUNT_CLOSED_EARLY;
    case PROXYIP_ABSENT:
        return PROXYIP_COUNT_ABSENT;
    case PROXYIP_REJECTED:
        return PROXYIP_COUNT_REJECTED;
    case PROXYIP_MISSING:
        return PROXYIP_COUNT_MISSING;
    case PROXYIP_MALFORMED:
        return PROXYIP_COUNT_MALFORMED;
    case PROXYIP_TOO_LARGE:
        return PROXYIP_COUNT_TOO_LARGE;
    case PROXYIP_BAD_CHECKSUM:
        return PROXYIP_COUNT_BAD_CHECKSUM;
    case PROXYIP_CLOSED_EARLY:
    case PROXYIP_NO_TLS:
        return PROXYIP_COUNT_CLOSED_EARLY;
    case PROXYIP_EVICTED:
        return PROXYIP_COUNT_EVICTED;
    case PROXYIP_TIMED_OUT:
    case PROXYIP_IDLE:
    case PROXYIP_STOPPING:
    case PROXYIP_PENDING:
        break;
    }
    return PROXYIP_COUNT_TIMED_OUT;
}

void proxyip_counters_add(const proxyip_conn_t *conn)
{
    add_one(conn->listener, count_of(conn));
}

const proxyip_counter_t *proxyip_counters_describe(int which)
{
    return which < PROXYIP_COUNTS ? &counters[which] : NULL;
}

apr_uint64_t proxyip_counters_read(int row, int which)
{
    return __atomic_load_n(&proxyip_block_row(row)->counts[which],
                           __ATOMIC_RELAXED);
}
