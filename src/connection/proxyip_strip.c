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
 * Taking the header off.
 */

#include "connection/proxyip_strip.h"

#include <apr_buckets.h>
#include <util_filter.h>

typedef struct {
    apr_off_t left; /* of the header, in bytes */
} strip_t;

static ap_filter_rec_t *filter_handle;

/* What core gives has a length: it was read to be cut. */
static void drop(strip_t *strip, apr_bucket_brigade *bb)
{
    while (!APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(bb);

        strip->left -= (apr_off_t)e->length;
        apr_bucket_delete(e);
    }
}

/* All of the header was seen in the socket's buffer, so this does not wait;
 * a blocking read is only the cheaper one.  core answers from what it has
 * read, and may have less than was asked for. */
static apr_status_t take_header(ap_filter_t *f, apr_bucket_brigade *bb)
{
    strip_t *strip = f->ctx;

    while (strip->left > 0) {
        apr_status_t rv = ap_get_brigade(f->next, bb, AP_MODE_READBYTES,
                                         APR_BLOCK_READ, strip->left);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (APR_BRIGADE_EMPTY(bb)
            || APR_BUCKET_IS_METADATA(APR_BRIGADE_FIRST(bb))) {
            return APR_EOF; /* somebody else has taken it */
        }
        drop(strip, bb);
    }
    return APR_SUCCESS;
}

/* Whatever the first read is (mod_ssl's for a handshake, mod_http2's look for
 * its preface, a request line), the header goes first. */
static apr_status_t strip_filter(ap_filter_t *f, apr_bucket_brigade *bb,
                                 ap_input_mode_t mode, apr_read_type_e block,
                                 apr_off_t readbytes)
{
    apr_status_t rv = take_header(f, bb);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    ap_remove_input_filter(f);
    return ap_get_brigade(f->next, bb, mode, block, readbytes);
}

void proxyip_strip_register(void)
{
    /* Of core's own type (AP_FTYPE_NETWORK): a filter stands above those of
     * its type that are added later (util_filter.c, add_any_filter_handle),
     * and core adds its own last.  So it is below every filter that counts or
     * reads bytes, mod_logio's (NETWORK - 1), mod_ssl's (CONNECTION + 5) and
     * mod_reqtimeout's (CONNECTION + 8) among them. */
    filter_handle = ap_register_input_filter("PROXYIP_IN", strip_filter,
                                             NULL, AP_FTYPE_NETWORK);
}

void proxyip_strip_add(conn_rec *c, size_t len)
{
    strip_t *strip = apr_palloc(c->pool, sizeof(*strip));

    strip->left = (apr_off_t)len;
    ap_add_input_filter_handle(filter_handle, strip, NULL, c);
}
