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
 * A system that refuses mod_proxyip what it asks for, for an httpd that this
 * is loaded into by LD_PRELOAD.
 *
 * $PROXYIP_REFUSE names a file; each letter in it is refused for as long as
 * it is there, in all processes: s shared memory, t threads, p a place to
 * sleep (a descriptor).  The system call fails, and only when the module
 * makes it, itself or by APR, so what httpd asks for it gets.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

/* APR's functions, its types as far as a call needs them. */
typedef int shm_create_t(void **shm, size_t size, const char *name,
                         void *pool);
typedef int thread_create_t(void **thread, void *attributes, void *start,
                            void *data, void *pool);

shm_create_t apr_shm_create;
thread_create_t apr_thread_create;

typedef void *mmap_t(void *at, size_t size, int protection, int flags,
                     int fd, off_t offset);
typedef int pthread_create_t(pthread_t *thread, const pthread_attr_t *with,
                             void *(*start)(void *), void *data);
typedef int epoll_create1_t(int flags);

/* What is refused on this thread just now; 0 is nothing. */
static __thread char refused;

static int is_listed(char letter)
{
    const char *path = getenv("PROXYIP_REFUSE");
    char letters[8];
    ssize_t count = -1;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        count = read(fd, letters, sizeof(letters));
        close(fd);
    }
    return count > 0 && memchr(letters, letter, (size_t)count);
}

static int is_module(const void *caller)
{
    Dl_info info;

    return dladdr(caller, &info) && info.dli_fname
           && strstr(info.dli_fname, "mod_proxyip");
}

static void begin(char letter, const void *caller)
{
    if (is_module(caller) && is_listed(letter)) {
        refused = letter;
    }
}

int apr_shm_create(void **shm, size_t size, const char *name, void *pool)
{
    shm_create_t *real = (shm_create_t *)dlsym(RTLD_NEXT, "apr_shm_create");
    int result;

    begin('s', __builtin_return_address(0));
    result = real(shm, size, name, pool);
    refused = 0;
    return result;
}

int apr_thread_create(void **thread, void *attributes, void *start,
                      void *data, void *pool)
{
    thread_create_t *real = (thread_create_t *)dlsym(RTLD_NEXT,
                                                     "apr_thread_create");
    int result;

    begin('t', __builtin_return_address(0));
    result = real(thread, attributes, start, data, pool);
    refused = 0;
    return result;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd,
           off_t offset)
{
    mmap_t *real = (mmap_t *)dlsym(RTLD_NEXT, "mmap");

    if (refused == 's') {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return real(at, size, protection, flags, fd, offset);
}

int pthread_create(pthread_t *restrict thread,
                   const pthread_attr_t *restrict with,
                   void *(*start)(void *), void *restrict data)
{
    pthread_create_t *real = (pthread_create_t *)dlsym(RTLD_NEXT,
                                                       "pthread_create");

    return refused == 't' ? EAGAIN : real(thread, with, start, data);
}

int epoll_create1(int flags)
{
    epoll_create1_t *real = (epoll_create1_t *)dlsym(RTLD_NEXT,
                                                     "epoll_create1");

    if (is_module(__builtin_return_address(0)) && is_listed('p')) {
        errno = EMFILE;
        return -1;
    }
    return real(flags);
}
