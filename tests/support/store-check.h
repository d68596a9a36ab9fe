/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Store check
 *
 * Looks at a state directory without changing it.
 */

#include "util/io.h"

#include <stdbool.h>

/*
 * Whether all that the manifest names is there and whole, the older generation too. Also without a
 * manifest.
 */
bool store_check_is_complete(const Io *io, const char *path);
