/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dump
 */

#include "offline/dump.h"

#include "client/regent-store-stream.h"
#include "core/namespace-places.h"
#include "offline/stream.h"

#include <errno.h>

#define ATTEMPTS_MAX 10

static int put_entry(Entry *entry)
{
        g_autoptr(GVariant) value = entry_value(entry);

        return stream_put(REGENT_STORE_ENTRY,
                          g_variant_new(REGENT_STORE_ENTRY_TYPE, entry_key(entry), value,
                                        entry_class_name(entry->class), entry_release(entry),
                                        entry->revision));
}

static int put_namespace(const Namespace *ns)
{
        const NamespaceAccess *access = &ns->access;
        NamespacePlaces places;
        Entry *entry;
        int r;

        r = stream_put(REGENT_STORE_NAMESPACE,
                       g_variant_new(REGENT_STORE_NAMESPACE_TYPE, ns->name, access->owner,
                                     access->group, access->mode, access->quota_keys,
                                     access->quota_bytes));
        namespace_places_begin_by_release(&places, ns);
        while (r == 0 && (entry = namespace_places_next(&places)))
                r = put_entry(entry);
        return r;
}

int dump_state(State *state, uint64_t revision, const char *damage)
{
        GVariantDict dict;
        int r = 0;

        for (GTreeNode *node = g_tree_node_first(state_namespaces(state)); node && r == 0;
             node = g_tree_node_next(node))
                r = put_namespace(g_tree_node_value(node));
        if (r < 0)
                return r;

        g_variant_dict_init(&dict, NULL);
        g_variant_dict_insert(&dict, "revision", "t", revision);
        if (damage)
                g_variant_dict_insert(&dict, "damage", "s", damage);
        r = stream_put(REGENT_STORE_LOADED, g_variant_dict_end(&dict));
        return r == 0 ? stream_flush() : r;
}

int dump_directory(const ReadingOptions *options, bool is_forced)
{
        g_auto(Reading) reading = { 0 };
        const char *path = options->state_directory;
        int r;

        r = reading_open(&reading, options);
        /* While a regentd is at it, what is damaged may be what it has just replaced. */
        for (unsigned i = 0; r == 0 && i < ATTEMPTS_MAX; i++) {
                r = reading_load(&reading);
                if (r < 0)
                        return stream_fail_errno(r, path);
                if (!reading.is_held || (!reading.newer && !reading_damage(&reading)))
                        break;
        }
        if (r < 0)
                return r;

        if (reading.newer)
                return stream_fail(REGENT_STORE_REFUSED, NULL,
                                   "%s: it was written by a later version", reading.newer);
        if (reading.findings[COMMIT_PERSISTENT].is_nothing)
                return stream_fail(REGENT_STORE_NOT_FOUND, NULL, "%s: there is no state in it",
                                   path);
        if (reading_damage(&reading) && !is_forced)
                return stream_fail(REGENT_STORE_INVALID,
                                   "'regentctl verify' says more; with --force it takes what can "
                                   "be read.",
                                   "%s: %s", path, reading_damage(&reading));
        return dump_state(reading.state, reading_revision(&reading), reading_damage(&reading));
}
