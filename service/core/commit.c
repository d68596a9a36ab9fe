/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commit
 */

#include "core/commit.h"

#include <string.h>

static void namespace_change_free(gpointer userdata)
{
        NamespaceChange *change = userdata;

        g_clear_pointer(&change->entries, g_ptr_array_unref);
        g_free(change);
}

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

Commit *commit_new(uint64_t revision, uint64_t time_usec, uint32_t writer_uid, const char *reason)
{
        Commit *commit = g_new(Commit, 1);

        *commit = (Commit){
                .revision = revision,
                .time_usec = time_usec,
                .writer_uid = writer_uid,
                .reason = g_strdup(reason),
                .changes = g_ptr_array_new_with_free_func(namespace_change_free),
        };
        return commit;
}

Commit *commit_free(Commit *commit)
{
        if (!commit)
                return NULL;

        g_ptr_array_unref(commit->changes);
        pending_change_unref(commit->pending);
        g_free(commit->reason);
        g_free(commit);
        return NULL;
}

static bool change_only_deletes(const NamespaceChange *change)
{
        if (change->kind != NAMESPACE_CHANGE_ENTRIES)
                return change->kind == NAMESPACE_CHANGE_REMOVE;

        for (guint i = 0; i < change->entries->len; i++)
                if (!entry_is_tombstone(change->entries->pdata[i]))
                        return false;

        return true;
}

bool commit_only_deletes(const Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++)
                if (!change_only_deletes(commit->changes->pdata[i]))
                        return false;

        return true;
}

NamespaceChange *commit_add(Commit *commit, NamespaceChangeKind kind, const char *name)
{
        size_t name_bytes = strlen(name) + 1;
        NamespaceChange *change = g_malloc(sizeof *change + name_bytes);

        /* In one piece, for a start makes as many as there are commits. */
        *change = (NamespaceChange){ .kind = kind, .name = (char *) (change + 1) };
        memcpy(change->name, name, name_bytes);
        if (kind == NAMESPACE_CHANGE_ENTRIES)
                change->entries = g_ptr_array_new_with_free_func(entry_destroy);

        g_ptr_array_add(commit->changes, change);
        return change;
}

void commit_add_entry(Commit *commit, NamespaceChange *change, Entry *entry)
{
        entry->revision = commit->revision;
        entry->time_usec = commit->time_usec;
        entry->writer_uid = commit->writer_uid;
        g_ptr_array_add(change->entries, entry);
}
