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
 * mod_ssl's input filter, as far as it matters to who reads from it, and what
 * else of httpd belongs to waiting inside TLS.
 *
 * It gives no more than one record at a time.  What was looked at, and not
 * taken, stands in its buffer; when that is looked at again it copies it to
 * the buffer's beginning first, over whatever else stands there.
 */

#include "world.h"

#include <string.h>

#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_ssl.h>
#include <mpm_common.h>
#include <util_filter.h>

#include "connection/proxyip_alarm.h"

#define LONGEST_MS 500

struct proxyip_alarm_t {
    int64_t deadline;
};

static ap_filter_rec_t tls_rec = {.name = "ssl/tls filter"};
static ap_filter_rec_t unread_rec = {.name = "proxyip_unread"};
static proxyip_alarm_t the_alarm;

void world_tls_send(size_t len)
{
    size_t left = world.stream_len - world.sent;

    if (world.is_closed || left == 0) {
        return;
    }
    world.sent += len < left ? len : left;
    if (!world.committed_at
        && pp_committed_version(world.stream, world.sent)) {
        world.committed_at = world.now;
    }
}

static size_t bytes_left(void)
{
    return world.sent - world.tls.given - world.tls.ahead;
}

static int is_readable(void)
{
    return bytes_left() > 0 || world.is_closed || world.tls.has_rung;
}

/* One byte of the script, while somebody waits for what it sends. */
static void go_on(void)
{
    uint8_t how;

    if (world.script.left == 0) {
        if (!world.is_silent) {
            world_tls_send(world.stream_len);
            world.is_closed = 1;
        }
        world.now += apr_time_from_sec(1);
        return;
    }
    how = take_byte(&world.script);
    if (how < 0xc0) {
        world_tls_send((how & 0x80 ? 64 : 1) * (size_t)((how & 0x3f) + 1));
    }
    else if (how < 0xf0) {
        world.now += apr_time_from_msec(100) * (how & 0x3f);
    }
    else {
        world.is_closed = 1;
    }
}

int world_tls_poll(int timeout_ms)
{
    require(!is_readable(), "what was read up to its end wakes nobody");
    require(timeout_ms > 0 && timeout_ms <= LONGEST_MS, "it looks often");
    require(world.waiting == 1, "who waits is counted");
    go_on();
    return is_readable();
}

void world_tls_ring(void)
{
    if (world.tls.is_alarm_set && world.now >= the_alarm.deadline
        && !is_readable()) {
        world.tls.has_rung = 1;
    }
}

void proxyip_alarm_start(apr_pool_t *pchild, server_rec *s,
                         proxyip_alarm_left_t *left)
{
    (void)pchild;
    (void)s;
    (void)left;
}

int proxyip_alarm_set(proxyip_alarm_t **alarm, conn_rec *c, int fd,
                      const proxyip_wait_t *wait, int64_t time_us)
{
    (void)fd;
    if (!world.tls.has_alarms) {
        return 0;
    }
    require(!is_readable(), "what was read up to its end is waited for");
    require(time_us > 0 && wait->deadline > world.now
                && wait->deadline <= world.now + time_us,
            "its time is not up, and no longer than the settings say");
    world.tls.is_alarm_set = 1;
    the_alarm.deadline = wait->deadline;
    *alarm = &the_alarm;
    (void)c;
    return 1;
}

void proxyip_alarm_stop(proxyip_alarm_t *alarm)
{
    (void)alarm;
    world.tls.is_alarm_set = 0;
}

int proxyip_alarm_has_rung(proxyip_alarm_t *alarm)
{
    return alarm && world.tls.has_rung;
}

apr_status_t ap_mpm_query(int query_code, int *result)
{
    (void)query_code;
    *result = 0;
    return APR_SUCCESS;
}

apr_socket_t *ap_get_conn_socket(conn_rec *c)
{
    (void)c;
    return world.csd;
}

const char *ap_ssl_var_lookup(apr_pool_t *p, server_rec *s, conn_rec *c,
                              request_rec *r, const char *name)
{
    (void)p;
    (void)s;
    (void)c;
    (void)r;
    require(strcmp(name, "SSL_CIPHER") == 0, "it asks what is known");
    return world.tls.is_up ? "TLS_AES_128_GCM_SHA256" : NULL;
}

/* From the network: one record's, at most so many. */
static size_t read_record(size_t most)
{
    size_t at = world.tls.given + world.tls.ahead;
    size_t len;

    if (world.tls.record_ends <= at) {
        /* A record is what one look of the script sent, or a part. */
        world.tls.record_ends = at + 1 + (world.now + (apr_time_t)at) % 97;
    }
    len = world.tls.record_ends - at;
    len = len < bytes_left() ? len : bytes_left();
    return len < most ? len : most;
}

static apr_status_t give(apr_bucket_brigade *bb, size_t len)
{
    if (len > 0) {
        apr_bucket *e = apr_bucket_transient_create(
            (const char *)world.stream + world.tls.given, len,
            bb->bucket_alloc);

        APR_BRIGADE_INSERT_TAIL(bb, e);
        return APR_SUCCESS;
    }
    return world.is_closed || world.tls.has_rung ? APR_EOF : APR_EAGAIN;
}

static apr_status_t look_ahead(apr_bucket_brigade *bb, size_t most)
{
    world_tls_t *tls = &world.tls;
    size_t len = tls->ahead < most ? tls->ahead : most;

    if (tls->ahead > 0) {
        require(tls->ahead_at == 0 || len <= tls->ahead_at,
                "nobody looks ahead behind what was looked at and taken");
        return give(bb, len);
    }
    len = read_record(most);
    tls->ahead = len;
    tls->ahead_at = 0;
    return give(bb, len);
}

/* Moves on behind what is given. */
static apr_status_t take(apr_bucket_brigade *bb, size_t most)
{
    world_tls_t *tls = &world.tls;
    size_t len = tls->ahead < most ? tls->ahead : most;
    apr_status_t rv;

    if (len < most) {
        len += read_record(most - len);
    }
    rv = give(bb, len);
    tls->given += len;
    tls->ahead_at += len;
    tls->ahead -= len < tls->ahead ? len : tls->ahead;
    return rv;
}

/* Up to the line feed, as far as it has come. */
static apr_status_t take_line(apr_bucket_brigade *bb)
{
    const uint8_t *at = world.stream + world.tls.given;
    size_t left = world.sent - world.tls.given;
    const uint8_t *end = left ? memchr(at, '\n', left) : NULL;

    return take(bb, end ? (size_t)(end - at) + 1 : left);
}

static apr_status_t tls_input(ap_filter_t *f, apr_bucket_brigade *bb,
                              ap_input_mode_t mode, apr_read_type_e block,
                              apr_off_t readbytes)
{
    (void)f;
    if (mode == AP_MODE_INIT) {
        /* Where TLS was given up, the filters below answer. */
        return world.tls.is_up || world.stream_len % 2 ? APR_SUCCESS
                                                       : APR_EGENERAL;
    }
    require(world.tls.is_up, "nothing outside TLS is read");
    require(!world.tls.is_ours || block == APR_NONBLOCK_READ,
            "the module never waits in a read");
    while (block == APR_BLOCK_READ && world.tls.ahead == 0 && !is_readable()) {
        world.is_silent = 0;
        go_on();
    }
    switch (mode) {
    case AP_MODE_SPECULATIVE:
        return look_ahead(bb, (size_t)readbytes);
    case AP_MODE_READBYTES:
        return take(bb, (size_t)readbytes);
    case AP_MODE_GETLINE:
        return take_line(bb);
    default:
        return APR_ENOTIMPL;
    }
}

void world_tls_add_filter(conn_rec *c)
{
    ap_filter_t *f = apr_pcalloc(c->pool, sizeof(*f));

    tls_rec.filter_func.in_func = tls_input;
    f->frec = &tls_rec;
    f->c = c;
    c->input_filters = f;
}

ap_filter_rec_t *ap_register_input_filter(const char *name,
                                          ap_in_filter_func filter_func,
                                          ap_init_filter_func filter_init,
                                          ap_filter_type ftype)
{
    (void)name;
    (void)filter_init;
    (void)ftype;
    unread_rec.filter_func.in_func = filter_func;
    return &unread_rec;
}

ap_filter_t *ap_add_input_filter_handle(ap_filter_rec_t *rec, void *ctx,
                                        request_rec *r, conn_rec *c)
{
    ap_filter_t *f = apr_pcalloc(c->pool, sizeof(*f));

    (void)r;
    f->frec = rec;
    f->ctx = ctx;
    f->c = c;
    f->next = c->input_filters;
    c->input_filters = f;
    return f;
}
