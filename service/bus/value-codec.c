/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value codec: writing
 *
 * Most of what is asked for is a number, a string or an array of numbers. Their serialized bytes are
 * what sd-bus takes, so they go from an entry into the message with no GVariant in between.
 */

#include "bus/value-codec.h"

#include "core/limits.h"

#include <errno.h>
#include <string.h>

static int append_any(sd_bus_message *m, GVariant *value);

static bool is_number_array(const char *type)
{
        return type[0] == 'a' && type[1] != '\0' && strchr("ynqiuxtd", type[1]);
}

static bool is_plain(const char *type)
{
        return strchr("ybnqiuxtdsog", *type) || is_number_array(type);
}

/* @content: the serialized bytes, aligned and in this machine's byte order. */
static int append_plain(sd_bus_message *m, const char *type, const void *content, size_t n_bytes)
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

        r = append_any(m, content);
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

                r = append_any(m, child);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int append_container(sd_bus_message *m, GVariant *value)
{
        const char *type = g_variant_get_type_string(value);
        char contents[LIMIT_TYPE_BYTES + 1];
        size_t length = strlen(type) - 1;
        int r;

        if (length > LIMIT_TYPE_BYTES)
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

static int append_any(sd_bus_message *m, GVariant *value)
{
        const char *type = g_variant_get_type_string(value);
        g_autoptr(GVariant) content = NULL;

        if (is_plain(type))
                return append_plain(m, type, g_variant_get_data(value), g_variant_get_size(value));

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

int value_codec_append(sd_bus_message *m, GVariant *value)
{
        int r;

        r = append_variant(m, value);
        return r < 0 ? r : 0;
}

/* sd-bus would look once more whether it is UTF-8, for each of those it is sent to. */
static int append_text(sd_bus_message *m, const Entry *entry)
{
        size_t length = entry->value_bytes - 1;
        char *space;
        int r;

        r = sd_bus_message_append_string_space(m, length, &space);
        if (r < 0)
                return r;

        memcpy(space, entry_value_bytes(entry), length);
        return 0;
}

int value_codec_append_entry(sd_bus_message *m, Entry *entry)
{
        const char *type = entry_type(entry);
        g_autoptr(GVariant) value = NULL;
        int r;

        if (!is_plain(type)) {
                value = entry_value(entry);
                return value_codec_append(m, value);
        }

        r = sd_bus_message_open_container(m, 'v', type);
        if (r < 0)
                return r;

        if (*type == 's')
                r = append_text(m, entry);
        else
                r = append_plain(m, type, entry_value_bytes(entry), entry->value_bytes);
        if (r < 0)
                return r;

        r = sd_bus_message_close_container(m);
        return r < 0 ? r : 0;
}

int value_codec_append_pair(sd_bus_message *m, Entry *entry)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r < 0)
                return r;

        r = sd_bus_message_append_basic(m, 's', entry_key(entry));
        if (r < 0)
                return r;

        r = value_codec_append_entry(m, entry);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(m);
}
