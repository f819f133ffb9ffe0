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
 * How far a connection that waits has come, and until when it may wait.
 *
 * Pure: no httpd, no clock of its own.  Times are microseconds on one clock
 * that only goes forward (proxyip_clock_now()).
 */

#ifndef PROXYIP_STAGE_H
#define PROXYIP_STAGE_H

#include <stdint.h>

/* In the order in which a connection goes through them. */
typedef enum {
    PROXYIP_STAGE_OPEN,   /* an optional peer that has not begun a header */
    PROXYIP_STAGE_HEADER, /* a header, or the rest of one, is awaited */
    PROXYIP_STAGE_PAYLOAD /* the header is whole; the first byte behind it is
                             awaited */
} proxyip_stage_t;

/** How a connection waits. */
typedef struct {
    proxyip_stage_t stage;
    int64_t accepted; /* when it was first met; 0 not yet */
    int64_t deadline; /* of this stage */
} proxyip_wait_t;

/**
 * How long a stage may last.
 * @param stage the stage
 * @param header_us ProxyIPTimeout
 * @param payload_us ProxyIPDefer; 0 for Off
 * @return microseconds.  An optional peer that sends no header is waited for
 *         as long as one that does: for the header, then for the payload
 */
int64_t proxyip_stage_time(proxyip_stage_t stage, int64_t header_us,
                           int64_t payload_us);

/**
 * Note that a connection is in a stage.  A stage that it was in already keeps
 * its deadline; a new one begins now.
 * @param wait how it waits; all zeros for one that has not waited
 * @param stage what its bytes say
 * @param now the time
 * @param header_us ProxyIPTimeout
 * @param payload_us ProxyIPDefer; 0 for Off
 * @return 1 when the deadline is a new one, else 0
 */
int proxyip_stage_enter(proxyip_wait_t *wait, proxyip_stage_t stage,
                        int64_t now, int64_t header_us, int64_t payload_us);

#endif /* PROXYIP_STAGE_H */
