/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value codec
 *
 * Most of what is asked for is a number, a string or an array of numbers. Their serialized bytes are
 * what sd-bus takes, so they go from an entry into the message with no GVariant in between.
 *
 * The type of a value is known when its variant is entered, so descriptors and depth are judged
 * there, before anything is read, and again in each variant within.
 */

#include "bus/value-codec.h"

#include "core/value-depth.h"
#include "core/value.h"
#include "wire/values.h"

#include <errno.h>
#include <string.h>

/* @type is a single complete type: sd-bus takes nothing else as a variant's. */
static int check_type(const char *type, WireDepth depth)
{
        ValueDepth value_depth = { depth.n_counted, depth.n_containers };

        if (strchr(type, 'h'))
                return VALUE_CODEC_E_DESCRIPTOR;
        if (!value_type_is_valid(type))
                return -EBADMSG;

        return value_depth_is_allowed(value_depth, G_VARIANT_TYPE(type)) ? 0
                                                                         : VALUE_CODEC_E_TOO_DEEP;
}

int value_codec_read(sd_bus_message *m, size_t *n_elements, GVariant **ret_value)
{
        return wire_read_variant(m,
                                 &(WireRules){
                                         .bytes_max = VALUE_CODEC_BYTES_MAX,
                                         .n_elements = n_elements,
                                         .check_type = check_type,
                                 },
                                 ret_value);
}

int value_codec_append(sd_bus_message *m, GVariant *value)
{
        return wire_append_variant(m, value);
}

/* sd-bus would look once more whether it is UTF-8, for each of those it is sent to. */
static int append_text(sd_bus_message *m, const void *text, size_t length)
{
        char *space;
        int r;

        r = sd_bus_message_append_string_space(m, length, &space);
        if (r < 0)
                return r;

        memcpy(space, text, length);
        return 0;
}

int value_codec_append_entry(sd_bus_message *m, Entry *entry)
{
        const char *type = entry_type(entry);
        g_autoptr(GVariant) value = NULL;
        int r;

        if (!wire_is_plain(type)) {
                value = entry_value(entry);
                return value_codec_append(m, value);
        }

        r = sd_bus_message_open_container(m, 'v', type);
        if (r < 0)
                return r;

        if (*type == 's')
                r = append_text(m, entry_value_bytes(entry), entry->value_bytes - 1);
        else
                r = wire_append_plain(m, type, entry_value_bytes(entry), entry->value_bytes);
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

        r = append_text(m, entry_key(entry), entry->key_bytes);
        if (r < 0)
                return r;

        r = value_codec_append_entry(m, entry);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(m);
}
