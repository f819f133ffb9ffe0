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

#include "proxyip_conn.h"

/* core's filter is the last of all; a connection without one is another
 * module's, which has ended pre_connection before core. */
static ap_filter_t *find_core_filter(const conn_rec *c)
{
    ap_filter_t *f = c->input_filters;

    while (f && f->next) {
        f = f->next;
    }
    return f;
}

/* What core gives has a length: it was read to be cut. */
static apr_off_t drop(apr_bucket_brigade *bb)
{
    apr_off_t len = 0;

    while (!APR_BRIGADE_EMPTY(bb)) {
        apr_bucket *e = APR_BRIGADE_FIRST(bb);

        len += (apr_off_t)e->length;
        apr_bucket_delete(e);
    }
    return len;
}

/* All of the header was seen in the socket's buffer, so this does not wait;
 * a blocking read is only the cheaper one.  core answers from what it has
 * read, and may have less than was asked for.  The brigade is on the stack:
 * nothing stays in it. */
static int take_off(const conn_rec *c, apr_off_t left)
{
    ap_filter_t *f = find_core_filter(c);
    apr_bucket_brigade bb;

    bb.p = c->pool;
    bb.bucket_alloc = c->bucket_alloc;
    APR_RING_INIT(&bb.list, apr_bucket, link);
    while (f && left > 0) {
        apr_off_t len;

        if (ap_get_brigade(f, &bb, AP_MODE_READBYTES, APR_BLOCK_READ, left)
            != APR_SUCCESS) {
            return 0;
        }
        len = drop(&bb);
        if (len <= 0) {
            return 0;
        }
        left -= len;
    }
    return left == 0;
}

int proxyip_strip_process_connection(conn_rec *c)
{
    proxyip_conn_t *conn = proxyip_conn_get(c);
    apr_off_t left;

    if (!conn || !conn->strip_len) {
        return DECLINED;
    }
    left = (apr_off_t)conn->strip_len;
    conn->strip_len = 0;
    if (take_off(c, left)) {
        return DECLINED;
    }
    c->aborted = 1;
    if (c->cs) {
        c->cs->state = CONN_STATE_LINGER;
    }
    return OK;
}
