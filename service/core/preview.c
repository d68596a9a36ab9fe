/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preview
 */

#include "core/preview.h"

#include "core/namespace-walk.h"

static void clear_difference(gpointer userdata)
{
        Difference *difference = userdata;

        entry_unref(difference->before);
        entry_unref(difference->after);
}

/* As namespace_read(), of what would be. */
static Entry *read_after(const Overlay *overlay, const Namespace *ns, const char *key)
{
        Entry *entry = overlay_lookup(overlay, ns, key);

        if (!entry && ns->declaration)
                return declaration_fallback(ns->declaration, key);
        return entry;
}

static bool is_same(const Entry *before, const Entry *after)
{
        return before == after || (before && after && entry_value_equal(before, after));
}

Preview *preview_new(const Overlay *overlay, const Namespace *ns, const NamespaceChange *change)
{
        Preview *preview = g_new(Preview, 1);
        const char *last = NULL;

        *preview = (Preview){
                .name = change->name,
                .differences = g_array_new(FALSE, FALSE, sizeof(Difference)),
        };
        g_array_set_clear_func(preview->differences, clear_difference);

        for (guint i = 0; i < change->entries->len; i++) {
                const char *key = entry_key(change->entries->pdata[i]);
                Entry *before = namespace_read(ns, key, NAMESPACE_WALK_ALL);
                Entry *after = read_after(overlay, ns, key);
                Difference difference;

                /* A change of class stands there twice. */
                if (is_same(before, after) || g_strcmp0(key, last) == 0)
                        continue;
                last = key;
                difference = (Difference){ key, before ? entry_ref(before) : NULL,
                                           after ? entry_ref(after) : NULL };
                g_array_append_val(preview->differences, difference);
        }

        return preview;
}

Preview *preview_free(Preview *preview)
{
        g_array_unref(preview->differences);
        g_free(preview);
        return NULL;
}
