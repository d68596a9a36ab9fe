/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Random value
 *
 * Values of random D-Bus types, nested a little, for tests that hold two ways of doing something
 * against each other.
 */

#include <glib.h>

/* Floating. Never with a descriptor, a maybe or an empty struct. */
GVariant *random_value(GRand *random);
