/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpointer's steps
 */

#include "store/checkpointer-steps.h"

#include "store/last-good.h"
#include "store/start.h"

#include <errno.h>

static int put_manifest(Step *step)
{
        return directory_replace(step->checkpointer->side->directory, MANIFEST_NAME, step->text);
}

int checkpointer_prepare_journal(Step *step)
{
        Checkpointer *checkpointer = step->checkpointer;
        int r;

        if (checkpointer->purpose == CHECKPOINTER_RENEWAL) {
                r = side_make_ready(checkpointer->side);
                if (r < 0)
                        return r;
        }
        return journal_prepare(&checkpointer->journal, checkpointer->side->directory,
                               side_fill_bytes(checkpointer->side));
}

int checkpointer_switch_journal(Step *step)
{
        Checkpointer *checkpointer = step->checkpointer;
        Side *side = checkpointer->side;
        int r;

        r = journal_begin(checkpointer->journal, step->revision, side->journal->position.previous,
                          side->manifest->boot_id, step->now_usec);
        if (r != 0)
                return r < 0 ? r : -EIO;

        checkpointer->manifest = side_manifest_with_journal(side, checkpointer->journal);
        checkpointer->manifest->committed = MAX(side->manifest->committed, side->journal->durable);
        step->text = manifest_to_text(checkpointer->manifest);
        return put_manifest(step);
}

int checkpointer_create_file(Step *step)
{
        Checkpointer *checkpointer = step->checkpointer;
        Side *side = checkpointer->side;
        StoreDirectory *directory = checkpointer->purpose == CHECKPOINTER_LAST_GOOD
                                            ? side->good_directory
                                            : side->directory;

        return checkpoint_file_create(&checkpointer->file, directory, step->revision,
                                      side->manifest->boot_id, step->now_usec);
}

int checkpointer_append_record(Step *step)
{
        return checkpoint_file_append(step->checkpointer->file, step->kind, &step->record);
}

int checkpointer_finish_file(Step *step)
{
        return checkpoint_file_finish(step->checkpointer->file, &step->counts);
}

int checkpointer_finish_copy(Step *step)
{
        Checkpointer *checkpointer = step->checkpointer;
        CheckpointerCopy *copy = &checkpointer->copy;

        copy->revision = checkpoint_file_identity(checkpointer->file).revision;
        copy->counts = step->counts;
        return checkpoint_file_finish_unnamed(checkpointer->file, &step->counts, &copy->file);
}

/* The journal that failed, and all there was beside it, is named no more. */
static Manifest *renewed_manifest(const Checkpointer *checkpointer)
{
        const Side *side = checkpointer->side;
        Manifest *manifest = side_manifest_anew(side, checkpoint_file_identity(checkpointer->file),
                                                checkpointer->journal);

        manifest->void_first = checkpointer->void_first;
        manifest->void_last = checkpointer->void_last;
        if (side->part == COMMIT_PERSISTENT)
                manifest->reserved =
                        MAX(manifest->reserved, checkpointer->revision + START_REVISIONS_RESERVED);
        return manifest;
}

int checkpointer_name_checkpoint(Step *step)
{
        return put_manifest(step);
}

int checkpointer_name_renewal(Step *step)
{
        Checkpointer *checkpointer = step->checkpointer;
        int r;

        r = journal_begin(checkpointer->journal, checkpointer->revision, 0,
                          checkpointer->side->manifest->boot_id, step->now_usec);
        if (r != 0)
                return r < 0 ? r : -EIO;

        checkpointer->manifest = renewed_manifest(checkpointer);
        step->text = manifest_to_text(checkpointer->manifest);
        return put_manifest(step);
}

/* The new manifest holds: what it names no more may go, and if not, goes at a start. */
int checkpointer_remove_others(Step *step)
{
        Side *side = step->checkpointer->side;

        (void) side_remove_others(side, side->manifest);
        if (step->checkpointer->purpose == CHECKPOINTER_RENEWAL)
                side->is_set_aside = false;
        return 0;
}

int checkpointer_prune_last_good(Step *step)
{
        const Side *side = step->checkpointer->side;

        (void) last_good_prune(side->good_directory, side->directory, side->manifest);
        return 0;
}

void checkpointer_step_run(WorkerJob *job)
{
        Step *step = (Step *) job;

        step->r = step->checkpointer->is_broken ? -ECANCELED : step->work(step);
        step->checkpointer->is_broken = step->r != 0;
        /* On a full disk what is of no use would be in everybody's way. */
        if (step->r != 0)
                (void) directory_empty_tmp(step->checkpointer->side->directory);
}
