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
 * Points in time.
 */

#include "check/check_clock.h"

#include <stdio.h>

void check_clock_format(char *text, apr_time_t when)
{
    apr_time_exp_t at;
    int ahead; /* of UTC, in minutes */

    apr_time_exp_lt(&at, when);
    ahead = (int)(at.tm_gmtoff < 0 ? -at.tm_gmtoff : at.tm_gmtoff) / 60;
    snprintf(text, CHECK_CLOCK_MAX,
             "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02d:%02d",
             at.tm_year + 1900, at.tm_mon + 1, at.tm_mday, at.tm_hour,
             at.tm_min, at.tm_sec, (int)(at.tm_usec / 1000),
             at.tm_gmtoff < 0 ? '-' : '+', ahead / 60, ahead % 60);
}
