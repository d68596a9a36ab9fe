/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Scribe
 *
 * Writes commits down, one batch at a time: laid out for both sides, the runtime part written at
 * once, the persistent part handed to the writer. Marks the journal when nothing has been written
 * for a second, and has it filled with zeros ahead. After the first failure it writes nothing more,
 * until it is mended.
 *
 * Commits that are all lazy are written and left to be synced together, within an interval.
 *
 * A full disk is no failure: what finds no room is not begun. When what is filled ahead runs out and
 * no more can be had, the last of it is kept for deleting.
 */

#include "store/side.h"
#include "store/worker.h"
#include "store/writer.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Scribe Scribe;

typedef struct ScribeCallbacks {
        /* How a batch ended that scribe_write() did not end itself. */
        void (*on_written)(void *userdata, int r);

        /* The first failure, and in what. Comes before the batch's end. */
        void (*on_failed)(void *userdata, int r, const char *what);

        /* It has become quiet, though no batch has ended. */
        void (*on_quiet)(void *userdata);

        /* From now on there is room for deleting alone, or there is for everything again. */
        void (*on_room)(void *userdata, bool is_full);

        void *userdata;
} ScribeCallbacks;

enum {
        SCRIBE_E_WRITTEN = 1, /* done already: on_written() will not be called */
};

typedef struct ScribeStatistics {
        uint64_t n_marks;
        uint64_t n_lazy_syncs; /* of what lazy commits had left, and of nothing else */
        uint64_t n_runtime_bytes;
        uint64_t n_filled_bytes;
} ScribeStatistics;

/* Borrows both sides, which have their journals, and @background. */
int scribe_new(Scribe **ret_scribe,
               sd_event *event,
               Side *persistent,
               Side *runtime,
               Worker *background,
               uint64_t retry_usec, /* how soon a full disk is tried again */
               const ScribeCallbacks *callbacks);

/* After the background worker has ended. */
Scribe *scribe_free(Scribe *scribe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scribe, scribe_free)

/*
 * Durable, or written if all of @commits are lazy. 0, SCRIBE_E_WRITTEN, -EROFS: it has failed before, -ENOSPC: there is no room and nothing of it is
 * written, or another errno: it has failed now.
 */
int scribe_write(Scribe *scribe, const GPtrArray *commits);

/* The batch that was written is applied. */
void scribe_applied(Scribe *scribe);

/* The last revision that is durable. */
uint64_t scribe_durable_revision(const Scribe *scribe);

/*
 * Has everything synced that is written; not while a batch is under way. As scribe_write(), -ENOSPC
 * apart.
 */
int scribe_flush(Scribe *scribe);

/* The same, when nothing is under way. Blocks; 0 or an errno. */
int scribe_flush_now(Scribe *scribe);

/* The same, as soon as it can be done; on_quiet() follows, unless a batch does it. */
void scribe_want_sync(Scribe *scribe);

/* How long what is written may wait for it. */
void scribe_set_sync_interval(Scribe *scribe, uint64_t usec);

/* Whether something is written and not synced, and how much. */
bool scribe_is_dirty(const Scribe *scribe);
uint64_t scribe_n_unsynced_bytes(const Scribe *scribe);

/* From now on commits wait, if everything is quiet: nothing being written, or not yet applied. */
bool scribe_hold(Scribe *scribe);
void scribe_release(Scribe *scribe);

/* The directory of the last batch that found no room. */
const char *scribe_full_path(const Scribe *scribe);

/* Nothing more will be written. */
void scribe_give_up(Scribe *scribe, int r, const char *what);

/* Whether the failure has left nothing under way. */
bool scribe_is_idle(const Scribe *scribe);

/* After a failure both sides have new journals, and hold all up to @revision: goes on with those. */
void scribe_mend(Scribe *scribe, uint64_t revision);

/* Waits for what is under way in its own thread. */
void scribe_drain(Scribe *scribe);

/* Marks the journal as left in order. Blocks. */
int scribe_mark_clean(Scribe *scribe);

const ScribeStatistics *scribe_statistics(const Scribe *scribe);
const WriterStatistics *scribe_writer_statistics(const Scribe *scribe);
