/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Once
 *
 * Brings a state directory up to date and ends, without a bus: recovers what a stop or a crash has
 * left, writes it as a checkpoint, and reads that back.
 */

#include "util/io.h"

#include <glib.h>

typedef struct OnceOptions {
        const char *state_directory;   /* must be there */
        const char *runtime_directory; /* NULL: none, but for as long as it takes */
} OnceOptions;

enum {
        ONCE_E_FAILED = 1, /* it could not be done; logged */
        ONCE_E_DAMAGED, /* it is whole again, but something was damaged and may be lost; logged */
        ONCE_E_LOCKED,  /* a regentd that runs has it */
};

/* Blocks. 0 or an outcome. Says on standard output what is there now. */
int once_run(const OnceOptions *options, const Io *io);
