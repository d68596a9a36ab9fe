/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: several keys at one revision
 *
 * Records never change, so only finding them must fall between two commits; copying comes after.
 */

#include "view-private.h"

#include <errno.h>
#include <string.h>

#define PATIENCE_USEC (UINT64_C(1) * G_USEC_PER_SEC)

static int collect_named(const RegentView *view, const char *const *keys, GArray *found)
{
        for (size_t i = 0; keys[i]; i++) {
                ViewEntry entry;
                int r;

                r = view_reader_get(&view->reader, keys[i], strlen(keys[i]), &entry);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                g_array_append_val(found, entry);
        }

        return 0;
}

static int collect_all(const RegentView *view, const char *prefix, GArray *found)
{
        const char *wanted = prefix ? prefix : "";
        size_t n_bytes = strlen(wanted);
        uint64_t cursor = 0;
        ViewEntry entry;
        int r;

        while ((r = view_reader_next(&view->reader, &cursor, &entry)) >= 0)
                if (entry.key_bytes >= n_bytes && memcmp(entry.key, wanted, n_bytes) == 0)
                        g_array_append_val(found, entry);

        return r == -ENOENT ? 0 : r;
}

/* What was there between two commits: 0; -EAGAIN when there was not a moment for it. */
static int collect(const RegentView *view,
                   const char *const *keys,
                   const char *prefix,
                   GArray *found,
                   uint64_t *ret_revision)
{
        gint64 end = g_get_monotonic_time() + (gint64) PATIENCE_USEC;
        uint32_t sequence;
        int r;

        do {
                g_array_set_size(found, 0);
                r = view_reader_begin(&view->reader, &sequence);
                if (r < 0)
                        continue;

                *ret_revision = view_reader_revision(&view->reader);
                r = keys ? collect_named(view, keys, found) : collect_all(view, prefix, found);
                if (r < 0)
                        return r;
                if (view_reader_is_whole(&view->reader, sequence))
                        return 0;
        } while (g_get_monotonic_time() < end);

        return -EAGAIN;
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(((const ViewEntry *) a)->key, ((const ViewEntry *) b)->key);
}

static int copy(const GArray *found, GVariant **ret_values)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        for (guint i = 0; i < found->len; i++) {
                const ViewEntry *entry = &g_array_index(found, ViewEntry, i);
                g_autoptr(GVariant) value = NULL;
                int r;

                r = view_entry_value(entry, &value);
                if (r < 0)
                        return r;
                if (!g_utf8_validate(entry->key, -1, NULL))
                        return -EBADMSG;
                g_variant_builder_add(&builder, "{sv}", entry->key, value);
        }

        *ret_values = g_variant_ref_sink(g_variant_builder_end(&builder));
        return 0;
}

int regent_view_snapshot(RegentView *view,
                         const char *const *keys,
                         const char *prefix,
                         GVariant **ret_values,
                         uint64_t *ret_revision)
{
        g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(ViewEntry));
        uint64_t revision = 0;
        int r;

        view_follow(view);
        r = view_check(view);
        if (r >= 0)
                r = collect(view, keys, prefix, found, &revision);
        if (r < 0)
                return r;

        if (!keys)
                g_array_sort(found, compare_keys);
        if (ret_values) {
                r = copy(found, ret_values);
                if (r < 0)
                        return r;
        }
        if (ret_revision)
                *ret_revision = revision;
        return 0;
}
