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

#define _GNU_SOURCE /* memmem */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS "HTTP/1.1 200 "
#define STATUS_LEN (sizeof(STATUS) - 1)
#define CHUNKED "\r\nTransfer-Encoding: chunked\r\n"

size_t http1_request(int is_last, uint8_t *bytes)
{
    return (size_t)snprintf((char *)bytes, HTTP_ROOM,
                            "GET /who.shtml HTTP/1.1\r\nHost: localhost\r\n"
                            "%s\r\n",
                            is_last ? "Connection: close\r\n" : "");
}

/* The length of the answer's head, once it has come. */
static http_answer_t read_head(link_t *link, size_t *head_len,
                               const char **why)
{
    for (;;) {
        const uint8_t *end = memmem(link->in, link->in_len, "\r\n\r\n", 4);

        if (end) {
            *head_len = (size_t)(end - link->in) + 4;
            return HTTP_RIGHT;
        }
        switch (link_fill(link)) {
        case LINK_GOT:
            break;
        case LINK_ENDED:
            *why = "the connection ended within the answer";
            return link->in_len ? HTTP_GATEWAY : HTTP_NONE;
        case LINK_LATE:
            *why = "no answer in time";
            return HTTP_WRONG;
        }
    }
}

/* Wait until link->in holds so many bytes. */
static int wait_for(link_t *link, size_t len)
{
    while (link->in_len < len) {
        if (len > LINK_ROOM || link_fill(link) != LINK_GOT) {
            return 0;
        }
    }
    return 1;
}

/* A chunk's length, from its line at some place; at is moved behind that. */
static int read_chunk_len(link_t *link, size_t *at, size_t *len)
{
    const uint8_t *end;

    while (!(end = memmem(link->in + *at, link->in_len - *at, "\r\n", 2))) {
        if (!wait_for(link, link->in_len + 1)) {
            return 0;
        }
    }
    *len = strtoul((const char *)link->in + *at, NULL, 16);
    *at = (size_t)(end - link->in) + 2;
    return *len < LINK_ROOM;
}

/* The page comes in chunks (RFC 9112, 7.1), as mod_include makes it.  Returns
 * the length of all of them, or 0. */
static size_t read_page(link_t *link, size_t at, char *page, size_t *page_len)
{
    for (;;) {
        size_t len = 0;

        if (!read_chunk_len(link, &at, &len)
            || !wait_for(link, at + len + 2)
            || len > HTTP_PAGE_ROOM - *page_len) {
            return 0;
        }
        memcpy(page + *page_len, link->in + at, len);
        *page_len += len;
        at += len + 2;
        if (len == 0) {
            return at;
        }
    }
}

static int is_of_gateway(const link_t *link)
{
    return memcmp(link->in, "HTTP/1.1 500 ", STATUS_LEN) == 0
           || memcmp(link->in, "HTTP/1.1 502 ", STATUS_LEN) == 0
           || memcmp(link->in, "HTTP/1.1 503 ", STATUS_LEN) == 0;
}

http_answer_t http1_answer(link_t *link, const char *client, int is_last,
                           const char **why)
{
    char page[HTTP_PAGE_ROOM];
    size_t page_len = 0;
    size_t len = 0;
    http_answer_t answer = read_head(link, &len, why);

    if (answer != HTTP_RIGHT) {
        return answer;
    }
    *why = "500, 502 or 503";
    if (is_of_gateway(link)) {
        return HTTP_GATEWAY;
    }
    *why = "another status than 200, or not in chunks";
    if (memcmp(link->in, STATUS, STATUS_LEN) != 0
        || !memmem(link->in, len, CHUNKED, sizeof(CHUNKED) - 1)) {
        return HTTP_WRONG;
    }
    *why = "the connection ended within the answer";
    len = read_page(link, len, page, &page_len);
    if (!len) {
        return HTTP_GATEWAY;
    }
    *why = "answered for another client";
    if (page_len != strlen(client) || memcmp(page, client, page_len) != 0) {
        return HTTP_WRONG;
    }
    link_take(link, len);
    *why = "bytes behind the answer";
    if (link->in_len > 0 || (is_last && link_fill(link) == LINK_GOT)) {
        return HTTP_WRONG;
    }
    return HTTP_RIGHT;
}
