/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Revision reserve
 *
 * The side's manifest in memory says at once what is going to be reserved: should another manifest
 * be written in between, it reserves no less. The limit grows only once one of them is on disk.
 */

#include "store/reserve.h"

#include "store/start.h"

#include <errno.h>

struct Reserve {
        Side *side;
        Worker *worker;
        ReserveOnExtended on_extended;
        void *userdata;
        uint64_t limit;
        bool is_extending;
};

typedef struct ExtendJob {
        WorkerJob job;
        Reserve *reserve;
        char *text;
        uint64_t limit;
        int r;
} ExtendJob;

Reserve *reserve_new(Side *side, Worker *worker, ReserveOnExtended on_extended, void *userdata)
{
        Reserve *reserve = g_new(Reserve, 1);

        *reserve = (Reserve){
                .side = side,
                .worker = worker,
                .on_extended = on_extended,
                .userdata = userdata,
                .limit = side->manifest->reserved,
        };
        return reserve;
}

Reserve *reserve_free(Reserve *reserve)
{
        g_free(reserve);
        return NULL;
}

uint64_t reserve_limit(const Reserve *reserve)
{
        return reserve->limit;
}

void reserve_renewed(Reserve *reserve)
{
        reserve->limit = MAX(reserve->limit, reserve->side->manifest->reserved);
}

static void extend_run(WorkerJob *item)
{
        ExtendJob *job = (ExtendJob *) item;

        job->r = directory_replace(job->reserve->side->directory, MANIFEST_NAME, job->text);
}

static void extend_done(WorkerJob *item)
{
        ExtendJob *job = (ExtendJob *) item;
        Reserve *reserve = job->reserve;

        reserve->is_extending = false;
        if (job->r == 0)
                reserve->limit = job->limit;
        reserve->on_extended(reserve->userdata,
                             job->r == DIRECTORY_E_UNCERTAIN ? -EUCLEAN : job->r);
}

static void extend_free(WorkerJob *item)
{
        ExtendJob *job = (ExtendJob *) item;

        g_free(job->text);
        g_free(job);
}

void reserve_keep_ahead(Reserve *reserve, uint64_t revision)
{
        Side *side = reserve->side;
        ExtendJob *job;

        if (reserve->is_extending || revision + START_REVISIONS_RESERVED / 2 < reserve->limit)
                return;

        side->manifest->reserved = revision + START_REVISIONS_RESERVED;
        side->manifest->committed = MAX(side->manifest->committed, side->journal->durable);
        job = g_new(ExtendJob, 1);
        *job = (ExtendJob){
                .job = { extend_run, extend_done, extend_free },
                .reserve = reserve,
                .text = manifest_to_text(side->manifest),
                .limit = side->manifest->reserved,
        };
        reserve->is_extending = true;
        worker_push(reserve->worker, &job->job);
}
