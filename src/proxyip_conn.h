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
 * What is known of one connection: the record that all rooms share.
 */

#ifndef PROXYIP_CONN_H
#define PROXYIP_CONN_H

#include <apr_network_io.h>

#include "protocol/pp.h"
#include "settings/proxyip_peers.h"
#include "proxyip_private.h"

/* How the wait for a header and for what follows it ended. */
typedef enum {
    PROXYIP_PENDING,        /* it has not */
    PROXYIP_ACCEPTED,       /* with a header */
    PROXYIP_ABSENT,         /* an optional peer sent none */
    /* from here on: the connection is closed */
    PROXYIP_REJECTED,       /* no range, or a `reject`, for the peer */
    PROXYIP_MISSING,        /* its first bytes are not a header's */
    PROXYIP_MALFORMED,      /* a bad header */
    PROXYIP_TOO_LARGE,      /* a v2 header over ProxyIPMaxHeader */
    PROXYIP_BAD_CHECKSUM,   /* a wrong or missing CRC32C */
    PROXYIP_TIMED_OUT,      /* no whole header within ProxyIPTimeout */
    PROXYIP_CLOSED_EARLY,   /* the peer closed before a whole header */
    PROXYIP_IDLE,           /* no payload within ProxyIPDefer */
    PROXYIP_CLOSED_IDLE,    /* the peer closed between header and payload */
    PROXYIP_EVICTED,        /* given up: the child's descriptors run out */
    PROXYIP_STOPPING,       /* the child stopped while a worker waited */
    PROXYIP_NO_TLS          /* no TLS came about to have a header inside */
} proxyip_outcome_t;

/** The record of one client connection to a listener that is On and takes a
 * header from this peer.  Made by pre_connection in c->pool once it is decided
 * what has come; what is known of the client is read-only when the other
 * modules meet the connection. */
struct proxyip_conn_t {
    conn_rec *c;
    const proxyip_conf_t *conf;  /* of the listener, for the whole life */
    const proxyip_rule_t *rule;  /* the range that matched the peer; NULL
                                    when it was in none */
    apr_sockaddr_t *peer_addr;   /* the socket's other end */
    const char *peer_ip;         /* its text */
    apr_sockaddr_t *socket_addr; /* the socket's own end */
    const char *socket_ip;       /* its text */
    const proxyip_listener_t *listener; /* where it came in */
    server_rec *server;          /* c->base_server as accepted: whose error
                                    log it is; see ProxyIPServerAddr */
    proxyip_outcome_t outcome;
    pp_reason_t reason;          /* why a header was refused; else PP_OK */
    pp_look_t look;              /* what refused bytes look like */
    int has_header;              /* a header came and was right */
    int is_left_to_http1;        /* ProxyIPHTTPS's own: mod_http2 has looked
                                    for its preface and not found it */
    int is_in_tls;               /* ProxyIPInTLS: what is judged came inside
                                    TLS; 0 while that is not there yet */
    size_t strip_len;            /* bytes of a header that is still to be taken
                                    off; 0 once it is */
    /* from here on not set at first, because each connection would pay */
    pp_header_t header;          /* valid when has_header; its TLVs live in
                                    c->pool */
    apr_sockaddr_t client_addr;  /* the header's source; valid once adopted */
    char client_ip[PP_ADDR_TEXT_MAX]; /* likewise */
    proxyip_in_tls_t *in_tls;    /* how far the header has been read; valid
                                    when is_in_tls */
};

/** @return the words for an outcome, a constant: lower case, no full stop */
const char *proxyip_conn_outcome_text(proxyip_outcome_t outcome);

/**
 * More words about a refusal: the rule a header broke, or what came in place
 * of one.
 * @return a constant, or NULL when there is no more to say
 */
const char *proxyip_conn_why_text(proxyip_outcome_t outcome,
                                  pp_reason_t reason, pp_look_t look);

/**
 * Say whether a connection's peer is one that nobody has named: in no range,
 * or only in one without bounds.
 * @param conn its record
 * @return 1 or 0
 */
int proxyip_conn_is_stranger(const proxyip_conn_t *conn);

/**
 * Say whether a peer may, by what it has sent so far, be one that sends no
 * header: an optional one that is not committed to a header yet.
 * @param rule the range that it is in
 * @param bytes the first bytes that came; may be NULL when len is 0
 * @param len number of bytes
 * @return 1 or 0
 */
int proxyip_conn_may_lack_header(const proxyip_rule_t *rule,
                                 const uint8_t *bytes, size_t len);

/**
 * Say whether what comes now is outside the TLS connection in which a
 * listener expects the header (ProxyIPInTLS).
 * @param conn the connection's record
 * @return 1 or 0; 0 where the header comes before TLS, or without it
 */
int proxyip_conn_is_outside(const proxyip_conn_t *conn);

/**
 * Note what refused bytes look like.  A request that looks like httpd's own
 * (the dummy connection to its listener) counts as one only from this machine;
 * from another it is a plain HTTP request.
 * @param conn the record whose look is set
 * @param bytes the bytes; may be NULL when len is 0
 * @param len number of bytes
 */
void proxyip_conn_look(proxyip_conn_t *conn, const uint8_t *bytes,
                       size_t len);

/**
 * Make the record of a connection.
 * @param c the connection, as accepted
 * @param listener where it came in; may be NULL
 * @param conf the listener's settings
 * @param rule the range that its peer is in, or NULL
 * @return the record, in c->pool
 */
proxyip_conn_t *proxyip_conn_make(conn_rec *c,
                                  const proxyip_listener_t *listener,
                                  const proxyip_conf_t *conf,
                                  const proxyip_rule_t *rule);

/**
 * The record of a connection.
 * @param c any connection
 * @return its record, or NULL when the module leaves it alone
 */
proxyip_conn_t *proxyip_conn_get(const conn_rec *c);

/**
 * The address behind a socket address, IPv4-mapped ones as IPv4.
 * @param sa an IPv4 or IPv6 address
 * @param addr filled
 */
void proxyip_conn_read_addr(const apr_sockaddr_t *sa, pp_addr_t *addr);

/**
 * Make a socket address.
 * @param sa filled, all members
 * @param p the pool that it is said to live in
 * @param addr an IPv4 or IPv6 address
 * @param port in host byte order
 */
void proxyip_conn_fill_sockaddr(apr_sockaddr_t *sa, apr_pool_t *p,
                                const pp_addr_t *addr, apr_port_t port);

#endif /* PROXYIP_CONN_H */
