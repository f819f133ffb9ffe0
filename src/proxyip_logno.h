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
 * The number that begins every message of level debug and above.
 *
 * One per call site, never used again for another message, explained in
 * docs/troubleshooting.md.  AH numbers belong to httpd itself.  mod_proxyip has
 * those below 0100, mod_proxyip_send the rest.
 */

#ifndef PROXYIP_LOGNO_H
#define PROXYIP_LOGNO_H

#define PROXYIP_LOGNO(n) "PIP" #n ": "

#endif /* PROXYIP_LOGNO_H */
