/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restore
 */

#include "core/restore.h"

#include "core/namespace-places.h"

typedef struct Restoration {
        Commit *commit;
        State *state, *source;
} Restoration;

static gboolean remove_if_unknown(gpointer name, gpointer ns G_GNUC_UNUSED, gpointer userdata)
{
        const Restoration *restoration = userdata;

        if (!state_lookup(restoration->source, name))
                commit_add(restoration->commit, NAMESPACE_CHANGE_REMOVE, name);
        return FALSE;
}

static void delete_entry(Commit *commit, NamespaceChange *change, const Entry *present)
{
        commit_add_entry(commit, change, entry_new_tombstone_of(present));
}

static void set_entry(Commit *commit, NamespaceChange *change, const Entry *present, Entry *wanted)
{
        if (present && entry_equal(present, wanted))
                return;
        if (present && present->class != wanted->class)
                delete_entry(commit, change, present);
        commit_add_entry(commit, change, entry_ref(wanted));
}

/* Walks both in the order of their places. @present: NULL when there is no such namespace. */
static void restore_entries(Commit *commit,
                            NamespaceChange *change,
                            const Namespace *present,
                            const Namespace *wanted)
{
        NamespacePlaces old_places, new_places;
        Entry *old = NULL, *new;

        if (present) {
                namespace_places_begin_by_release(&old_places, present);
                old = namespace_places_next(&old_places);
        }
        namespace_places_begin_by_release(&new_places, wanted);
        new = namespace_places_next(&new_places);

        while (old || new) {
                int order = !old ? 1 : !new ? -1 : entry_compare_places(old, new);

                if (order < 0) {
                        if (entry_is_persistent(old))
                                delete_entry(commit, change, old);
                } else {
                        set_entry(commit, change, order == 0 ? old : NULL, new);
                        new = namespace_places_next(&new_places);
                }
                if (order <= 0)
                        old = namespace_places_next(&old_places);
        }
}

static void restore_access(Commit *commit, const Namespace *present, const Namespace *wanted)
{
        NamespaceChange *change;

        if (present && access_compare(&present->access, &wanted->access) == 0)
                return;

        change = commit_add(commit, present ? NAMESPACE_CHANGE_ACCESS : NAMESPACE_CHANGE_CREATE,
                            wanted->name);
        change->access = wanted->access;
}

static gboolean restore_namespace(gpointer name, gpointer wanted, gpointer userdata)
{
        const Restoration *restoration = userdata;
        Commit *commit = restoration->commit;
        const Namespace *present = state_lookup(restoration->state, name);
        NamespaceChange *change;

        restore_access(commit, present, wanted);
        change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, name);
        restore_entries(commit, change, present, wanted);
        if (change->entries->len == 0)
                g_ptr_array_remove_index(commit->changes, commit->changes->len - 1);
        return FALSE;
}

void restore_fill(Commit *commit, State *state, State *source)
{
        Restoration restoration = { commit, state, source };

        g_tree_foreach(state_namespaces(state), remove_if_unknown, &restoration);
        g_tree_foreach(state_namespaces(source), restore_namespace, &restoration);
}
