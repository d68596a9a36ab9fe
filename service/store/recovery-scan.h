/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Recovery scan
 *
 * Makes a manifest out of the files of a directory whose own is lost: their headers say what they
 * are. The boot is the newest journal's; what only the manifest knew (epoch, reserve) is zero.
 */

#include "store/directory.h"
#include "store/manifest.h"

/* Without a generation when there is no file. 0, MANIFEST_E_NEWER or an errno. */
int recovery_scan(const StoreDirectory *directory, Manifest **ret_manifest);

/*
 * Whether there is a journal with commits that is newer than the newest @manifest names: none gets
 * any before a manifest names it, so this one is an old copy.
 */
int recovery_scan_is_outdated(const StoreDirectory *directory,
                              const Manifest *manifest,
                              bool *ret_is_outdated);
