/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Recover
 *
 * Puts a state from elsewhere into a state directory. What was there gets second names in damaged/
 * first; a crash leaves the old state or the new one.
 */

#include "offline/reading.h"

#include <stdbool.h>

typedef struct RecoverOptions {
        ReadingOptions directories;
        const Io *io; /* that changes the directories */
        const char *from;
        bool is_forced;
        bool is_dry_run;
} RecoverOptions;

/* 0 or -EPROTO. */
int recover_directory(const RecoverOptions *options);
