/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Audience of a namespace
 *
 * Keys are in order, so those below a prefix lie together. A group of watches is looked at once: one
 * that a commit does not concern costs next to nothing, however many keys it has.
 */

#include "bus/watch-audience.h"

#include "bus/authorizer.h"
#include "bus/watch-delta.h"
#include "core/namespace-walk.h"

#include <string.h>

typedef struct Audience {
        const Namespace *ns;
        const GPtrArray *entries;
        uint64_t since;
        GHashTable *prefixes; /* Watcher -> owned GPtrArray */
} Audience;

WatchConcern watch_concern(const Watch *watch, const Namespace *ns)
{
        const WatchTopic *topic = watch->group->topic;
        bool is_covered = topic->is_of_names
                                  ? g_str_has_prefix(ns->name, topic->name) &&
                                            authorizer_may_list(watch->watcher->caller, ns)
                                  : strcmp(topic->name, ns->name) == 0;

        if (!is_covered)
                return WATCH_CONCERN_NONE;
        return watch->state == WATCH_STOPPED || watch->is_in_doubt ? WATCH_CONCERN_LATER
                                                                   : WATCH_CONCERN_NOW;
}

void watch_note_missed(Watch *watch, uint64_t since)
{
        watch->missed_since = watch->has_missed ? MIN(watch->missed_since, since) : since;
        watch->has_missed = true;
}

static const char *key_at(const GPtrArray *entries, guint i)
{
        return entry_key(entries->pdata[i]);
}

/* The first one whose key is @prefix or behind it. */
static guint find_first(const GPtrArray *entries, const char *prefix)
{
        guint first = 0, end = entries->len;

        while (*prefix && first < end) {
                guint middle = first + (end - first) / 2;

                if (strcmp(key_at(entries, middle), prefix) < 0)
                        first = middle + 1;
                else
                        end = middle;
        }

        return first;
}

static bool has_any(const GPtrArray *entries, const char *prefix)
{
        guint i = find_first(entries, prefix);

        return i < entries->len && g_str_has_prefix(key_at(entries, i), prefix);
}

static void add_watch(const Audience *audience, Watch *watch)
{
        GPtrArray *prefixes;

        /* What everybody may read everybody on the bus is told. */
        if (!watch->watcher->caller->channel && namespace_is_public(audience->ns))
                return;

        switch (watch_concern(watch, audience->ns)) {
        case WATCH_CONCERN_NONE:
                return;
        case WATCH_CONCERN_LATER:
                watch_note_missed(watch, audience->since);
                return;
        case WATCH_CONCERN_NOW:
                break;
        }

        prefixes = g_hash_table_lookup(audience->prefixes, watch->watcher);
        if (!prefixes) {
                prefixes = g_ptr_array_new();
                g_hash_table_insert(audience->prefixes, watch->watcher, prefixes);
        }
        g_ptr_array_add(prefixes, watch->group->prefix);
}

static void add_topic(void *userdata, WatchTopic *topic)
{
        const Audience *audience = userdata;
        GHashTableIter iter;
        gpointer prefix, group;

        g_hash_table_iter_init(&iter, topic->groups);
        while (g_hash_table_iter_next(&iter, &prefix, &group)) {
                if (audience->entries && !has_any(audience->entries, prefix))
                        continue;
                for (GList *l = ((WatchGroup *) group)->all.head; l; l = l->next)
                        add_watch(audience, l->data);
        }
}

static gint compare(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* In order, what begins with a prefix is right behind it. */
static void reduce(GPtrArray *prefixes)
{
        guint kept = 0;

        g_ptr_array_sort(prefixes, compare);
        for (guint i = 0; i < prefixes->len; i++)
                if (kept == 0 || !g_str_has_prefix(prefixes->pdata[i], prefixes->pdata[kept - 1]))
                        prefixes->pdata[kept++] = prefixes->pdata[i];
        g_ptr_array_set_size(prefixes, (gint) kept);
}

static void prefixes_free(gpointer prefixes)
{
        g_ptr_array_unref(prefixes);
}

GHashTable *watch_audience(const BusService *service,
                           const Namespace *ns,
                           const GPtrArray *entries,
                           uint64_t since)
{
        Audience audience = { ns, entries, since,
                              g_hash_table_new_full(NULL, NULL, NULL, prefixes_free) };
        WatchTopic *topic = watches_topic(service->watches, ns->name);
        GHashTableIter iter;
        gpointer prefixes;

        if (topic)
                add_topic(&audience, topic);
        watches_foreach_covering(service->watches, ns->name, add_topic, &audience);

        g_hash_table_iter_init(&iter, audience.prefixes);
        while (g_hash_table_iter_next(&iter, NULL, &prefixes))
                reduce(prefixes);
        return audience.prefixes;
}

GPtrArray *watch_audience_cut(const GPtrArray *entries, const GPtrArray *prefixes)
{
        g_autoptr(GPtrArray) cut = g_ptr_array_new();
        uint64_t n_bytes = 0;

        for (guint i = 0; i < prefixes->len; i++) {
                const char *prefix = prefixes->pdata[i];

                for (guint j = find_first(entries, prefix);
                     j < entries->len && g_str_has_prefix(key_at(entries, j), prefix); j++) {
                        const Entry *entry = entries->pdata[j];

                        n_bytes += NAMESPACE_WALK_KEY_BYTES + (uint64_t) entry->key_bytes;
                        if (n_bytes > WATCH_NAMES_BYTES_MAX)
                                return NULL;
                        g_ptr_array_add(cut, entries->pdata[j]);
                }
        }
        return g_steal_pointer(&cut);
}
