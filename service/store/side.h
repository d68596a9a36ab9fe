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

#include <stdbool.h>
#include <stdint.h>

typedef struct Side {
        CommitPart part;
        StoreDirectory *directory;
        StoreDirectory *good_directory; /* of the persistent side, for the last known good state */
        ManifestFile good;              /* that; of revision 0 when there is none */
        Manifest *manifest;             /* NULL until there is one */
        Journal *journal;               /* NULL until there is one to go on with */
        uint64_t n_old_bytes;           /* of older journals since the newest checkpoint */
        uint64_t outgrown_bytes; /* how large the journals become before the next; 0: not known */
} Side;

/* Opens and locks the directory. 0, DIRECTORY_E_LOCKED or an errno; logs the last two. */
int side_open(Side *side, const Io *io, const char *path, CommitPart part);
void side_clear(Side *side);

/*
 * Takes @manifest, puts it in place and makes it the side's. 0, DIRECTORY_E_UNCERTAIN or an errno;
 * then the side keeps the one it has. Blocks.
 */
int side_put_manifest(Side *side, Manifest *manifest);

/* The manifest with one journal more. Owned. */
Manifest *side_manifest_with_journal(const Side *side, const Journal *journal);

/*
 * The manifest of a side that goes on as one generation, @checkpoint and @journal, and whatever was
 * before is forgotten. Owned.
 */
Manifest *side_manifest_anew(const Side *side, ManifestFile checkpoint, const Journal *journal);

/* Goes on with @journal, which is begun and named. Takes it. */
void side_switch_journal(Side *side, Journal *journal);

/* How many bytes of zeros a new journal is given. */
uint64_t side_fill_bytes(const Side *side);

/* What the journals hold that no checkpoint does. */
uint64_t side_journal_bytes(const Side *side);

/*
 * Whether there is nothing to go back to should the one checkpoint be damaged, and something to begin
 * a second generation with.
 */
bool side_lacks_generation(const Side *side);

/* Whether anything was committed here since the newest checkpoint. */
bool side_is_dirty(const Side *side);

/*
 * Unlinks the checkpoints and journals that @manifest does not name (all with NULL), and the copies
 * that none of those that it names can name. In any thread.
 */
int side_remove_others(const Side *side, const Manifest *manifest);
