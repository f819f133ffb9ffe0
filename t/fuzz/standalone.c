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
 * Replays files through a fuzz target, without libFuzzer: one TAP line each.
 * A fault ends the program, and the plan then tells how many were not run.
 *
 * usage: TARGET.bin FILE ...
 */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

/* Far more than any file of a corpus holds. */
#define INPUT_MAX ((size_t)1 << 20)

/* Run one file, as a block of exactly its size. */
static int replay(const char *path, uint8_t *room)
{
    FILE *file = fopen(path, "rb");
    block_t block;
    size_t len;
    int is_whole;

    if (!file) {
        perror(path);
        return 0;
    }
    len = fread(room, 1, INPUT_MAX, file);
    is_whole = feof(file) && !ferror(file);
    fclose(file);
    if (!is_whole) {
        fprintf(stderr, "%s: cannot be read, or is too large\n", path);
        return 0;
    }
    block = block_copy(room, len);
    LLVMFuzzerTestOneInput(block.bytes, block.len);
    block_free(&block);
    return 1;
}

int main(int argc, char **argv)
{
    uint8_t *room = malloc(INPUT_MAX);
    int failed = 0;
    int i;

    if (!room) {
        return 2;
    }
    printf("1..%d\n", argc - 1);
    for (i = 1; i < argc; i++) {
        const char *slash = strrchr(argv[i], '/');
        int is_ok;

        fflush(stdout); /* a sanitizer that ends the program keeps it */
        is_ok = replay(argv[i], room);
        failed += !is_ok;
        printf("%sok %d - %s\n", is_ok ? "" : "not ", i,
               slash ? slash + 1 : argv[i]);
    }
    free(room);
    return failed > 0 || argc < 2;
}
