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
 */

#include "connection/proxyip_stage.h"

int64_t proxyip_stage_time(proxyip_stage_t stage, int64_t header_us,
                           int64_t payload_us)
{
    switch (stage) {
    case PROXYIP_STAGE_OPEN:
        return header_us + payload_us;
    case PROXYIP_STAGE_HEADER:
        return header_us;
    case PROXYIP_STAGE_PAYLOAD:
        return payload_us;
    }
    return 0;
}

int proxyip_stage_enter(proxyip_wait_t *wait, proxyip_stage_t stage,
                        int64_t now, int64_t header_us, int64_t payload_us)
{
    if (wait->accepted && wait->stage == stage) {
        return 0;
    }
    if (!wait->accepted) {
        wait->accepted = now;
    }
    wait->stage = stage;
    wait->deadline = now + proxyip_stage_time(stage, header_us, payload_us);
    return 1;
}
