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
 * What is known of a connection, by name: the one table of facts that
 * expressions, logs, the environment, Require and other modules read.
 *
 * A name is that of the variable without its prefix PROXYIP_: PEER_ADDR,
 * SSL_CN, TLV_EA, TLV_E5_TEXT; the variable PROXYIP itself has the empty name.
 *
 * Nothing is computed or kept before somebody asks.  All functions may be
 * called for any connection, in any phase, from the thread that has it.
 */

#ifndef PROXYIP_FACTS_H
#define PROXYIP_FACTS_H

#include <apr_pools.h>

#include "proxyip_private.h"

/* The beginning of every variable's name. */
#define PROXYIP_FACTS_PREFIX "PROXYIP"

typedef struct proxyip_fact_t proxyip_fact_t;

/**
 * Find a fact by its name.
 * @param name the name without prefix, in any case, `-` or `_` between words
 * @param tlv_type set to NN when the name is TLV_NN or TLV_NN_TEXT, else to
 *        -1
 * @return the fact, or NULL when no fact has that name
 */
const proxyip_fact_t *proxyip_facts_find(const char *name, int *tlv_type);

/**
 * The value of a fact.
 * @param p where the value is made, when it has to be
 * @param c the connection; a stream of an HTTP/2 connection has that
 *        connection's facts
 * @param fact a fact
 * @param tlv_type what proxyip_facts_find() set
 * @return the value, never empty, or NULL when the fact is absent; lives as
 *         long as the shorter of p and c->pool
 */
const char *proxyip_facts_get(apr_pool_t *p, const conn_rec *c,
                              const proxyip_fact_t *fact, int tlv_type);

/**
 * The value of a fact by its name.
 * @return as proxyip_facts_get(); NULL also when no fact has that name
 */
const char *proxyip_facts_lookup(apr_pool_t *p, const conn_rec *c,
                                 const char *name);

/**
 * Whether a fact may be believed to say who the client is: SSL_CN and
 * SSL_CLIENT_CERT only where the load balancer has verified the certificate.
 * @param p for what is needed only here
 * @param c the connection
 * @param fact a fact
 * @return 1 or 0
 */
int proxyip_facts_is_proven(apr_pool_t *p, const conn_rec *c,
                            const proxyip_fact_t *fact);

/**
 * Call a function for each fact that a connection has.
 * @param p where values are made
 * @param c the connection
 * @param is_all addresses and ports only, or everything; of TLVs by number
 *        only those whose type has no name
 * @param visit called with baton, the variable's whole name, and its value;
 *        both live as long as p and c->pool
 * @param baton anything
 */
void proxyip_facts_each(apr_pool_t *p, const conn_rec *c, int is_all,
                        void (*visit)(void *baton, const char *name,
                                      const char *value),
                        void *baton);

/**
 * The socket's other end of a connection to a listener that is On.
 * @param c the connection
 * @return its address, or NULL
 */
const apr_sockaddr_t *proxyip_facts_peer(const conn_rec *c);

/** Register the functions of mod_proxyip.h for other modules. */
void proxyip_facts_export(void);

#endif /* PROXYIP_FACTS_H */
