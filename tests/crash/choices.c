/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choices
 */

#include "choices.h"

/* How many of a long row of places are tried. */
#define PLACES_MAX 12u

typedef struct Chooser {
        const Cut *cut;
        GPtrArray *choices;
} Chooser;

static void choice_free(gpointer userdata)
{
        CutChoice *choice = userdata;

        cut_choice_clear(choice);
        g_free(choice);
}

/* Everything or nothing of the contents and of the names. */
static CutChoice *add(Chooser *chooser, bool has_contents, bool has_names)
{
        g_auto(CutChoice) all = { 0 };
        CutChoice *choice = g_new(CutChoice, 1);

        cut_choice_init(&all, chooser->cut, true);
        cut_choice_init(choice, chooser->cut, false);
        for (guint i = 0; has_contents && i < chooser->cut->sectors->len; i++)
                choice->sectors[i] = all.sectors[i];
        for (guint i = 0; has_contents && i < chooser->cut->sizes->len; i++)
                choice->sizes[i] = all.sizes[i];
        for (guint i = 0; has_names && i < chooser->cut->names->len; i++)
                choice->names[i] = all.names[i];
        choice->n_changes = has_names ? all.n_changes : 0;
        g_ptr_array_add(chooser->choices, choice);
        return choice;
}

/* The @i-th of at most PLACES_MAX places in a row of @n, the first and the last among them. */
static guint place(guint i, guint n)
{
        return n <= PLACES_MAX ? i : (guint) ((uint64_t) i * (n - 1) / (PLACES_MAX - 1));
}

static void add_names_in_order(Chooser *chooser)
{
        guint n = chooser->cut->disk->changes->len + 1;

        for (guint i = 0; i < MIN(n, PLACES_MAX); i++)
                for (int has_contents = 0; has_contents < 2; has_contents++) {
                        CutChoice *choice = add(chooser, has_contents, true);

                        choice->is_ordered = true;
                        choice->n_changes = place(i, n);
                }
}

/* Each name alone behind the others, and alone ahead of them. */
static void add_single_names(Chooser *chooser)
{
        guint n = chooser->cut->names->len;

        for (guint i = 0; i < MIN(n, PLACES_MAX); i++) {
                CutChoice *behind = add(chooser, true, true);
                CutChoice *ahead = add(chooser, true, false);
                guint at = place(i, n);

                ahead->names[at] = behind->names[at];
                behind->names[at] = 0;
        }
}

/* The first sectors of what was written alone, the last alone, and one of them missing or alone. */
static void add_sectors(Chooser *chooser)
{
        guint n = chooser->cut->sectors->len;

        for (guint i = 0; i < MIN(n, PLACES_MAX); i++) {
                CutChoice *first = add(chooser, true, true), *last = add(chooser, true, true);
                CutChoice *without = add(chooser, true, true), *alone = add(chooser, true, true);
                guint at = place(i, n);

                for (guint j = 0; j < n; j++) {
                        if (j >= at)
                                first->sectors[j] = 0;
                        if (j <= at)
                                last->sectors[j] = 0;
                        if (j == at)
                                without->sectors[j] = 0;
                        if (j != at)
                                alone->sectors[j] = 0;
                }
        }
}

/* What was never certain is what other files have left there. */
static void add_junk(Chooser *chooser)
{
        CutChoice *choice = add(chooser, true, true);

        for (guint i = 0; i < chooser->cut->sectors->len; i++)
                if (g_array_index(chooser->cut->sectors, CutSector, i).may_be_junk)
                        choice->sectors[i] = CUT_JUNK;
}

static void add_sizes(Chooser *chooser)
{
        for (guint i = 0; i < MIN(chooser->cut->sizes->len, PLACES_MAX); i++)
                add(chooser, true, true)->sizes[i] = 0;
}

static uint8_t upto(GRand *random, guint most, double bias)
{
        if (g_rand_double(random) < bias)
                return (uint8_t) most;
        return (uint8_t) g_rand_int_range(random, 0, (gint32) most + 1);
}

void choice_by_chance(CutChoice *choice, const Cut *cut, GRand *random)
{
        /* Most of it there, half of it, or nearly nothing. */
        double bias = g_rand_double(random);
        gint32 n_changes = (gint32) cut->disk->changes->len;

        cut_choice_init(choice, cut, true);
        choice->is_ordered = g_rand_boolean(random);
        choice->n_changes = (guint) g_rand_int_range(random, 0, n_changes + 1);
        for (guint i = 0; i < cut->sectors->len; i++) {
                const CutSector *sector = &g_array_index(cut->sectors, CutSector, i);

                choice->sectors[i] = upto(random, choice->sectors[i], bias);
                if (choice->sectors[i] == 0 && sector->may_be_junk && !choice->is_ordered &&
                    g_rand_boolean(random))
                        choice->sectors[i] = CUT_JUNK;
        }
        for (guint i = 0; i < cut->sizes->len; i++)
                choice->sizes[i] = upto(random, choice->sizes[i], bias);
        for (guint i = 0; i < cut->names->len; i++)
                choice->names[i] = upto(random, choice->names[i], bias);
}

GPtrArray *choices_of(const Cut *cut, GRand *random, unsigned n_random)
{
        Chooser chooser = { cut, g_ptr_array_new_with_free_func(choice_free) };

        for (int has_contents = 0; has_contents < 2; has_contents++)
                for (int has_names = 0; has_names < 2; has_names++)
                        add(&chooser, has_contents, has_names);
        add_names_in_order(&chooser);
        add_single_names(&chooser);
        add_sectors(&chooser);
        add_sizes(&chooser);
        add_junk(&chooser);
        for (unsigned i = 0; i < n_random; i++) {
                CutChoice *choice = g_new(CutChoice, 1);

                choice_by_chance(choice, cut, random);
                g_ptr_array_add(chooser.choices, choice);
        }
        return chooser.choices;
}
