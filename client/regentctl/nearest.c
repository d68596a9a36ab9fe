/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nearest
 *
 * By how many letters would have to be changed, put in, left out or swapped with their neighbour.
 */

#include "nearest.h"

#include <glib.h>
#include <string.h>

#define WORD_BYTES_MAX 32

void nearest_init(Nearest *search, const char *word)
{
        *search = (Nearest){ .word = word, .distance = SIZE_MAX };
}

static size_t distance_between(const char *a, size_t n_a, const char *b, size_t n_b)
{
        size_t rows[WORD_BYTES_MAX + 1][WORD_BYTES_MAX + 1];

        for (size_t i = 0; i <= n_a; i++)
                rows[i][0] = i;
        for (size_t j = 0; j <= n_b; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= n_a; i++)
                for (size_t j = 1; j <= n_b; j++) {
                        size_t change = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
                        size_t best = MIN(change, MIN(rows[i - 1][j], rows[i][j - 1]) + 1);

                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                best = MIN(best, rows[i - 2][j - 2] + 1);
                        rows[i][j] = best;
                }
        return rows[n_a][n_b];
}

void nearest_consider(Nearest *search, const char *candidate)
{
        size_t n_word = strlen(search->word), n_candidate = strlen(candidate), distance;

        if (n_word == 0 || n_word > WORD_BYTES_MAX || n_candidate == 0 ||
            n_candidate > WORD_BYTES_MAX)
                return;

        distance = distance_between(search->word, n_word, candidate, n_candidate);
        if (n_word >= 3 && strncmp(search->word, candidate, n_word) == 0)
                distance = 1;
        if (distance < search->distance) {
                search->distance = distance;
                search->found = candidate;
        }
}

const char *nearest_found(const Nearest *search)
{
        /* A third of the letters may be wrong. */
        return search->found && search->distance <= MAX(strlen(search->word) / 3, 1) ? search->found
                                                                                     : NULL;
}
