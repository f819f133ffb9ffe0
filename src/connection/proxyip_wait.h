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
 * Waiting in a worker: for a moment, and where there is no lobby, which is so
 * on other MPMs than event and in a child that stops.
 */

#ifndef PROXYIP_WAIT_H
#define PROXYIP_WAIT_H

#include "connection/proxyip_look.h"
#include "connection/proxyip_waiter.h"
#include "proxyip_private.h"

/**
 * Wait a moment for what may be on its way already: shorter for a peer's first
 * byte than for what follows it.
 * @param fd the connection's descriptor
 * @param seen what has come so far, UNDECIDED
 * @return 1: something has come, or the peer has closed: look again; 0, and
 *         then the low-water mark may be left at what is needed
 */
int proxyip_wait_moment(int fd, const proxyip_seen_t *seen);

/**
 * Wait here until it is decided what has come, or the wait is over.
 * @param fd the connection's descriptor
 * @param conf the listener's settings
 * @param rule the range that its peer is in
 * @param buffer where bytes go; must outlive seen
 * @param wait how it waits; its deadline is set
 * @param seen what has come so far, UNDECIDED; in the end what has come
 * @return how the wait ended; READY when it is decided
 */
proxyip_wait_end_t proxyip_wait_here(int fd, const proxyip_conf_t *conf,
                                     const proxyip_rule_t *rule,
                                     proxyip_buffer_t *buffer,
                                     proxyip_wait_t *wait,
                                     proxyip_seen_t *seen);

/**
 * Wait here until something can be read, for which nobody but TLS can say what
 * it is, or the wait is over.
 * @param fd the connection's descriptor
 * @param deadline when it is over, by proxyip_clock_now()
 * @return READY, TIMED_OUT or STOPPING; READY also when the peer has closed
 */
proxyip_wait_end_t proxyip_wait_readable(int fd, int64_t deadline);

/**
 * End all waits in workers of this child, unless it stops gracefully: then
 * who speaks in time is still served.
 * @param is_graceful whether running requests may finish
 * @remark for child_stopping; any thread, and repeatedly
 */
void proxyip_wait_stopping(int is_graceful);

#endif /* PROXYIP_WAIT_H */
