/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Faulty Io
 *
 * An Io that counts its calls and lets one of them go wrong, or all from one on, as after a crash.
 */

#include "util/io.h"

#include <stdbool.h>

typedef enum FaultKind {
        FAULT_NONE,
        FAULT_ERROR,      /* the call does nothing and fails */
        FAULT_SHORT,      /* a write does half, and says so; others fail */
        FAULT_LATE_ERROR, /* a write does half, but fails; others are done, but fail */
        FAULT_CRASH,      /* it and all later ones do nothing and fail */
        FAULT_CRASH_TORN, /* the same, but a write does half of it first */
} FaultKind;

typedef struct FaultyIo {
        Io io; /* what to hand out */
        const Io *base;
        FaultKind kind;
        int error; /* a negative errno; -EIO unless set */
        gint at;   /* the number of the call that goes wrong, from 1 on */
        gint n_calls;
} FaultyIo;

/* Wraps @base. Sets nothing to go wrong. */
void faulty_io_init(FaultyIo *faulty, const Io *base);

/* From now on the @at-th call goes wrong. Counts anew. */
void faulty_io_arm(FaultyIo *faulty, FaultKind kind, int at);

/* Whether it has come to that. */
bool faulty_io_has_struck(FaultyIo *faulty);
