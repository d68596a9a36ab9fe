/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Snapshot
 *
 * All values of namespaces, for who follows more than one reply can hold: they are read a page at a
 * time, and what was changed meanwhile is put over them, so that they are as of one revision.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Snapshot Snapshot;

Snapshot *snapshot_new(void);
Snapshot *snapshot_free(Snapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshot, snapshot_free)

/* What is different now; NULL as @changed and @removed: nothing. Makes the namespace where there is none. */
void snapshot_change(Snapshot *snapshot,
                     const char *ns_name,
                     GVariant *changed,
                     const char *const *removed);

bool snapshot_has(const Snapshot *snapshot, const char *ns_name);

/* What was read is to be forgotten. */
void snapshot_drop(Snapshot *snapshot, const char *ns_name);

/* The names, sorted. Free the array alone. */
const char **snapshot_names(const Snapshot *snapshot);

/* a{sv}, sorted; a full reference. */
GVariant *snapshot_values(const Snapshot *snapshot, const char *ns_name);
