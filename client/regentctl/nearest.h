/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Nearest
 *
 * Finds the word that somebody probably meant.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct Nearest {
        const char *word;
        const char *found;
        size_t distance;
} Nearest;

void nearest_init(Nearest *search, const char *word);
void nearest_consider(Nearest *search, const char *candidate);

/* NULL when no candidate is near enough. */
const char *nearest_found(const Nearest *search);
