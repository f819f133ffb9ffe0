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
 * For other modules: what the PROXY header of a connection said.
 *
 * These are optional functions (apr_optional.h): retrieve them with
 * APR_RETRIEVE_OPTIONAL_FN in a hook that runs once all modules are loaded,
 * such as post_config; the result is NULL where mod_proxyip is not loaded.
 *
 *     static APR_OPTIONAL_FN_TYPE(proxyip_fact) *fact;
 *     ...
 *     fact = APR_RETRIEVE_OPTIONAL_FN(proxyip_fact);
 *     ...
 *     if (fact) {
 *         const char *balancer = fact(r->pool, r->connection, "PEER_ADDR");
 *     }
 *
 * Both may be called for any connection: a client's, in every phase from
 * pre_connection on (a module's own pre_connection hook is run after the
 * header); a stream of an HTTP/2 connection, which has that connection's
 * facts; and one to a backend, which has none.  Call them from the thread
 * that has the connection.
 */

#ifndef MOD_PROXYIP_H
#define MOD_PROXYIP_H

#include <apr_optional.h>
#include <apr_pools.h>
#include <httpd.h>

/**
 * The value of a fact, such as "192.0.2.77" for "CLIENT_ADDR".
 * @param p pool that a value which must be made is made in
 * @param c the connection, not NULL
 * @param name the variable's name without its prefix PROXYIP_, in any case:
 *        "CLIENT_ADDR", "AUTHORITY", "TLV_EA", "TLV_E5_TEXT"; "" for PROXYIP
 *        itself.  See docs/facts.md for all names.
 * @return the value, NUL-terminated and never empty; NULL when the fact is
 *         absent or no fact has that name.  A text from the header that has
 *         a control character counts as absent; a certificate has line ends.
 * @remark the value lives as long as the shorter-lived of p and c->pool
 */
APR_DECLARE_OPTIONAL_FN(const char *, proxyip_fact,
                        (apr_pool_t * p, conn_rec *c, const char *name));

/**
 * The bytes of a TLV, whatever they are.
 * @param c the connection, not NULL
 * @param type the TLV's type, 0 to 255 (specification, section 2.2)
 * @param value set to the value's first byte, which is in network order as
 *        it came and is not to be changed; may be set to NULL when *len is 0
 * @param len set to the number of bytes there
 * @return 1, or 0 when the header has no such TLV (value and len are then
 *         left alone).  Of several the first is meant.
 * @remark the bytes live as long as c->pool; for a stream of an HTTP/2
 *         connection, as long as that connection's pool
 */
APR_DECLARE_OPTIONAL_FN(int, proxyip_tlv,
                        (conn_rec * c, int type, const unsigned char **value,
                         apr_size_t *len));

#endif /* MOD_PROXYIP_H */
