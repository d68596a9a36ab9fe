/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Change sets in a message
 */

#include "change-private.h"

#include "wire/values.h"

#include <string.h>

/* Far less than a message may have, whatever alignment adds. */
#define PLAIN_BYTES_MAX ((size_t) 1 << 20)

/* How much there is to send of the table, or more than is plain. */
static size_t plain_bytes(GHashTable *table)
{
        size_t n_bytes = 0;
        GHashTableIter iter;
        void *key, *value;

        g_hash_table_iter_init(&iter, table);
        while (n_bytes <= PLAIN_BYTES_MAX && g_hash_table_iter_next(&iter, &key, &value)) {
                n_bytes += strlen(key);
                if (!value)
                        continue;
                if (!wire_is_plain(g_variant_get_type_string(value)) ||
                    !g_variant_is_normal_form(value))
                        return SIZE_MAX;
                n_bytes += g_variant_get_size(value);
        }
        return n_bytes;
}

static bool is_short(GHashTable *table)
{
        return !table || plain_bytes(table) <= PLAIN_BYTES_MAX;
}

static bool is_short_text(const char *text)
{
        return !text || strnlen(text, PLAIN_BYTES_MAX + 1) <= PLAIN_BYTES_MAX;
}

bool change_is_plain(const RegentChange *change, const Part *part)
{
        return is_short(part->values) && is_short(part->expected) && is_short(part->classes) &&
               is_short_text(part->class_name) && is_short_text(part->release) &&
               is_short_text(change->class_name) && is_short_text(change->reason);
}

static int append_value(sd_bus_message *m, const char *key, GVariant *value)
{
        const char *type = g_variant_get_type_string(value);
        int r;

        r = sd_bus_message_open_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, type);
        if (r >= 0)
                r = wire_append_plain(m, type, g_variant_get_data(value),
                                      g_variant_get_size(value));
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* An a{sv} of what the table has a value for. */
static int append_values(sd_bus_message *m, GHashTable *table)
{
        GHashTableIter iter;
        void *key, *value;
        int r;

        r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "{sv}");
        g_hash_table_iter_init(&iter, table);
        while (r >= 0 && g_hash_table_iter_next(&iter, &key, &value))
                if (value)
                        r = append_value(m, key, value);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* An as of what it has none for. */
static int append_removed(sd_bus_message *m, GHashTable *table)
{
        GHashTableIter iter;
        void *key, *value;
        int r;

        r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "s");
        g_hash_table_iter_init(&iter, table);
        while (r >= 0 && g_hash_table_iter_next(&iter, &key, &value))
                if (!value)
                        r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, key);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_text_option(sd_bus_message *m, const char *name, const char *text)
{
        return text ? sd_bus_message_append(m, "{sv}", name, "s", text) : 0;
}

static int append_table_option(sd_bus_message *m, const char *name, GHashTable *table)
{
        int r;

        if (!table)
                return 0;

        r = sd_bus_message_open_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, "a{sv}");
        if (r >= 0)
                r = append_values(m, table);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_options(sd_bus_message *m, const RegentChange *change, const Part *part)
{
        uint64_t timeout_usec = change->confirm_timeout_usec;
        int r;

        r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0)
                r = append_text_option(m, "class",
                                       part->class_name ? part->class_name : change->class_name);
        if (r >= 0)
                r = append_text_option(m, "reason", change->reason);
        if (r >= 0)
                r = append_text_option(m, "durability", change->is_lazy ? "lazy" : NULL);
        if (r >= 0)
                r = append_text_option(m, "release", part->release);
        if (r >= 0)
                r = append_table_option(m, "expect", part->expected);
        if (r >= 0)
                r = append_table_option(m, "classes", part->classes);
        if (r >= 0 && timeout_usec > 0)
                r = sd_bus_message_append(m, "{sv}", "confirm-timeout-usec", "t", timeout_usec);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int change_append_arguments(const void *userdata, sd_bus_message *m)
{
        const Application *application = userdata;
        const Part *part = application->part;
        int r;

        r = append_values(m, part->values);
        if (r >= 0)
                r = append_removed(m, part->values);
        if (r >= 0)
                r = sd_bus_message_append_basic(m, SD_BUS_TYPE_UINT64, &application->flags);
        return r < 0 ? r : append_options(m, application->change, part);
}
