/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Injury
 *
 * What may happen to files while nobody uses them: bits flip, sectors are lost, files are cut off,
 * deleted, shifted, doubled, swapped, or replaced with older ones or those of another store.
 */

#include "history.h"

/* One of them: @damaged is @history's site, changed. Both are borrowed. */
typedef void (*InjuryVisitor)(void *userdata, const char *what, const Site *damaged);

typedef struct InjuryPlan {
        const char *name;
        void (*visit)(const History *history,
                      const History *other, /* another store */
                      unsigned step,        /* of those there are many of, each step-th is enough */
                      InjuryVisitor visitor,
                      void *userdata);
} InjuryPlan;

/* The last has no name. */
extern const InjuryPlan injury_plans[];

/* The same files as a later version might have written them. */
extern const InjuryPlan injury_newer;
