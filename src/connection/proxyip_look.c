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
 * Looking at the bytes that have come to a connection, without taking them.
 */

#include "connection/proxyip_look.h"

#include <errno.h>
#include <sys/socket.h>

#include "settings/proxyip_conf.h"

/* Of up to so many bytes is a header for which every receive buffer has room:
 * nearly every one. */
#define SHORT_HEADER 256

/* As much as a receive buffer has where nobody sets its size (tcp_rmem). */
#define AMPLE_ROOM 65536

static ssize_t peek(int fd, uint8_t *buffer, size_t size)
{
    ssize_t n;

    do {
        n = recv(fd, buffer, size, MSG_PEEK | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* A header that is whole still waits for the first byte behind it, unless
 * the server may be the one to speak first (ProxyIPDefer Off). */
static void judge_whole(const proxyip_conf_t *conf, proxyip_seen_t *seen)
{
    if (conf->defer_us && seen->len == seen->answer.len) {
        seen->status = PROXYIP_SEEN_UNDECIDED;
        seen->stage = PROXYIP_STAGE_PAYLOAD;
        seen->needed = seen->answer.len + 1;
        return;
    }
    seen->status = PROXYIP_SEEN_HEADER;
}

/* Of no format: the header is to come inside TLS, and this is outside. */
static int is_outside(const pp_rules_t *rules)
{
    return rules->formats == 0;
}

static proxyip_stage_t stage_of(const pp_rules_t *rules,
                                const proxyip_rule_t *rule,
                                const proxyip_seen_t *seen)
{
    int is_open = is_outside(rules)
                      ? seen->len == 0
                      : proxyip_conn_may_lack_header(rule, seen->bytes,
                                                     seen->len);

    return is_open ? PROXYIP_STAGE_OPEN : PROXYIP_STAGE_HEADER;
}

static proxyip_seen_status_t status_of_bad(const pp_rules_t *rules,
                                           const proxyip_rule_t *rule,
                                           const proxyip_seen_t *seen)
{
    int is_right = is_outside(rules)
                       ? pp_look(seen->bytes, seen->len) == PP_LOOKS_TLS
                       : proxyip_conn_may_lack_header(rule, seen->bytes,
                                                      seen->len);

    return is_right ? PROXYIP_SEEN_NO_HEADER : PROXYIP_SEEN_BAD;
}

/* A part of look_once(), without a call: each connection would pay it. */
static inline __attribute__((always_inline)) void
judge(const pp_rules_t *rules, const proxyip_conf_t *conf,
      const proxyip_rule_t *rule, proxyip_seen_t *seen)
{
    seen->answer = pp_decode(seen->bytes, seen->len, rules, seen->header);
    switch (seen->answer.status) {
    case PP_DONE:
        judge_whole(conf, seen);
        break;
    case PP_MORE:
        seen->status = PROXYIP_SEEN_UNDECIDED;
        seen->stage = stage_of(rules, rule, seen);
        seen->needed = seen->answer.len;
        break;
    case PP_BAD:
        seen->status = status_of_bad(rules, rule, seen);
        break;
    }
}

void proxyip_look_judge(const pp_rules_t *rules, const proxyip_conf_t *conf,
                        const proxyip_rule_t *rule, proxyip_seen_t *seen)
{
    judge(rules, conf, rule, seen);
}

/* What a header says that was decoded before. */
static void recall(const proxyip_conf_t *conf, const proxyip_known_t *known,
                   proxyip_seen_t *seen)
{
    *seen->header = known->header;
    seen->answer.status = PP_DONE;
    seen->answer.reason = PP_OK;
    seen->answer.len = known->len;
    judge_whole(conf, seen);
}

/* An error other than "nothing there now" ends a connection as its peer's
 * close does.  A known header is still there, unless the connection was reset
 * and its bytes could not be kept (proxyip_back.c). */
static void look_once(int fd, const proxyip_conf_t *conf,
                      const proxyip_rule_t *rule,
                      const proxyip_known_t *known,
                      const proxyip_buffer_t *buffer, proxyip_seen_t *seen)
{
    ssize_t n = peek(fd, buffer->bytes, buffer->size);

    seen->bytes = buffer->bytes;
    seen->len = n > 0 ? (size_t)n : 0;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
        seen->status = PROXYIP_SEEN_END;
        return;
    }
    if (known && known->len && seen->len >= known->len) {
        recall(conf, known, seen);
        return;
    }
    judge(&conf->rules_outside, conf, rule, seen);
}

/* How much room a long header needs, with a byte behind it; 0 when there is
 * enough.  The decoder has held its length to ProxyIPMaxHeader. */
static size_t more_room(const proxyip_buffer_t *buffer,
                        const proxyip_seen_t *seen)
{
    if (seen->len < buffer->size || !buffer->p) {
        return 0;
    }
    if (seen->status == PROXYIP_SEEN_UNDECIDED
        && seen->needed > buffer->size) {
        return seen->needed + 1;
    }
    return seen->status == PROXYIP_SEEN_HEADER
                   && seen->answer.len == buffer->size
               ? seen->answer.len + 1
               : 0;
}

void proxyip_look(int fd, const proxyip_conf_t *conf,
                  const proxyip_rule_t *rule, const proxyip_known_t *known,
                  proxyip_buffer_t *buffer, proxyip_seen_t *seen)
{
    size_t room;

    look_once(fd, conf, rule, known, buffer, seen);
    while ((room = more_room(buffer, seen))) {
        buffer->size = room;
        buffer->bytes = apr_palloc(buffer->p, buffer->size);
        look_once(fd, conf, rule, known, buffer, seen);
    }
}

void proxyip_look_keep(const proxyip_seen_t *seen, proxyip_known_t *known)
{
    if (proxyip_look_has_header(seen) && !seen->header->tlvs) {
        known->header = *seen->header;
        known->len = seen->answer.len;
    }
}

static void set_option(int fd, int option, int value)
{
    setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

static int get_option(int fd, int option)
{
    int value = 0;
    socklen_t len = sizeof(value);

    getsockopt(fd, SOL_SOCKET, option, &value, &len);
    return value;
}

/* A small ReceiveBufferSize could keep a header from ever being seen whole: its
 * bytes stay in the buffer, in small packets they take many times more room
 * than their number, and Linux makes the mark at most half of a buffer whose
 * size was set (tcp_set_rcvlowat()). */
static int lacks_room(int fd, int needed)
{
    return get_option(fd, SO_RCVBUF) < AMPLE_ROOM
           || get_option(fd, SO_RCVLOWAT) < needed;
}

void proxyip_look_set_low_water(int fd, size_t needed)
{
    int low_water = (int)needed; /* at most PROXYIP_LOOK_MAX */

    set_option(fd, SO_RCVLOWAT, low_water);
    if (low_water > SHORT_HEADER && lacks_room(fd, low_water)) {
        set_option(fd, SO_RCVBUF, AMPLE_ROOM + 2 * low_water);
        set_option(fd, SO_RCVLOWAT, low_water);
    }
}
