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
 * The children that run, and how many connections wait in each.
 */

#ifndef PROXYIP_CHILDREN_H
#define PROXYIP_CHILDREN_H

#include <mpm_common.h>

#include "proxyip_private.h"

/** Take a place for this child.
 * @remark for child_init */
void proxyip_children_init(void);

/**
 * Free the place of a child that is gone, however it went.
 * @remark for the child_status hook, which runs in the parent
 */
void proxyip_children_status(server_rec *s, pid_t pid, ap_generation_t gen,
                             int slot, mpm_child_status state);

/** @return whether other children of this server are there */
int proxyip_children_has_siblings(void);

/** Say that so many more (or, negative, fewer) connections of this child
 * wait. */
void proxyip_children_add_waiting(int count);

/** @return how many connections wait now, in all children */
unsigned int proxyip_children_waiting(void);

#endif /* PROXYIP_CHILDREN_H */
