/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Choices
 *
 * Which of the disks that a cut may leave are looked at: the ends, the edges, and some by chance.
 */

#include "cut.h"

/* CutChoice *, owned, with @n_random by chance among them. */
GPtrArray *choices_of(const Cut *cut, GRand *random, unsigned n_random);

/* One by chance. */
void choice_by_chance(CutChoice *choice, const Cut *cut, GRand *random);
