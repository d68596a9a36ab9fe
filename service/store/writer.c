/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writer
 *
 * Whether it has failed belongs to whoever writes: the thread while jobs are under way, the event
 * loop otherwise. The worker's queues order the two.
 */

#include "store/writer.h"

#include "store/worker.h"

#include <errno.h>

/* More than this is not written while clients wait for the event loop. */
#define BLOCKING_BYTES_MAX ((size_t) 64 << 10)

struct Writer {
        Worker *worker;
        WriterOnWritten on_written;
        void *userdata;
        WriterClock clock;
        void *clock_userdata;
        int failure; /* 0, or what the first that failed got */
        size_t n_unsynced_bytes;
        WriterStatistics statistics;
};

typedef struct WriteJob {
        WorkerJob job;
        Writer *writer;
        Journal *journal;
        JournalBatch batch;
        bool is_measured;
        int64_t usec;
        int r;
} WriteJob;

static int write_batch(Writer *writer,
                       Journal *journal,
                       const JournalBatch *batch,
                       int64_t *ret_usec)
{
        int64_t begin = writer->clock(writer->clock_userdata);
        int r = writer->failure;

        if (r == 0) {
                r = journal_write(journal, batch);
                writer->failure = MIN(r, 0);
        }
        *ret_usec = writer->clock(writer->clock_userdata) - begin;
        return r == JOURNAL_E_NO_ROOM ? WRITER_E_NO_ROOM : r;
}

static FlushMeter *meter_of(Writer *writer, const JournalBatch *batch)
{
        return batch->is_lazy ? &writer->statistics.lazy_meter : &writer->statistics.meter;
}

static bool is_small(const Writer *writer, const JournalBatch *batch)
{
        size_t n_unsynced_bytes = batch->is_lazy ? 0 : writer->n_unsynced_bytes;

        return batch->bytes.n_bytes + n_unsynced_bytes <= BLOCKING_BYTES_MAX;
}

static void count(Writer *writer, const JournalBatch *batch, uint64_t usec, bool is_measured)
{
        WriterStatistics *statistics = &writer->statistics;

        statistics->n_bytes += batch->bytes.n_bytes;
        if (is_measured)
                flush_meter_add(meter_of(writer, batch), usec);
        if (batch->is_lazy) {
                writer->n_unsynced_bytes += batch->bytes.n_bytes;
                return;
        }

        statistics->n_flushes++;
        statistics->worst_usec = MAX(statistics->worst_usec, usec);
        writer->n_unsynced_bytes = 0;
}

static void job_run(WorkerJob *item)
{
        WriteJob *job = (WriteJob *) item;

        job->r = write_batch(job->writer, job->journal, &job->batch, &job->usec);
}

static void job_done(WorkerJob *item)
{
        WriteJob *job = (WriteJob *) item;

        if (job->r == 0)
                count(job->writer, &job->batch, (uint64_t) job->usec, job->is_measured);
        job->writer->on_written(job->writer->userdata, &job->batch, job->r);
}

static void job_free(WorkerJob *item)
{
        WriteJob *job = (WriteJob *) item;

        journal_batch_clear(&job->batch);
        g_free(job);
}

static int64_t monotonic_clock(void *userdata G_GNUC_UNUSED)
{
        return g_get_monotonic_time();
}

int writer_new(Writer **ret_writer, sd_event *event, WriterOnWritten on_written, void *userdata)
{
        g_autoptr(Writer) writer = g_new0(Writer, 1);
        int r;

        writer->on_written = on_written;
        writer->userdata = userdata;
        writer->clock = monotonic_clock;
        r = worker_new(&writer->worker, event, "writer", SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        *ret_writer = g_steal_pointer(&writer);
        return 0;
}

void writer_set_clock(Writer *writer, WriterClock clock, void *userdata)
{
        writer->clock = clock;
        writer->clock_userdata = userdata;
}

Writer *writer_free(Writer *writer)
{
        if (!writer)
                return NULL;

        worker_free(writer->worker);
        g_free(writer);
        return NULL;
}

static int write_here(Writer *writer, Journal *journal, const JournalBatch *batch)
{
        int64_t usec;
        int r = write_batch(writer, journal, batch, &usec);

        if (r != 0)
                return r;

        count(writer, batch, (uint64_t) usec, true);
        writer->statistics.n_flushes_in_loop += !batch->is_lazy;
        return WRITER_E_WRITTEN;
}

int writer_write(Writer *writer, Journal *journal, JournalBatch *batch, bool may_block)
{
        bool is_measured = may_block && is_small(writer, batch);
        WriteJob *job;

        if (is_measured && !worker_is_busy(writer->worker) &&
            flush_meter_is_quick(meter_of(writer, batch)))
                return write_here(writer, journal, batch);

        job = g_new(WriteJob, 1);
        *job = (WriteJob){
                .job = { job_run, job_done, job_free },
                .writer = writer,
                .journal = journal,
                .batch = *batch,
                .is_measured = is_measured,
        };
        *batch = (JournalBatch){ 0 };
        worker_push(writer->worker, &job->job);
        return 0;
}

void writer_mend(Writer *writer)
{
        g_assert(!writer_is_busy(writer));
        writer->failure = 0;
        writer->n_unsynced_bytes = 0;
}

bool writer_is_busy(const Writer *writer)
{
        return worker_is_busy(writer->worker);
}

void writer_drain(Writer *writer)
{
        while (worker_is_busy(writer->worker))
                worker_wait(writer->worker);
}

const WriterStatistics *writer_statistics(const Writer *writer)
{
        return &writer->statistics;
}
