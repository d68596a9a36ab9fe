/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace places
 *
 * Entries come and go between what is seen and what is covered as others are put upon them. Their order
 * is one of places, so a walk that goes on later misses none.
 */

#include "core/namespace-places.h"

#include <string.h>

static GTree *tree_of(GTreeNode *release)
{
        return g_tree_node_value(release);
}

static bool is_skipped(const NamespacePlaces *places, GTreeNode *release)
{
        return places->is_running_seen && places->ns->release &&
               strcmp(g_tree_node_key(release), places->ns->release) == 0;
}

/* Goes on with @release, or the next that is not skipped. */
static void enter_release(NamespacePlaces *places, GTreeNode *release)
{
        while (release && is_skipped(places, release))
                release = g_tree_node_next(release);

        places->release = release;
        places->entry = release ? g_tree_node_first(tree_of(release)) : NULL;
}

static GTreeNode *first_release(const Namespace *ns)
{
        return ns->releases ? g_tree_node_first(ns->releases) : NULL;
}

/* Goes on after @after, which is of a release that is not skipped. */
static void resume_release(NamespacePlaces *places, const Entry *after)
{
        const Namespace *ns = places->ns;
        GTreeNode *release =
                ns->releases ? g_tree_lower_bound(ns->releases, entry_release(after)) : NULL;

        if (!release || strcmp(g_tree_node_key(release), entry_release(after)) != 0) {
                enter_release(places, release);
                return;
        }

        places->release = release;
        places->entry = g_tree_upper_bound(tree_of(release), entry_key(after));
}

/* After a covered entry comes what covers it; it is of the same key. */
static void resume_seen(NamespacePlaces *places, const Entry *after)
{
        const Namespace *ns = places->ns;
        const char *key = entry_key(after);

        places->seen = after->class == ENTRY_KERNEL ? g_tree_upper_bound(ns->entries, key)
                                                    : g_tree_lower_bound(ns->entries, key);
        if (places->seen && after->class != ENTRY_KERNEL) {
                const Entry *seen = namespace_node_entry(places->seen);

                if (seen->class != ENTRY_KERNEL && strcmp(entry_key(seen), key) == 0)
                        places->seen = g_tree_node_next(places->seen);
        }
        places->covered = ns->covered ? g_tree_upper_bound(ns->covered, key) : NULL;
        enter_release(places, first_release(ns));
}

void namespace_places_begin(NamespacePlaces *places, const Namespace *ns, const Entry *after)
{
        g_assert(!ns->unsorted);
        *places = (NamespacePlaces){ .ns = ns, .prefix = "", .is_running_seen = true };

        if (!after) {
                places->seen = g_tree_node_first(ns->entries);
                places->covered = ns->covered ? g_tree_node_first(ns->covered) : NULL;
                enter_release(places, first_release(ns));
        } else if (after->class == ENTRY_KERNEL && !namespace_is_running(ns, after))
                resume_release(places, after);
        else
                resume_seen(places, after);
}

void namespace_places_begin_by_release(NamespacePlaces *places, const Namespace *ns)
{
        g_assert(!ns->unsorted);
        *places = (NamespacePlaces){
                .ns = ns,
                .prefix = "",
                .seen = g_tree_node_first(ns->entries),
                .covered = ns->covered ? g_tree_node_first(ns->covered) : NULL,
        };
        enter_release(places, first_release(ns));
}

static GTreeNode *first_in(GTree *tree, const char *prefix, const char *after)
{
        if (!tree)
                return NULL;
        return *after && strcmp(after, prefix) >= 0 ? g_tree_upper_bound(tree, after)
                                                    : g_tree_lower_bound(tree, prefix);
}

void namespace_places_begin_of(NamespacePlaces *places,
                               const Namespace *ns,
                               const char *release,
                               const char *prefix,
                               const char *after)
{
        g_assert(!ns->unsorted);
        *places = (NamespacePlaces){ .ns = ns, .prefix = prefix };

        if (*release) {
                GTree *tree = ns->releases ? g_tree_lookup(ns->releases, release) : NULL;

                places->entry = first_in(tree, prefix, after);
                return;
        }

        places->seen = first_in(ns->entries, prefix, after);
        places->covered = first_in(ns->covered, prefix, after);
}

static Entry *take(GTreeNode **node)
{
        Entry *entry = namespace_node_entry(*node);

        *node = g_tree_node_next(*node);
        /* It is somewhere else in memory, and looked at next. */
        if (*node)
                __builtin_prefetch(namespace_node_entry(*node));
        return entry;
}

/* Steps over what is of the running release and comes later. */
static void skip_running(NamespacePlaces *places)
{
        while (!places->is_running_seen && places->seen &&
               namespace_node_entry(places->seen)->class == ENTRY_KERNEL)
                places->seen = g_tree_node_next(places->seen);
}

static Entry *take_next(NamespacePlaces *places)
{
        skip_running(places);
        if (places->covered && (!places->seen || strcmp(g_tree_node_key(places->covered),
                                                        g_tree_node_key(places->seen)) <= 0))
                return take(&places->covered);
        if (places->seen)
                return take(&places->seen);
        if (!places->entry && places->release)
                enter_release(places, g_tree_node_next(places->release));
        return places->entry ? take(&places->entry) : NULL;
}

Entry *namespace_places_next(NamespacePlaces *places)
{
        Entry *entry = take_next(places);

        if (!*places->prefix)
                return entry;
        return entry && g_str_has_prefix(entry_key(entry), places->prefix) ? entry : NULL;
}

int entry_compare_places(const Entry *a, const Entry *b)
{
        int order = strcmp(entry_release(a), entry_release(b));

        return order != 0 ? order : strcmp(entry_key(a), entry_key(b));
}

int namespace_places_compare(const Namespace *ns, const Entry *a, const Entry *b)
{
        bool is_a_late = a->class == ENTRY_KERNEL && !namespace_is_running(ns, a);
        bool is_b_late = b->class == ENTRY_KERNEL && !namespace_is_running(ns, b);
        int order;

        if (is_a_late || is_b_late)
                return is_a_late && is_b_late ? entry_compare_places(a, b) : is_a_late - is_b_late;

        order = strcmp(entry_key(a), entry_key(b));
        return order != 0 ? order : strcmp(entry_release(a), entry_release(b));
}
