/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a watch tells when it has begun
 *
 * Of several namespaces nobody says which signal is the last of a commit. So a difference is asked for from before the
 * last one that was told, and what was told of that already is left out here.
 */

#include "watch-private.h"

#include <string.h>

void watch_answer_clear(WatchAnswer *answer)
{
        position_clear(&answer->since);
        g_clear_pointer(&answer->values, g_variant_unref);
        g_clear_pointer(&answer->removed, g_variant_unref);
        g_clear_pointer(&answer->complete, g_strfreev);
}

bool watch_answer_is_complete(const WatchAnswer *answer, const char *ns_name)
{
        return !answer->since.epoch ||
               g_strv_contains((const char *const *) answer->complete, ns_name);
}

static void free_value(gpointer value)
{
        if (value)
                g_variant_unref(value);
}

/* What was told of a namespace after the position: key -> value, NULL when it was removed; or NULL: nothing. */
static GHashTable *find_seen(const RegentWatch *watch, const char *ns_name, bool *ret_is_all)
{
        GHashTable *seen = NULL;

        for (guint i = 0; i < watch->last_commit->len; i++) {
                const WatchChange *change = g_ptr_array_index(watch->last_commit, i);
                GVariantIter iterator;
                const char *key;
                GVariant *value;

                if (strcmp(change->ns_name, ns_name) != 0)
                        continue;
                if (!seen) {
                        seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_value);
                        *ret_is_all = change->is_first;
                }
                g_variant_iter_init(&iterator, change->values);
                while (g_variant_iter_next(&iterator, "{&sv}", &key, &value))
                        g_hash_table_replace(seen, g_strdup(key), value);
                for (char **removed = change->removed; *removed; removed++)
                        g_hash_table_replace(seen, g_strdup(*removed), NULL);
        }

        return seen;
}

static bool is_seen(GHashTable *seen, const char *key, GVariant *value)
{
        gpointer told;

        if (!seen || !g_hash_table_lookup_extended(seen, key, NULL, &told))
                return false;

        return value && told ? g_variant_equal(value, told) : !value && !told;
}

static GVariant *leave_out_values(GHashTable *seen, GVariant *values)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        GVariantIter iterator;
        const char *key;
        GVariant *each;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_next(&iterator, "{&sv}", &key, &each)) {
                g_autoptr(GVariant) value = each;

                if (!is_seen(seen, key, value))
                        g_variant_builder_add(&builder, "{sv}", key, value);
        }

        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static const char **leave_out_removed(GHashTable *seen, GVariant *removed)
{
        gsize n = 0;
        const char **keys = removed ? g_variant_get_strv(removed, NULL) : g_new0(const char *, 1);

        for (const char **at = keys; *at; at++)
                if (!is_seen(seen, *at, NULL))
                        keys[n++] = *at;
        keys[n] = NULL;
        return keys;
}

static bool tell_difference(RegentWatch *watch,
                            const WatchAnswer *answer,
                            const char *ns_name,
                            GVariant *values,
                            GVariant *removed)
{
        bool is_all = false;
        g_autoptr(GHashTable) seen = find_seen(watch, ns_name, &is_all);
        g_autoptr(GVariant) left = leave_out_values(seen, values);
        g_autofree const char **gone = leave_out_removed(seen, removed);
        const RegentWatchEvent event = {
                .kind = REGENT_WATCH_CHANGE,
                .ns_name = ns_name,
                .previous = seen ? watch->revision : answer->since.revision,
                .revision = answer->revision,
                .values = left,
                .removed = gone,
                .is_merged = true,
        };

        g_hash_table_add(watch->names, g_strdup(ns_name));
        if (g_variant_n_children(left) == 0 && !*gone)
                return true;

        return watch_tell(watch, event);
}

static bool tell_state(RegentWatch *watch, const char *ns_name, GVariant *values, uint64_t revision)
{
        const RegentWatchEvent event = {
                .kind = REGENT_WATCH_STATE,
                .ns_name = ns_name,
                .revision = revision,
                .values = values,
        };

        g_hash_table_add(watch->names, g_strdup(ns_name));
        return watch_tell(watch, event);
}

/* Whether all of a namespace was told with the last commit, which made it. */
static bool is_state_seen(const RegentWatch *watch, const char *ns_name, GVariant *values)
{
        bool is_all = false;
        g_autoptr(GHashTable) seen = find_seen(watch, ns_name, &is_all);
        g_autoptr(GVariant) left = NULL;

        if (!seen || !is_all || g_hash_table_size(seen) != g_variant_n_children(values))
                return false;

        left = leave_out_values(seen, values);
        return g_variant_n_children(left) == 0;
}

/* Those of which nothing is there any more: neither in @values nor in @snapshot, which are the two forms of it. */
static bool tell_gone(RegentWatch *watch, GVariant *values, Snapshot *snapshot, uint64_t revision)
{
        g_autoptr(GList) names = g_hash_table_get_keys(watch->names);

        names = g_list_sort(names, (GCompareFunc) strcmp);
        for (const GList *at = names; at; at = at->next) {
                g_autoptr(GVariant) there =
                        values ? g_variant_lookup_value(values, at->data, NULL) : NULL;
                g_autofree char *name = g_strdup(at->data);
                const RegentWatchEvent event = {
                        .kind = REGENT_WATCH_GONE,
                        .ns_name = name,
                        .revision = revision,
                };

                if (there || (snapshot && snapshot_has(snapshot, name)))
                        continue;
                g_hash_table_remove(watch->names, name);
                if (!watch_tell(watch, event))
                        return false;
        }

        return true;
}

/* One that has become readable. */
static bool tell_fresh(RegentWatch *watch,
                       const char *ns_name,
                       GVariant *values,
                       GVariant *removed,
                       uint64_t revision)
{
        g_autofree const char **gone = removed ? g_variant_get_strv(removed, NULL) : NULL;
        g_autoptr(GVariant) all = NULL;

        snapshot_change(watch->snapshot, ns_name, values, gone);
        all = snapshot_values(watch->snapshot, ns_name);
        return tell_state(watch, ns_name, all, revision);
}

static bool tell_one(RegentWatch *watch,
                     const WatchAnswer *answer,
                     const char *name,
                     GVariant *values)
{
        g_autoptr(GVariant) removed =
                g_variant_lookup_value(answer->removed, name, G_VARIANT_TYPE_STRING_ARRAY);

        if (watch_answer_is_complete(answer, name))
                return is_state_seen(watch, name, values) ||
                       tell_state(watch, name, values, answer->revision);
        if (watch->snapshot && snapshot_has(watch->snapshot, name))
                return tell_fresh(watch, name, values, removed, answer->revision);

        return tell_difference(watch, answer, name, values, removed);
}

static bool tell_several(RegentWatch *watch, const WatchAnswer *answer)
{
        GVariantIter iterator;
        const char *name;
        GVariant *each;

        if (!tell_gone(watch, answer->values, NULL, answer->revision))
                return false;

        g_variant_iter_init(&iterator, answer->values);
        while (g_variant_iter_next(&iterator, "{&sv}", &name, &each)) {
                g_autoptr(GVariant) values = each;

                if (!tell_one(watch, answer, name, values))
                        return false;
        }

        return true;
}

bool watch_tell_answer(RegentWatch *watch, const WatchAnswer *answer)
{
        bool is_going;

        if (watch->ns_name && answer->since.epoch)
                return tell_difference(watch, answer, watch->ns_name, answer->values,
                                       answer->removed);
        if (watch->ns_name)
                return tell_state(watch, watch->ns_name, answer->values, answer->revision);

        watch->is_telling_many = true;
        is_going = tell_several(watch, answer);
        watch->is_telling_many = false;
        return is_going;
}

bool watch_tell_snapshot(RegentWatch *watch, uint64_t revision)
{
        g_autofree const char **names = snapshot_names(watch->snapshot);
        g_autoptr(Snapshot) snapshot = g_steal_pointer(&watch->snapshot);
        bool is_going = true;

        watch->is_telling_many = watch->ns_prefix != NULL;
        if (watch->ns_prefix)
                is_going = tell_gone(watch, NULL, snapshot, revision);
        for (const char **name = names; *name && is_going; name++) {
                g_autoptr(GVariant) values = snapshot_values(snapshot, *name);

                is_going = tell_state(watch, *name, values, revision);
        }
        watch->is_telling_many = false;
        return is_going;
}

bool watch_put_over(RegentWatch *watch, const WatchAnswer *answer)
{
        g_autofree const char **known = NULL;
        Snapshot *snapshot = watch->snapshot;
        GVariantIter iterator;
        const char *name;
        GVariant *each;
        bool is_whole = true;

        if (watch->ns_name) {
                g_autofree const char **removed = g_variant_get_strv(answer->removed, NULL);

                snapshot_change(snapshot, watch->ns_name, answer->values, removed);
                return true;
        }

        known = snapshot_names(snapshot);
        for (const char **at = known; *at; at++) {
                g_autoptr(GVariant) there = g_variant_lookup_value(answer->values, *at, NULL);

                if (!there || watch_answer_is_complete(answer, *at))
                        snapshot_drop(snapshot, *at);
        }
        g_variant_iter_init(&iterator, answer->values);
        while (g_variant_iter_next(&iterator, "{&sv}", &name, &each)) {
                g_autoptr(GVariant) values = each;
                g_autoptr(GVariant) gone =
                        g_variant_lookup_value(answer->removed, name, G_VARIANT_TYPE_STRING_ARRAY);
                g_autofree const char **removed = gone ? g_variant_get_strv(gone, NULL) : NULL;

                if (!snapshot_has(snapshot, name) && !watch_answer_is_complete(answer, name))
                        is_whole = false;
                snapshot_change(snapshot, name, values, removed);
        }

        return is_whole;
}
