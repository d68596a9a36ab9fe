/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regent's place
 */

#include "regent-place.h"

#include <glib.h>

#define NAMESPACE "bench.entries"
#define WORD_IN   "in:"

char *regent_place_namespace(const PeerPlace *place)
{
        g_auto(GStrv) words = g_strsplit(place->variant, ",", -1);

        for (char **word = words; *word; word++)
                if (g_str_has_prefix(*word, WORD_IN))
                        return g_strconcat(NAMESPACE, ".", *word + sizeof WORD_IN - 1, NULL);
        return g_strdup(NAMESPACE);
}

bool regent_place_has(const PeerPlace *place, const char *word)
{
        g_auto(GStrv) words = g_strsplit(place->variant, ",", -1);

        return g_strv_contains((const char *const *) words, word);
}
