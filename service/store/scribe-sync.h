/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Scribe's sync
 *
 * The part of the scribe that brings what lazy commits have left in the journal to the disk. While it
 * is under way nothing is laid out: so a record that says what was durable has nothing before it that
 * was not. The two parts share this struct; everybody else includes store/scribe.h.
 */

#include "store/filler.h"
#include "store/room.h"
#include "store/scribe.h"
#include "store/unsynced.h"

struct Scribe {
        Side *persistent, *runtime;
        Worker *background;
        ScribeCallbacks callbacks;
        Writer *writer;
        Filler *filler;
        Room *room;
        Unsynced *unsynced;
        sd_event_source *mark_timer;
        ScribeStatistics statistics;

        bool has_failed;
        const Side *full_side; /* the one that last had no room */
        bool is_held;
        bool is_syncing;           /* what lazy commits have left */
        bool is_awaited;           /* and a flush waits for it */
        bool is_writing;           /* a batch is under way, until scribe_applied() */
        const GPtrArray *held;     /* its commits, while they are held */
        JournalBatch waiting;      /* or its persistent part, while the filler is in its way */
        JournalBatch runtime_part; /* written already, until the batch has ended */
        uint64_t writing_revision; /* its last */
        uint64_t written_revision; /* of the last batch that is there */
        uint64_t durable_revision;
        int64_t last_write_usec;
};

/* Has everything synced as soon as nothing is under way, if it is due. */
void scribe_sync_if_due(Scribe *scribe);

/* A sync that scribe_sync_if_due() or scribe_flush() began has ended. */
void scribe_sync_ended(Scribe *scribe, int r);

/* @batch of the persistent journal is written. */
void scribe_note_written(Scribe *scribe, const JournalBatch *batch);

/* Sees to it that a mark follows when nothing else does. */
void scribe_expect_mark(Scribe *scribe);
