/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Traces
 *
 * What the files of a state directory, those set aside included, tell of revisions: which were given
 * out, so that none is given out again.
 */

#include "store/directory.h"

#include <stdint.h>

/* Beyond what could have been reserved when it is not known what was; as at a start. */
#define TRACES_REVISIONS_IN_DOUBT (UINT64_C(1) << 32)

/*
 * The highest revision that any file in or below @directory bears or reserves; when its manifest
 * cannot be read, far above that. 0 or an errno.
 */
int traces_highest(const StoreDirectory *directory, uint64_t *ret_revision);
