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
 * Stand-ins for httpd: a chain of input filters, and at its end one that
 * does what core's does (server/core_filters.c, ap_core_input_filter()).
 */

#include "world.h"

#include <string.h>

#include <apr_buckets.h>
#include <util_filter.h>

/* The longest line core takes at a time. */
#define LINE_MAX_LEN HUGE_STRING_LEN

/* core's is 0. */
module AP_MODULE_DECLARE_DATA proxyip_module = {.module_index = 1};

static ap_filter_rec_t above_rec;
static ap_filter_rec_t core_rec;

apr_status_t ap_get_brigade(ap_filter_t *filter, apr_bucket_brigade *bb,
                            ap_input_mode_t mode, apr_read_type_e block,
                            apr_off_t readbytes)
{
    return filter->frec->filter_func.in_func(filter, bb, mode, block,
                                             readbytes);
}

/* What core has read, and nobody above it yet. */
static int has_data(const apr_bucket_brigade *net)
{
    return !APR_BRIGADE_EMPTY(net)
           && APR_BRIGADE_FIRST(net)->length != (apr_size_t)-1;
}

/* A blocking read of core's waits for the peer, which nobody would be. */
static void feed(const apr_bucket_brigade *net, ap_input_mode_t mode,
                 apr_read_type_e block)
{
    if (mode == AP_MODE_EXHAUSTIVE
        || (mode == AP_MODE_GETLINE && block == APR_BLOCK_READ)) {
        world_send_all();
    }
    else if (block == APR_BLOCK_READ && !has_data(net) && !world_events()) {
        world_send_by(take_byte(&world.script));
    }
}

/* We take the header, which has come. */
static void check_strip(const apr_bucket_brigade *net, ap_input_mode_t mode)
{
    require(mode == AP_MODE_READBYTES, "the header is cut off");
    require(has_data(net) || world_events(), "the header is there");
}

/* READBYTES and SPECULATIVE: of the first bucket, at most so much. */
static apr_status_t read_some(apr_bucket_brigade *net, apr_bucket_brigade *bb,
                              ap_input_mode_t mode, apr_read_type_e block,
                              apr_off_t readbytes)
{
    apr_bucket *e = APR_BRIGADE_FIRST(net);
    const char *data;
    apr_size_t len;
    apr_status_t rv = apr_bucket_read(e, &data, &len, block);
    apr_bucket *after;

    if (APR_STATUS_IS_EAGAIN(rv) && block == APR_NONBLOCK_READ) {
        return APR_SUCCESS;
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (block == APR_BLOCK_READ && len == 0) {
        apr_bucket_delete(e);
        if (mode == AP_MODE_READBYTES) {
            e = apr_bucket_eos_create(bb->bucket_alloc);
            APR_BRIGADE_INSERT_TAIL(bb, e);
        }
        return APR_SUCCESS;
    }
    rv = apr_brigade_partition(
        net, (apr_off_t)len < readbytes ? (apr_off_t)len : readbytes, &after);
    while (rv == APR_SUCCESS && mode == AP_MODE_READBYTES
           && APR_BRIGADE_FIRST(net) != after) {
        e = APR_BRIGADE_FIRST(net);
        APR_BUCKET_REMOVE(e);
        APR_BRIGADE_INSERT_TAIL(bb, e);
    }
    for (e = APR_BRIGADE_FIRST(net);
         mode == AP_MODE_SPECULATIVE && rv == APR_SUCCESS && e != after;
         e = APR_BUCKET_NEXT(e)) {
        apr_bucket *copy;

        rv = apr_bucket_copy(e, &copy);
        APR_BRIGADE_INSERT_TAIL(bb, copy);
    }
    return rv;
}

/* As core's BRIGADE_NORMALIZE. */
static void drop_empty(apr_bucket_brigade *net)
{
    apr_bucket *e = APR_BRIGADE_FIRST(net);

    while (e != APR_BRIGADE_SENTINEL(net)) {
        apr_bucket *next = APR_BUCKET_NEXT(e);

        if (e->length == 0 && !APR_BUCKET_IS_METADATA(e)) {
            apr_bucket_delete(e);
        }
        e = next;
    }
}

static apr_status_t fail(apr_bucket_brigade *bb)
{
    int is_end = world.is_to_fail == 2;

    world.is_to_fail = 0;
    if (!is_end) {
        return APR_TIMEUP;
    }
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    return APR_SUCCESS;
}

static apr_status_t core_input(ap_filter_t *f, apr_bucket_brigade *bb,
                               ap_input_mode_t mode, apr_read_type_e block,
                               apr_off_t readbytes)
{
    apr_bucket_brigade *net = f->ctx;
    apr_status_t rv;

    if (mode == AP_MODE_INIT) {
        return APR_SUCCESS;
    }
    if (!net) {
        net = apr_brigade_create(f->c->pool, f->c->bucket_alloc);
        f->ctx = net;
        APR_BRIGADE_INSERT_TAIL(
            net, apr_bucket_socket_create(world.csd, f->c->bucket_alloc));
    }
    drop_empty(net);
    if (world.is_stripping) {
        check_strip(net, mode);
        if (world.is_to_fail && world.good_reads-- == 0) {
            return fail(bb);
        }
    }
    feed(net, mode, block);
    if (APR_BRIGADE_EMPTY(net)) {
        return APR_EOF;
    }
    if (mode == AP_MODE_GETLINE) {
        rv = apr_brigade_split_line(bb, net, block, LINE_MAX_LEN);
        return APR_STATUS_IS_EAGAIN(rv) && block == APR_NONBLOCK_READ
                   ? APR_SUCCESS
                   : rv;
    }
    if (mode == AP_MODE_EXHAUSTIVE) {
        APR_BRIGADE_CONCAT(bb, net);
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
        return APR_SUCCESS;
    }
    return read_some(net, bb, mode, block, readbytes);
}

/* A filter that counts or decrypts, of whatever type. */
static apr_status_t above_input(ap_filter_t *f, apr_bucket_brigade *bb,
                                ap_input_mode_t mode, apr_read_type_e block,
                                apr_off_t readbytes)
{
    require(!world.is_stripping, "no other filter meets the header");
    return ap_get_brigade(f->next, bb, mode, block, readbytes);
}

static ap_filter_t *make_filter(ap_filter_rec_t *rec, ap_in_filter_func func,
                                conn_rec *c)
{
    ap_filter_t *f = apr_pcalloc(c->pool, sizeof(*f));

    rec->filter_func.in_func = func;
    f->frec = rec;
    f->c = c;
    return f;
}

void world_add_filters(conn_rec *c)
{
    c->input_filters = make_filter(&above_rec, above_input, c);
    c->input_filters->next = make_filter(&core_rec, core_input, c);
}
