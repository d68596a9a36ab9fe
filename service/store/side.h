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
        sd_id128_t peer_epoch;          /* of the runtime side in this boot; null: not known */
        char *aside_label; /* what is here is to be set aside under it, before anything else */
        bool is_set_aside; /* all that is here has a copy in damaged/ */
        uint64_t outgrown_bytes; /* how large the journals become before the next; 0: not known */
} Side;

/*
 * Opens and locks the directory. 0, also when it can only be read, DIRECTORY_E_LOCKED or an errno;
 * logs all but the first.
 */
int side_open(Side *side, const Io *io, const char *path, CommitPart part);

/* Whether it can be written. */
bool side_is_ready(const Side *side);

/*
 * Makes what writing takes, and sets aside what is to be, if that could not be done before. 0 or an
 * errno. In any thread, while nobody writes; may be tried again.
 */
int side_make_ready(Side *side);

/* Sets aside all of the side's files, under @label. 0 or an errno. As above. */
int side_set_aside(Side *side, const char *label);
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

/*
 * Goes on with a journal of its own, with which the newest generation of the manifest, in memory
 * alone, goes on, too: for the checkpoint or the manifest that follows. 0 or an errno. Blocks.
 */
int side_begin_journal(Side *side, uint64_t revision, uint64_t now_usec);

/* How many bytes of zeros a new journal is given: it is never shorter. */
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
 * that none of those that it names does; but nothing that is not what it is called, unless there
 * is a copy of it. In any thread.
 */
int side_remove_others(const Side *side, const Manifest *manifest);
