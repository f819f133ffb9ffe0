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
 * The bytes of a header: of a request's, and of a health check's.
 *
 * The source is the request's client as httpd has it, which mod_proxyip and
 * mod_remoteip may have set.  The destination is what the client dialled: by
 * the header that came in, else this server's end of the connection.
 */

#include "send/proxyip_send_header.h"

#include <string.h>

#include <apr_strings.h>

#include "send/proxyip_send_client.h"
#include "send/proxyip_send_facts.h"

/* Two IPv6 addresses and ports in front of the TLVs, a checksum behind. */
#define ROOM_BESIDE_TLVS (PP_V2_FIXED + 36 + 7)

static void read_addr(const apr_sockaddr_t *sockaddr, pp_addr_t *addr)
{
    memset(addr, 0, sizeof(*addr));
    if (sockaddr->family == APR_INET) {
        pp_addr_set(addr, PP_INET,
                    (const uint8_t *)&sockaddr->sa.sin.sin_addr);
    }
#if APR_HAVE_IPV6
    else if (sockaddr->family == APR_INET6) {
        pp_addr_set(addr, PP_INET6,
                    (const uint8_t *)&sockaddr->sa.sin6.sin6_addr);
    }
#endif
}

/* Both addresses IPv4, or both IPv6, an IPv4 one in mapped form. */
static void set_family(pp_header_t *pp)
{
    pp->transport = PP_STREAM;
    pp->family = pp->src.family == PP_INET && pp->dst.family == PP_INET
                     ? PP_INET
                     : PP_INET6;
}

void proxyip_send_header_text(const proxyip_send_header_t *header, char *text)
{
    const pp_header_t *pp = &header->fields;
    char src[PP_ADDR_TEXT_MAX];
    char dst[PP_ADDR_TEXT_MAX];

    if (pp->command == PP_LOCAL || pp->family == PP_UNSPEC) {
        apr_snprintf(text, PROXYIP_SEND_TEXT_MAX, "v%d %s", pp->version,
                     pp->command == PP_LOCAL ? "LOCAL" : "UNKNOWN");
        return;
    }
    pp_addr_format(&pp->src, src);
    pp_addr_format(&pp->dst, dst);
    apr_snprintf(text, PROXYIP_SEND_TEXT_MAX, "v%d %s%s%s:%u %s%s%s:%u",
                 pp->version, pp->src.family == PP_INET6 ? "[" : "", src,
                 pp->src.family == PP_INET6 ? "]" : "", pp->src_port,
                 pp->dst.family == PP_INET6 ? "[" : "", dst,
                 pp->dst.family == PP_INET6 ? "]" : "", pp->dst_port);
}

static const char *encode(apr_pool_t *p, int has_checksum,
                          proxyip_send_header_t *header)
{
    const pp_header_t *pp = &header->fields;
    size_t size = pp->version == 1 ? PP_V1_MAX
                                   : ROOM_BESIDE_TLVS + pp->tlvs_len;
    uint8_t *bytes = apr_palloc(p, size);

    header->len = pp_encode(pp, has_checksum, bytes, size);
    if (header->len == 0) {
        return "it would be longer than a header can be";
    }
    header->bytes = bytes;
    return NULL;
}

static void set_destination(request_rec *r, conn_rec *c, pp_header_t *pp)
{
    const char *ip;

    if (!proxyip_send_facts_dialled(r->pool, c, &ip, &pp->dst_port)
        || !pp_addr_parse(ip, strlen(ip), PP_UNSPEC, &pp->dst)) {
        read_addr(c->local_addr, &pp->dst);
        pp->dst_port = c->local_addr->port;
    }
}

const char *proxyip_send_header_make(request_rec *r,
                                     proxyip_send_client_t *client,
                                     const proxyip_send_conf_t *conf,
                                     proxyip_send_header_t *header)
{
    pp_header_t *pp = &header->fields;
    int has_checksum = 0;
    const char *why = NULL;

    memset(pp, 0, sizeof(*pp));
    pp->version = conf->version;
    pp->command = PP_PROXY;
    read_addr(r->useragent_addr, &pp->src);
    pp->src_port = r->useragent_addr->port;
    set_destination(r, proxyip_send_client_conn(client), pp);
    if (pp->src.family == PP_UNSPEC || pp->dst.family == PP_UNSPEC) {
        return "the client's address, or the one it dialled, is neither IPv4"
               " nor IPv6";
    }
    set_family(pp);
    if (conf->version == 2) {
        has_checksum = proxyip_send_conf_facts(conf)
                       & PROXYIP_SEND_CHECKSUM;
        why = proxyip_send_facts_make(r, client, conf, &pp->tlvs,
                                      &pp->tlvs_len);
    }
    return why ? why : encode(r->pool, has_checksum, header);
}

const char *proxyip_send_header_make_own(conn_rec *c,
                                         const proxyip_send_conf_t *conf,
                                         proxyip_send_header_t *header)
{
    pp_header_t *pp = &header->fields;
    int has_checksum = conf->version == 2
                       && (proxyip_send_conf_facts(conf)
                           & PROXYIP_SEND_CHECKSUM);

    memset(pp, 0, sizeof(*pp));
    pp->version = conf->version;
    pp->command = PP_PROXY;
    if (proxyip_send_conf_check(conf) == PROXYIP_SEND_CHECK_PROXY) {
        read_addr(c->local_addr, &pp->src);
        pp->src_port = c->local_addr->port;
        read_addr(c->client_addr, &pp->dst);
        pp->dst_port = c->client_addr->port;
        if (pp->src.family != PP_UNSPEC && pp->dst.family != PP_UNSPEC) {
            set_family(pp);
        }
    }
    else if (conf->version == 2) {
        pp->command = PP_LOCAL;
    }
    return encode(c->pool, has_checksum, header);
}
