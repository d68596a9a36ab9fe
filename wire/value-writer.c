/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values on the wire: writing
 */

#include "wire/values.h"

#include <errno.h>
#include <string.h>

static bool is_number_array(const char *type)
{
        return type[0] == 'a' && type[1] != '\0' && strchr("ynqiuxtd", type[1]);
}

bool wire_is_plain(const char *type)
{
        return strchr("ybnqiuxtdsog", *type) || is_number_array(type);
}

int wire_append_plain(sd_bus_message *m, const char *type, const void *content, size_t n_bytes)
{
        int boolean;

        if (is_number_array(type))
                return sd_bus_message_append_array(m, type[1], content, n_bytes);
        if (*type == 'b') {
                boolean = *(const uint8_t *) content;
                return sd_bus_message_append_basic(m, 'b', &boolean);
        }

        return sd_bus_message_append_basic(m, *type, content);
}

static int append_variant(sd_bus_message *m, GVariant *content)
{
        int r;

        r = sd_bus_message_open_container(m, 'v', g_variant_get_type_string(content));
        if (r < 0)
                return r;

        r = wire_append(m, content);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(m);
}

static int append_children(sd_bus_message *m, GVariant *value)
{
        size_t n = g_variant_n_children(value);

        for (size_t i = 0; i < n; i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);
                int r;

                r = wire_append(m, child);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int append_container(sd_bus_message *m, GVariant *value)
{
        const char *type = g_variant_get_type_string(value);
        char contents[WIRE_TYPE_BYTES_MAX + 1];
        size_t length = strlen(type) - 1;
        int r;

        if (length > WIRE_TYPE_BYTES_MAX)
                return -EINVAL;
        if (*type != 'a')
                length--;

        memcpy(contents, type + 1, length);
        contents[length] = '\0';

        if (*type == 'a')
                r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, contents);
        else if (*type == '(')
                r = sd_bus_message_open_container(m, SD_BUS_TYPE_STRUCT, contents);
        else
                r = sd_bus_message_open_container(m, SD_BUS_TYPE_DICT_ENTRY, contents);
        if (r < 0)
                return r;

        r = append_children(m, value);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(m);
}

int wire_append(sd_bus_message *m, GVariant *value)
{
        const char *type = g_variant_get_type_string(value);
        g_autoptr(GVariant) content = NULL;

        if (wire_is_plain(type))
                return wire_append_plain(m, type, g_variant_get_data(value),
                                         g_variant_get_size(value));

        switch (*type) {
        case 'a':
        case '(':
        case '{':
                return append_container(m, value);
        case 'v':
                content = g_variant_get_variant(value);
                return append_variant(m, content);
        default:
                return -EINVAL;
        }
}

int wire_append_members(sd_bus_message *m, GVariant *tuple)
{
        return append_children(m, tuple);
}

int wire_append_variant(sd_bus_message *m, GVariant *value)
{
        int r;

        r = append_variant(m, value);
        return r < 0 ? r : 0;
}
