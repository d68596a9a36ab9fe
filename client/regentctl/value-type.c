/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types of values
 */

#include "value-type.h"

#include <stdbool.h>
#include <string.h>

#define SIGNATURE_BYTES_MAX 255u

static bool is_sendable(const char *signature)
{
        /* m: maybe, h: descriptor, the rest stand for no concrete type. */
        return strlen(signature) <= SIGNATURE_BYTES_MAX && !strpbrk(signature, "mh*?r") &&
               !strstr(signature, "()") && g_variant_type_string_is_valid(signature);
}

static gboolean check_signature(const char *signature, Failure **reterr)
{
        if (is_sendable(signature))
                return true;

        failure_set(reterr, EXIT_INVALID, "'%s' is no type of a value", signature);
        failure_set_hint(*reterr, "Types are D-Bus signatures: s text, b boolean, i integer, "
                                  "u unsigned, d double, as texts, ay bytes, a{sv} dictionary");
        return false;
}

gboolean value_type_parse(const char *signature, const GVariantType **ret_type, Failure **reterr)
{
        if (!check_signature(signature, reterr))
                return false;

        *ret_type = G_VARIANT_TYPE(signature);
        return true;
}

/* How many containers inside one another the type alone names; the entry of a dictionary is none. */
static unsigned depth_of(const GVariantType *type)
{
        unsigned deepest = 0;

        if (g_variant_type_is_variant(type))
                return 1;
        if (g_variant_type_is_array(type))
                return 1 + depth_of(g_variant_type_element(type));
        if (!g_variant_type_is_tuple(type) && !g_variant_type_is_dict_entry(type))
                return 0;

        for (const GVariantType *member = g_variant_type_first(type); member;
             member = g_variant_type_next(member))
                deepest = MAX(deepest, depth_of(member));
        return deepest + (g_variant_type_is_tuple(type) ? 1 : 0);
}

static gboolean check(GVariant *value, unsigned depth, Failure **reterr)
{
        const GVariantType *type = g_variant_get_type(value);
        unsigned step = g_variant_type_is_dict_entry(type) ? 0 : 1;

        if (depth + depth_of(type) > VALUE_TYPE_DEPTH_MAX)
                return failure_set(
                        reterr, EXIT_INVALID,
                        "More than %u arrays, structures and variants inside one another",
                        VALUE_TYPE_DEPTH_MAX);

        /* Everything but the content of variants is known from the type. */
        if (!strchr(g_variant_get_type_string(value), 'v'))
                return true;

        for (size_t i = 0; i < g_variant_n_children(value); i++) {
                g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

                if (g_variant_type_is_variant(type) &&
                    !check_signature(g_variant_get_type_string(child), reterr))
                        return false;
                if (g_variant_is_container(child) && !check(child, depth + step, reterr))
                        return false;
        }

        return true;
}

gboolean value_type_check(GVariant *value, Failure **reterr)
{
        return check_signature(g_variant_get_type_string(value), reterr) && check(value, 0, reterr);
}
