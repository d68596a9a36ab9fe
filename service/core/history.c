/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * History
 *
 * Entries that are seen and tombstones are in a list each, in the order of revisions, so what is newer
 * than a revision is found from their ends. An entry that is seen because another one was deleted is
 * in no list: the tombstone of that one speaks for its key.
 *
 * When a great deal has changed, the keys are walked in their order instead, so that a reply that
 * cannot hold it all ends the walk early.
 */

#include "core/history.h"

#include "core/entry-sort.h"
#include "core/namespace-walk.h"
#include "core/outcome.h"

#include <inttypes.h>
#include <string.h>

/* Far enough ahead of what is looked at that it has come by then. */
#define FETCHED_AHEAD 16u

static uint64_t horizon_of(const State *state, const Namespace *ns)
{
        return MAX(MAX(state_horizon(state), ns->created_revision), ns->tombstones.floor);
}

int history_check(const State *state, const Namespace *ns, uint64_t since, char **reterr_text)
{
        uint64_t horizon = horizon_of(state, ns);

        if (since > state_revision(state)) {
                *reterr_text = g_strdup_printf("Revision %" PRIu64
                                               " is not one of this history, which is at %" PRIu64,
                                               since, state_revision(state));
                return CORE_E_HISTORY_LOST;
        }
        if (since < horizon) {
                *reterr_text = g_strdup_printf("What has changed in '%s' since revision %" PRIu64
                                               " is not known, only since %" PRIu64,
                                               ns->name, since, horizon);
                return CORE_E_HISTORY_LOST;
        }
        return 0;
}

static bool is_below(const char *key, const char *prefix)
{
        return g_str_has_prefix(key, prefix);
}

/* The keys, once or twice each. Whether these are all. */
static bool collect(const Namespace *ns, const char *prefix, uint64_t since, GPtrArray *keys)
{
        unsigned n = 0;

        for (Entry *entry = ns->newest; entry && entry->revision > since; entry = entry->older) {
                if (n++ == LIMIT_HISTORY_CHANGES)
                        return false;
                if (is_below(entry_key(entry), prefix))
                        g_ptr_array_add(keys, entry->text);
        }
        for (Tombstone *each = ns->tombstones.newest; each && each->revision > since;
             each = each->older) {
                if (n++ == LIMIT_HISTORY_CHANGES)
                        return false;
                if (is_below(each->key, prefix))
                        g_ptr_array_add(keys, each->key);
        }
        return true;
}

static gint compare_keys(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int tell(const Namespace *ns, GPtrArray *keys, HistoryDiffers on_differs, void *userdata)
{
        const char *last = NULL;

        g_ptr_array_sort(keys, compare_keys);
        for (guint i = 0; i < keys->len; i++) {
                const char *key = keys->pdata[i];
                int r;

                if (last && strcmp(key, last) == 0)
                        continue;
                r = on_differs(userdata, key, namespace_read(ns, key, NAMESPACE_WALK_ALL));
                if (r != 0)
                        return r;
                last = key;
        }
        return 0;
}

static GTreeNode *first_tombstone(const Namespace *ns, const char *prefix)
{
        return ns->tombstones.by_key ? g_tree_lower_bound(ns->tombstones.by_key, prefix) : NULL;
}

/* What is seen, and the tombstones, merged. */
typedef struct Merge {
        const char *prefix;
        NamespaceWalk walk;
        Entry *entry; /* the next of either; NULL: no more */
        GTreeNode *node;
        const char *key; /* the one it is at */
        Entry *seen;     /* what it has; NULL: it was deleted */
        uint64_t revision;
} Merge;

static const Tombstone *next_tombstone(const Merge *merge)
{
        const Tombstone *tombstone = merge->node ? g_tree_node_value(merge->node) : NULL;

        return tombstone && is_below(tombstone->key, merge->prefix) ? tombstone : NULL;
}

/* False: there is no more. A key may have both. */
static bool merge_next(Merge *merge)
{
        const Tombstone *tombstone = next_tombstone(merge);
        Entry *entry = merge->entry;
        int order;

        if (!entry && !tombstone)
                return false;

        order = !entry ? 1 : !tombstone ? -1 : strcmp(entry_key(entry), tombstone->key);
        merge->seen = order <= 0 ? entry : NULL;
        merge->key = order <= 0 ? entry_key(entry) : tombstone->key;
        merge->revision = order <= 0 ? entry->revision : 0;
        if (order >= 0) {
                merge->revision = MAX(merge->revision, tombstone->revision);
                merge->node = g_tree_node_next(merge->node);
        }
        if (order <= 0)
                merge->entry = namespace_walk_next(&merge->walk);
        return true;
}

static int walk_keys(const Namespace *ns,
                     const char *prefix,
                     uint64_t since,
                     HistoryDiffers on_differs,
                     void *userdata)
{
        Merge merge = { .prefix = prefix, .node = first_tombstone(ns, prefix) };

        namespace_walk_begin(&merge.walk, ns, prefix, "", NAMESPACE_WALK_ALL);
        merge.entry = namespace_walk_next(&merge.walk);
        for (unsigned n = 0; n < LIMIT_HISTORY_KEYS; n++) {
                int r = 0;

                if (!merge_next(&merge))
                        return 0;
                if (merge.revision > since)
                        r = on_differs(userdata, merge.key, merge.seen);
                if (r != 0)
                        return r;
        }
        return CORE_E_TOO_MANY_CHANGES;
}

int history_walk(State *state G_GNUC_UNUSED,
                 Namespace *ns,
                 const char *prefix,
                 uint64_t since,
                 HistoryDiffers on_differs,
                 void *userdata)
{
        g_autoptr(GPtrArray) keys = g_ptr_array_new();

        if (collect(ns, prefix, since, keys))
                return tell(ns, keys, on_differs, userdata);
        return walk_keys(ns, prefix, since, on_differs, userdata);
}

static void fetch(const EntryItem *items, size_t n, size_t i)
{
        if (i < n)
                __builtin_prefetch(items[i].entry);
}

/* What is seen, in any order. */
static EntryItem *items_of(const Namespace *ns, size_t *ret_n)
{
        EntryItem *items = g_new(EntryItem, (gsize) g_tree_nnodes(ns->entries));
        size_t n = 0;

        for (GTreeNode *node = g_tree_node_first(ns->entries); node; node = g_tree_node_next(node))
                items[n++].entry = namespace_node_entry(node);
        *ret_n = n;
        return items;
}

/* Leaves those newer than @horizon, with their revisions. */
static size_t keep_newer(EntryItem *items, size_t n, uint64_t horizon)
{
        size_t n_newer = 0;

        for (size_t i = 0; i < n; i++) {
                EntryItem item = { items[i].entry->revision, items[i].entry };

                fetch(items, n, i + FETCHED_AHEAD);
                if (item.number > horizon)
                        items[n_newer++] = item;
        }
        return n_newer;
}

/* What is newer than @horizon, in the order of revisions; what is older needs none: nobody may ask so far back. */
static EntryItem *order_newer(Namespace *ns, uint64_t horizon, size_t *ret_n)
{
        g_autofree EntryItem *items = NULL;
        size_t n;

        if (ns->revision <= horizon) {
                *ret_n = 0;
                return NULL;
        }

        items = items_of(ns, &n);
        *ret_n = keep_newer(items, n, horizon);
        entry_sort(items, *ret_n, NULL);
        return g_steal_pointer(&items);
}

static gboolean begin_in(gpointer name G_GNUC_UNUSED, gpointer value, gpointer userdata)
{
        uint64_t horizon = *(const uint64_t *) userdata;
        g_autofree EntryItem *items = NULL;
        Namespace *ns = value;
        size_t n = (size_t) g_tree_nnodes(ns->entries), i = 0;

        items = g_steal_pointer(&ns->order);
        if (!items)
                items = order_newer(ns, horizon, &n);
        while (i < n && items[i].number <= horizon)
                i++;

        namespace_begin_history(ns);
        for (; i < n; i++) {
                fetch(items, n, i + FETCHED_AHEAD);
                namespace_link(ns, items[i].entry);
        }
        return FALSE;
}

void history_begin(State *state, uint64_t horizon)
{
        state_begin_history(state, horizon);
        g_tree_foreach(state_namespaces(state), begin_in, &horizon);
}

typedef struct Resumption {
        State *state;
        HistoryRecall recall;
        void *userdata;
} Resumption;

static gboolean resume_defaults(gpointer name, gpointer value, gpointer userdata)
{
        const Resumption *resumption = userdata;
        g_autofree char *now = NULL;
        Namespace *ns = value;
        uint64_t next = state_revision(resumption->state) + 1, revision = next;
        const char *before;

        now = declaration_fallbacks_checksum(ns->declaration);
        if (!resumption->recall(resumption->userdata, name, &before, &revision) ||
            strcmp(before, now) != 0)
                revision = next;
        /* A later one was never visible. */
        revision = MIN(revision, next);
        ns->defaults_revision = revision;
        ns->tombstones.floor = MAX(ns->tombstones.floor, revision);
        return FALSE;
}

void history_resume_defaults(State *state,
                             HistoryRecall recall,
                             StateOnDefaults on_defaults,
                             void *userdata)
{
        Resumption resumption = { state, recall, userdata };

        if (recall)
                g_tree_foreach(state_namespaces(state), resume_defaults, &resumption);
        state_set_on_defaults(state, on_defaults, userdata);
}

static gboolean find_ahead(gpointer name G_GNUC_UNUSED, gpointer value, gpointer userdata)
{
        const Namespace **found = userdata, *ns = value;

        if (ns->tombstones.floor <= (*found ? (*found)->tombstones.floor : 0))
                return FALSE;
        *found = ns;
        return FALSE;
}

const Namespace *history_find_ahead(State *state)
{
        const Namespace *furthest = NULL;

        g_tree_foreach(state_namespaces(state), find_ahead, &furthest);
        return furthest && furthest->tombstones.floor > state_revision(state) ? furthest : NULL;
}

/* Those that @of has and @other has not, or not so, and that are seen. */
static void mark(Tombstones *tombstones,
                 Namespace *ns,
                 const Declaration *of,
                 const Declaration *other,
                 uint64_t revision)
{
        for (guint i = 0; of && i < of->fallbacks->len; i++) {
                const Entry *one = of->fallbacks->pdata[i];
                const Entry *another = other ? declaration_fallback(other, entry_key(one)) : NULL;

                if ((!another || !entry_value_equal(one, another)) &&
                    !namespace_lookup(ns, entry_key(one)))
                        tombstones_put(tombstones, ns, entry_key(one), revision, true);
        }
}

bool history_mark_defaults(Tombstones *tombstones,
                           Namespace *ns,
                           const Declaration *before,
                           uint64_t revision)
{
        g_autofree char *old = declaration_fallbacks_checksum(before);
        g_autofree char *new = declaration_fallbacks_checksum(ns->declaration);

        if (strcmp(old, new) == 0)
                return false;

        ns->defaults_revision = revision;
        /* One that is just being made has no past. */
        if (ns->created_revision < revision) {
                mark(tombstones, ns, before, ns->declaration, revision);
                mark(tombstones, ns, ns->declaration, before, revision);
        }
        return true;
}
