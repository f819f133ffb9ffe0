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
 * Addresses between text and bytes, against the C library's inet_pton() and
 * inet_ntop(), whose rules are the same here.
 *
 * input: the text; its first 16 bytes are also an address.
 */

#include "fuzz.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

/* What the C library makes of a text, mapped addresses as IPv4. */
static int read_other(const char *text, size_t len, pp_family_t family,
                      pp_addr_t *addr)
{
    char *copy = malloc(len + 1);
    int is_read;

    require(copy != NULL, "there is memory");
    memcpy(copy, text, len);
    copy[len] = '\0';
    memset(addr, 0, sizeof(*addr));
    is_read =
        strlen(copy) == len
        && inet_pton(family == PP_INET ? AF_INET : AF_INET6, copy, addr->bytes)
               == 1;
    free(copy);
    addr->family = family;
    if (family == PP_INET6 && memcmp(addr->bytes, mapped, 12) == 0) {
        addr->family = PP_INET;
        memmove(addr->bytes, addr->bytes + 12, 4);
        memset(addr->bytes + 4, 0, 12);
    }
    return is_read;
}

static int is_same(const pp_addr_t *a, const pp_addr_t *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, 16) == 0;
}

/* To text and back. */
static void check_format(const pp_addr_t *addr)
{
    char text[PP_ADDR_TEXT_MAX];
    char other[INET6_ADDRSTRLEN];
    size_t len = pp_addr_format(addr, text);
    pp_addr_t again;

    require(len == strlen(text) && len < PP_ADDR_TEXT_MAX,
            "the text is as long as is said");
    require(pp_addr_parse(text, len, addr->family, &again)
                && pp_addr_parse(text, len, PP_UNSPEC, &again)
                && is_same(addr, &again),
            "what is written is read again");
    require(inet_ntop(addr->family == PP_INET ? AF_INET : AF_INET6, addr->bytes,
                      other, sizeof(other))
                != NULL,
            "the C library writes it too");
    /* It writes ::a.b.c.d where RFC 5952 knows only mapped addresses so. */
    require(strcmp(text, other) == 0
                || (addr->family == PP_INET6 && strchr(other, '.')),
            "both write it alike");
}

static void check_text(const char *text, size_t len, pp_family_t family)
{
    pp_addr_t addr;
    pp_addr_t other;
    int is_read = pp_addr_parse(text, len, family, &addr);

    require(is_read == read_other(text, len, family, &other),
            "both take it, or neither");
    if (is_read) {
        require(is_same(&addr, &other), "both read it alike");
        check_format(&addr);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    block_t block = block_copy(bytes, len);
    const char *text = (const char *)block.bytes;
    pp_addr_t addr;

    check_text(text, len, PP_INET);
    check_text(text, len, PP_INET6);
    require(pp_addr_parse(text, len, PP_UNSPEC, &addr)
                == (pp_addr_parse(text, len, PP_INET, &addr)
                    || pp_addr_parse(text, len, PP_INET6, &addr)),
            "either family is one of them");
    if (len >= 16) {
        pp_addr_set(&addr, PP_INET6, block.bytes);
        check_format(&addr);
        pp_addr_set(&addr, PP_INET, block.bytes);
        check_format(&addr);
    }
    block_free(&block);
    return 0;
}
