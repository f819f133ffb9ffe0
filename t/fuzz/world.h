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
 * What a connection arrives in, for the fuzz targets `arrival` and `in_tls`:
 * the peer at the other end of a real socket (world_peer.c), a clock that is
 * set by hand, and stand-ins for httpd (world_httpd.c), for the lobby
 * (world_lobby.c), for poll() (world_wait.c) and for the module's other units
 * (world_units.c).
 */

#ifndef WORLD_H
#define WORLD_H

#include <apr_network_io.h>
#include <apr_time.h>
#include <httpd.h>

#include "bytes.h"
#include "connection/proxyip_back.h"
#include "connection/proxyip_look.h"
#include "fuzz.h"
#include "settings/proxyip_conf.h"

/* All sends of a script fit into the socket. */
#define STREAM_MAX ((size_t)70000)

/* When a connection comes, and how long it may wait. */
#define START_US apr_time_from_sec(1000)
#define TIMEOUT_US apr_time_from_sec(5)
#define DEFER_US apr_time_from_sec(20)

/* Bits of choices that all targets have. */
#define CHOICE_OPTIONAL (FLAG_FREE << 0)
#define CHOICE_DEFER_OFF (FLAG_FREE << 1)
#define CHOICE_SILENT (FLAG_FREE << 3) /* at the end nothing more comes */

/** What a connection looks like to who has seen all that was sent. */
typedef struct {
    proxyip_seen_status_t status;
    proxyip_stage_t stage; /* of UNDECIDED */
    size_t needed;         /* of UNDECIDED */
    pp_answer_t answer;
    pp_header_t header; /* of PP_DONE */
} sent_t;

/** TLS, and what mod_ssl's filter has of it. */
typedef struct {
    int is_on;          /* the target is about what comes inside TLS */
    int is_up;          /* hands are shaken */
    size_t record_ends; /* where the record that is being read ends */
    size_t given;       /* bytes of the stream that readers have taken */
    size_t ahead;       /* bytes behind these that were looked at, ... */
    size_t ahead_at;    /* ... and where in mod_ssl's buffer they stand */
    int is_ours;        /* the module reads */
    int has_alarms;     /* the MPM waits */
    int is_alarm_set;
    int has_rung;
} world_tls_t;

/** All there is of it: one connection at a time. */
typedef struct {
    proxyip_conf_t conf;
    int is_optional; /* the peer's policy; else `require` */
    /* the peer, and its socket */
    apr_sockaddr_t peer_addr;
    int peer_fd;           /* the other end of the connection's socket */
    int own_fd;            /* the connection's socket itself */
    apr_socket_t *csd;     /* the same to APR */
    const uint8_t *stream; /* what the peer sends, ... */
    size_t stream_len;
    size_t sent;             /* ... and how much of it is sent */
    int is_closed;           /* the peer sends no more */
    int is_reset;            /* and takes no more */
    int is_end_known;        /* poll() has said that it sends no more */
    apr_time_t committed_at; /* when it was sent that a header is meant */
    apr_time_t whole_at;     /* when the header's last byte was sent */
    input_t script;          /* what happens next */
    int is_silent;           /* behind the script time goes by, and no more */
    apr_time_t now;          /* proxyip_clock_now() */
    /* what becomes of the next read of a header */
    int is_to_fail;   /* 1: an error, 2: the end */
    int good_reads;   /* before that */
    int is_stripping; /* the header is being taken off */
    /* how far it has come by what was looked at, and until when it may wait */
    int has_stage;
    proxyip_stage_t stage;
    apr_time_t deadline;
    /* where it is */
    int has_lobby; /* proxyip_lobby_enter() takes it */
    int has_idle;  /* workers are idle, and where there is a lobby ... */
    int is_moment; /* ... one waits a moment */
    int is_in_lobby;
    int has_ticket;
    proxyip_ticket_t ticket;
    int is_stopping;
    world_tls_t tls;
    /* what was said of it */
    int waiting;               /* proxyip_children_add_waiting() */
    int waits;                 /* calls of it */
    int directs;               /* proxyip_counters_add_direct() */
    int closed;                /* proxyip_report_closed() */
    int taken;                 /* proxyip_report_taken() */
    int server_adopted;        /* proxyip_server_adopt() */
    proxyip_outcome_t outcome; /* as it was reported closed */
    pp_reason_t reason;
} world_t;

extern world_t world;

/**
 * Make the world in which a connection comes.
 * @param p where its addresses live
 * @param rules what is accepted
 * @param choices see above
 * @param script what happens
 * @param stream what the peer sends
 */
void world_begin(apr_pool_t *p, const pp_rules_t *rules, unsigned int choices,
                 const input_t *script, const block_t *stream);

/** The peer's next record comes, with so many bytes. */
void world_tls_send(size_t len);

/** A worker waits in poll(): what comes now is what the script says. */
int world_tls_poll(int timeout_ms);

/** The alarm's turn: time is up, if it is. */
void world_tls_ring(void);

/** Put mod_ssl's filter, as far as it matters here, on a connection. */
void world_tls_add_filter(conn_rec *c);

/**
 * Connect the peer: a TCP connection, because SO_RCVLOWAT is not looked at on
 * others.
 * @return 1, or 0 when there is none to be had
 */
int world_connect(void);

/** Close both ends. */
void world_disconnect(void);

/** The peer sends so many bytes, or as many as it still has; they have come
 * when this returns. */
void world_send(size_t len);

/** The peer sends no more. */
void world_send_end(void);

/** The peer is gone. */
void world_reset(void);

/** The peer sends what it still has, and no more after that. */
void world_send_all(void);

/** What one byte of a script says of the peer: bytes, or their end. */
void world_send_by(uint8_t how);

/** @return what poll() would say now of the connection's socket */
int world_events(void);

/** All that was sent is still in the socket, and it is as httpd wants it. */
void world_check_untouched(void);

/** What all that was sent so far says. */
void world_judge(sent_t *sent);

/** Note that the module looks at what has come, now. */
void world_note_look(void);

/** The module wants to wait for more: is it right to? */
void world_check_waits(const sent_t *sent);

/** @return what SO_RCVLOWAT is */
int world_low_water(void);

/** The lobby looks after the connection that is in it, and may release it. */
void world_lobby_turn(void);

/** The connection leaves the lobby. */
void world_lobby_release(proxyip_wait_end_t end);

/** The child does not stop, after all. */
void world_forget_stopping(void);

/** A header's TLVs are not where the header was looked at. */
void world_check_copied(const proxyip_conn_t *conn, const uint8_t *bytes,
                        size_t len);

/**
 * Put core's input filter on a connection, as core's pre_connection does, and
 * another module's above it.
 * @param c the connection
 */
void world_add_filters(conn_rec *c);

#endif /* WORLD_H */
