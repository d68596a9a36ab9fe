/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Worker
 *
 * A thread that does jobs in the order they are handed to it. When one is done the event loop is
 * told, in the same order.
 */

#include <glib.h>
#include <systemd/sd-event.h>

typedef struct WorkerJob WorkerJob;

/* The beginning of a job; what it works on stands behind it. */
struct WorkerJob {
        void (*run)(WorkerJob *job);  /* in the thread */
        void (*done)(WorkerJob *job); /* in the event loop's, after that */
        void (*free)(WorkerJob *job); /* in the event loop's, at last, also without done() */
};

typedef struct Worker Worker;

int worker_new(Worker **ret_worker, sd_event *event, const char *name, int64_t priority);

/* Ends the thread once it has run its jobs, and frees those whose done() is still to come. */
Worker *worker_free(Worker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Worker, worker_free)

/* Takes @job. */
void worker_push(Worker *worker, WorkerJob *job);

/* Whether a job has been pushed and its done() has not been called. */
gboolean worker_is_busy(const Worker *worker);

/* Blocks until the oldest job is run, and calls its done(). Only while it is busy. */
void worker_wait(Worker *worker);
