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

#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "protocol/pp.h"

/* A type that applications may use as they like (specification, 2.2.8). */
#define FILLER 0xE4

static void take_address(const struct sockaddr_in *from, pp_addr_t *addr,
                         uint16_t *port)
{
    pp_addr_set(addr, PP_INET, (const uint8_t *)&from->sin_addr);
    *port = ntohs(from->sin_port);
}

size_t bench_header(int fd, int version, size_t wire_len, uint8_t *bytes)
{
    static __thread uint8_t tlvs[PP_V2_MAX];
    const size_t bare = PP_V2_FIXED + 12;
    struct sockaddr_in own = {0};
    struct sockaddr_in other = {0};
    socklen_t len = sizeof(own);
    pp_header_t header = {0};

    if (version == 0) {
        return 0;
    }
    getsockname(fd, (struct sockaddr *)&own, &len);
    len = sizeof(other);
    getpeername(fd, (struct sockaddr *)&other, &len);
    header.version = version;
    header.command = PP_PROXY;
    header.family = PP_INET;
    header.transport = PP_STREAM;
    take_address(&own, &header.src, &header.src_port);
    take_address(&other, &header.dst, &header.dst_port);
    if (wire_len >= bare + 3) {
        header.tlvs = tlvs;
        header.tlvs_len = wire_len - bare;
        memset(tlvs, 'x', header.tlvs_len);
        tlvs[0] = FILLER;
        tlvs[1] = (uint8_t)((header.tlvs_len - 3) >> 8);
        tlvs[2] = (uint8_t)(header.tlvs_len - 3);
    }
    return pp_encode(&header, 0, bytes, PP_V2_MAX);
}

static int compare_times(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t two = *(const int64_t *)b;

    return one < two ? -1 : one > two;
}

void bench_sort_times(int64_t *times_us, size_t count)
{
    qsort(times_us, count, sizeof(*times_us), compare_times);
}
