/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Value builder
 *
 * Writes the serialized form of a GVariant from front to back. GVariantBuilder makes an object of
 * every element first, which lets a message of a few megabytes take a hundred times as much memory;
 * this takes what the value takes.
 *
 * What is written is in normal form as long as the caller closes what it opens, writes what the
 * type it opened says, and has strings checked.
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ValueBuilder {
        GByteArray *bytes;
        GArray *ends; /* of the children of what is open, from the start of their container */
} ValueBuilder;

/* What has been opened, with its place. */
typedef struct ValueFrame {
        const GVariantType *type; /* borrowed */
        size_t start;
        guint first_end;
        bool is_fixed; /* all that the type holds has a fixed size */
} ValueFrame;

void value_builder_init(ValueBuilder *builder);
void value_builder_clear(ValueBuilder *builder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ValueBuilder, value_builder_clear)

/* What has been written and what closing will add, a few bytes more or less. */
size_t value_builder_size(const ValueBuilder *builder);

/* A number, or an array of them, whose element takes @alignment bytes. A boolean takes one byte. */
void value_builder_append_fixed(ValueBuilder *builder,
                                size_t alignment,
                                const void *content,
                                size_t n_bytes);

/* A string, an object path or a signature. */
void value_builder_append_string(ValueBuilder *builder, const char *text);

/* @type: an array, a struct, a dictionary entry or a variant; it must live until it is closed. */
ValueFrame value_builder_open(ValueBuilder *builder, const GVariantType *type);

/* A child of @frame has been written whole; @is_last: it closes a struct or dictionary entry. */
void value_builder_end_child(ValueBuilder *builder,
                             const ValueFrame *frame,
                             const GVariantType *child_type,
                             bool is_last);

void value_builder_close(ValueBuilder *builder, const ValueFrame *frame);

/* The value, floating; the builder is empty then. */
GVariant *value_builder_end(ValueBuilder *builder, const GVariantType *type);
