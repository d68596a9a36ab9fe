/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Scribe
 *
 * Writes commits down, one batch at a time: laid out for both sides, the runtime part written at
 * once, the persistent part handed to the writer. Marks the journal when nothing has been written
 * for a second, and has it filled with zeros ahead. After the first failure it writes nothing more.
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

        void *userdata;
} ScribeCallbacks;

enum {
        SCRIBE_E_WRITTEN = 1, /* durable already: on_written() will not be called */
};

typedef struct ScribeStatistics {
        uint64_t n_marks;
        uint64_t n_runtime_bytes;
        uint64_t n_filled_bytes;
} ScribeStatistics;

/* Borrows both sides, which have their journals, and @background. */
int scribe_new(Scribe **ret_scribe,
               sd_event *event,
               Side *persistent,
               Side *runtime,
               Worker *background,
               const ScribeCallbacks *callbacks);

/* After the background worker has ended. */
Scribe *scribe_free(Scribe *scribe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scribe, scribe_free)

/* 0, SCRIBE_E_WRITTEN, -EROFS: it has failed before, or the errno it fails with now. */
int scribe_write(Scribe *scribe, const GPtrArray *commits);

/* The batch that was written is applied. */
void scribe_applied(Scribe *scribe);

/* The last revision that is durable. */
uint64_t scribe_durable_revision(const Scribe *scribe);

/* From now on commits wait, if everything is quiet: nothing being written, or not yet applied. */
bool scribe_hold(Scribe *scribe);
void scribe_release(Scribe *scribe);

/* Nothing more will be written. */
void scribe_give_up(Scribe *scribe, int r, const char *what);

/* Waits for what is under way in its own thread. */
void scribe_drain(Scribe *scribe);

/* Marks the journal as left in order. Blocks. */
int scribe_mark_clean(Scribe *scribe);

const ScribeStatistics *scribe_statistics(const Scribe *scribe);
const WriterStatistics *scribe_writer_statistics(const Scribe *scribe);
