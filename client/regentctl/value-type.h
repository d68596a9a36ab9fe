/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Types of values
 *
 * Which of GVariant's types and values can travel over D-Bus. Who sends others is cut off from the
 * bus, so everything from outside is checked here first.
 */

#include "failure.h"

#include <glib.h>

/* How many arrays, structures and variants may stand inside one another. */
#define VALUE_TYPE_DEPTH_MAX 32u

/* @signature as a single complete type without descriptors; borrowed from it. */
gboolean value_type_parse(const char *signature, const GVariantType **ret_type, Failure **reterr);

/* Whether everything within @value has such a type, and is not nested too deep. */
gboolean value_type_check(GVariant *value, Failure **reterr);
