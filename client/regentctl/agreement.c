/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agreement
 */

#include "agreement.h"

Agreement *agreement_new(const char *ns_name, GVariant *set, GVariant *unset)
{
        Agreement *agreement = g_new(Agreement, 1);

        *agreement = (Agreement){ .ns_name = g_strdup(ns_name),
                                  .set = g_variant_ref_sink(set),
                                  .unset = g_variant_ref_sink(unset) };
        return agreement;
}

Agreement *agreement_free(Agreement *agreement)
{
        if (!agreement)
                return NULL;

        g_free(agreement->ns_name);
        g_variant_unref(agreement->set);
        g_variant_unref(agreement->unset);
        g_free(agreement);
        return NULL;
}

static void free_agreement(gpointer userdata)
{
        agreement_free(userdata);
}

GHashTable *agreement_table_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_agreement);
}

static void add_values(GHashTable *table, GVariant *values)
{
        GVariantIter iterator;
        const char *key;
        GVariant *value;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_next(&iterator, "{&sv}", &key, &value))
                g_hash_table_insert(table, g_strdup(key), value);
}

static GHashTable *make_table(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                     (GDestroyNotify) g_variant_unref);
}

static bool is_made(const Agreement *agreement, GHashTable *present)
{
        g_autofree const char **unset = g_variant_get_strv(agreement->unset, NULL);
        GVariantIter iterator;
        const char *key;
        GVariant *wanted;
        bool is_same = true;

        g_variant_iter_init(&iterator, agreement->set);
        while (is_same && g_variant_iter_next(&iterator, "{&sv}", &key, &wanted)) {
                GVariant *value = g_hash_table_lookup(present, key);

                is_same = value && g_variant_equal(value, wanted);
                g_variant_unref(wanted);
        }
        for (const char **at = unset; is_same && *at; at++)
                is_same = !g_hash_table_contains(present, *at);
        return is_same;
}

bool agreement_is_made(const Agreement *agreement, GVariant *values)
{
        g_autoptr(GHashTable) present = make_table();

        add_values(present, values);
        return is_made(agreement, present);
}
