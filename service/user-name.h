/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * User names
 *
 * Looks up users and groups as the system knows them.
 */

#include <stdint.h>

/* From a name, or a number in decimal. 0, -ENOENT when there is none, or another negative errno. */
int user_name_to_uid(const char *name, uint32_t *ret_uid);
int user_name_to_gid(const char *name, uint32_t *ret_gid);
