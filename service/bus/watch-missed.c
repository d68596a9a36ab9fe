/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Missed properties
 *
 * What is missed while all are gone through is kept by name only where that has been passed already.
 */

#include "bus/watch-missed.h"

#include <string.h>

#define NAMES_MAX 256u

struct WatchMissed {
        GHashTable *by_name; /* owned name -> owned revision */
        bool is_all;         /* besides, those behind @after since @since */
        char *after;         /* NULL: from the first one on */
        uint64_t since;
};

WatchMissed *watch_missed_new(void)
{
        WatchMissed *missed = g_new(WatchMissed, 1);

        *missed = (WatchMissed){
                .by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
        };
        return missed;
}

WatchMissed *watch_missed_free(WatchMissed *missed)
{
        if (!missed)
                return NULL;

        g_hash_table_unref(missed->by_name);
        g_free(missed->after);
        g_free(missed);
        return NULL;
}

void watch_missed_add_all(WatchMissed *missed, uint64_t since)
{
        GHashTableIter iter;
        gpointer revision;

        g_hash_table_iter_init(&iter, missed->by_name);
        while (g_hash_table_iter_next(&iter, NULL, &revision))
                since = MIN(since, *(const uint64_t *) revision);
        g_hash_table_remove_all(missed->by_name);

        missed->since = missed->is_all ? MIN(missed->since, since) : since;
        missed->is_all = true;
        g_clear_pointer(&missed->after, g_free);
}

static bool is_ahead(const WatchMissed *missed, const char *name)
{
        return missed->is_all && (!missed->after || strcmp(name, missed->after) > 0);
}

void watch_missed_add(WatchMissed *missed, const char *name, uint64_t since)
{
        if (is_ahead(missed, name)) {
                missed->since = MIN(missed->since, since);
                return;
        }
        if (g_hash_table_contains(missed->by_name, name))
                return; /* since earlier */
        if (g_hash_table_size(missed->by_name) < NAMES_MAX)
                g_hash_table_insert(missed->by_name, g_strdup(name),
                                    g_memdup2(&since, sizeof since));
        else
                watch_missed_add_all(missed, since);
}

bool watch_missed_is_empty(const WatchMissed *missed)
{
        return !missed->is_all && g_hash_table_size(missed->by_name) == 0;
}

static Namespace *take_next(WatchMissed *missed, State *state)
{
        GTree *names = state_namespaces(state);
        GTreeNode *node =
                missed->after ? g_tree_upper_bound(names, missed->after) : g_tree_node_first(names);
        Namespace *ns = node ? g_tree_node_value(node) : NULL;

        g_free(missed->after);
        missed->after = ns ? g_strdup(ns->name) : NULL;
        missed->is_all = ns;
        return ns;
}

Namespace *watch_missed_take(WatchMissed *missed, State *state, uint64_t *ret_since)
{
        GHashTableIter iter;
        gpointer name, since;
        Namespace *ns;

        *ret_since = missed->since;
        if (missed->is_all && (ns = take_next(missed, state)))
                return ns;

        g_hash_table_iter_init(&iter, missed->by_name);
        while (g_hash_table_iter_next(&iter, &name, &since)) {
                ns = state_lookup(state, name);
                *ret_since = *(const uint64_t *) since;
                g_hash_table_iter_remove(&iter);
                if (ns)
                        return ns;
        }
        return NULL;
}
