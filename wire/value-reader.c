/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values on the wire: reading
 *
 * The type of a value is known when its variant is entered, so it is judged there, before anything
 * is read. What sd-bus hands out it has checked: strings are UTF-8, paths are paths. That the result
 * is in normal form follows from this and from the builder, and the fuzz target holds it to it.
 */

#include "wire/value-builder.h"
#include "wire/values.h"

#include <errno.h>
#include <string.h>

typedef struct Reader {
        sd_bus_message *message;
        ValueBuilder *builder;
        const WireRules *rules;
        int32_t *n_descriptors; /* that have been read */
} Reader;

static int read_any(const Reader *reader, const GVariantType *type, WireDepth depth);

static WireDepth enter(WireDepth depth, const GVariantType *type)
{
        depth.n_counted += !g_variant_type_is_dict_entry(type);
        depth.n_containers++;
        return depth;
}

static int charge(const Reader *reader, size_t n_bytes)
{
        size_t size = value_builder_size(reader->builder);
        size_t bytes_max = reader->rules->bytes_max;

        return n_bytes > bytes_max || size > bytes_max - n_bytes ? WIRE_E_TOO_BIG : 0;
}

static size_t number_size(char type)
{
        switch (type) {
        case 'y':
                return 1;
        case 'n':
        case 'q':
                return 2;
        case 'i':
        case 'u':
                return 4;
        case 'x':
        case 't':
        case 'd':
                return 8;
        default:
                return 0;
        }
}

static int read_string(const Reader *reader, char type)
{
        const char *text;
        int r;

        r = sd_bus_message_read_basic(reader->message, type, &text);
        if (r < 0)
                return r;

        /* Here alone sd-bus and GLib may have different opinions. */
        if (type == 'g' && !g_variant_is_signature(text))
                return -EBADMSG;

        r = charge(reader, strlen(text) + 1);
        if (r != 0)
                return r;

        value_builder_append_string(reader->builder, text);
        return 0;
}

static int read_boolean(const Reader *reader)
{
        int boolean;
        uint8_t byte;
        int r;

        r = sd_bus_message_read_basic(reader->message, 'b', &boolean);
        if (r < 0)
                return r;

        byte = boolean != 0;
        value_builder_append_fixed(reader->builder, 1, &byte, 1);
        return charge(reader, 0);
}

static int read_descriptor(const Reader *reader)
{
        int32_t number = *reader->n_descriptors;
        int r, fd;

        r = sd_bus_message_read_basic(reader->message, 'h', &fd);
        if (r < 0)
                return r;

        ++*reader->n_descriptors;
        value_builder_append_fixed(reader->builder, sizeof(number), &number, sizeof(number));
        return charge(reader, 0);
}

static int read_basic(const Reader *reader, char type)
{
        uint64_t number = 0;
        size_t size;
        int r;

        if (type == 's' || type == 'o' || type == 'g')
                return read_string(reader, type);
        if (type == 'b')
                return read_boolean(reader);
        if (type == 'h')
                return read_descriptor(reader);

        r = sd_bus_message_read_basic(reader->message, type, &number);
        if (r < 0)
                return r;

        size = number_size(type);
        value_builder_append_fixed(reader->builder, size, &number, size);
        return charge(reader, 0);
}

/* -EOPNOTSUPP when the sender's byte order is not ours: then nothing has been read. */
static int read_block(const Reader *reader, char type)
{
        const void *block;
        size_t n_bytes;
        int r;

        r = sd_bus_message_read_array(reader->message, type, &block, &n_bytes);
        if (r < 0)
                return r;
        if (n_bytes % number_size(type) != 0)
                return -EBADMSG;

        r = charge(reader, n_bytes);
        if (r != 0)
                return r;

        value_builder_append_fixed(reader->builder, number_size(type), block, n_bytes);
        return 0;
}

static int read_children(const Reader *reader, const ValueFrame *frame, WireDepth depth)
{
        bool is_array = g_variant_type_is_array(frame->type);
        const GVariantType *type =
                is_array ? g_variant_type_element(frame->type) : g_variant_type_first(frame->type);
        int r;

        while (type) {
                const GVariantType *next = is_array ? type : g_variant_type_next(type);

                if (is_array) {
                        r = sd_bus_message_at_end(reader->message, false);
                        if (r < 0)
                                return r;
                        if (r > 0)
                                return 0;
                }

                r = read_any(reader, type, depth);
                if (r != 0)
                        return r;

                value_builder_end_child(reader->builder, frame, type, !next);
                type = next;
        }

        return 0;
}

/* An array, a struct or a dictionary entry. */
static int enter_container(const Reader *reader, const GVariantType *type)
{
        const char *text = g_variant_type_peek_string(type);
        size_t length = g_variant_type_get_string_length(type) - (*text == 'a' ? 1 : 2);
        char contents[WIRE_TYPE_BYTES_MAX + 1];

        memcpy(contents, text + 1, length);
        contents[length] = '\0';

        if (*text == 'a')
                return sd_bus_message_enter_container(reader->message, SD_BUS_TYPE_ARRAY, contents);
        if (*text == '(')
                return sd_bus_message_enter_container(reader->message, SD_BUS_TYPE_STRUCT,
                                                      contents);
        return sd_bus_message_enter_container(reader->message, SD_BUS_TYPE_DICT_ENTRY, contents);
}

static int read_container(const Reader *reader, const GVariantType *type, WireDepth depth)
{
        ValueFrame frame;
        int r;

        r = enter_container(reader, type);
        if (r < 0)
                return r;
        if (r == 0)
                return -EBADMSG;

        frame = value_builder_open(reader->builder, type);
        r = read_children(reader, &frame, enter(depth, type));
        if (r != 0)
                return r;

        value_builder_close(reader->builder, &frame);
        r = sd_bus_message_exit_container(reader->message);
        if (r < 0)
                return r;
        return charge(reader, 0);
}

/* Enters the variant at the cursor and reads what it holds; @ret_type is its type. */
static int read_content(const Reader *reader,
                        WireDepth depth,
                        char ret_type[static WIRE_TYPE_BYTES_MAX + 1])
{
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(reader->message, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0 || type != SD_BUS_TYPE_VARIANT)
                return -EBADMSG;

        r = reader->rules->check_type(contents, depth);
        if (r != 0)
                return r;

        memcpy(ret_type, contents, strlen(contents) + 1);
        r = sd_bus_message_enter_container(reader->message, SD_BUS_TYPE_VARIANT, ret_type);
        if (r < 0)
                return r;

        r = read_any(reader, G_VARIANT_TYPE(ret_type), depth);
        if (r != 0)
                return r;

        r = sd_bus_message_exit_container(reader->message);
        return r < 0 ? r : 0;
}

static int read_variant(const Reader *reader, WireDepth depth)
{
        ValueFrame frame = value_builder_open(reader->builder, G_VARIANT_TYPE_VARIANT);
        char type[WIRE_TYPE_BYTES_MAX + 1];
        int r;

        r = read_content(reader, enter(depth, G_VARIANT_TYPE_VARIANT), type);
        if (r != 0)
                return r;

        value_builder_end_child(reader->builder, &frame, G_VARIANT_TYPE(type), false);
        value_builder_close(reader->builder, &frame);
        return charge(reader, 0);
}

static int read_any(const Reader *reader, const GVariantType *type, WireDepth depth)
{
        const char *text = g_variant_type_peek_string(type);
        int r;

        if (*reader->rules->n_elements == 0)
                return WIRE_E_TOO_MANY;
        --*reader->rules->n_elements;

        if (g_variant_type_is_basic(type))
                return read_basic(reader, *text);
        if (g_variant_type_is_variant(type))
                return read_variant(reader, depth);

        if (*text == 'a' && number_size(text[1]) > 0) {
                r = read_block(reader, text[1]);
                if (r != -EOPNOTSUPP)
                        return r;
        }

        return read_container(reader, type, depth);
}

int wire_read_variant(sd_bus_message *m, const WireRules *rules, GVariant **ret_value)
{
        g_auto(ValueBuilder) builder = {};
        int32_t n_descriptors = 0;
        Reader reader = { m, &builder, rules, &n_descriptors };
        char type[WIRE_TYPE_BYTES_MAX + 1];
        int r;

        value_builder_init(&builder);
        r = read_content(&reader, (WireDepth){}, type);
        if (r != 0)
                return r;

        *ret_value = g_variant_ref_sink(value_builder_end(&builder, G_VARIANT_TYPE(type)));
        return 0;
}

int wire_read_tuple(sd_bus_message *m,
                    const WireRules *rules,
                    const GVariantType *type,
                    GVariant **ret_value)
{
        g_auto(ValueBuilder) builder = {};
        int32_t n_descriptors = 0;
        Reader reader = { m, &builder, rules, &n_descriptors };
        ValueFrame frame;
        int r;

        value_builder_init(&builder);
        frame = value_builder_open(&builder, type);
        r = read_children(&reader, &frame, (WireDepth){});
        if (r != 0)
                return r;

        value_builder_close(&builder, &frame);
        *ret_value = g_variant_ref_sink(value_builder_end(&builder, type));
        return 0;
}
