/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Load
 *
 * Changes a state directory by commits, as regentd would: puts out what it holds, takes changes from
 * standard input, and sends each commit through the pipeline into the journal.
 */

#include "offline/reading.h"

/*
 * The directories stay locked while it runs. @is_atomic: what was created goes again when a commit
 * after that fails. 0 or -EPROTO.
 */
int load_directory(const ReadingOptions *options, bool is_atomic);
