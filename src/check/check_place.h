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
 * Places: HOST:PORT to connect to or listen on, ADDR[:PORT] in a header.
 */

#ifndef CHECK_PLACE_H
#define CHECK_PLACE_H

#include <stdint.h>
#include <stdio.h>

#include "protocol/pp.h"

/** A host and a port, as the resolver wants them. */
typedef struct {
    char host[256]; /* without brackets; empty: not said */
    char port[6];   /* decimal, 0 to 65535; empty: not said */
} check_place_t;

/** An address and a port. */
typedef struct {
    pp_addr_t addr;
    uint16_t port; /* host byte order */
} check_endpoint_t;

/**
 * Split HOST:PORT, [ADDR]:PORT, HOST, ADDR, or :PORT.
 * @param text NUL-terminated
 * @param place filled; what text does not say is empty
 * @return 1 on success, 0 when text has no such form
 */
int check_place_split(const char *text, check_place_t *place);

/** What check_place_target() takes, and check_place_own(); for messages. */
#define CHECK_PLACE_TARGET "HOST:PORT or [IPV6]:PORT"
#define CHECK_PLACE_OWN "PORT, ADDR:PORT or [IPV6]:PORT"

/**
 * Read where to connect to: HOST:PORT or [ADDR]:PORT.
 * @param text NUL-terminated
 * @param place filled
 * @return 1 on success, 0 when text has no such form
 */
int check_place_target(const char *text, check_place_t *place);

/**
 * Read where to listen: PORT, ADDR:PORT, [ADDR]:PORT.  Without an address it
 * is 127.0.0.1; `*` is every address, and place's host empty.
 * @param text NUL-terminated
 * @param place filled
 * @return 1 on success, 0 when text has no such form
 */
int check_place_own(const char *text, check_place_t *place);

/**
 * Read ADDR[:PORT]; an IPv6 address with a port has brackets.
 * @param text NUL-terminated
 * @param endpoint its addr is set, and its port if text has one
 * @return 1 on success, 0 when text has no such form
 */
int check_place_endpoint(const char *text, check_endpoint_t *endpoint);

/** Print as 192.0.2.1:80 or [::1]:80. */
void check_place_print(FILE *out, const check_endpoint_t *endpoint);

#endif /* CHECK_PLACE_H */
