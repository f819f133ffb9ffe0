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
 * Just enough of the Test Anything Protocol.
 *
 * A case is one TAP line.  It holds any number of checks; it passes when
 * there was one at least and all of them held.  Only failed checks print,
 * and only the first few of a case.
 */

#ifndef TAP_H
#define TAP_H

#if defined(__GNUC__)
#define TAP_PRINTF __attribute__((format(printf, 2, 3)))
#else
#define TAP_PRINTF
#endif

/**
 * Begin a case.
 * @param name the situation; copied
 */
void tap_begin(const char *name);

/**
 * Check one thing within a case.
 * @param holds what must be true
 * @param format what to print when it is not, as printf()
 * @return holds
 */
int tap_check(int holds, const char *format, ...) TAP_PRINTF;

/** End the case and print its line. */
void tap_end(void);

/**
 * Print the plan and how many checks there were.
 * @return what main() is to return: 0 when every case passed, else 1
 */
int tap_finish(void);

#endif /* TAP_H */
