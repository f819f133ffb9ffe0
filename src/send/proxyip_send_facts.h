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
 * What a v2 header says beside the addresses: its TLVs.
 */

#ifndef PROXYIP_SEND_FACTS_H
#define PROXYIP_SEND_FACTS_H

#include <stdint.h>

#include "send/proxyip_send_conf.h"
#include "send/proxyip_send_private.h"

/** Find mod_proxyip's functions, if it is loaded.
 * @remark for post_config */
void proxyip_send_facts_attach(void);

/**
 * The address and port that the client dialled, by the header that came in.
 * @param p where texts are made
 * @param c the client's connection
 * @param ip set to the address, as text
 * @param port set to the port in host byte order
 * @return 1; 0 where no header said so (ip and port are then left alone)
 */
int proxyip_send_facts_dialled(apr_pool_t *p, conn_rec *c, const char **ip,
                               uint16_t *port);

/**
 * Make the TLVs of a request's header.  The checksum is not among them.
 * @param r the request
 * @param client its client connection's record
 * @param conf its settings
 * @param tlvs set to the row of TLVs, in r->pool; NULL when there is none
 * @param len set to the row's length in bytes
 * @return NULL, or why there can be no such row
 */
const char *proxyip_send_facts_make(request_rec *r,
                                    proxyip_send_client_t *client,
                                    const proxyip_send_conf_t *conf,
                                    const uint8_t **tlvs, size_t *len);

#endif /* PROXYIP_SEND_FACTS_H */
