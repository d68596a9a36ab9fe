/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Restorations
 *
 * Which copies of the last known good state recovery may have to read again: those that a commit took
 * the state back to, in a journal that the manifest names.
 */

#include "store/directory.h"
#include "store/manifest.h"

#include <glib.h>

/*
 * Appends what the journals name to @sources (ManifestFile), wherever in a file it stands, and though
 * something before it be damaged. 0; -EBADMSG: a journal, or what it says, cannot be read, and may name
 * anything; or an errno. Reads all of them. In any thread, while they are written to as well.
 */
int restorations_find(const StoreDirectory *directory, const Manifest *manifest, GArray *sources);
