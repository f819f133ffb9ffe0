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
 * Connections that wait, in rows by their deadline.
 */

#include "connection/proxyip_waiter.h"

#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_pools.h>

#include "bytes.h"
#include "tap.h"

#define S (INT64_C(1000000))
#define T (5000 * S)

/* Room for all waiters of a test. */
#define MOST 200

typedef struct {
    apr_pool_t *pool;
    proxyip_rows_t rows;
    proxyip_waiter_t *waiters[MOST];
} house_t;

static void open_house(house_t *house)
{
    memset(house, 0, sizeof(*house));
    apr_pool_create(&house->pool, NULL);
    house->rows.p = house->pool;
}

static void close_house(house_t *house)
{
    int i;

    for (i = 0; i < MOST; i++) {
        proxyip_waiter_free(house->waiters[i]);
    }
    apr_pool_destroy(house->pool);
}

/* One that has come at a time, and is due so much later. */
static proxyip_waiter_t *add(house_t *house, int i, int64_t accepted,
                             int64_t time_us)
{
    proxyip_waiter_t *waiter = proxyip_waiter_make();

    waiter->wait.accepted = accepted;
    waiter->wait.deadline = accepted + time_us;
    proxyip_rows_add(&house->rows, waiter, time_us);
    house->waiters[i] = waiter;
    return waiter;
}

/* Take out whoever is due first, and say who that must be. */
static void leave(house_t *house, int i)
{
    proxyip_waiter_t *first = proxyip_rows_first(&house->rows);
    int count = house->rows.count;

    if (tap_check(first == house->waiters[i], "number %d is due", i)) {
        proxyip_rows_remove(&house->rows, first);
        tap_check(!first->row, "number %d is in no row", i);
        tap_check(house->rows.count == count - 1, "there is one less");
    }
}

static void check_empty(const house_t *house)
{
    tap_check(house->rows.count == 0, "%d are counted", house->rows.count);
    tap_check(!proxyip_rows_first(&house->rows), "none is due");
    tap_check(!proxyip_rows_oldest(&house->rows), "none is the oldest");
}

static void test_empty(void)
{
    house_t house;

    tap_begin("nobody");
    open_house(&house);
    check_empty(&house);
    add(&house, 0, T, 5 * S);
    leave(&house, 0);
    check_empty(&house);
    close_house(&house);
    tap_end();
}

static void test_order(void)
{
    house_t house;
    int i;

    tap_begin("one row: in the order in which they came");
    open_house(&house);
    for (i = 0; i < 20; i++) {
        add(&house, i, T + i, 5 * S);
        tap_check(house.waiters[i]->row == house.waiters[0]->row,
                  "number %d is in the row of the others", i);
    }
    tap_check(house.rows.count == 20, "all are counted");
    for (i = 0; i < 20; i++) {
        leave(&house, i);
    }
    check_empty(&house);
    close_house(&house);
    tap_end();

    tap_begin("several rows: by their deadlines");
    open_house(&house);
    add(&house, 4, T, 25 * S);
    add(&house, 0, T + S, 5 * S);
    add(&house, 2, T + 2 * S, 20 * S);
    add(&house, 1, T + 3 * S, 5 * S);
    add(&house, 3, T + 4 * S, 20 * S);
    tap_check(house.waiters[0]->row != house.waiters[2]->row
                  && house.waiters[2]->row != house.waiters[4]->row,
              "three rows");
    for (i = 0; i < 5; i++) {
        leave(&house, i);
    }
    check_empty(&house);
    close_house(&house);
    tap_end();
}

static void test_ties(void)
{
    house_t house;
    int i;

    tap_begin("due at the same time: who came first");
    open_house(&house);
    for (i = 0; i < 5; i++) {
        add(&house, i, T, 5 * S);
    }
    for (i = 0; i < 5; i++) {
        leave(&house, i);
    }
    close_house(&house);
    tap_end();

    tap_begin("due at the same time in two rows: both");
    open_house(&house);
    add(&house, 0, T, 6 * S);
    add(&house, 1, T + S, 5 * S);
    for (i = 0; i < 2; i++) {
        proxyip_waiter_t *first = proxyip_rows_first(&house.rows);

        if (tap_check(first && first->wait.deadline == T + 6 * S, "one")) {
            proxyip_rows_remove(&house.rows, first);
        }
    }
    check_empty(&house);
    close_house(&house);
    tap_end();
}

/* What other children give has waited before. */
static void test_late_comers(void)
{
    house_t house;
    int i;

    tap_begin("due earlier than those that are there");
    open_house(&house);
    add(&house, 2, T + 2 * S, 5 * S);
    add(&house, 5, T + 5 * S, 5 * S);
    add(&house, 0, T, 5 * S);         /* before all */
    add(&house, 3, T + 3 * S, 5 * S); /* in their middle */
    add(&house, 1, T, 5 * S);         /* as early as another */
    add(&house, 4, T + 3 * S, 5 * S);
    for (i = 0; i < 6; i++) {
        leave(&house, i);
    }
    check_empty(&house);
    close_house(&house);
    tap_end();
}

static void test_removal(void)
{
    house_t house;
    int i;

    tap_begin("the last, one of the middle, the first");
    open_house(&house);
    for (i = 0; i < 5; i++) {
        add(&house, i, T + i, 5 * S);
    }
    proxyip_rows_remove(&house.rows, house.waiters[4]);
    proxyip_rows_remove(&house.rows, house.waiters[2]);
    proxyip_rows_remove(&house.rows, house.waiters[0]);
    tap_check(house.rows.count == 2, "two are left");
    leave(&house, 1);
    leave(&house, 3);
    check_empty(&house);
    proxyip_rows_add(&house.rows, house.waiters[2], 5 * S);
    leave(&house, 2);
    close_house(&house);
    tap_end();

    tap_begin("from one row to another");
    open_house(&house);
    add(&house, 0, T, 25 * S);
    add(&house, 1, T, 5 * S);
    proxyip_rows_remove(&house.rows, house.waiters[0]);
    house.waiters[0]->wait.deadline = T + 4 * S;
    proxyip_rows_add(&house.rows, house.waiters[0], 5 * S);
    tap_check(house.waiters[0]->row == house.waiters[1]->row, "the same row");
    leave(&house, 0);
    leave(&house, 1);
    check_empty(&house);
    close_house(&house);
    tap_end();
}

static void test_oldest(void)
{
    house_t house;

    tap_begin("who was accepted first");
    open_house(&house);
    add(&house, 0, T + 2 * S, 5 * S);
    add(&house, 1, T, 20 * S);
    add(&house, 2, T + S, 25 * S);
    tap_check(proxyip_rows_oldest(&house.rows) == house.waiters[1],
              "though it is not due first");
    proxyip_rows_remove(&house.rows, house.waiters[1]);
    tap_check(proxyip_rows_oldest(&house.rows) == house.waiters[2],
              "then the next");
    proxyip_rows_remove(&house.rows, house.waiters[2]);
    tap_check(proxyip_rows_oldest(&house.rows) == house.waiters[0],
              "then the last");
    close_house(&house);
    tap_end();
}

/* Against a plain search through all. */
static void check_first(const house_t *house, int count)
{
    const proxyip_waiter_t *first = proxyip_rows_first(&house->rows);
    int64_t earliest = INT64_MAX;
    int found = 0;
    int i;

    for (i = 0; i < MOST; i++) {
        const proxyip_waiter_t *waiter = house->waiters[i];

        if (waiter && waiter->row) {
            found++;
            if (waiter->wait.deadline < earliest) {
                earliest = waiter->wait.deadline;
            }
        }
    }
    tap_check(found == count && house->rows.count == count, "%d of %d",
              house->rows.count, count);
    tap_check(first ? first->wait.deadline == earliest : count == 0,
              "the first is due first");
}

static void test_random(void)
{
    static const int64_t times[] = {5 * S, 20 * S, 25 * S, -1};
    house_t house;
    int count = 0;
    int turn;

    tap_begin("20,000 arrivals and departures at random");
    open_house(&house);
    random_seed(1);
    for (turn = 0; turn < 20000; turn++) {
        int i = (int)random_below(MOST);

        if (!house.waiters[i]) {
            add(&house, i, T + (int64_t)random_below(1000), times[turn % 4]);
            count++;
        }
        else if (random_below(3) > 0) {
            proxyip_rows_remove(&house.rows, house.waiters[i]);
            proxyip_waiter_free(house.waiters[i]);
            house.waiters[i] = NULL;
            count--;
        }
        check_first(&house, count);
    }
    close_house(&house);
    tap_end();
}

static void test_waiter(void)
{
    proxyip_waiter_t *waiter = proxyip_waiter_make();
    int fds[2] = {-1, -1};
    char byte;

    tap_begin("a waiter has no descriptor until it is given one");
    tap_check(waiter->fd == -1 && !waiter->row, "nothing");
    tap_check(waiter->wait.accepted == 0 && waiter->low_water == 1, "fresh");
    tap_end();

    tap_begin("one that is closed closes it");
    tap_check(pipe(fds) == 0, "a pipe");
    waiter->fd = fds[1];
    proxyip_waiter_close(waiter);
    tap_check(read(fds[0], &byte, 1) == 0, "its other end sees the end");
    close(fds[0]);
    tap_end();
}

static void test_addresses(void)
{
    static const uint8_t ipv6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
    proxyip_socket_addr_t addr;
    apr_sockaddr_t sa;

    tap_begin("an IPv4 address for APR");
    memset(&addr, 0, sizeof(addr));
    addr.in.sin_family = AF_INET;
    addr.in.sin_port = htons(443);
    addr.in.sin_addr.s_addr = htonl(0xc0000201);
    proxyip_waiter_fill_sockaddr(&sa, NULL, &addr);
    tap_check(sa.family == APR_INET && sa.port == 443, "family, port");
    tap_check(sa.ipaddr_len == 4 && memcmp(sa.ipaddr_ptr, "\xc0\0\2\1", 4) == 0,
              "address");
    tap_check(sa.salen == sizeof(sa.sa.sin), "size");
    tap_end();

    tap_begin("an IPv6 address for APR");
    memset(&addr, 0, sizeof(addr));
    addr.in6.sin6_family = AF_INET6;
    addr.in6.sin6_port = htons(65535);
    memcpy(&addr.in6.sin6_addr, ipv6, sizeof(ipv6));
    proxyip_waiter_fill_sockaddr(&sa, NULL, &addr);
    tap_check(sa.family == APR_INET6 && sa.port == 65535, "family, port");
    tap_check(sa.ipaddr_len == 16 && memcmp(sa.ipaddr_ptr, ipv6, 16) == 0,
              "address");
    tap_check(sa.salen == sizeof(sa.sa.sin6), "size");
    tap_end();
}

int main(void)
{
    apr_initialize();
    test_empty();
    test_order();
    test_ties();
    test_late_comers();
    test_removal();
    test_oldest();
    test_random();
    test_waiter();
    test_addresses();
    apr_terminate();
    return tap_finish();
}
