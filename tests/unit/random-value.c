/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random value
 */

#include "random-value.h"

#include <stdint.h>

#define DEPTH_MAX    4
#define CHILDREN_MAX 4

static const char basic_types[] = "ybnqiuxtdsog";

static void append_type(GRand *random, GString *type, int depth)
{
        int kind = g_rand_int_range(random, 0, depth < DEPTH_MAX ? 8 : 3);

        switch (kind) {
        case 7:
                g_string_append_c(type, 'v');
                return;
        case 6:
                g_string_append_printf(type, "a{%c", basic_types[g_rand_int_range(random, 0, 12)]);
                append_type(random, type, depth + 2);
                g_string_append_c(type, '}');
                return;
        case 5:
        case 4:
                g_string_append_c(type, '(');
                for (int n = g_rand_int_range(random, 1, CHILDREN_MAX); n > 0; n--)
                        append_type(random, type, depth + 1);
                g_string_append_c(type, ')');
                return;
        case 3:
                g_string_append_c(type, 'a');
                append_type(random, type, depth + 1);
                return;
        default:
                g_string_append_c(type, basic_types[g_rand_int_range(random, 0, 12)]);
                return;
        }
}

static GVariant *random_string(GRand *random)
{
        static const char *const pieces[] = { "", "a", "long text ", "\xc3\xbc", "\n", "%s" };
        GString *text = g_string_new(NULL);

        for (int n = g_rand_int_range(random, 0, 40); n > 0; n--)
                g_string_append(text, pieces[g_rand_int_range(random, 0, 6)]);
        return g_variant_new_take_string(g_string_free(text, FALSE));
}

static GVariant *random_basic(GRand *random, char type)
{
        static const char *const paths[] = { "/", "/a", "/org/example/_1" };
        static const char *const signatures[] = { "", "i", "a{sv}", "(ia(ss))ay" };
        uint64_t bits = (uint64_t) g_rand_int(random) << 32 | g_rand_int(random);
        char text[2] = { type, '\0' };
        size_t size;
        void *bytes;

        switch (type) {
        case 's':
                return random_string(random);
        case 'o':
                return g_variant_new_object_path(paths[g_rand_int_range(random, 0, 3)]);
        case 'g':
                return g_variant_new_signature(signatures[g_rand_int_range(random, 0, 4)]);
        case 'b':
                return g_variant_new_boolean(g_rand_boolean(random));
        case 'y':
                size = 1;
                break;
        case 'n':
        case 'q':
                size = 2;
                break;
        case 'i':
        case 'u':
                size = 4;
                break;
        default:
                size = 8;
        }

        bytes = g_memdup2(&bits, size);
        return g_variant_new_from_data(G_VARIANT_TYPE(text), bytes, size, TRUE, g_free, bytes);
}

static GVariant *random_of_type(GRand *random, const GVariantType *type, int depth)
{
        GVariantBuilder builder;
        int n;

        if (g_variant_type_is_basic(type))
                return random_basic(random, *g_variant_type_peek_string(type));
        if (g_variant_type_is_variant(type) && depth >= DEPTH_MAX)
                return g_variant_new_variant(random_basic(random, 's'));
        if (g_variant_type_is_variant(type)) {
                g_autoptr(GString) content = g_string_new(NULL);

                append_type(random, content, depth);
                return g_variant_new_variant(
                        random_of_type(random, G_VARIANT_TYPE(content->str), depth + 1));
        }

        g_variant_builder_init(&builder, type);
        if (g_variant_type_is_array(type)) {
                n = g_rand_int_range(random, 0, 100) == 0
                            ? 300
                            : g_rand_int_range(random, 0, CHILDREN_MAX);
                if (depth > 1)
                        n = n % CHILDREN_MAX;
                for (; n > 0; n--)
                        g_variant_builder_add_value(
                                &builder,
                                random_of_type(random, g_variant_type_element(type), depth + 1));
        } else {
                for (const GVariantType *member = g_variant_type_first(type); member;
                     member = g_variant_type_next(member))
                        g_variant_builder_add_value(&builder,
                                                    random_of_type(random, member, depth + 1));
        }

        return g_variant_builder_end(&builder);
}

GVariant *random_value(GRand *random)
{
        g_autoptr(GString) type = g_string_new(NULL);

        append_type(random, type, 0);
        return random_of_type(random, G_VARIANT_TYPE(type->str), 0);
}
