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
 * The PROXY protocol: its vocabulary and the codec's interface.
 *
 * This layer knows bytes and nothing else: no httpd, no APR, no allocation,
 * no I/O, no logging.  "The specification" is doc/proxy-protocol.txt of the
 * HAProxy project, revision 2026/04/27; section numbers are its own.
 *
 * Nothing here keeps a reference to its input beyond the call, with one
 * exception that each function names: views (pp_header_t.tlvs,
 * pp_tlv_t.value) point into the bytes that were decoded.
 *
 * All functions may be called from any thread at any time.
 */

#ifndef PP_H
#define PP_H

#include <stddef.h>
#include <stdint.h>

/* The longest v1 line, CRLF included (section 2.1). */
#define PP_V1_MAX 107

/* The fixed part of a v2 header: signature, command, family, length
 * (section 2.2).  The length field counts what follows it. */
#define PP_V2_FIXED 16
#define PP_V2_MAX (PP_V2_FIXED + 65535)

/* The v2 signature, and how many bytes of input prove that a v1 or a v2
 * header is meant: `PROXY ` and the whole signature. */
#define PP_V2_SIG_LEN 12
#define PP_V1_COMMIT 6
extern const uint8_t pp_v2_signature[PP_V2_SIG_LEN];

/* The largest UNIQUE_ID (section 2.2.5), in bytes. */
#define PP_UNIQUE_ID_MAX 128

/* Room for the longest text pp_addr_format() writes, NUL included. */
#define PP_ADDR_TEXT_MAX 46

typedef enum {
    PP_DONE, /* a whole header is there and it is right */
    PP_MORE, /* all bytes so far may begin a header; more are needed */
    PP_BAD   /* these bytes are not, and cannot become, a right header */
} pp_status_t;

/* Why the answer was PP_BAD.  pp_reason_text() gives the words. */
typedef enum {
    PP_OK,
    PP_BAD_SIGNATURE,      /* neither `PROXY ` nor the v2 signature */
    PP_BAD_FORMAT_REFUSED, /* a header of a version not in rules->formats */
    PP_BAD_V1_KEYWORD,     /* none of TCP4, TCP6, UNKNOWN as a whole word */
    PP_BAD_V1_CHARACTER,   /* a byte no field of this line may hold */
    PP_BAD_V1_LINE_END,    /* CR without LF or LF without CR */
    PP_BAD_V1_TOO_LONG,    /* no CRLF where the longest line must end */
    PP_BAD_V1_FIELDS,      /* not six fields with one space between */
    PP_BAD_V1_SOURCE,      /* source is no address of the family */
    PP_BAD_V1_DESTINATION, /* destination is no address of the family */
    PP_BAD_V1_PORT,        /* a port is not 0-65535 in plain decimal */
    PP_BAD_V2_VERSION,     /* the 13th byte's version is not 2 */
    PP_BAD_V2_COMMAND,     /* the command is neither LOCAL nor PROXY */
    PP_BAD_V2_FAMILY,      /* an address family that is not defined */
    PP_BAD_V2_TRANSPORT,   /* a transport that is not defined */
    PP_BAD_V2_TOO_LARGE,   /* larger than rules->max_len */
    PP_BAD_V2_TOO_SHORT,   /* no room for the family's addresses */
    PP_BAD_TLV_OVERRUN,    /* a TLV is longer than what is left */
    PP_BAD_TLV_STRAY,      /* one or two bytes after the last TLV */
    PP_BAD_SSL_SHORT,      /* an SSL TLV of less than 5 bytes; this and the
                              next never refuse a header: pp_tlv_find_ssl() */
    PP_BAD_SSL_OVERRUN,    /* an SSL sub-TLV is longer than its TLV */
    PP_BAD_UNIQUE_ID_LONG, /* a UNIQUE_ID of more than 128 bytes */
    PP_BAD_CRC_LENGTH,     /* a CRC32C TLV that is not 4 bytes long */
    PP_BAD_CRC_TWICE,      /* two CRC32C TLVs */
    PP_BAD_CRC_MISMATCH,   /* the checksum is wrong */
    PP_BAD_CRC_MISSING     /* rules->checksum_required and there is none */
} pp_reason_t;

typedef enum {
    PP_LOCAL = 0x0, /* the proxy's own connection (section 2.2) */
    PP_PROXY = 0x1  /* a connection relayed for a client */
} pp_command_t;

/* Values are those on the wire (section 2.2, 14th byte, high half). */
typedef enum {
    PP_UNSPEC = 0x0,
    PP_INET = 0x1,
    PP_INET6 = 0x2,
    PP_UNIX = 0x3
} pp_family_t;

/* Values are those on the wire (section 2.2, 14th byte, low half). */
typedef enum {
    PP_TRANSPORT_UNSPEC = 0x0,
    PP_STREAM = 0x1,
    PP_DGRAM = 0x2
} pp_transport_t;

/* Bits of pp_rules_t.formats. */
#define PP_FORMAT_V1 0x1u
#define PP_FORMAT_V2 0x2u

/* TLV types (section 2.2) and what the SSL TLV holds (section 2.2.6). */
#define PP_TLV_ALPN 0x01
#define PP_TLV_AUTHORITY 0x02
#define PP_TLV_CRC32C 0x03
#define PP_TLV_NOOP 0x04
#define PP_TLV_UNIQUE_ID 0x05
#define PP_TLV_SSL 0x20
#define PP_TLV_NETNS 0x30
/* client bits (1 byte) and verify result (4 bytes) before the sub-TLVs */
#define PP_SSL_FIXED 5

/* The SSL TLV's client bits, and its sub-TLVs' types (section 2.2.6). */
#define PP_CLIENT_SSL 0x01
#define PP_CLIENT_CERT_CONN 0x02
#define PP_CLIENT_CERT_SESS 0x04
#define PP_SSL_VERSION 0x21
#define PP_SSL_CN 0x22
#define PP_SSL_CIPHER 0x23
#define PP_SSL_SIG_ALG 0x24
#define PP_SSL_KEY_ALG 0x25
#define PP_SSL_GROUP 0x26
#define PP_SSL_SIG_SCHEME 0x27
#define PP_SSL_CLIENT_CERT 0x28

/* Cloud providers' TLVs, in the range reserved for applications (section
 * 2.2.8), and the subtype that an identifier has as its first byte. */
#define PP_TLV_GCP 0xE0
#define PP_TLV_AWS 0xEA
#define PP_TLV_AZURE 0xEE
#define PP_AWS_VPCE_ID 0x01
#define PP_AZURE_LINK_ID 0x01

/**
 * An IP address.  IPv4-mapped IPv6 addresses never appear: every function
 * that makes a pp_addr_t turns them into IPv4.
 */
typedef struct {
    pp_family_t family; /* PP_INET, PP_INET6, or PP_UNSPEC: no address */
    uint8_t bytes[16];  /* network byte order; the first 4 for PP_INET */
} pp_addr_t;

/** What the receiver accepts.  The caller owns it; it is only read. */
typedef struct {
    unsigned int formats;  /* PP_FORMAT_V1, PP_FORMAT_V2 or both */
    size_t max_len;        /* largest v2 header in bytes, its first 16
                              included; v1 has its own limit, PP_V1_MAX */
    int checksum_required; /* a PROXY command without CRC32C is PP_BAD */
} pp_rules_t;

/** One decoded header. */
typedef struct {
    int version;              /* 1 or 2 */
    pp_command_t command;     /* PP_PROXY for every v1 line */
    pp_family_t family;       /* as announced; PP_UNSPEC for v1's UNKNOWN,
                                 for LOCAL, and for a 14th byte with an
                                 UNSPEC half */
    pp_transport_t transport; /* as announced; PP_TRANSPORT_UNSPEC beside
                                 PP_UNSPEC */
    pp_addr_t src;            /* the client; PP_UNSPEC unless family is
                                 PP_INET or PP_INET6 */
    pp_addr_t dst;            /* what the client dialled; likewise */
    uint16_t src_port;        /* host byte order */
    uint16_t dst_port;        /* host byte order */
    const uint8_t *tlvs;      /* view into the input, NULL when none; every
                                 TLV in it was validated */
    size_t tlvs_len;          /* bytes at tlvs */
    int checksum_held;        /* a CRC32C TLV came and is right */
} pp_header_t;

/** The decoder's answer. */
typedef struct {
    pp_status_t status;
    pp_reason_t reason; /* PP_OK unless status is PP_BAD */
    size_t len;         /* PP_DONE: the bytes that belong to the header.
                           PP_MORE: the least number of bytes, counted from
                           the first, that a whole header beginning so can
                           have; reading up to it never reads past one.
                           PP_BAD: the offset of the byte at which it was
                           decided. */
} pp_answer_t;

/**
 * Decode the header at the start of some bytes.  Judges what is there byte
 * by byte, so that the same bytes get the same answer in any segmentation:
 * PP_BAD at the first byte that cannot belong to a header; the values of a
 * v1 line's fields, and a v2 header's addresses and TLVs, once the header
 * is whole.
 * @param bytes the input; may be NULL when len is 0
 * @param len number of bytes; bytes after the header are not looked at
 * @param rules what is accepted
 * @param header filled when the answer is PP_DONE, undefined otherwise.
 *        header->tlvs points into bytes.
 * @return the answer
 */
pp_answer_t pp_decode(const uint8_t *bytes, size_t len,
                      const pp_rules_t *rules, pp_header_t *header);

/**
 * Say whether some bytes prove that a PROXY header is meant: they begin with
 * `PROXY ` or with the whole v2 signature.
 * @param bytes the input; may be NULL when len is 0
 * @param len number of bytes
 * @return 1 or 2: the version meant; 0: not proven (yet)
 */
int pp_committed_version(const uint8_t *bytes, size_t len);

/* What bytes look like that are no header, or no right one: a hint at who
 * sends them and why, never a ground to accept or refuse. */
typedef enum {
    PP_LOOKS_UNKNOWN,
    PP_LOOKS_TLS,        /* a TLS handshake: the header is missing, or within
                            TLS */
    PP_LOOKS_HTTP,       /* an HTTP/1 request */
    PP_LOOKS_AWS,        /* one of a known health checker: AWS's, ... */
    PP_LOOKS_GOOGLE,
    PP_LOOKS_KUBERNETES,
    PP_LOOKS_AZURE,
    PP_LOOKS_NAGIOS,
    PP_LOOKS_HAPROXY,
    PP_LOOKS_HTTPD,      /* httpd's own connection to its listener: see
                            pp_look.c */
    PP_LOOKS_HTTP2,      /* HTTP/2's connection preface (RFC 9113, 3.4) */
    PP_LOOKS_SSH,        /* an SSH client's banner */
    PP_LOOKS_LOWER_CASE, /* `PROXY ` but for the letters' case */
    PP_LOOKS_LATE,       /* a header behind other bytes */
    PP_LOOKS_MIXED,      /* a v1 line with an address of the other family */
    PP_LOOKS_ZONE        /* a v1 line with a zone id in an address */
} pp_look_t;

/**
 * Say what bytes look like that pp_decode() has refused.
 * @param bytes the input; may be NULL when len is 0
 * @param len number of bytes; more than the first refused one helps
 * @return what they look like
 */
pp_look_t pp_look(const uint8_t *bytes, size_t len);

/**
 * The words for what bytes look like: "an HTTP request".
 * @param look any number
 * @return a constant string; NULL for PP_LOOKS_UNKNOWN, and for a number that
 *         is no pp_look_t
 */
const char *pp_look_text(pp_look_t look);

/**
 * The words for a reason, for logs: lower case, no full stop.
 * @param reason any number
 * @return a constant string; NULL for a number that is no pp_reason_t
 */
const char *pp_reason_text(pp_reason_t reason);

/**
 * Say whether a header names a client that is to be adopted: command PROXY
 * with IPv4 or IPv6 addresses (section 2.2; UNKNOWN, UNSPEC, UNIX and LOCAL
 * keep the socket's own).
 * @param header a header that pp_decode() filled
 * @return 1 or 0
 */
int pp_names_client(const pp_header_t *header);

/**
 * Say whether a header names what the client dialled: it names a client, and
 * the destination is not 0.0.0.0 or ::, which some senders write for none.
 * @param header a header that pp_decode() filled
 * @return 1 or 0
 */
int pp_names_destination(const pp_header_t *header);

/**
 * Read an address from text: four decimal octets without leading zeros, or
 * IPv6 as in RFC 4291 section 2.2, its dotted-quad form included; no zone.
 * @param text the text, not NUL-terminated
 * @param len its length in bytes
 * @param family PP_INET or PP_INET6: the form that text must have; or
 *        PP_UNSPEC for either
 * @param addr filled on success; an IPv4-mapped address becomes PP_INET
 * @return 1 on success, 0 when text is no such address
 */
int pp_addr_parse(const char *text, size_t len, pp_family_t family,
                  pp_addr_t *addr);

/**
 * Make an address from its bytes on the wire.
 * @param family PP_INET or PP_INET6
 * @param bytes 4 or 16 bytes in network byte order
 * @param addr filled; an IPv4-mapped address becomes PP_INET
 */
void pp_addr_set(pp_addr_t *addr, pp_family_t family, const uint8_t *bytes);

/**
 * Write an address in its canonical text form (RFC 5952 for IPv6).
 * @param addr PP_INET or PP_INET6; PP_UNSPEC gives an empty string
 * @param text room for PP_ADDR_TEXT_MAX bytes; NUL-terminated
 * @return the length of text without its NUL
 */
size_t pp_addr_format(const pp_addr_t *addr, char *text);

/** One TLV, or one sub-TLV of the SSL TLV. */
typedef struct {
    uint8_t type;
    uint16_t len;         /* bytes at value */
    const uint8_t *value; /* view into the bytes that are walked */
} pp_tlv_t;

/**
 * Take the next TLV off a row of them (section 2.2: type, 16-bit length in
 * network byte order, value).
 * @param rest where the walk stands; moved behind the TLV
 * @param rest_len bytes left there; lowered
 * @param tlv filled when the answer is 1
 * @return 1 one was taken; 0 the end; -1 what is left is no TLV (rest and
 *         rest_len then stay)
 */
int pp_tlv_next(const uint8_t **rest, size_t *rest_len, pp_tlv_t *tlv);

/**
 * Find the first TLV of a type in a row of them.
 * @param tlvs the row; may be NULL when len is 0
 * @param len its length in bytes
 * @param type the type
 * @param tlv filled when the answer is 1
 * @return 1, or 0 when there is none
 */
int pp_tlv_find(const uint8_t *tlvs, size_t len, uint8_t type, pp_tlv_t *tlv);

/**
 * Find the SSL TLV in a row of TLVs, and see whether it can be read: it is not
 * validated with the header, because what is wrong inside it costs a client
 * no more than what it says (HAProxy's set-proxy-v2-tlv-fmt makes such TLVs).
 * @param tlvs the row; may be NULL when len is 0
 * @param len its length in bytes
 * @param ssl filled when there is one; of several it is the first
 * @param fault set to PP_OK, PP_BAD_SSL_SHORT or PP_BAD_SSL_OVERRUN; may be
 *        NULL
 * @return 1 when there is one and it is right: PP_SSL_FIXED bytes and a row
 *         of sub-TLVs; else 0
 */
int pp_tlv_find_ssl(const uint8_t *tlvs, size_t len, pp_tlv_t *ssl,
                    pp_reason_t *fault);

/**
 * The name of a TLV type, in capitals, as the module's variables have it.
 * @param type the type
 * @return a constant string, or NULL for a type without a name
 */
const char *pp_tlv_name(uint8_t type);

/**
 * The same for a sub-TLV of the SSL TLV.
 * @param type the sub-TLV's type
 * @return a constant string, or NULL for a type without a name
 */
const char *pp_ssl_sub_name(uint8_t type);

/**
 * Say whether bytes are text: valid UTF-8 (RFC 3629) without a control
 * character (U+0000 to U+001F, U+007F to U+009F).
 * @param bytes the bytes; may be NULL when len is 0
 * @param len number of bytes
 * @return 1 or 0; 1 for none at all
 */
int pp_is_text(const uint8_t *bytes, size_t len);

/**
 * Validate a row of TLVs by structure, and each known type by its length.
 * The checksum's value is not compared.
 * @param tlvs the row; may be NULL when len is 0
 * @param len its length in bytes
 * @param crc set to the CRC32C TLV's 4 bytes within tlvs, or NULL
 * @return PP_OK or the reason of the first fault
 */
pp_reason_t pp_tlv_validate(const uint8_t *tlvs, size_t len,
                            const uint8_t **crc);

/**
 * Compute a PROXY header's CRC32C (RFC 4960 appendix B) with its checksum
 * field taken as zero (section 2.2.3).
 * @param header the whole header
 * @param len its length in bytes
 * @param field the 4-byte checksum field within header, or NULL for none
 * @return the checksum in host byte order
 */
uint32_t pp_crc32c(const uint8_t *header, size_t len, const uint8_t *field);

/**
 * Write a header.  Version, command, family, transport, addresses, ports
 * and tlvs are taken as pp_header_t has them; a LOCAL v2 header gets the
 * UNSPEC family and no address, its TLVs if any.  A PP_UNIX header gets
 * zeroed addresses.
 * @param header what to write; tlvs only in v2.  An IPv4 address in an
 *        INET6 header is written in mapped form.
 * @param add_checksum append a CRC32C TLV (v2 only)
 * @param bytes where to write
 * @param size room there; PP_V1_MAX, or PP_V2_MAX, is always enough
 * @return the header's length in bytes; 0 when it has no such form (an
 *         IPv6 address in a v1 TCP4 line, datagrams in v1, ...) or no room
 */
size_t pp_encode(const pp_header_t *header, int add_checksum, uint8_t *bytes,
                 size_t size);

/**
 * Append one TLV to a row.
 * @param tlvs where the row begins
 * @param size room there in bytes
 * @param len the row's length; raised on success
 * @param type the TLV's type
 * @param value its value; may be NULL when value_len is 0
 * @param value_len bytes at value
 * @return 1 on success, 0 when there is no room
 */
int pp_tlv_append(uint8_t *tlvs, size_t size, size_t *len, uint8_t type,
                  const uint8_t *value, uint16_t value_len);

#endif /* PP_H */
