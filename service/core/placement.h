/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Placement
 *
 * Which of a key's entries a wish is about, where the key may have one of no kernel release and one
 * of each:
 *
 *     wish                         is about the entry
 *     with a release               of that release; "" is none
 *     set, class kernel            of the running release, upon the one of none
 *     set, another class           of none, also below one of the running release
 *     set, no class; unset         that readers see; if there is none, of no release
 *
 * What is expected of the key, and whether it may be there, goes by what readers see or, with a
 * release, by the entry of that.
 */

#include "core/change-set.h"
#include "core/overlay.h"

typedef struct Placement {
        Entry *wanted;       /* owned: as it will be stored, of its class and release */
        const Entry *seen;   /* by readers; NULL: nothing, as below */
        const Entry *place;  /* what it takes the place of */
        const Entry *judged; /* that flags go by */
} Placement;

void placement_clear(Placement *placement);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Placement, placement_clear)

/* Of @wanted, an entry of @wish, which @session (NULL: none) writes. 0, or an Outcome with its text. */
int placement_find(Placement *ret_placement,
                   const Overlay *overlay,
                   const Namespace *ns,
                   const NamespaceWish *wish,
                   Entry *wanted,
                   const char *session,
                   char **reterr_text);

/* The entry that an expectation of @wish goes by; borrowed, NULL: none. */
const Entry *placement_judged(const Overlay *overlay,
                              const Namespace *ns,
                              const NamespaceWish *wish,
                              const char *key);
