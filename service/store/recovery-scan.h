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

typedef enum ScanKind {
        SCAN_OTHER, /* its name is none that the store gives: nobody touches it */
        SCAN_CHECKPOINT,
        SCAN_JOURNAL,
        SCAN_STRANGER, /* it has a checkpoint's or journal's name, and is not that, or cannot be read */
} ScanKind;

typedef struct ScannedFile {
        ScanKind kind;
        ManifestFile file;  /* of a checkpoint or journal, as is the next */
        sd_id128_t boot_id; /* it was begun in */
} ScannedFile;

/* What a file in the directory is, by its name and its header. 0, MANIFEST_E_NEWER or an errno. */
int recovery_scan_identify(const StoreDirectory *directory,
                           const char *name,
                           ScannedFile *ret_file);

/*
 * Without a generation when there is no file. The names of strangers are appended to @strangers (owned
 * char *; or NULL). 0, MANIFEST_E_NEWER or an errno.
 */
int recovery_scan(const StoreDirectory *directory, Manifest **ret_manifest, GPtrArray *strangers);

/*
 * Whether there is a journal with commits that is newer than the newest @manifest names: none gets
 * any before a manifest names it, so this one is an old copy.
 */
int recovery_scan_is_outdated(const StoreDirectory *directory,
                              const Manifest *manifest,
                              bool *ret_is_outdated);
