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

#include "tap.h"

#include <stdarg.h>
#include <stdio.h>

#define FAILURES_SHOWN 10

static char case_name[200];
static unsigned long case_checks;
static unsigned long case_failures;
static unsigned long all_checks;
static unsigned int cases;
static unsigned int failed_cases;

void tap_begin(const char *name)
{
    snprintf(case_name, sizeof(case_name), "%s", name);
    case_checks = 0;
    case_failures = 0;
}

int tap_check(int holds, const char *format, ...)
{
    va_list args;

    case_checks++;
    if (holds) {
        return holds;
    }
    if (case_failures++ < FAILURES_SHOWN) {
        printf("# ");
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        printf("\n");
    }
    return holds;
}

void tap_end(void)
{
    int passed = case_failures == 0 && case_checks > 0;

    cases++;
    all_checks += case_checks;
    if (case_failures > 0) {
        printf("# %lu of %lu checks failed\n", case_failures, case_checks);
    }
    if (case_checks == 0) {
        printf("# nothing was checked\n");
    }
    if (!passed) {
        failed_cases++;
    }
    printf("%sok %u - %s\n", passed ? "" : "not ", cases, case_name);
    fflush(stdout); /* a sanitizer that ends the program keeps what came */
}

int tap_finish(void)
{
    printf("1..%u\n# %lu checks in %u cases\n", cases, all_checks, cases);
    return failed_cases > 0 || cases == 0;
}
