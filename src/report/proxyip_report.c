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
 * What operators learn of a connection.
 */

#include "report/proxyip_report.h"

#include "report/proxyip_counters.h"
#include "report/proxyip_flood.h"
#include "report/proxyip_log.h"
#include "report/proxyip_refusals.h"

/* Lines of debug are for whoever wants to see each connection. */
static int is_wanted(const proxyip_conn_t *conn, int level, const char *what,
                     const char *why)
{
    if (!APLOG_C_IS_LEVEL(conn->c, level)) {
        return 0;
    }
    return level >= APLOG_DEBUG
           || proxyip_flood_admit(conn, level, what, why);
}

void proxyip_report_closed(const proxyip_conn_t *conn,
                           const pp_answer_t *answer, const uint8_t *bytes,
                           size_t len)
{
    int level = proxyip_log_level(conn, bytes, len);

    proxyip_counters_add(conn);
    proxyip_refusals_add(conn);
    if (is_wanted(conn, level, proxyip_conn_outcome_text(conn->outcome),
                  proxyip_conn_why_text(conn->outcome, conn->reason,
                                        conn->look))) {
        proxyip_log_closed(conn, level, answer, bytes, len);
    }
    proxyip_flood_settle();
}

/* Two hops that each add a header: the second is payload here, and whatever
 * reads it next will only say that it is no request. */
static void look_for_second_header(const proxyip_conn_t *conn,
                                   const uint8_t *payload, size_t len)
{
    int level;

    if (!conn->has_header || !pp_committed_version(payload, len)) {
        return;
    }
    level = proxyip_log_fault_level(conn);
    if (is_wanted(conn, level, "another PROXY header behind the first",
                  NULL)) {
        proxyip_log_second_header(conn, level, payload, len);
    }
}

/* It costs the client nothing but what the TLV says, and is the sender's
 * fault all the same. */
static void look_for_bad_ssl(const proxyip_conn_t *conn)
{
    int level = proxyip_conn_is_stranger(conn) ? APLOG_INFO : APLOG_WARNING;
    pp_reason_t fault;
    pp_tlv_t ssl;

    if (!conn->has_header || !conn->header.tlvs
        || pp_tlv_find_ssl(conn->header.tlvs, conn->header.tlvs_len, &ssl,
                           &fault)
        || fault == PP_OK) {
        return;
    }
    if (is_wanted(conn, level, "an SSL TLV that cannot be read",
                  pp_reason_text(fault))) {
        proxyip_log_bad_ssl(conn, level, ssl.len, fault);
    }
}

void proxyip_report_taken(const proxyip_conn_t *conn, const uint8_t *payload,
                          size_t len)
{
    proxyip_counters_add(conn);
    proxyip_log_taken(conn);
    look_for_second_header(conn, payload, len);
    look_for_bad_ssl(conn);
    proxyip_flood_settle();
}
