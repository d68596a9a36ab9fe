/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Faulty Io
 *
 * An Io that counts its calls, all or some kinds of them, and lets one of them go wrong, or all from
 * one on, as after a crash or on a disk that is full.
 */

#include "util/io.h"

#include <stdbool.h>

typedef enum FaultKind {
        FAULT_NONE,
        FAULT_ERROR,      /* the call does nothing and fails */
        FAULT_SHORT,      /* a write does half, and says so; others fail */
        FAULT_LATE_ERROR, /* a write does half, but fails; others are done, but fail */
        FAULT_ERRORS,     /* as FAULT_ERROR, and all later ones too */
        FAULT_SHORTS,     /* as FAULT_SHORT, and all later ones too */
        FAULT_CRASH,      /* it and all later ones do nothing and fail */
        FAULT_CRASH_TORN, /* the same, but a write does half of it first */
} FaultKind;

typedef enum FaultyCall {
        FAULTY_OPEN = 1 << 0,
        FAULTY_WRITE = 1 << 1,
        FAULTY_SYNC = 1 << 2,
        FAULTY_RENAME = 1 << 3,
        FAULTY_LINK = 1 << 4,
        FAULTY_UNLINK = 1 << 5,
        FAULTY_ALLOCATE = 1 << 6,
        FAULTY_OTHER = 1 << 7,
        FAULTY_WRITE_OUT = 1 << 8,
} FaultyCall;

typedef struct FaultyIo {
        Io io; /* what to hand out */
        const Io *base;
        FaultKind kind;
        int error;      /* a negative errno; -EIO unless set */
        unsigned calls; /* FaultyCall: the only ones that are counted and go wrong; 0: all */
        gint at;        /* the number of the call that goes wrong, from 1 on */
        gint n_calls;
} FaultyIo;

/* Wraps @base. Sets nothing to go wrong. */
void faulty_io_init(FaultyIo *faulty, const Io *base);

/* From now on the @at-th call goes wrong. Counts anew. */
void faulty_io_arm(FaultyIo *faulty, FaultKind kind, int at);

/* Whether it has come to that. */
bool faulty_io_has_struck(FaultyIo *faulty);
