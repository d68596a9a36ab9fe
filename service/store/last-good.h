/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Last known good
 *
 * A directory with a checkpoint of the state as it was when somebody said that it was good. The
 * newest counts. Older ones stay while a journal that may be replayed may name them: one that was
 * restored from can only be named before the next was made.
 */

#include "core/state.h"
#include "store/directory.h"
#include "store/manifest.h"

#include <stdint.h>

#define LAST_GOOD_NAME "last-known-good"

enum {
        LAST_GOOD_E_NEWER = 1, /* written by a later version */
};

/*
 * The newest copy that is whole; of revision 0 when there is none. Names of those that are not whole
 * are appended to @damaged (owned char *). 0, LAST_GOOD_E_NEWER or an errno.
 */
int last_good_find(const StoreDirectory *directory, ManifestFile *ret_file, GPtrArray *damaged);

/* Reads a copy into @state, which is empty. 0, -EBADMSG: it cannot be used, or an errno. */
int last_good_load(const StoreDirectory *directory, const ManifestFile *file, State *state);

/* Unlinks those that no journal since @revision can name. In any thread. */
int last_good_prune(const StoreDirectory *directory, uint64_t revision);
