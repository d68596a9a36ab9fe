/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Store's statistics
 *
 * What its parts have counted, under the names that the bus gives them.
 */

#include "store/checkpointer.h"
#include "store/scribe.h"
#include "store/side.h"

#include <glib.h>
#include <stdint.h>

/* An a{sv}, floating. @sides: by CommitPart. */
GVariant *statistics_collect(const Scribe *of_scribe,
                             const Checkpointer *of_checkpointer,
                             const Side sides[2],
                             int64_t recovery_usec);
