/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint, taken at once
 */

#include "store/checkpoint.h"

#include "store/checkpoint-file.h"
#include "store/checkpoint-walk.h"
#include "util/log.h"

#include <errno.h>

#define SLICE_USEC G_USEC_PER_SEC

static int write_file(CheckpointFile *file, CheckpointWalk *walk)
{
        g_auto(CodecBuffer) record = { 0 };
        CheckpointCounts counts;
        int r;

        for (;;) {
                RecordKind kind;

                r = checkpoint_walk_step(walk, SLICE_USEC, &record, &kind);
                if (r == CHECKPOINT_WALK_E_END)
                        break;
                if (record.n_bytes > 0)
                        r = checkpoint_file_append(file, kind, &record);
                if (r < 0)
                        return r;
        }

        counts = checkpoint_walk_counts(walk);
        return checkpoint_file_finish(file, &counts);
}

static int take_file(Side *side, State *state, uint64_t now_usec, ManifestFile *ret_identity)
{
        g_autoptr(CheckpointWalk) walk =
                checkpoint_walk_new(state, side->part, state_revision(state));
        g_autoptr(CheckpointFile) file = NULL;
        int r;

        r = checkpoint_file_create(&file, side->directory, checkpoint_walk_revision(walk),
                                   side->manifest->boot_id, now_usec);
        if (r < 0)
                return r;
        r = write_file(file, walk);
        if (r < 0)
                return r;

        *ret_identity = checkpoint_file_identity(file);
        return 0;
}

static int begin_journal(Side *side, uint64_t revision, uint64_t now_usec, Journal **ret_journal)
{
        g_autoptr(Journal) journal = NULL;
        uint64_t predecessor = side->journal ? side->journal->position.previous : 0;
        int r;

        r = journal_prepare(&journal, side->directory, side_fill_bytes(side));
        if (r < 0)
                return r;
        r = journal_begin(journal, revision, predecessor, side->manifest->boot_id, now_usec);
        if (r != 0)
                return r < 0 ? r : -EIO;

        *ret_journal = g_steal_pointer(&journal);
        return 0;
}

/*
 * A journal that is empty goes on: another of the same revision would have its name. One of an older
 * format does not, see store/upgrade.h.
 */
static bool keeps_journal(const Side *side)
{
        return side->journal && journal_is_empty(side->journal) &&
               side->journal->version == FORMAT_VERSION;
}

static Manifest *next_manifest(const Side *side, const Journal *journal, ManifestFile checkpoint)
{
        Manifest *manifest =
                journal ? side_manifest_with_journal(side, journal) : manifest_copy(side->manifest);

        manifest_begin_generation(manifest, checkpoint);
        manifest->committed = MAX(manifest->committed, side->journal->revision);
        return manifest;
}

int checkpoint_take(Side *side, State *state, uint64_t now_usec)
{
        g_autoptr(Journal) journal = NULL;
        ManifestFile identity;
        int r;

        r = take_file(side, state, now_usec, &identity);
        if (r < 0)
                return r;
        if (!keeps_journal(side)) {
                r = begin_journal(side, identity.revision, now_usec, &journal);
                if (r < 0)
                        return r;
        }
        r = side_put_manifest(side, next_manifest(side, journal, identity));
        if (r != 0)
                return r < 0 ? r : -EIO;

        if (journal)
                side_switch_journal(side, g_steal_pointer(&journal));
        side->n_old_bytes = 0;
        /* What is left over goes at the next start. */
        (void) side_remove_others(side, side->manifest);
        return 0;
}

void checkpoint_take_last(Side *side, State *state, uint64_t now_usec)
{
        int r;

        if (!side_is_dirty(side))
                return;
        r = checkpoint_take(side, state, now_usec);
        if (r < 0)
                log_record(LOG_WARNING, LOG_FIELDS(LOG_ERRNO(r), LOG_FILE(side->directory->path)),
                           "%s: no last checkpoint: %s", side->directory->path, g_strerror(-r));
}
