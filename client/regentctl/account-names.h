/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Account names
 *
 * uids and gids as people call them, and back.
 */

#include "failure.h"

#include <glib.h>
#include <stdint.h>

/* The name, or the number when nobody is called so; of REGENT_NO_GROUP "-". */
char *account_user_name(uint32_t uid);
char *account_group_name(uint32_t gid);

/* A name or a number; for a group also "none" (REGENT_NO_GROUP). EXIT_INVALID when there is no such name. */
gboolean account_user_id(const char *text, uint32_t *ret_uid, Failure **reterr);
gboolean account_group_id(const char *text, uint32_t *ret_gid, Failure **reterr);
