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
 * Places in text.
 */

#include "check/check_place.h"

#include <string.h>

#include "check/check_options.h"

/* The colon before the port; NULL when there is none.  More colons than one
 * are an IPv6 address without brackets, which has no port. */
static const char *find_colon(const char *text)
{
    const char *colon = strchr(text, ':');

    if (text[0] == '[') {
        colon = strchr(text, ']');
        return colon && colon[1] == ':' ? colon + 1 : NULL;
    }
    return colon && strchr(colon + 1, ':') ? NULL : colon;
}

static int is_port(const char *text)
{
    unsigned long number;
    const char *end;

    return check_options_digits(text, &end, &number) && *end == '\0'
           && number <= 65535 && strlen(text) <= 5;
}

int check_place_split(const char *text, check_place_t *place)
{
    const char *colon = find_colon(text);
    size_t len = colon ? (size_t)(colon - text) : strlen(text);

    memset(place, 0, sizeof(*place));
    if (colon) {
        if (!is_port(colon + 1)) {
            return 0;
        }
        memcpy(place->port, colon + 1, strlen(colon + 1));
    }
    if (len > 0 && text[0] == '[') {
        if (len < 3 || text[len - 1] != ']') {
            return 0;
        }
        text++;
        len -= 2;
    }
    if (len >= sizeof(place->host)) {
        return 0;
    }
    memcpy(place->host, text, len);
    return len > 0 || colon;
}

int check_place_target(const char *text, check_place_t *place)
{
    return check_place_split(text, place) && place->host[0] && place->port[0];
}

int check_place_own(const char *text, check_place_t *place)
{
    static const char loopback[] = "127.0.0.1";

    memset(place, 0, sizeof(*place));
    if (is_port(text)) {
        memcpy(place->port, text, strlen(text));
    }
    else if (!check_place_split(text, place) || !place->port[0]) {
        return 0;
    }
    if (strcmp(place->host, "*") == 0) {
        place->host[0] = '\0';
    }
    else if (place->host[0] == '\0') {
        memcpy(place->host, loopback, sizeof(loopback));
    }
    return 1;
}

int check_place_endpoint(const char *text, check_endpoint_t *endpoint)
{
    check_place_t place;
    unsigned long port;
    const char *end;

    if (!check_place_split(text, &place)
        || !pp_addr_parse(place.host, strlen(place.host), PP_UNSPEC,
                          &endpoint->addr)) {
        return 0;
    }
    if (place.port[0] != '\0'
        && check_options_digits(place.port, &end, &port)) {
        endpoint->port = (uint16_t)port;
    }
    return 1;
}

void check_place_print(FILE *out, const check_endpoint_t *endpoint)
{
    char text[PP_ADDR_TEXT_MAX];
    int is_inet6 = endpoint->addr.family == PP_INET6;

    pp_addr_format(&endpoint->addr, text);
    fprintf(out, is_inet6 ? "[%s]:%u" : "%s:%u", text,
            (unsigned int)endpoint->port);
}
