/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Doubt
 *
 * A note in the runtime directory that this boot's last commits may or may not be on the disk: a
 * batch has failed, or was lazy and is not synced yet. A start that finds it cannot prove that it has
 * all that was visible, so it uses no revision that may have been given out.
 */

#include "store/directory.h"

#include <stdbool.h>

/* 0 or an errno. */
int doubt_leave(const StoreDirectory *runtime);
int doubt_clear(const StoreDirectory *runtime);

/* When in doubt about that, too: true. */
bool doubt_is_there(const StoreDirectory *runtime);
