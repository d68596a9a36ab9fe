/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Change sets as bytes
 */

#include "change-private.h"

#include "wire/frame.h"

static void put_name(WireBytes *bytes, const char *name)
{
        wire_put_alignment(bytes, 8);
        quick_put_string(bytes, name);
}

static void put_values(WireBytes *bytes, GHashTable *table)
{
        size_t array = wire_put_array(bytes, 8);
        GHashTableIter iter;
        void *key, *value;

        g_hash_table_iter_init(&iter, table);
        while (!bytes->is_broken && g_hash_table_iter_next(&iter, &key, &value))
                if (value) {
                        put_name(bytes, key);
                        quick_put_value(bytes, value);
                }
        wire_end_array(bytes, array, 8);
}

static void put_removed(WireBytes *bytes, GHashTable *table)
{
        size_t array = wire_put_array(bytes, sizeof(uint32_t));
        GHashTableIter iter;
        void *key, *value;

        g_hash_table_iter_init(&iter, table);
        while (!bytes->is_broken && g_hash_table_iter_next(&iter, &key, &value))
                if (!value)
                        quick_put_string(bytes, key);
        wire_end_array(bytes, array, sizeof(uint32_t));
}

static void put_text_option(WireBytes *bytes, const char *name, const char *text)
{
        if (!text)
                return;

        put_name(bytes, name);
        wire_put_signature(bytes, "s");
        quick_put_string(bytes, text);
}

static void put_table_option(WireBytes *bytes, const char *name, GHashTable *table)
{
        if (!table)
                return;

        put_name(bytes, name);
        wire_put_signature(bytes, "a{sv}");
        put_values(bytes, table);
}

/* The same as change_build_arguments(), of a part. */
void change_put_arguments(const void *userdata, WireBytes *bytes)
{
        const Application *application = userdata;
        const RegentChange *change = application->change;
        const Part *part = application->part;
        size_t options;

        put_values(bytes, part->values);
        put_removed(bytes, part->values);
        wire_put_uint64(bytes, application->flags);
        options = wire_put_array(bytes, 8);
        put_text_option(bytes, "class", part->class_name ? part->class_name : change->class_name);
        put_text_option(bytes, "reason", change->reason);
        put_text_option(bytes, "durability", change->is_lazy ? "lazy" : NULL);
        put_text_option(bytes, "release", part->release);
        put_table_option(bytes, "expect", part->expected);
        put_table_option(bytes, "classes", part->classes);
        if (change->confirm_timeout_usec > 0) {
                put_name(bytes, "confirm-timeout-usec");
                wire_put_signature(bytes, "t");
                wire_put_uint64(bytes, change->confirm_timeout_usec);
        }
        wire_end_array(bytes, options, 8);
}
