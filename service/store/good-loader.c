/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Good loader
 *
 * The state is made by the thread and then handed over whole: nobody else knows of its entries.
 */

#include "store/good-loader.h"

#include "store/last-good.h"

#include <errno.h>
#include <string.h>

typedef struct LoadJob {
        WorkerJob job;
        const StoreDirectory *directory;
        ManifestFile file;
        GoodLoaded on_loaded;
        void *userdata;
        State *source;
        int r;
} LoadJob;

static void load_run(WorkerJob *item)
{
        LoadJob *job = (LoadJob *) item;

        if (job->file.revision == 0)
                job->r = -ENOENT;
        else
                job->r = last_good_load(job->directory, &job->file, job->source);
}

static void load_done(WorkerJob *item)
{
        LoadJob *job = (LoadJob *) item;
        CommitSource identity = { .revision = job->file.revision };

        memcpy(identity.id, &job->file.uuid, sizeof identity.id);
        job->on_loaded(job->userdata, job->r, job->r == 0 ? g_steal_pointer(&job->source) : NULL,
                       &identity);
}

static void load_free(WorkerJob *item)
{
        LoadJob *job = (LoadJob *) item;

        state_free(job->source);
        g_free(job);
}

void good_loader_start(Worker *worker, const Side *side, GoodLoaded on_loaded, void *userdata)
{
        LoadJob *job = g_new(LoadJob, 1);

        *job = (LoadJob){
                .job = { load_run, load_done, load_free },
                .directory = side->good_directory,
                .file = side->good,
                .on_loaded = on_loaded,
                .userdata = userdata,
                .source = state_new(),
        };
        worker_push(worker, &job->job);
}
