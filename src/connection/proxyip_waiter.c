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
 * Connections that wait in a child's lobby, in rows by their deadline.
 */

#include "connection/proxyip_waiter.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct proxyip_row_t {
    proxyip_row_t *next;
    int64_t time_us;
    proxyip_waiter_ring_t ring;
};

proxyip_waiter_t *proxyip_waiter_make(void)
{
    proxyip_waiter_t *waiter = calloc(1, sizeof(*waiter));

    if (waiter) {
        waiter->fd = -1;
        waiter->low_water = 1;
    }
    return waiter;
}

void proxyip_waiter_free(proxyip_waiter_t *waiter)
{
    free(waiter);
}

void proxyip_waiter_close(proxyip_waiter_t *waiter)
{
    close(waiter->fd);
    free(waiter);
}

void proxyip_waiter_fill_sockaddr(apr_sockaddr_t *sa, apr_pool_t *p,
                                  const proxyip_socket_addr_t *addr)
{
    memset(sa, 0, sizeof(*sa));
    sa->pool = p;
    sa->family = addr->any.sa_family;
    if (sa->family == APR_INET) {
        sa->sa.sin = addr->in;
        sa->salen = sizeof(sa->sa.sin);
        sa->port = ntohs(addr->in.sin_port);
        sa->ipaddr_ptr = &sa->sa.sin.sin_addr;
        sa->ipaddr_len = sizeof(sa->sa.sin.sin_addr);
        sa->addr_str_len = INET_ADDRSTRLEN;
        return;
    }
#if APR_HAVE_IPV6
    sa->sa.sin6 = addr->in6;
    sa->salen = sizeof(sa->sa.sin6);
    sa->port = ntohs(addr->in6.sin6_port);
    sa->ipaddr_ptr = &sa->sa.sin6.sin6_addr;
    sa->ipaddr_len = sizeof(sa->sa.sin6.sin6_addr);
    sa->addr_str_len = INET6_ADDRSTRLEN;
#endif
}

static proxyip_row_t *find_row(proxyip_rows_t *rows, int64_t time_us)
{
    proxyip_row_t *row;

    for (row = rows->first; row; row = row->next) {
        if (row->time_us == time_us) {
            return row;
        }
    }
    row = apr_palloc(rows->p, sizeof(*row));
    row->time_us = time_us;
    APR_RING_INIT(&row->ring, proxyip_waiter_t, link);
    row->next = rows->first;
    rows->first = row;
    return row;
}

/* Nearly always at the end: only a waiter that has waited elsewhere before is
 * due earlier than the last of its row. */
void proxyip_rows_add(proxyip_rows_t *rows, proxyip_waiter_t *waiter,
                      int64_t time_us)
{
    proxyip_row_t *row = find_row(rows, time_us);
    proxyip_waiter_t *before = APR_RING_LAST(&row->ring);

    while (before != APR_RING_SENTINEL(&row->ring, proxyip_waiter_t, link)
           && before->wait.deadline > waiter->wait.deadline) {
        before = APR_RING_PREV(before, link);
    }
    APR_RING_INSERT_AFTER(before, waiter, link);
    waiter->row = row;
    rows->count++;
}

void proxyip_rows_remove(proxyip_rows_t *rows, proxyip_waiter_t *waiter)
{
    APR_RING_REMOVE(waiter, link);
    waiter->row = NULL;
    rows->count--;
}

static proxyip_waiter_t *head_of(const proxyip_row_t *row)
{
    return APR_RING_EMPTY(&row->ring, proxyip_waiter_t, link)
               ? NULL
               : APR_RING_FIRST(&row->ring);
}

proxyip_waiter_t *proxyip_rows_first(const proxyip_rows_t *rows)
{
    proxyip_waiter_t *first = NULL;
    const proxyip_row_t *row;

    for (row = rows->first; row; row = row->next) {
        proxyip_waiter_t *head = head_of(row);

        if (head && (!first || head->wait.deadline < first->wait.deadline)) {
            first = head;
        }
    }
    return first;
}

proxyip_waiter_t *proxyip_rows_oldest(const proxyip_rows_t *rows)
{
    proxyip_waiter_t *oldest = NULL;
    const proxyip_row_t *row;

    for (row = rows->first; row; row = row->next) {
        proxyip_waiter_t *head = head_of(row);

        if (head && (!oldest || head->wait.accepted < oldest->wait.accepted)) {
            oldest = head;
        }
    }
    return oldest;
}
