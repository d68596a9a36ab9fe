/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Newer format
 *
 * Says why files of a later version are not touched: finds one of them, and what it asks for.
 */

#include "store/side.h"

#include <stddef.h>

/* Logs it, of the first such file in any of @sides. */
void newer_format_log(const Side *sides, size_t n_sides);
