/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Journal
 *
 * The file that commits are appended to. The event loop lays out batches, which fixes their place;
 * any thread may then write one. Once a write has failed nothing more may be written to the file:
 * seeing to that is the caller's.
 */

#include "store/codec.h"
#include "store/commit-codec.h"
#include "store/directory.h"
#include "store/record.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Journal {
        const StoreDirectory *directory;
        char *name;
        int fd;
        RecordPosition position; /* of the next record */
        uint32_t version;        /* of the format */
        uint64_t base_revision;
        uint64_t revision; /* of the last commit laid out, or the base revision */
        uint64_t durable;  /* of the last commit known durable, or 0 */
        uint64_t filled;   /* the bytes up to here are on disk, those not written yet as zeros */
        uint64_t reserved; /* room on the disk up to here; belongs to whoever writes */
        bool is_marked;    /* nothing follows the last mark */
} Journal;

static inline bool journal_is_empty(const Journal *journal)
{
        return journal->revision == journal->base_revision;
}

/* Records that are written at once. */
typedef struct JournalBatch {
        CodecBuffer bytes;
        uint64_t offset;
        uint64_t revision; /* of its last commit, or 0 */
        bool is_lazy;      /* it is left for a later one to sync */
        /* what the journal was before it was laid out */
        RecordPosition position_before;
        uint64_t revision_before;
        bool was_marked;
} JournalBatch;

void journal_batch_clear(JournalBatch *batch);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(JournalBatch, journal_batch_clear)

/* A new file in tmp/, with @n_filled bytes (0: none) of zeros on disk. In any thread. */
int journal_prepare(Journal **ret_journal, const StoreDirectory *directory, uint64_t n_filled);

/*
 * Makes a prepared file the journal of what comes after @base_revision, durable by name. 0,
 * DIRECTORY_E_UNCERTAIN or an errno. In any thread.
 */
int journal_begin(Journal *journal,
                  uint64_t base_revision,
                  uint64_t predecessor,
                  sd_id128_t boot_id,
                  uint64_t created_usec);

/* A journal that is not there, for a side that cannot be written yet. */
Journal *journal_new_closed(const StoreDirectory *directory, uint64_t revision);

Journal *journal_free(Journal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Journal, journal_free)

/* Appends the part of @commit that belongs in this directory to @batch. */
void journal_lay_out(Journal *journal,
                     JournalBatch *batch,
                     const Commit *commit,
                     CommitPart part,
                     uint64_t pair_revision);

void journal_lay_out_mark(Journal *journal, JournalBatch *batch, uint64_t time_usec, bool is_clean);

/* A batch without records, to sync all that is written. */
JournalBatch journal_batch_of_nothing(const Journal *journal);

enum {
        JOURNAL_E_NO_ROOM = 1, /* nothing has been written, for the disk is full */
};

/*
 * Sees to it that a write up to @end finds room, before it is tried: what is not begun cannot fail
 * half way. 0, JOURNAL_E_NO_ROOM or an errno. In any thread, while nothing is written.
 */
int journal_reserve(Journal *journal, uint64_t end);

/*
 * One write, unless there is nothing in it, and, in a directory that is synced, one sync, unless it
 * is lazy. 0, JOURNAL_E_NO_ROOM or an errno. In any thread.
 */
int journal_write(Journal *journal, const JournalBatch *batch);

/* @batch, the last that was laid out, has not been written and is not going to be. */
void journal_take_back(Journal *journal, const JournalBatch *batch);

/*
 * The same for one that has been written, in a directory that is not synced: zeros take its place.
 */
int journal_erase(Journal *journal, const JournalBatch *batch);

/* @batch has been written. */
void journal_written(Journal *journal, const JournalBatch *batch);
