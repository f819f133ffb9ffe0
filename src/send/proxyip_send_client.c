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
 * The record of one client connection.
 *
 * Made in pre_connection, because the streams of an HTTP/2 connection run in
 * threads of their own, which must not take from their master's pool.
 */

#include "send/proxyip_send_client.h"

#include <apr_general.h>
#include <http_connection.h>

#include "send/proxyip_send_pool.h"

#define ID_BYTES 16

struct proxyip_send_client_t {
    conn_rec *c;
    proxyip_send_kept_t *kept;
    char unique_id[2 * ID_BYTES + 1]; /* under the pool's lock; "" unmade */
};

/* Pools are cleaned in the reverse order, so that mod_http2, which began
 * later, has ended its streams by then. */
static apr_status_t close_kept(void *data)
{
    proxyip_send_client_t *client = data;

    proxyip_send_pool_close(client->kept);
    return APR_SUCCESS;
}

void proxyip_send_client_make(conn_rec *c)
{
    proxyip_send_client_t *client = apr_pcalloc(c->pool, sizeof(*client));

    client->c = c;
    client->kept = proxyip_send_pool_open(c->pool, c->base_server);
    ap_set_module_config(c->conn_config, &proxyip_send_module, client);
    apr_pool_cleanup_register(c->pool, client, close_kept,
                              apr_pool_cleanup_null);
}

proxyip_send_client_t *proxyip_send_client_of(const request_rec *r)
{
    const conn_rec *c = r->connection;

    if (c->master) {
        c = c->master;
    }
    return ap_get_module_config(c->conn_config, &proxyip_send_module);
}

conn_rec *proxyip_send_client_conn(const proxyip_send_client_t *client)
{
    return client->c;
}

proxyip_send_kept_t *
proxyip_send_client_kept(const proxyip_send_client_t *client)
{
    return client->kept;
}

const char *proxyip_send_client_unique_id(proxyip_send_client_t *client)
{
    proxyip_send_pool_lock();
    if (!client->unique_id[0]) {
        unsigned char bytes[ID_BYTES];

        ap_random_insecure_bytes(bytes, sizeof(bytes));
        ap_bin2hex(bytes, sizeof(bytes), client->unique_id);
    }
    proxyip_send_pool_unlock();
    return client->unique_id;
}

int proxyip_send_client_pre_close(conn_rec *c)
{
    proxyip_send_client_t *client = NULL;

    if (!c->outgoing && !c->master) {
        client = ap_get_module_config(c->conn_config, &proxyip_send_module);
    }
    if (client) {
        proxyip_send_pool_close(client->kept);
    }
    return OK;
}
