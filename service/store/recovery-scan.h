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
