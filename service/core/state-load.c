/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading a state
 *
 * What a journal or a checkpoint holds comes into tables without order; see core/entry-table.h.
 */

#include "core/state-parts.h"

#define OVERWRITTEN_BYTES_MAX 1024u /* of a value */

void state_begin_loading(State *state)
{
        g_assert(state->n_observers == 0);

        state->is_loading = true;
}

static gboolean end_loading(gpointer name G_GNUC_UNUSED, gpointer ns, gpointer unused G_GNUC_UNUSED)
{
        namespace_end_loading(ns);
        return FALSE;
}

void state_end_loading(State *state)
{
        g_tree_foreach(state->namespaces, end_loading, NULL);
        state->is_loading = false;
}

/* Of a class and with a usage that are not another. What an entry of a large value is, is not worth copying. */
static bool overwrite(Namespace *ns, Entry *old, const Entry *entry)
{
        uint64_t reply_bytes = entry_reply_bytes(old);

        if (old->class != entry->class || entry->value_bytes > OVERWRITTEN_BYTES_MAX ||
            !entry_overwrite(old, entry))
                return false;

        ns->reply_bytes += entry_reply_bytes(old) - reply_bytes;
        return true;
}

/* What is needed no more is @entry then. */
static void load_entry(State *state, Namespace *ns, Entry **entry, uint64_t hash)
{
        Entry **place = entry_table_place(ns->unsorted, *entry, hash);
        Entry *old = *place;

        if ((*entry)->revision < ns->created_revision ||
            (old && old->revision > (*entry)->revision))
                return;

        if (ns->tombstones.oldest)
                tombstones_forget(ns, entry_key(*entry), (*entry)->revision);
        if (old && overwrite(ns, old, *entry))
                return;

        if (old)
                sessions_remove(state->sessions, ns->name, old);
        state_charge_entry(state, ns, old, *entry);
        namespace_fill(ns, place, *entry, hash);
        *entry = old;
}

static bool is_plain(const Namespace *ns, const Entry *entry)
{
        return ns->unsorted && !entry_is_tombstone(entry) &&
               (entry->class == ENTRY_PERSISTENT || entry->class == ENTRY_RUNTIME);
}

/* The state may have a reference too, and nobody else may touch the count then. */
static void load_other(State *state, Namespace *ns, Entry **entry)
{
        state_apply_entry(state, ns, *entry);
        *entry = entry_unref(*entry);
}

static void load_unsorted(State *state, Namespace *ns, Entry **entries, size_t n_entries)
{
        uint64_t hashes[ENTRY_TABLE_FETCHED];

        entry_table_fetch(ns->unsorted, entries, n_entries, hashes);
        for (size_t i = 0; i < n_entries; i++)
                if (is_plain(ns, entries[i]))
                        load_entry(state, ns, &entries[i], hashes[i]);
                else
                        load_other(state, ns, &entries[i]);
}

static void load_some(State *state, Namespace *ns, Entry **entries, size_t n_entries)
{
        if (ns->unsorted) {
                load_unsorted(state, ns, entries, n_entries);
                return;
        }
        for (size_t i = 0; i < n_entries; i++)
                load_other(state, ns, &entries[i]);
}

static void fetch(Entry *const *entries, size_t n_entries)
{
        for (size_t i = 0; i < MIN(n_entries, ENTRY_TABLE_FETCHED); i++)
                entry_table_fetch_entry(entries[i]);
}

void state_load_entries(State *state, Namespace *ns, Entry **entries, size_t n_entries)
{
        if (n_entries > 0 && ns->revision < entries[n_entries - 1]->revision)
                ns->revision = entries[n_entries - 1]->revision;
        for (size_t i = 0; i < n_entries; i += ENTRY_TABLE_FETCHED) {
                size_t n_left = n_entries - i;

                /* They come from another thread, and so from another processor's memory. */
                if (n_left > ENTRY_TABLE_FETCHED)
                        fetch(entries + i + ENTRY_TABLE_FETCHED, n_left - ENTRY_TABLE_FETCHED);
                load_some(state, ns, entries + i, MIN(n_left, ENTRY_TABLE_FETCHED));
        }
}

Namespace *state_load_namespace(State *state,
                                const char *name,
                                const NamespaceAccess *access,
                                uint64_t created_revision,
                                uint64_t revision)
{
        Namespace *ns = state_lookup(state, name);

        if (ns) {
                state_set_access(state, ns, access);
        } else {
                ns = namespace_new(name, access, created_revision);
                state_add_namespace(state, ns);
        }

        ns->created_revision = created_revision;
        ns->revision = revision;
        return ns;
}

void state_load_tombstone(
        State *state, Namespace *ns, const char *key, uint64_t revision, bool is_persistent)
{
        const Entry *seen = namespace_lookup(ns, key);

        if (revision >= ns->created_revision && (!seen || seen->revision < revision))
                tombstones_put(state->tombstones, ns, key, revision, is_persistent);
}

void state_load_tombstone_floor(Namespace *ns, uint64_t floor)
{
        ns->tombstones.floor = MAX(ns->tombstones.floor, floor);
}

void state_load_entry(State *state, Namespace *ns, Entry *entry)
{
        if (entry->revision >= ns->created_revision)
                state_put_entry(state, ns, entry);
        if (ns->revision < entry->revision)
                ns->revision = entry->revision;
        entry_unref(entry);
}
