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
 * Stand-ins for the module's other units: what they are told is looked at,
 * and counted.
 */

#include "world.h"

#include <string.h>

#include "connection/proxyip_server.h"
#include "proxyip_clock.h"
#include "report/proxyip_log.h"
#include "report/proxyip_report.h"
#include "report/proxyip_children.h"
#include "report/proxyip_counters.h"
#include "settings/proxyip_listeners.h"

static const proxyip_listener_t listener = {.name = "*:80"};

apr_time_t proxyip_clock_now(void)
{
    return world.now;
}

proxyip_conf_t *proxyip_conf_get(const server_rec *s)
{
    (void)s;
    return &world.conf;
}

const proxyip_listener_t *proxyip_listeners_of(const conn_rec *c)
{
    (void)c;
    return &listener;
}

void proxyip_children_add_waiting(int count)
{
    world.waiting += count;
    world.waits++;
}

void proxyip_counters_add_direct(const proxyip_listener_t *where)
{
    require(where == &listener, "it is counted where it came in");
    world.directs++;
}

static int is_beginning(const uint8_t *bytes, size_t len)
{
    return len <= world.sent
           && (len == 0 || memcmp(bytes, world.stream, len) == 0);
}

void world_check_copied(const proxyip_conn_t *conn, const uint8_t *bytes,
                        size_t len)
{
    const uint8_t *tlvs = conn->header.tlvs;

    require(!conn->has_header || !tlvs || tlvs < bytes || tlvs >= bytes + len,
            "the TLVs that are kept are copies");
}

void proxyip_report_closed(const proxyip_conn_t *conn,
                           const pp_answer_t *answer, const uint8_t *bytes,
                           size_t len)
{
    world.closed++;
    world.outcome = conn->outcome;
    world.reason = conn->reason;
    require(conn->outcome > PROXYIP_ABSENT, "what is reported closed is");
    require(conn->listener == &listener, "it is known where it came in");
    require(is_beginning(bytes, len), "what is reported is what came");
    require(!answer
                || (answer->status == PP_BAD && answer->len < len
                    && answer->reason == conn->reason),
            "what is reported is in these bytes");
    world_check_copied(conn, bytes, len);
}

void proxyip_report_taken(const proxyip_conn_t *conn, const uint8_t *payload,
                          size_t len)
{
    size_t at = 0;
    sent_t sent;

    world_judge(&sent);
    if (conn->outcome == PROXYIP_ACCEPTED) {
        at = sent.answer.len;
    }
    world.taken++;
    require(!world.server_adopted, "the server is adopted behind the report");
    require(conn->listener == &listener, "it is known where it came in");
    require(at + len <= world.sent
                && (len == 0 || memcmp(payload, world.stream + at, len) == 0),
            "the payload that is reported is what came");
    require(at + len == world.sent || len > 0
                || (world.tls.is_on && !world.conf.defer_us),
            "payload is reported where there is some, and one looks");
    world_check_copied(conn, payload - at, at + len);
}

void proxyip_server_adopt(proxyip_conn_t *conn)
{
    require(world.taken == 1, "it is taken, and its server adopted");
    require(proxyip_conn_get(conn->c) == conn, "the record is kept");
    world.server_adopted++;
}

void proxyip_log_bytes(const proxyip_conn_t *conn, const char *what,
                       const uint8_t *bytes, size_t len)
{
    (void)conn;
    (void)what;
    require(is_beginning(bytes, len), "what is logged is what came");
}
