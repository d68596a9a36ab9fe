/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Judge
 *
 * Starts a store on damaged files, holds what it makes of them against the oracle, writes to it, and
 * starts it again.
 */

#include "history.h"

typedef struct Judge {
        const History *history;
        unsigned stride; /* each stride-th case is looked at */
        unsigned n_cases;
        unsigned n_judged;
        unsigned n_degraded, n_torn;
        GPtrArray *violations; /* owned text */
} Judge;

void judge_init(Judge *judge, const History *history, unsigned stride);
void judge_clear(Judge *judge);

/* InjuryVisitor */
void judge_damage(void *judge, const char *what, const Site *damaged);
void judge_newer(void *judge, const char *what, const Site *damaged);
