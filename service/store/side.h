/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Side
 *
 * The store has two sides of one format, the persistent and the runtime one: a directory each, with
 * a manifest and the journal that is written to now.
 */

#include "store/commit-codec.h"
#include "store/directory.h"
#include "store/journal.h"
#include "store/manifest.h"

#include <stdint.h>

typedef struct Side {
        CommitPart part;
        StoreDirectory *directory;
        Manifest *manifest;   /* NULL until there is one */
        Journal *journal;     /* NULL until there is one to go on with */
        uint64_t n_old_bytes; /* of older journals since the newest checkpoint */
} Side;

/* Opens and locks the directory. 0, DIRECTORY_E_LOCKED or an errno. */
int side_open(Side *side, const Io *io, const char *path, CommitPart part);
void side_clear(Side *side);

/* Puts the manifest in place. 0, DIRECTORY_E_UNCERTAIN or an errno. */
int side_write_manifest(const Side *side);

/* Begins a journal at @base_revision, linked to the one before when there is one. Blocks. */
int side_begin_journal(Side *side, uint64_t base_revision, uint64_t now_usec);

/* What the journals hold that no checkpoint does. */
uint64_t side_journal_bytes(const Side *side);

/* Unlinks journals, checkpoints and, when @all, what the manifest names and itself. */
int side_remove_files(const Side *side, bool all);
