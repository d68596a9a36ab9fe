/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Change sets as a GVariant
 */

#include "change-private.h"

/* An a{sv} of what the table has a value for. */
static GVariant *values_of(GHashTable *table)
{
        GVariantBuilder builder;
        GHashTableIter iter;
        void *key, *value;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &key, &value))
                if (value)
                        g_variant_builder_add(&builder, "{sv}", key, value);

        return g_variant_builder_end(&builder);
}

/* An as of what it has none for. */
static GVariant *removed_of(GHashTable *table)
{
        GVariantBuilder builder;
        GHashTableIter iter;
        void *key, *value;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &key, &value))
                if (!value)
                        g_variant_builder_add(&builder, "s", key);

        return g_variant_builder_end(&builder);
}

static void add_wishes(const Part *part, GVariantDict *dict)
{
        if (part->expected)
                g_variant_dict_insert_value(dict, "expect", values_of(part->expected));
        if (part->classes)
                g_variant_dict_insert_value(dict, "classes", values_of(part->classes));
        if (part->class_name)
                g_variant_dict_insert(dict, "class", "s", part->class_name);
        if (part->release)
                g_variant_dict_insert(dict, "release", "s", part->release);
}

static GVariant *part_value(const Part *part)
{
        g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

        g_variant_dict_insert_value(&dict, "set", values_of(part->values));
        g_variant_dict_insert_value(&dict, "unset", removed_of(part->values));
        add_wishes(part, &dict);

        return g_variant_dict_end(&dict);
}

static GVariant *parts_value(const RegentChange *change)
{
        GVariantBuilder builder;
        GHashTableIter iter;
        void *ns_name, *part;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        g_hash_table_iter_init(&iter, change->parts);
        while (g_hash_table_iter_next(&iter, &ns_name, &part))
                g_variant_builder_add(&builder, "{sv}", ns_name, part_value(part));

        return g_variant_builder_end(&builder);
}

/* With those of its only @part, unless that is NULL. */
static GVariant *options_value(const RegentChange *change, const Part *part)
{
        g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);

        if (change->class_name)
                g_variant_dict_insert(&dict, "class", "s", change->class_name);
        if (change->reason)
                g_variant_dict_insert(&dict, "reason", "s", change->reason);
        if (change->is_lazy)
                g_variant_dict_insert(&dict, "durability", "s", "lazy");
        if (change->confirm_timeout_usec > 0)
                g_variant_dict_insert(&dict, "confirm-timeout-usec", "t",
                                      change->confirm_timeout_usec);
        if (part)
                add_wishes(part, &dict);

        return g_variant_dict_end(&dict);
}

GVariant *change_build_arguments(const void *userdata)
{
        const Application *application = userdata;
        const RegentChange *change = application->change;
        const Part *part = application->part;

        if (!part)
                return g_variant_new("(@a{sv}t@a{sv})", parts_value(change), application->flags,
                                     options_value(change, NULL));

        return g_variant_new("(@a{sv}@ast@a{sv})", values_of(part->values),
                             removed_of(part->values), application->flags,
                             options_value(change, part));
}
