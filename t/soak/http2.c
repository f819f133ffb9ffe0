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
 * As much of HTTP/2 (RFC 9113) as one GET after the other needs.  The answer's
 * body says all that is to be known, so of its fields (RFC 7541) only :status
 * is looked at, which httpd sends first and, being 200, as one byte; the others
 * that are told apart come once in a connection, before its end.
 */

#include "http.h"

#include <string.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define FRAME_HEAD 9

enum {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7
};

#define FLAG_ACK 0x1
#define FLAG_END_STREAM 0x1
#define FLAG_END_HEADERS 0x4
#define FLAG_PADDED 0x8

#define ERROR_REFUSED_STREAM 7

/* :status 200 and 500 from the static table; the name alone; 502, which is
 * shorter in Huffman's code, and 503, which is not. */
#define INDEXED_200 0x88
#define INDEXED_500 0x8e
#define NAME_STATUS 8
#define NAME_MASK 0xf
static const char VALUE_502[] = "\x82\x6c\x02";
static const char VALUE_503[] = "\003503";

typedef struct {
    uint8_t type;
    uint8_t flags;
    uint32_t stream;
    const uint8_t *payload;
    size_t len;  /* at payload */
    size_t size; /* of the whole frame, padding included */
} frame_t;

/* An answer as far as it has come. */
typedef struct {
    int has_begun;
    int is_whole;
    size_t len;
    char body[HTTP_PAGE_ROOM];
} page_t;

static uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16
           | (uint32_t)bytes[2] << 8 | bytes[3];
}

static size_t write_frame(uint8_t *bytes, uint8_t type, uint8_t flags,
                          uint32_t stream, const void *payload, size_t len)
{
    const uint8_t head[FRAME_HEAD] = {
        (uint8_t)(len >> 16),    (uint8_t)(len >> 8),    (uint8_t)len,
        type,                    flags,                  0,
        (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream};

    memcpy(bytes, head, FRAME_HEAD);
    if (len > 0) {
        memcpy(bytes + FRAME_HEAD, payload, len);
    }
    return FRAME_HEAD + len;
}

size_t http2_request(unsigned int stream, int is_tls, uint8_t *bytes)
{
    /* :method GET, :scheme, :path and :authority as literals. */
    uint8_t fields[] = "\x82\x86\x04\x0a/who.shtml\x01\x09localhost";
    size_t len = 0;

    if (is_tls) {
        fields[1] = 0x87;
    }
    if (stream == 1) {
        memcpy(bytes, PREFACE, sizeof(PREFACE) - 1);
        len = sizeof(PREFACE) - 1;
        len += write_frame(bytes + len, FRAME_SETTINGS, 0, 0, NULL, 0);
    }
    return len + write_frame(bytes + len, FRAME_HEADERS,
                             FLAG_END_STREAM | FLAG_END_HEADERS, stream,
                             fields, sizeof(fields) - 1);
}

/* Wait for the next whole frame; its payload is valid until it is taken. */
static link_read_t read_frame(link_t *link, frame_t *frame)
{
    for (;;) {
        link_read_t got;

        if (link->in_len >= FRAME_HEAD) {
            frame->len = read_u32(link->in) >> 8;
            frame->size = FRAME_HEAD + frame->len;
            if (link->in_len >= frame->size) {
                break;
            }
        }
        got = link_fill(link);
        if (got != LINK_GOT) {
            return got;
        }
    }
    frame->type = link->in[3];
    frame->flags = link->in[4];
    frame->stream = read_u32(link->in + 5);
    frame->payload = link->in + FRAME_HEAD;
    return LINK_GOT;
}

/* Data and fields may be padded. */
static int strip_padding(frame_t *frame)
{
    size_t padding;

    if (!(frame->flags & FLAG_PADDED)) {
        return 1;
    }
    if (frame->len < 1 || frame->payload[0] > frame->len - 1) {
        return 0;
    }
    padding = frame->payload[0];
    frame->payload++;
    frame->len -= 1 + padding;
    return 1;
}

static int has_value(const frame_t *frame, const char *value, size_t len)
{
    return frame->len > len && memcmp(frame->payload + 1, value, len) == 0;
}

static int is_of_gateway(const frame_t *frame)
{
    return frame->payload[0] == INDEXED_500
           || ((frame->payload[0] & NAME_MASK) == NAME_STATUS
               && (has_value(frame, VALUE_502, sizeof(VALUE_502) - 1)
                   || has_value(frame, VALUE_503, sizeof(VALUE_503) - 1)));
}

static http_answer_t take_fields(const frame_t *frame, page_t *page,
                                 const char **why)
{
    *why = "another status than 200";
    if (page->has_begun || frame->len < 1) {
        return HTTP_WRONG;
    }
    if (frame->payload[0] != INDEXED_200) {
        if (!is_of_gateway(frame)) {
            return HTTP_WRONG;
        }
        *why = "500, 502 or 503";
        return HTTP_GATEWAY;
    }
    page->has_begun = 1;
    return HTTP_RIGHT;
}

static http_answer_t take_data(const frame_t *frame, page_t *page,
                               const char **why)
{
    *why = "a body that is too long";
    if (frame->len > sizeof(page->body) - page->len) {
        return HTTP_WRONG;
    }
    memcpy(page->body + page->len, frame->payload, frame->len);
    page->len += frame->len;
    return HTTP_RIGHT;
}

/* A frame of our own stream. */
static http_answer_t take_of_stream(frame_t *frame, page_t *page,
                                    const char **why)
{
    http_answer_t answer;

    if (frame->type == FRAME_RST_STREAM) {
        *why = "the stream was reset";
        return frame->len == 4
                       && read_u32(frame->payload) == ERROR_REFUSED_STREAM
                   ? HTTP_REFUSED
                   : HTTP_GATEWAY;
    }
    if (frame->type != FRAME_DATA && frame->type != FRAME_HEADERS) {
        return HTTP_RIGHT;
    }
    if (!strip_padding(frame)) {
        *why = "padding that is too long";
        return HTTP_WRONG;
    }
    answer = frame->type == FRAME_DATA ? take_data(frame, page, why)
                                       : take_fields(frame, page, why);
    page->is_whole = (frame->flags & FLAG_END_STREAM) != 0;
    return answer;
}

/* A frame of the connection.  A GOAWAY names the last stream that is looked
 * at; those beyond may be asked again elsewhere. */
static http_answer_t take_of_connection(link_t *link, const frame_t *frame,
                                        unsigned int stream)
{
    uint8_t bytes[FRAME_HEAD + 8];

    if (frame->type == FRAME_GOAWAY && frame->len >= 8
        && (read_u32(frame->payload) & 0x7fffffff) < stream) {
        return HTTP_REFUSED;
    }
    /* That these cannot be sent shows when the answer does not come. */
    if (frame->type == FRAME_SETTINGS && !(frame->flags & FLAG_ACK)) {
        (void)link_put(link, bytes,
                       write_frame(bytes, FRAME_SETTINGS, FLAG_ACK, 0, NULL,
                                   0));
    }
    else if (frame->type == FRAME_PING && !(frame->flags & FLAG_ACK)
             && frame->len == 8) {
        (void)link_put(link, bytes,
                       write_frame(bytes, FRAME_PING, FLAG_ACK, 0,
                                   frame->payload, 8));
    }
    return HTTP_RIGHT;
}

http_answer_t http2_answer(link_t *link, const char *client,
                           unsigned int stream, const char **why)
{
    page_t page = {0};

    while (!page.is_whole) {
        http_answer_t answer = HTTP_RIGHT;
        frame_t frame = {0};

        switch (read_frame(link, &frame)) {
        case LINK_GOT:
            break;
        case LINK_ENDED:
            *why = "the connection ended within the answer";
            return page.has_begun ? HTTP_GATEWAY : HTTP_NONE;
        case LINK_LATE:
            *why = "no answer in time";
            return HTTP_WRONG;
        }
        if (frame.stream == 0) {
            answer = take_of_connection(link, &frame, stream);
        }
        else if (frame.stream == stream) {
            answer = take_of_stream(&frame, &page, why);
        }
        link_take(link, frame.size);
        if (answer != HTTP_RIGHT) {
            return answer;
        }
    }
    *why = "answered for another client";
    return page.has_begun && page.len == strlen(client)
                   && memcmp(page.body, client, page.len) == 0
               ? HTTP_RIGHT
               : HTTP_WRONG;
}
