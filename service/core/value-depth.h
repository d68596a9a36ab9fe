/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Value depth
 *
 * How many containers stand inside one another in a value. A message nests 64 at most, dictionary
 * entries among them, and who sends a deeper one is cut off from the bus; Apply of Manager wraps
 * nine around a value, no reply or signal more.
 */

#include <glib.h>
#include <stdbool.h>

#define VALUE_CONTAINERS_MAX 55u

/* What is open around a value. */
typedef struct ValueDepth {
        unsigned n_counted; /* arrays, structs and variants: LIMIT_VALUE_DEPTH at most */
        unsigned n_containers;
} ValueDepth;

ValueDepth value_depth_enter(ValueDepth depth, const GVariantType *type);

/* Whether a value of @type may stand at @depth, as far as its type tells. */
bool value_depth_is_allowed(ValueDepth depth, const GVariantType *type);
