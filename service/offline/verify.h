/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Verify
 *
 * Looks at every file of a state directory, and says of each whether it is whole, and what a start
 * would load. Changes nothing, and takes no lock.
 */

#include "offline/reading.h"

/* 0 or -EPROTO. */
int verify_directory(const ReadingOptions *options);

/* Files alone, of any directory or of none. 0 or -EPROTO. */
int verify_files(char **paths);
