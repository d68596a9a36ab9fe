/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filler
 *
 * It has an open file description of its own: the kernel reports a failed write-back once to each,
 * and the writer must get its report. A full disk is no failure, only the end of filling for a
 * while.
 */

#include "store/filler.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* One job, with one sync: what a writer may have to wait for. */
#define JOB_BYTES   (UINT64_C(1) << 20)
#define AHEAD_BYTES (UINT64_C(8) << 20)

typedef enum FillState {
        FILL_PUSHED,
        FILL_RUNNING,
        FILL_CALLED_OFF,
} FillState;

typedef struct FillJob FillJob;

struct Filler {
        Worker *worker;
        int64_t retry_usec;
        FillerOnIdle on_idle;
        void *userdata;
        uint64_t ahead_bytes;
        uint64_t n_bytes;
        int64_t not_before_usec;
        bool is_short;
        bool is_behind; /* from half of the distance on, until it is whole again */
        FillJob *job;   /* NULL: idle */
};

struct FillJob {
        WorkerJob job;
        Filler *filler;
        Journal *journal;
        uint64_t offset;
        gint state; /* FillState; atomic */
        int r;
};

Filler *filler_new(Worker *worker, uint64_t retry_usec, FillerOnIdle on_idle, void *userdata)
{
        Filler *filler = g_new(Filler, 1);

        *filler = (Filler){
                .worker = worker,
                .retry_usec = (int64_t) retry_usec,
                .on_idle = on_idle,
                .userdata = userdata,
                .ahead_bytes = JOB_BYTES,
        };
        return filler;
}

Filler *filler_free(Filler *filler)
{
        g_free(filler);
        return NULL;
}

/* Part of them does no harm, and says no more than that there was no room for all. */
static int write_zeros(const Io *io, int fd, uint64_t offset)
{
        g_autofree void *zeros = g_malloc0(JOB_BYTES);
        ssize_t n = io_pwrite(io, fd, zeros, JOB_BYTES, offset);

        if (n < 0)
                return (int) n;
        return (uint64_t) n == JOB_BYTES ? 0 : -ENOSPC;
}

static int fill(const StoreDirectory *directory, int fd, uint64_t offset)
{
        int r;

        r = io_fallocate(directory->io, fd, offset, JOB_BYTES);
        if (r < 0 && r != -EOPNOTSUPP)
                return r;
        r = write_zeros(directory->io, fd, offset);
        if (r < 0)
                return r;
        return directory_sync_file(directory, fd);
}

static void fill_run(WorkerJob *item)
{
        FillJob *job = (FillJob *) item;
        const StoreDirectory *directory = job->journal->directory;
        int fd;

        if (!g_atomic_int_compare_and_exchange(&job->state, FILL_PUSHED, FILL_RUNNING)) {
                job->r = -ECANCELED;
                return;
        }

        fd = io_openat(directory->io, directory->fd, job->journal->name, O_RDWR, 0);
        if (fd < 0) {
                job->r = fd;
                return;
        }
        job->r = fill(directory, fd, job->offset);
        close(fd);
}

static void fill_done(WorkerJob *item)
{
        FillJob *job = (FillJob *) item;
        Filler *filler = job->filler;
        int r = job->r;

        filler->job = NULL;
        if (r == 0) {
                job->journal->filled = job->offset + JOB_BYTES;
                filler->n_bytes += JOB_BYTES;
                filler->is_short = false;
        } else if (io_is_full(r)) {
                filler->not_before_usec = g_get_monotonic_time() + filler->retry_usec;
                filler->is_short = true;
        }

        filler->on_idle(filler->userdata, io_is_full(r) || r == -ECANCELED ? 0 : r);
}

static void fill_free(WorkerJob *job)
{
        g_free(job);
}

static bool is_needed(Filler *filler, const Journal *journal, uint64_t expected_bytes)
{
        uint64_t rest = journal->filled - MIN(journal->filled, journal->position.offset);
        uint64_t to_come = expected_bytes - MIN(expected_bytes, journal->position.offset);
        uint64_t ahead_bytes = MIN(filler->ahead_bytes, MAX(to_come, JOB_BYTES));

        if (rest >= ahead_bytes) {
                filler->is_behind = false;
        } else if (!filler->is_behind && rest < ahead_bytes / 2) {
                filler->is_behind = true;
                filler->ahead_bytes = MIN(2 * filler->ahead_bytes, AHEAD_BYTES);
        }
        return filler->is_behind && filler->not_before_usec <= g_get_monotonic_time();
}

void filler_keep_ahead(Filler *filler, Journal *journal, uint64_t expected_bytes)
{
        if (filler->job || !journal->directory->is_synced ||
            !is_needed(filler, journal, expected_bytes))
                return;

        filler->job = g_new(FillJob, 1);
        *filler->job = (FillJob){
                .job = { fill_run, fill_done, fill_free },
                .filler = filler,
                .journal = journal,
                .offset = MAX(journal->filled, journal->position.offset),
                .state = FILL_PUSHED,
        };
        worker_push(filler->worker, &filler->job->job);
}

bool filler_is_in_the_way(Filler *filler, uint64_t end)
{
        FillJob *job = filler->job;

        if (!job || end <= job->offset)
                return false;
        return !g_atomic_int_compare_and_exchange(&job->state, FILL_PUSHED, FILL_CALLED_OFF) &&
               g_atomic_int_get(&job->state) == FILL_RUNNING;
}

bool filler_is_busy(const Filler *filler)
{
        return filler->job != NULL;
}

bool filler_is_short(const Filler *filler)
{
        return filler->is_short;
}

uint64_t filler_n_bytes(const Filler *filler)
{
        return filler->n_bytes;
}
