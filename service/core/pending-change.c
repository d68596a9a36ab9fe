/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pending change
 */

#include "core/pending-change.h"

/* About what stands around an entry, and around the change, in memory and on disk. */
#define ENTRY_FRAME_BYTES  UINT64_C(64)
#define CHANGE_FRAME_BYTES UINT64_C(256)

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

static void way_back_free(gpointer userdata)
{
        WayBack *way_back = userdata;

        g_ptr_array_unref(way_back->entries);
        g_free(way_back->name);
        g_free(way_back);
}

PendingChange *pending_change_new(uint64_t revision, uint32_t writer_uid)
{
        PendingChange *change = g_new(PendingChange, 1);

        *change = (PendingChange){
                .n_refs = 1,
                .writer_uid = writer_uid,
                .revision = revision,
                .n_bytes = CHANGE_FRAME_BYTES,
                .ways_back = g_ptr_array_new_with_free_func(way_back_free),
        };
        return change;
}

PendingChange *pending_change_ref(PendingChange *change)
{
        change->n_refs++;
        return change;
}

PendingChange *pending_change_unref(PendingChange *change)
{
        if (!change || --change->n_refs > 0)
                return NULL;

        g_ptr_array_unref(change->ways_back);
        g_free(change);
        return NULL;
}

WayBack *pending_change_add_namespace(PendingChange *change, const char *name)
{
        WayBack *way_back = g_new(WayBack, 1);

        *way_back = (WayBack){
                .name = g_strdup(name),
                .entries = g_ptr_array_new_with_free_func(entry_destroy),
        };
        change->n_bytes += CHANGE_FRAME_BYTES;
        g_ptr_array_add(change->ways_back, way_back);
        return way_back;
}

void pending_change_add_entry(PendingChange *change, WayBack *way_back, Entry *entry)
{
        change->n_bytes += ENTRY_FRAME_BYTES + entry->key_bytes + entry->type_bytes +
                           entry->scope_bytes + (uint64_t) entry->value_bytes;
        g_ptr_array_add(way_back->entries, entry);
}
