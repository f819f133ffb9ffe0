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
 * Numbers by chance, the same for the same seed.
 */

#ifndef SOAK_CHANCE_H
#define SOAK_CHANCE_H

#include <stdint.h>

/** One thread's numbers: any value but 0 to begin with. */
typedef uint32_t chance_t;

/** @return the next number (xorshift) */
static inline uint32_t chance_draw(chance_t *chance)
{
    *chance ^= *chance << 13;
    *chance ^= *chance >> 17;
    *chance ^= *chance << 5;
    return *chance;
}

/** @return a number from least to most, both included */
static inline unsigned int chance_among(chance_t *chance, unsigned int least,
                                        unsigned int most)
{
    return least + chance_draw(chance) % (most - least + 1);
}

#endif /* SOAK_CHANCE_H */
