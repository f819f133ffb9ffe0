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
 * An HTTP reply in text: its fields, and the beginning of its body.
 */

#ifndef CHECK_REPLY_H
#define CHECK_REPLY_H

#include "check/check_talk.h"

/** @return the length of the reply's first line, without its end */
size_t check_reply_line_len(const check_talk_t *talk);

/** Print the fields, each on a line with two blanks before it. */
void check_reply_print_head(const check_talk_t *talk);

/** Print the body's beginning.  Changes it: chunks are joined. */
void check_reply_print_body(check_talk_t *talk);

#endif /* CHECK_REPLY_H */
