/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker
 */

#include "store/worker.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct Worker {
        GThread *thread;
        GAsyncQueue *pushed; /* WorkerJob, or the worker itself: the end */
        GAsyncQueue *run;
        int event_fd;
        sd_event_source *source;
        size_t n_jobs; /* the event loop's alone */
};

static gpointer work(gpointer userdata)
{
        Worker *worker = userdata;

        for (;;) {
                gpointer item = g_async_queue_pop(worker->pushed);
                WorkerJob *job = item;

                if (item == worker)
                        return NULL;

                job->run(job);
                g_async_queue_push(worker->run, job);
                (void) eventfd_write(worker->event_fd, 1);
        }
}

static void finish(Worker *worker, WorkerJob *job)
{
        worker->n_jobs--;
        job->done(job);
        job->free(job);
}

static int on_event(sd_event_source *source G_GNUC_UNUSED,
                    int fd,
                    uint32_t revents G_GNUC_UNUSED,
                    void *userdata)
{
        Worker *worker = userdata;
        eventfd_t n;
        WorkerJob *job;

        (void) eventfd_read(fd, &n);
        /* One job at a time: done() may hand over the next one or block for it. */
        while ((job = g_async_queue_try_pop(worker->run)))
                finish(worker, job);

        return 0;
}

int worker_new(Worker **ret_worker, sd_event *event, const char *name, int64_t priority)
{
        g_autoptr(Worker) worker = g_new(Worker, 1);
        int r;

        *worker = (Worker){
                .pushed = g_async_queue_new(),
                .run = g_async_queue_new(),
                .event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        };
        if (worker->event_fd < 0)
                return -errno;

        r = sd_event_add_io(event, &worker->source, worker->event_fd, EPOLLIN, on_event, worker);
        if (r < 0)
                return r;
        r = sd_event_source_set_priority(worker->source, priority);
        if (r < 0)
                return r;

        worker->thread = g_thread_try_new(name, work, worker, NULL);
        if (!worker->thread)
                return -EAGAIN;

        *ret_worker = g_steal_pointer(&worker);
        return 0;
}

Worker *worker_free(Worker *worker)
{
        if (!worker)
                return NULL;

        if (worker->thread) {
                WorkerJob *job;

                g_async_queue_push(worker->pushed, worker);
                g_thread_join(worker->thread);
                while ((job = g_async_queue_try_pop(worker->run)))
                        job->free(job);
        }
        sd_event_source_unref(worker->source);
        if (worker->event_fd >= 0)
                close(worker->event_fd);
        g_async_queue_unref(worker->pushed);
        g_async_queue_unref(worker->run);
        g_free(worker);
        return NULL;
}

void worker_push(Worker *worker, WorkerJob *job)
{
        worker->n_jobs++;
        g_async_queue_push(worker->pushed, job);
}

gboolean worker_is_busy(const Worker *worker)
{
        return worker->n_jobs > 0;
}

void worker_wait(Worker *worker)
{
        g_assert(worker->n_jobs > 0);
        finish(worker, g_async_queue_pop(worker->run));
}
