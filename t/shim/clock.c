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
 * Clocks that jump, for a program that this is loaded into by LD_PRELOAD.
 *
 * $PROXYIP_CLOCK names a file of two numbers of 64 bits: by how many seconds
 * the wall clock, and the clock that only goes forward, are off.  Whoever
 * writes there moves the clocks of all processes at once.  Waits whose length
 * is told to the kernel are not changed.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int clock_gettime_t(clockid_t id, struct timespec *now);

static clock_gettime_t *real_clock_gettime;
static const volatile int64_t *shifts; /* wall, forward-only; in seconds */

static void __attribute__((constructor)) begin(void)
{
    const char *path = getenv("PROXYIP_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED
                       : mmap(NULL, 2 * sizeof(*shifts), PROT_READ,
                              MAP_SHARED, fd, 0);

    real_clock_gettime = (clock_gettime_t *)dlsym(RTLD_NEXT,
                                                  "clock_gettime");
    if (map == MAP_FAILED || !real_clock_gettime) {
        abort();
    }
    close(fd);
    shifts = map;
}

static int is_wall(clockid_t id)
{
    return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
}

static int is_forward_only(clockid_t id)
{
    return id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE
           || id == CLOCK_MONOTONIC_RAW || id == CLOCK_BOOTTIME;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = real_clock_gettime(id, now);

    if (result == 0 && is_wall(id)) {
        now->tv_sec += shifts[0];
    }
    else if (result == 0 && is_forward_only(id)) {
        now->tv_sec += shifts[1];
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec precise;

    clock_gettime(CLOCK_REALTIME, &precise);
    if (now) {
        *now = precise.tv_sec;
    }
    return precise.tv_sec;
}
