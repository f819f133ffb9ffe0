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
 * What people paste: the forms in which bytes come, told apart by themselves.
 */

#ifndef CHECK_FORMS_H
#define CHECK_FORMS_H

#include <stddef.h>
#include <stdint.h>

#include "check/check_bytes.h"

/* Text of so many bytes is enough for the largest header in each form. */
#define CHECK_FORMS_MAX (8 * CHECK_INPUT_MAX)

/**
 * Read bytes in whatever form they are: as themselves; plain hex; dumps of
 * xxd, hexdump -C, od and tcpdump; lists and strings of C, Go and others; log
 * lines of httpd, nginx and mod_proxyip.  A form that yields a header is
 * preferred.
 * @param input what was given
 * @param len its length in bytes
 * @param row filled from its beginning, as far as there is room
 * @return the form's name, for people; NULL: the bytes are themselves
 */
const char *check_forms_read(const uint8_t *input, size_t len,
                             check_row_t *row);

/**
 * Say whether bytes are a capture file, by its magic.
 * @return "pcap" or "pcapng", or NULL
 */
const char *check_forms_capture(const uint8_t *input, size_t len);

#endif /* CHECK_FORMS_H */
