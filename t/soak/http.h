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
 * Requests for the page that names the client, and their answers: HTTP/1.1
 * and HTTP/2.
 */

#ifndef SOAK_HTTP_H
#define SOAK_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "link.h"

/** Room for any request, HTTP/2's preface included. */
#define HTTP_ROOM 256

/** Room for the page. */
#define HTTP_PAGE_ROOM 200

/** What came. */
typedef enum {
    HTTP_RIGHT,  /* 200, and the client expected */
    HTTP_NONE,   /* the connection ended before the answer's first byte */
    HTTP_REFUSED,/* HTTP/2: the server says that it did not look at the
                    request, which may be repeated (RFC 9113, 8.7) */
    HTTP_GATEWAY,/* 500, 502 or 503, or an answer that is cut short: what
                    mod_proxy says when a backend goes; why says which */
    HTTP_WRONG   /* anything else; why says what */
} http_answer_t;

/**
 * Write a request.
 * @param is_last whether the server is asked to close behind it
 * @param bytes room for HTTP_ROOM
 * @return its length
 */
size_t http1_request(int is_last, uint8_t *bytes);

/**
 * Read the answer.
 * @param client what the page is to say
 * @param is_last whether the connection's end is to follow
 * @param why set to a constant string with HTTP_WRONG and HTTP_GATEWAY
 */
http_answer_t http1_answer(link_t *link, const char *client, int is_last,
                           const char **why);

/**
 * The same for HTTP/2.
 * @param stream 1 for the first request of a connection, with the preface;
 *        3, 5 ... for the next
 */
size_t http2_request(unsigned int stream, int is_tls, uint8_t *bytes);

/** The same for HTTP/2. */
http_answer_t http2_answer(link_t *link, const char *client,
                           unsigned int stream, const char **why);

#endif /* SOAK_HTTP_H */
