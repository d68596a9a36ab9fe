/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Recovery scan
 *
 * Makes a manifest out of the files of a directory whose own is lost: their headers say what they
 * are. What only the manifest knew (epoch, boot, reserve) is zero in it.
 */

#include "store/directory.h"
#include "store/manifest.h"

/* Without a generation when there is no file. 0, MANIFEST_E_NEWER or an errno. */
int recovery_scan(const StoreDirectory *directory, Manifest **ret_manifest);
