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
 * Bytes for tests: a notation in which vectors can be read and checked by
 * eye, blocks of exactly the right size, and random numbers that are the
 * same in each run.
 */

#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>

/* No `^` in a notation. */
#define NO_MARK ((size_t)-1)

/**
 * Bytes as they are written in a vector.  `^` stands before the byte that
 * matters (see vectors.h) and is not itself a byte.
 */
typedef struct {
    const char *text;
    size_t text_len; /* bytes at text, which may hold NULs */
    int is_hex;      /* text is in hex notation, else the bytes themselves */
} notation_t;

/* The bytes themselves, as a string literal. */
#define TEXT(literal)                                                          \
    {                                                                          \
        literal, sizeof(literal) - 1, 0                                        \
    }

/* Hex notation: pairs of hex digits, spaces between them at will;
 * `S` the v2 signature; `'text'` the bytes of text; `[N:XX]` N times the
 * byte XX, N in decimal. */
#define HEX(literal)                                                           \
    {                                                                          \
        literal, sizeof(literal) - 1, 1                                        \
    }

/** Bytes in a block of exactly their size, so that over-reads are seen. */
typedef struct {
    uint8_t *bytes; /* from malloc() */
    size_t len;
    size_t mark; /* offset of the byte behind `^`, or NO_MARK */
} block_t;

/**
 * Turn a notation into bytes.  Ends the program when it is malformed.
 * @param notation what to read
 * @return a block to be given to block_free()
 */
block_t block_read(const notation_t *notation);

/** Copy bytes into a block of exactly their size. */
block_t block_copy(const uint8_t *bytes, size_t len);

/** Copy two rows of bytes into one block of exactly their size. */
block_t block_join(const uint8_t *first, size_t first_len,
                   const uint8_t *second, size_t second_len);

void block_free(block_t *block);

/** Start the random numbers anew. */
void random_seed(uint64_t seed);

/** The next random number. */
uint32_t random_next(void);

/** A random number from 0 to limit - 1. */
uint32_t random_below(uint32_t limit);

/** Fill a row with random bytes. */
void random_fill(uint8_t *bytes, size_t len);

#endif /* BYTES_H */
