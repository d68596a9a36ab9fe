/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Worker
 *
 * A client in a process of its own, as it would be in life. It is told of a load and a window of
 * time, operates until the window ends, and hands back what it counted. The same process serves all
 * loads that are compared: where the kernel happens to place it then tells on all of them.
 */

#include "load.h"

#define WORKER_SLOWEST_MAX 16

typedef struct WorkerSlow {
        uint64_t start_nsec; /* monotonic clock */
        uint64_t nsec;
} WorkerSlow;

typedef struct WorkerResult {
        int error; /* negative errno, or 0 */
        uint64_t n_operations;
        uint64_t nsec; /* from the window's start to the end of the last operation */
        uint64_t median_nsec, p99_nsec;
        uint32_t n_slowest;
        WorkerSlow slowest[WORKER_SLOWEST_MAX]; /* slowest first */
} WorkerResult;

typedef struct Worker Worker;

/* Borrows @loads, of Load. 0 or a negative errno. */
int worker_new(Worker **ret_worker, GPtrArray *loads, uint32_t index);
void worker_free(Worker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Worker, worker_free)

/*
 * A window in the monotonic clock, for one of the loads; one that is over already gives a single
 * operation. 0 or a negative errno.
 */
int worker_begin(Worker *worker, uint32_t load, uint64_t start_nsec, uint64_t end_nsec);

/*
 * Waits for the window's result, and at most @timeout_msec. 0 or a negative errno, the worker's own
 * included.
 */
int worker_finish(Worker *worker, int timeout_msec, WorkerResult *ret_result);
