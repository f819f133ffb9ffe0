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
 * The lobby, without its thread: it takes a connection when the script says
 * so, looks at it as proxyip_lobby.c does (settle()), and gives it back with a
 * ticket.
 */

#include "world.h"

#include <apr_portable.h>

#include "connection/proxyip_lobby.h"

static struct {
    const proxyip_rule_t *rule;
    int has_low_water;
    proxyip_wait_t wait;
    proxyip_known_t known;
} guest;

static void check_wait(const proxyip_wait_t *wait)
{
    require(wait->accepted > 0 && wait->stage == world.stage
                && wait->deadline == world.deadline,
            "it may wait until its stage's time is up, and no longer");
}

static void check_seen(const proxyip_seen_t *seen, const sent_t *sent)
{
    require(seen->status == sent->status,
            "what is seen is what the decoder says");
    require(seen->status != PROXYIP_SEEN_UNDECIDED
                || (seen->stage == sent->stage && seen->needed == sent->needed
                    && seen->needed > seen->len && seen->len == world.sent),
            "what is needed is what the decoder asks for");
}

int proxyip_lobby_enter(const conn_rec *c, apr_socket_t *csd,
                        const proxyip_conf_t *conf, const proxyip_rule_t *rule,
                        const proxyip_wait_t *wait, const proxyip_seen_t *seen)
{
    apr_os_sock_t none = -1;
    sent_t sent;

    world_judge(&sent);
    world_check_waits(&sent);
    check_wait(wait);
    check_seen(seen, &sent);
    require(csd == world.csd && conf == &world.conf,
            "the connection that waits is the one");
    if (!world.has_lobby) {
        return 0;
    }
    apr_os_sock_put(&csd, &none, c->pool);
    guest.rule = rule;
    guest.wait = *wait;
    guest.known.len = 0;
    proxyip_look_keep(seen, &guest.known);
    guest.has_low_water = seen->len > 0;
    if (seen->len > 0) {
        proxyip_look_set_low_water(world.own_fd, seen->needed);
    }
    world.is_in_lobby = 1;
    return 1;
}

void world_lobby_release(proxyip_wait_end_t end)
{
    if (guest.has_low_water) {
        proxyip_look_set_low_water(world.own_fd, 1);
    }
    world.is_in_lobby = 0;
    world.has_ticket = 1;
    world.ticket.is_none = 0;
    world.ticket.wait = guest.wait;
    world.ticket.end = end;
    world.ticket.known = guest.known;
    world.ticket.lost_peer = world.is_reset ? &world.peer_addr : NULL;
}

void world_lobby_turn(void)
{
    static uint8_t bytes[PROXYIP_LOOK_MAX];
    proxyip_buffer_t buffer = {bytes, sizeof(bytes), NULL};
    proxyip_seen_t seen;
    pp_header_t header;
    sent_t sent;
    int is_over = world.is_closed;

    seen.header = &header;
    proxyip_look(world.own_fd, &world.conf, guest.rule, &guest.known, &buffer,
                 &seen);
    world_judge(&sent);
    world_note_look();
    check_seen(&seen, &sent);
    proxyip_look_keep(&seen, &guest.known);
    if (seen.status == PROXYIP_SEEN_END
        || (is_over && seen.status == PROXYIP_SEEN_UNDECIDED)) {
        world_lobby_release(PROXYIP_WAIT_CLOSED);
    }
    else if (seen.status != PROXYIP_SEEN_UNDECIDED) {
        world_lobby_release(PROXYIP_WAIT_READY);
    }
    else if (!proxyip_stage_enter(&guest.wait, seen.stage, world.now,
                                  world.conf.timeout_us, world.conf.defer_us)
             && guest.wait.deadline <= world.now) {
        world_lobby_release(PROXYIP_WAIT_TIMED_OUT);
    }
    if (world.is_in_lobby) {
        check_wait(&guest.wait);
    }
}

int proxyip_back_has_idle_workers(void)
{
    world.is_moment = world.has_lobby && world.has_idle;
    return world.is_moment;
}

const proxyip_ticket_t *proxyip_back_ticket(apr_socket_t *csd)
{
    require(csd == world.csd, "the ticket of the connection");
    return world.has_ticket ? &world.ticket : NULL;
}
