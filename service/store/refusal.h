/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Refusal
 *
 * A start ends where a file may not be read, and somebody has to be told which one it is.
 */

#include "store/side.h"

/* The path of a file of @sides that cannot be opened because of @r, a negative errno; owned. NULL: none. */
char *refusal_path(const Side *sides, size_t n_sides, int r);
