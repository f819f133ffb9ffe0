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
 * Two connections.
 */

#include "check/check_pipe.h"

#include "check/check_net.h"

void check_pipe_reserve(check_flow_t *flow, apr_pool_t *p, size_t size)
{
    flow->bytes = apr_palloc(p, size);
    flow->size = size;
}

static int has_room(const check_flow_t *flow)
{
    return !flow->is_ended && flow->end < flow->size;
}

static int has_bytes(const check_flow_t *flow)
{
    return flow->start < flow->end;
}

/* Nothing can go this way any more. */
static void break_off(check_flow_t *flow)
{
    flow->start = flow->end = 0;
    flow->is_ended = 1;
    flow->is_shut = 1;
}

int check_pipe_fill(apr_socket_t *from, check_flow_t *flow)
{
    size_t len;

    if (!has_room(flow)) {
        return 1;
    }
    switch (check_net_read(from, flow->bytes + flow->end,
                           flow->size - flow->end, 0, &len)) {
    case CHECK_NET_DATA:
        flow->end += len;
        break;
    case CHECK_NET_SILENT:
        break;
    case CHECK_NET_END:
        flow->is_ended = 1;
        break;
    case CHECK_NET_RESET:
        flow->is_ended = 1;
        return 0;
    }
    return 1;
}

/* Send what waits, and then that there is no more. */
static void drain(check_flow_t *flow, apr_socket_t *to)
{
    while (has_bytes(flow)) {
        apr_size_t sent = flow->end - flow->start;
        apr_status_t rv = apr_socket_send(to,
                                          (const char *)flow->bytes
                                              + flow->start,
                                          &sent);

        flow->start += sent;
        if (APR_STATUS_IS_EAGAIN(rv)) {
            return;
        }
        if (rv != APR_SUCCESS) {
            break_off(flow);
            return;
        }
    }
    flow->start = flow->end = 0;
    if (flow->is_ended && !flow->is_shut) {
        apr_socket_shutdown(to, APR_SHUTDOWN_WRITE);
        flow->is_shut = 1;
    }
}

void check_pipe_move(check_pipe_t *pipe, const check_watch_t *watch)
{
    if (watch == &pipe->client) {
        if (!check_pipe_fill(pipe->client.socket, &pipe->up)) {
            break_off(&pipe->down);
        }
    }
    else if (!check_pipe_fill(pipe->target.socket, &pipe->down)) {
        break_off(&pipe->up);
    }
    drain(&pipe->up, pipe->target.socket);
    drain(&pipe->down, pipe->client.socket);
}

static apr_int16_t wanted(const check_flow_t *from, const check_flow_t *to)
{
    return (apr_int16_t)((has_room(from) ? APR_POLLIN : 0)
                         | (has_bytes(to) ? APR_POLLOUT : 0));
}

void check_pipe_want(check_pipe_t *pipe)
{
    if (pipe->is_connecting) {
        /* The client waits until there is someone to send to. */
        check_loop_want(pipe->loop, &pipe->client, 0);
        check_loop_want(pipe->loop, &pipe->target, APR_POLLOUT);
        return;
    }
    check_loop_want(pipe->loop, &pipe->client,
                    wanted(&pipe->up, &pipe->down));
    if (pipe->target.socket) {
        check_loop_want(pipe->loop, &pipe->target,
                        wanted(&pipe->down, &pipe->up));
    }
}

void check_pipe_close(check_pipe_t *pipe)
{
    check_loop_want(pipe->loop, &pipe->client, 0);
    check_loop_want(pipe->loop, &pipe->target, 0);
}

int check_pipe_is_over(const check_pipe_t *pipe)
{
    return pipe->up.is_shut && pipe->down.is_shut;
}
