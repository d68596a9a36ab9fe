/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Last known good
 *
 * A directory with a checkpoint of the state as it was when somebody said that it was good. The
 * newest counts. Of the older ones those stay that a journal names that may be replayed.
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

/*
 * Unlinks all but the newest and those that a journal in @journals names that @manifest does. One that
 * is being restored has to be the newest until its commit is written. A journal that cannot be read
 * keeps them all. 0 or an errno. In any thread.
 */
int last_good_prune(const StoreDirectory *directory,
                    const StoreDirectory *journals,
                    const Manifest *manifest);
