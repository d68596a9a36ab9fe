/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writer
 *
 * Writes batches of the persistent journal: in a thread of its own or, where flushes take
 * microseconds, in the event loop. Batches are written in the order they are handed over. The first
 * that fails is the last: those behind it fail unwritten.
 */

#include "store/flush-meter.h"
#include "store/journal.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct Writer Writer;

/*
 * A batch that the thread had: 0, WRITER_E_NO_ROOM or a negative errno. In the event loop.
 */
typedef void (*WriterOnWritten)(void *userdata, const JournalBatch *batch, int r);

enum {
        WRITER_E_WRITTEN = 1, /* done, nothing to wait for */
        WRITER_E_NO_ROOM,     /* nothing of it is written; that is no failure */
};

typedef struct WriterStatistics {
        FlushMeter meter;
        FlushMeter lazy_meter; /* of writes without a sync */
        uint64_t n_bytes;
        uint64_t n_flushes;
        uint64_t n_flushes_in_loop;
        uint64_t worst_usec; /* ever */
} WriterStatistics;

int writer_new(Writer **ret_writer, sd_event *event, WriterOnWritten on_written, void *userdata);

/* Microseconds, of which differences count. Also called in the thread. */
typedef int64_t (*WriterClock)(void *userdata);

/* What flushes are timed by, unless it is to be the monotonic clock. Before the first batch. */
void writer_set_clock(Writer *writer, WriterClock clock, void *userdata);

/* Waits for the thread to end. on_written() is not called any more. */
Writer *writer_free(Writer *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Writer, writer_free)

/*
 * Takes what is in @batch, and borrows @journal until on_written(). @may_block: nothing else is
 * keeping the disk busy. 0: on_written() will be called. WRITER_E_*: it will not. A negative errno:
 * failed, here and now. Unless it is 0, @batch is as it was.
 */
int writer_write(Writer *writer, Journal *journal, JournalBatch *batch, bool may_block);

/* Forgets that it has failed: it has got another journal to write. Not while it is busy. */
void writer_mend(Writer *writer);

bool writer_is_busy(const Writer *writer);

/* Blocks until nothing is under way, calling on_written() for all of it. */
void writer_drain(Writer *writer);

const WriterStatistics *writer_statistics(const Writer *writer);
