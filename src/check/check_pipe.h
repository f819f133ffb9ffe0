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
 * Two connections of which each gets what the other sends.
 *
 * What has come and cannot go on yet waits in a buffer; while that is full no
 * more is read, so that a slow end slows the other down.  An end that sends no
 * more is told so to the other, which may go on sending.
 */

#ifndef CHECK_PIPE_H
#define CHECK_PIPE_H

#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "check/check_loop.h"

/** Bytes in one direction. */
typedef struct {
    uint8_t *bytes;
    size_t size;
    size_t start; /* those from here... */
    size_t end;   /* ... to here wait to be sent */
    int is_ended; /* no more comes */
    int is_shut;  /* ... and that was passed on, or cannot be */
} check_flow_t;

/** Two connections.  All zero but loop at first. */
typedef struct {
    check_loop_t *loop;
    check_watch_t client;
    check_watch_t target; /* its socket is NULL until there is one */
    int is_connecting;    /* target is not connected yet */
    check_flow_t up;      /* from client to target */
    check_flow_t down;    /* from target to client */
} check_pipe_t;

/**
 * Give a flow room.
 * @param flow the flow
 * @param p the room's
 * @param size how much
 */
void check_pipe_reserve(check_flow_t *flow, apr_pool_t *p, size_t size);

/**
 * Read what is there into a flow, as far as there is room.
 * @param from the socket
 * @param flow the flow
 * @return 0 when the connection was reset; its other flow is of no use then
 */
int check_pipe_fill(apr_socket_t *from, check_flow_t *flow);

/**
 * Something is ready: move what can be moved.
 * @param pipe both are connected
 * @param watch whose socket is ready
 */
void check_pipe_move(check_pipe_t *pipe, const check_watch_t *watch);

/** Wait for what can go on. */
void check_pipe_want(check_pipe_t *pipe);

/** Wait for nothing any more. */
void check_pipe_close(check_pipe_t *pipe);

/** @return 1 when nothing can go on in either direction, else 0 */
int check_pipe_is_over(const check_pipe_t *pipe);

#endif /* CHECK_PIPE_H */
