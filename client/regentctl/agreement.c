/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agreement
 */

#include "agreement.h"

Agreement *agreement_new(const char *ns_name, GVariant *set, GVariant *unset)
{
        Agreement *agreement = g_new(Agreement, 1);

        *agreement = (Agreement){ .ns_name = g_strdup(ns_name),
                                  .set = g_variant_ref(set),
                                  .unset = g_variant_ref(unset) };
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

/* Half of them at a time when they are too many, or too large, for one reply. */
static gboolean read_keys(Bus *bus,
                          const char *ns_name,
                          const char *const *keys,
                          gsize n,
                          GHashTable *present,
                          Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) values = NULL;
        g_autoptr(Failure) failure = NULL;

        if (n == 0)
                return TRUE; /* GetMany would read all that there are */
        if (bus_call_namespace(bus, ns_name, "GetMany",
                               g_variant_new("(@as@a{sv})", g_variant_new_strv(keys, (gssize) n),
                                             g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0)),
                               "(a{sv}t)", &reply, &failure)) {
                values = g_variant_get_child_value(reply, 0);
                add_values(present, values);
                return TRUE;
        }
        if (failure_is(failure, FAILURE_LIMITS_EXCEEDED) && n > 1)
                return read_keys(bus, ns_name, keys, n / 2, present, reterr) &&
                       read_keys(bus, ns_name, keys + n / 2, n - n / 2, present, reterr);
        *reterr = g_steal_pointer(&failure);
        return FALSE;
}

gboolean agreement_look_up(const Agreement *agreement,
                           Bus *bus,
                           bool *ret_is_made,
                           Failure **reterr)
{
        gsize n_set = g_variant_n_children(agreement->set), n_unset;
        g_autofree const char **unset = g_variant_get_strv(agreement->unset, &n_unset);
        g_autofree const char **set = g_new(const char *, n_set + 1);
        g_autoptr(GHashTable) present = make_table();

        for (gsize i = 0; i < n_set; i++)
                g_variant_get_child(agreement->set, i, "{&sv}", &set[i], NULL);
        if (!read_keys(bus, agreement->ns_name, set, n_set, present, reterr) ||
            !read_keys(bus, agreement->ns_name, unset, n_unset, present, reterr))
                return FALSE;
        *ret_is_made = is_made(agreement, present);
        return TRUE;
}
