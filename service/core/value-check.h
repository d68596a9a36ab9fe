/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Value check
 *
 * Whether a value may be kept: what cannot go into a message, or takes too much there, may not. One
 * that came in a message has been held to most of this while it was read; one made from text is
 * held to all of it here. GVariant's text allows what D-Bus does not.
 */

#include "core/limits.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Each returns 0 or an Outcome, with @reterr_why as the end of a sentence about the value.
 */

/* CORE_E_TOO_BIG: "has a value of 10 bytes, at most 9 are allowed". */
int value_check_size(GVariant *value, const Limits *limits, char **reterr_why);

/* The same, and CORE_E_INVALID_VALUE: "has a string with Unicode noncharacters". */
int value_check_made(GVariant *value, const Limits *limits, char **reterr_why);

/* Whether values of @type can be made at all: a single complete D-Bus type, not too deep. */
bool value_type_can_be_made(const char *type);
