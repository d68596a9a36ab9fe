/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker
 *
 * What waits is woken behind the lock, or it would wake only to wait for that, and only if it does wait.
 */

#include "store/worker.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct Worker {
        GThread *thread;
        GMutex lock;
        GCond has_pushed; /* the thread waits for it */
        GCond has_run;    /* worker_wait() does */
        /* the next six of the lock */
        GQueue pushed; /* WorkerJob */
        GQueue run;
        bool is_thread_waiting;
        bool is_loop_waiting;
        bool is_ending;
        int event_fd;
        sd_event_source *source;
        size_t n_jobs; /* the event loop's alone */
};

/* NULL: the end. */
static WorkerJob *next_pushed(Worker *worker)
{
        WorkerJob *job;

        g_mutex_lock(&worker->lock);
        worker->is_thread_waiting = true;
        while (g_queue_is_empty(&worker->pushed) && !worker->is_ending)
                g_cond_wait(&worker->has_pushed, &worker->lock);
        worker->is_thread_waiting = false;
        job = g_queue_pop_head(&worker->pushed);
        g_mutex_unlock(&worker->lock);
        return job;
}

static void hand_back(Worker *worker, WorkerJob *job)
{
        bool is_loop_waiting;

        g_mutex_lock(&worker->lock);
        g_queue_push_tail(&worker->run, job);
        is_loop_waiting = worker->is_loop_waiting;
        g_mutex_unlock(&worker->lock);

        if (is_loop_waiting)
                g_cond_signal(&worker->has_run);
        (void) eventfd_write(worker->event_fd, 1);
}

static gpointer work(gpointer userdata)
{
        Worker *worker = userdata;
        WorkerJob *job;

        while ((job = next_pushed(worker))) {
                job->run(job);
                hand_back(worker, job);
        }
        return NULL;
}

static void finish(Worker *worker, WorkerJob *job)
{
        worker->n_jobs--;
        job->done(job);
        job->free(job);
}

static WorkerJob *take_run(Worker *worker)
{
        WorkerJob *job;

        g_mutex_lock(&worker->lock);
        job = g_queue_pop_head(&worker->run);
        g_mutex_unlock(&worker->lock);
        return job;
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
        while ((job = take_run(worker)))
                finish(worker, job);

        return 0;
}

int worker_new(Worker **ret_worker, sd_event *event, const char *name, int64_t priority)
{
        g_autoptr(Worker) worker = g_new(Worker, 1);
        int r;

        *worker = (Worker){
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

static void end_thread(Worker *worker)
{
        g_mutex_lock(&worker->lock);
        worker->is_ending = true;
        g_mutex_unlock(&worker->lock);
        g_cond_signal(&worker->has_pushed);
        g_thread_join(worker->thread);
}

Worker *worker_free(Worker *worker)
{
        WorkerJob *job;

        if (!worker)
                return NULL;

        if (worker->thread)
                end_thread(worker);
        while ((job = g_queue_pop_head(&worker->run)))
                job->free(job);
        sd_event_source_unref(worker->source);
        if (worker->event_fd >= 0)
                close(worker->event_fd);
        g_mutex_clear(&worker->lock);
        g_cond_clear(&worker->has_pushed);
        g_cond_clear(&worker->has_run);
        g_free(worker);
        return NULL;
}

void worker_push(Worker *worker, WorkerJob *job)
{
        bool is_thread_waiting;

        worker->n_jobs++;
        g_mutex_lock(&worker->lock);
        g_queue_push_tail(&worker->pushed, job);
        is_thread_waiting = worker->is_thread_waiting;
        g_mutex_unlock(&worker->lock);

        if (is_thread_waiting)
                g_cond_signal(&worker->has_pushed);
}

gboolean worker_is_busy(const Worker *worker)
{
        return worker->n_jobs > 0;
}

void worker_wait(Worker *worker)
{
        WorkerJob *job;

        g_assert(worker->n_jobs > 0);

        g_mutex_lock(&worker->lock);
        worker->is_loop_waiting = true;
        while (g_queue_is_empty(&worker->run))
                g_cond_wait(&worker->has_run, &worker->lock);
        worker->is_loop_waiting = false;
        job = g_queue_pop_head(&worker->run);
        g_mutex_unlock(&worker->lock);
        finish(worker, job);
}
