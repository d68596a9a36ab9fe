/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Last entries
 *
 * Sorted rather than looked up in a table, which costs more for each of some dozens of keys.
 */

#include "bus/last-entries.h"

#include "core/entry.h"

#include <string.h>

static const char *key_at(const GPtrArray *entries, guint i)
{
        return entry_key(entries->pdata[i]);
}

static gint compare(gconstpointer a, gconstpointer b)
{
        return strcmp(entry_key(*(Entry *const *) a), entry_key(*(Entry *const *) b));
}

void last_entries_keep(GPtrArray *entries)
{
        guint kept = 0;

        if (entries->len < 2)
                return;

        /* It is stable, so what came last of a key is last of it. */
        g_ptr_array_sort(entries, compare);
        for (guint i = 0; i < entries->len; i++) {
                gpointer entry = entries->pdata[i];

                if (i + 1 < entries->len && strcmp(key_at(entries, i), key_at(entries, i + 1)) == 0)
                        continue;
                entries->pdata[i] = entries->pdata[kept];
                entries->pdata[kept++] = entry;
        }
        g_ptr_array_set_size(entries, (gint) kept);
}
