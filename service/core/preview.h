/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Preview
 *
 * What readers of one namespace would see otherwise if a commit came to be.
 */

#include "core/commit.h"
#include "core/overlay.h"

#include <glib.h>

/* What a key holds and would hold, defaults included. */
typedef struct Difference {
        const char *key;       /* borrowed from the commit */
        Entry *before, *after; /* owned; NULL: nothing */
} Difference;

typedef struct Preview {
        const char *name;    /* of the namespace; borrowed from the commit */
        GArray *differences; /* Difference, in the commit's order */
} Preview;

/* Of @change, which lives as long; @overlay knows of its commit. */
Preview *preview_new(const Overlay *overlay, const Namespace *ns, const NamespaceChange *change);
Preview *preview_free(Preview *preview);
