/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Power Io
 *
 * A file system that remembers what was not synced, and at a power cut takes it back: writes sector
 * by sector, each kept or lost by chance, and names, the last ones or all. What is lost is decided
 * by the seed alone.
 */

#include "util/io.h"

#include <stdbool.h>

typedef struct PowerIo PowerIo;

/* @keep: a directory on the same file system, for files whose names were taken away. */
PowerIo *power_io_new(const char *keep, guint32 seed);
PowerIo *power_io_free(PowerIo *power);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PowerIo, power_io_free)

const Io *power_io(const PowerIo *power);

/* From now on fdatasync() says that it has synced, and has not. */
void power_io_lie(PowerIo *power);

/*
 * Fails the @n-th sync of a file from now on: what it was to make durable is lost at a cut even
 * after later syncs, unless it is written again, as Linux has it.
 */
void power_io_fail_sync(PowerIo *power, int n);

/* Takes back what was not synced. Nothing may be using the files. */
void power_io_cut(PowerIo *power);
