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
 * A private worker: one connection to a backend, and the header that it was
 * opened with.
 *
 * mod_proxy makes and frees these as it does mod_proxy_hcheck's; all that
 * several of one backend have in common (parameters, status, balancing) is the
 * real worker's shared part.
 */

#ifndef PROXYIP_SEND_SLOT_H
#define PROXYIP_SEND_SLOT_H

#include <stddef.h>
#include <stdint.h>

#include <mod_proxy.h>

#include "send/proxyip_send_private.h"

/**
 * Make a slot without a connection.
 * @param parent a pool that threads may share; the slot has one of its own
 * @param s a server, for mod_proxy's lines
 * @return the slot; NULL where mod_proxy could make no worker
 */
proxyip_send_slot_t *proxyip_send_slot_make(apr_pool_t *parent,
                                            server_rec *s);

/** Free a slot, its connection, if any, closed. */
void proxyip_send_slot_destroy(proxyip_send_slot_t *slot);

/**
 * Give a slot without a connection the header that the next one begins with.
 * @param slot the slot
 * @param real the worker that it stands for
 * @param head the header; copied
 * @param len its length in bytes
 */
void proxyip_send_slot_begin(proxyip_send_slot_t *slot,
                             const proxy_worker *real, const uint8_t *head,
                             size_t len);

/** @return whether this is byte for byte the header that the slot has */
int proxyip_send_slot_has(const proxyip_send_slot_t *slot,
                          const uint8_t *head, size_t len);

/**
 * The header of the slot.
 * @param slot the slot
 * @param len set to its length in bytes
 * @return its bytes, which change with proxyip_send_slot_begin()
 */
const uint8_t *proxyip_send_slot_head(const proxyip_send_slot_t *slot,
                                      size_t *len);

/**
 * What a log says of the slot's header, which whoever has begun it writes.
 * @param slot the slot
 * @return room for PROXYIP_SEND_TEXT_MAX
 */
char *proxyip_send_slot_text(proxyip_send_slot_t *slot);

/** @return the worker to run a scheme handler on */
proxy_worker *proxyip_send_slot_worker(const proxyip_send_slot_t *slot);

/** @return whether mod_proxy has given the connection back, open or not */
int proxyip_send_slot_is_back(const proxyip_send_slot_t *slot);

/** @return whether a connection is open that may carry another request */
int proxyip_send_slot_is_open(const proxyip_send_slot_t *slot);

/**
 * Close a slot's connection, if one is open.
 * @param slot a slot that is back
 * @param s a server, for mod_proxy's lines
 */
void proxyip_send_slot_close(proxyip_send_slot_t *slot, server_rec *s);

/** @return a number that changes with the header: what is written to a
 * connection must be of the header that it was opened with */
apr_uint32_t proxyip_send_slot_serial(const proxyip_send_slot_t *slot);

/** @return whether proxyip_send_slot_close() is at work */
int proxyip_send_slot_is_closing(const proxyip_send_slot_t *slot);

/* What the pool has to remember of a slot; its lock guards it. */
typedef struct {
    proxyip_send_slot_t *older; /* of the backend's kept slots */
    proxyip_send_slot_t *newer;
    proxyip_send_slot_t *next; /* of the client's kept slots, of the backend's
                                  free ones, or of those to be closed */
    void *backend;
    void *kept; /* the client's; NULL unless the slot is kept */
    apr_time_t since;
} proxyip_send_links_t;

/** @return the pool's own notes on a slot */
proxyip_send_links_t *proxyip_send_slot_links(proxyip_send_slot_t *slot);

#endif /* PROXYIP_SEND_SLOT_H */
