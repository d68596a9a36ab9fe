/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Value depth
 */

#include "core/value-depth.h"

#include "core/limits.h"

ValueDepth value_depth_enter(ValueDepth depth, const GVariantType *type)
{
        depth.n_counted += !g_variant_type_is_dict_entry(type);
        depth.n_containers++;
        return depth;
}

/* The most containers a value of @type has open at once. */
static ValueDepth depth_within(ValueDepth depth, const GVariantType *type)
{
        ValueDepth deepest;

        if (g_variant_type_is_basic(type))
                return depth;

        deepest = depth = value_depth_enter(depth, type);
        if (g_variant_type_is_variant(type))
                return deepest;
        if (g_variant_type_is_array(type))
                return depth_within(depth, g_variant_type_element(type));

        for (const GVariantType *member = g_variant_type_first(type); member;
             member = g_variant_type_next(member)) {
                ValueDepth member_depth = depth_within(depth, member);

                deepest.n_counted = MAX(deepest.n_counted, member_depth.n_counted);
                deepest.n_containers = MAX(deepest.n_containers, member_depth.n_containers);
        }

        return deepest;
}

bool value_depth_is_allowed(ValueDepth depth, const GVariantType *type)
{
        depth = depth_within(depth, type);
        return depth.n_counted <= LIMIT_VALUE_DEPTH && depth.n_containers <= VALUE_CONTAINERS_MAX;
}
