/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Durability
 *
 * When a change is acknowledged: once it is on disk, or as soon as it is visible, and then it is on
 * disk a little later. Who asks for the first hears nothing that a crash could take back, be it that
 * nothing was to be changed. Changes of namespaces themselves, which decide who may what, are never
 * lazy; runtime entries are on no disk, and wait for none.
 */

#include "core/commit.h"

#include <stdbool.h>

typedef enum Durability {
        DURABILITY_STANDARD, /* what the configuration says */
        DURABILITY_SYNC,
        DURABILITY_LAZY,
} Durability;

struct ChangeSet;

/* As the interface spells the last two; or -EINVAL. */
int durability_from_name(const char *name);

/*
 * Whether the answer to @set must wait until all there is is on disk. @commit: what came of it, NULL
 * when nothing is changed. @is_lazy_service: what the configuration says.
 */
bool durability_is_awaited(const struct ChangeSet *set, const Commit *commit, bool is_lazy_service);
