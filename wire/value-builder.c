/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value builder
 *
 * The format is that of the "GVariant Specification". Alignments are relative to the start of the
 * whole: a container begins at its own alignment, which is the widest of what it holds. A container
 * of children that vary in size ends with the offsets of their ends, always little endian and as
 * wide as its size asks for: an array has one for each child; a struct has none for the last, and
 * the others in reverse order.
 */

#include "wire/value-builder.h"

#include <string.h>

static size_t type_alignment(const GVariantType *type)
{
        const char *characters = g_variant_type_peek_string(type);
        size_t n = g_variant_type_get_string_length(type);
        size_t alignment = 1;

        for (size_t i = 0; i < n; i++) {
                switch (characters[i]) {
                case 'x':
                case 't':
                case 'd':
                case 'v':
                        return 8;
                case 'i':
                case 'u':
                        alignment = MAX(alignment, 4);
                        break;
                case 'n':
                case 'q':
                        alignment = MAX(alignment, 2);
                        break;
                default:
                        break;
                }
        }

        return alignment;
}

static bool type_is_fixed(const GVariantType *type)
{
        const char *characters = g_variant_type_peek_string(type);
        size_t n = g_variant_type_get_string_length(type);

        for (size_t i = 0; i < n; i++)
                if (strchr("asogv", characters[i]))
                        return false;

        return true;
}

void value_builder_init(ValueBuilder *builder)
{
        *builder = (ValueBuilder){
                .bytes = g_byte_array_new(),
                .ends = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
        };
}

void value_builder_clear(ValueBuilder *builder)
{
        g_clear_pointer(&builder->bytes, g_byte_array_unref);
        g_clear_pointer(&builder->ends, g_array_unref);
}

size_t value_builder_size(const ValueBuilder *builder)
{
        return builder->bytes->len + (size_t) builder->ends->len * sizeof(uint32_t);
}

static void append(ValueBuilder *builder, const void *content, size_t n_bytes)
{
        g_byte_array_append(builder->bytes, content, (guint) n_bytes);
}

static void align(ValueBuilder *builder, size_t alignment)
{
        static const uint8_t zeros[8] = {};

        append(builder, zeros, -(size_t) builder->bytes->len & (alignment - 1));
}

void value_builder_append_fixed(ValueBuilder *builder,
                                size_t alignment,
                                const void *content,
                                size_t n_bytes)
{
        align(builder, alignment);
        append(builder, content, n_bytes);
}

void value_builder_append_string(ValueBuilder *builder, const char *text)
{
        append(builder, text, strlen(text) + 1);
}

ValueFrame value_builder_open(ValueBuilder *builder, const GVariantType *type)
{
        align(builder, type_alignment(type));
        return (ValueFrame){
                .type = type,
                .start = builder->bytes->len,
                .first_end = builder->ends->len,
                .is_fixed = type_is_fixed(type),
        };
}

void value_builder_end_child(ValueBuilder *builder,
                             const ValueFrame *frame,
                             const GVariantType *child_type,
                             bool is_last)
{
        uint32_t end = (uint32_t) (builder->bytes->len - frame->start);

        if (g_variant_type_is_variant(frame->type)) {
                append(builder, "", 1);
                append(builder, g_variant_type_peek_string(child_type),
                       g_variant_type_get_string_length(child_type));
        } else if (!is_last && !type_is_fixed(child_type))
                g_array_append_val(builder->ends, end);
}

static size_t offset_width(size_t n_body_bytes, size_t n_offsets)
{
        if (n_body_bytes + n_offsets <= UINT8_MAX)
                return 1;
        if (n_body_bytes + n_offsets * 2 <= UINT16_MAX)
                return 2;
        return n_body_bytes + n_offsets * 4 <= UINT32_MAX ? 4 : 8;
}

static void append_offsets(ValueBuilder *builder, const ValueFrame *frame)
{
        bool is_array = g_variant_type_is_array(frame->type);
        guint n = builder->ends->len - frame->first_end;
        size_t width = offset_width(builder->bytes->len - frame->start, n);

        for (guint i = 0; i < n; i++) {
                guint place = frame->first_end + (is_array ? i : n - 1 - i);
                uint64_t end = g_array_index(builder->ends, uint32_t, place);
                uint64_t offset = GUINT64_TO_LE(end);

                append(builder, &offset, width);
        }
}

void value_builder_close(ValueBuilder *builder, const ValueFrame *frame)
{
        /* A struct of fixed size fills whole multiples of its alignment. */
        if (frame->is_fixed)
                align(builder, type_alignment(frame->type));
        else
                append_offsets(builder, frame);

        g_array_set_size(builder->ends, frame->first_end);
}

GVariant *value_builder_end(ValueBuilder *builder, const GVariantType *type)
{
        g_autoptr(GBytes) bytes = NULL;

        g_assert(builder->ends->len == 0);

        bytes = g_byte_array_free_to_bytes(g_steal_pointer(&builder->bytes));
        return g_variant_new_from_bytes(type, bytes, TRUE);
}
