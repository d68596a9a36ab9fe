/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Regent's place
 *
 * A variant is words with commas between them: "channel", "runtime" and "bare" are ways, "in:NAME" is a namespace of
 * its own, so that who watches one way is not told what is written another.
 */

#include "peer.h"

#include <stdbool.h>

/* Which the caller frees. */
char *regent_place_namespace(const PeerPlace *place);

bool regent_place_has(const PeerPlace *place, const char *word);
