/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Gate Io
 *
 * An Io whose large writes, or whose syncs of files, wait at a gate while that is shut.
 */

#include "util/io.h"

typedef struct GateIo {
        Io io; /* what to hand out */
        GMutex mutex;
        GCond changed;
        size_t n_bytes_min; /* writes of less than that pass */
        unsigned n_waiting;
        bool is_shut;
} GateIo;

/* The gate is open at first. What waits at it are writes of so many bytes. */
void gate_io_init_for_writes(GateIo *gate, size_t n_bytes_min);

/* The same, for syncs. */
void gate_io_init_for_syncs(GateIo *gate);

void gate_io_set(GateIo *gate, bool is_shut);

bool gate_io_has_waiting(GateIo *gate);
void gate_io_wait_for_one(GateIo *gate);
