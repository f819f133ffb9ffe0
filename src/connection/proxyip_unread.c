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
 * Giving bytes back that were read from mod_ssl: an input filter directly
 * above its own.  It stays when it has no more, and passes on what mod_ssl
 * gives: the request that read the last byte still has it in its chain.
 */

#include "connection/proxyip_unread.h"

#include <apr_buckets.h>
#include <util_filter.h>

/* mod_ssl's is AP_FTYPE_CONNECTION + 5 (ssl_engine_io.c); what is smaller
 * stands above it. */
#define ABOVE_TLS ((ap_filter_type)(AP_FTYPE_CONNECTION + 4))

static ap_filter_rec_t *filter_rec;

static apr_size_t length_of(apr_bucket_brigade *bb)
{
    apr_off_t len = 0;

    apr_brigade_length(bb, 1, &len); /* of memory, which cannot fail */
    return (apr_size_t)len;
}

/* At most so many of the bytes, left where they are. */
static apr_status_t copy_some(apr_bucket_brigade *held,
                              apr_bucket_brigade *bb, apr_off_t len)
{
    apr_bucket *end;
    apr_bucket *e;
    apr_status_t rv = apr_brigade_partition(held, len, &end);

    if (APR_STATUS_IS_INCOMPLETE(rv)) {
        rv = APR_SUCCESS; /* fewer are there */
        end = APR_BRIGADE_SENTINEL(held);
    }
    for (e = APR_BRIGADE_FIRST(held); rv == APR_SUCCESS && e != end;
         e = APR_BUCKET_NEXT(e)) {
        apr_bucket *copy;

        rv = apr_bucket_copy(e, &copy);
        if (rv == APR_SUCCESS) {
            APR_BRIGADE_INSERT_TAIL(bb, copy);
        }
    }
    return rv;
}

/* Who looks ahead, as mod_http2 does for its preface, wants so many bytes:
 * behind what is held mod_ssl may have more. */
static apr_status_t look_ahead(ap_filter_t *f, apr_bucket_brigade *bb,
                               apr_off_t readbytes)
{
    apr_bucket_brigade *held = f->ctx;
    apr_off_t left = readbytes - (apr_off_t)length_of(held);
    apr_status_t rv = copy_some(held, bb, readbytes);
    apr_bucket_brigade *more;

    if (rv != APR_SUCCESS || left <= 0) {
        return rv;
    }
    more = apr_brigade_create(f->c->pool, f->c->bucket_alloc);
    if (ap_get_brigade(f->next, more, AP_MODE_SPECULATIVE, APR_NONBLOCK_READ,
                       left) == APR_SUCCESS) {
        APR_BRIGADE_CONCAT(bb, more);
    }
    apr_brigade_destroy(more);
    return APR_SUCCESS;
}

static void move(apr_bucket_brigade *from, apr_bucket_brigade *to,
                 const apr_bucket *end)
{
    while (APR_BRIGADE_FIRST(from) != end) {
        apr_bucket *e = APR_BRIGADE_FIRST(from);

        APR_BUCKET_REMOVE(e);
        APR_BRIGADE_INSERT_TAIL(to, e);
    }
}

static apr_status_t give(apr_bucket_brigade *held, apr_bucket_brigade *bb,
                         ap_input_mode_t mode, apr_off_t readbytes)
{
    apr_bucket *end = APR_BRIGADE_SENTINEL(held);
    apr_status_t rv = APR_SUCCESS;

    if (mode == AP_MODE_GETLINE) {
        return apr_brigade_split_line(bb, held, APR_BLOCK_READ,
                                      HUGE_STRING_LEN);
    }
    if (mode == AP_MODE_READBYTES
        && readbytes < (apr_off_t)length_of(held)) {
        rv = apr_brigade_partition(held, readbytes, &end);
    }
    if (rv == APR_SUCCESS) {
        move(held, bb, end);
    }
    return rv;
}

static apr_status_t give_held(ap_filter_t *f, apr_bucket_brigade *bb,
                              ap_input_mode_t mode, apr_read_type_e block,
                              apr_off_t readbytes)
{
    apr_bucket_brigade *held = f->ctx;

    if (mode == AP_MODE_INIT || APR_BRIGADE_EMPTY(held)) {
        return ap_get_brigade(f->next, bb, mode, block, readbytes);
    }
    if (mode == AP_MODE_SPECULATIVE) {
        return look_ahead(f, bb, readbytes);
    }
    return give(held, bb, mode, readbytes);
}

void proxyip_unread_register(void)
{
    filter_rec = ap_register_input_filter("PROXYIP_UNREAD", give_held, NULL,
                                          ABOVE_TLS);
}

void proxyip_unread(conn_rec *c, const uint8_t *bytes, size_t len)
{
    apr_bucket_brigade *held = apr_brigade_create(c->pool, c->bucket_alloc);

    APR_BRIGADE_INSERT_TAIL(
        held, apr_bucket_pool_create((const char *)bytes, len, c->pool,
                                     c->bucket_alloc));
    ap_add_input_filter_handle(filter_rec, held, NULL, c);
}
