/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Overlay
 *
 * Differences are kept as sums modulo 2^64, so that a growth and a shrinkage are added alike.
 */

#include "core/overlay.h"

typedef struct Layer {
        GHashTable *entries; /* key (in the entry) -> borrowed Entry, maybe a tombstone */
        uint64_t more_keys;
        uint64_t more_usage;
} Layer;

struct Overlay {
        State *state;
        GHashTable *layers;      /* borrowed Namespace -> owned Layer */
        GHashTable *owned_bytes; /* uid -> owned uint64_t, what there is more of */
};

static void layer_free(gpointer userdata)
{
        Layer *layer = userdata;

        g_hash_table_unref(layer->entries);
        g_free(layer);
}

Overlay *overlay_new(State *state)
{
        Overlay *overlay = g_new(Overlay, 1);

        *overlay = (Overlay){
                .state = state,
                .layers = g_hash_table_new_full(NULL, NULL, NULL, layer_free),
                .owned_bytes = g_hash_table_new_full(NULL, NULL, NULL, g_free),
        };
        return overlay;
}

Overlay *overlay_free(Overlay *overlay)
{
        if (!overlay)
                return NULL;

        g_hash_table_unref(overlay->layers);
        g_hash_table_unref(overlay->owned_bytes);
        g_free(overlay);
        return NULL;
}

void overlay_clear(Overlay *overlay)
{
        if (g_hash_table_size(overlay->layers) == 0)
                return;

        g_hash_table_remove_all(overlay->layers);
        g_hash_table_remove_all(overlay->owned_bytes);
}

static Layer *layer_of(Overlay *overlay, Namespace *ns)
{
        Layer *layer = g_hash_table_lookup(overlay->layers, ns);

        if (!layer) {
                layer = g_new0(Layer, 1);
                layer->entries = g_hash_table_new(g_str_hash, g_str_equal);
                g_hash_table_insert(overlay->layers, ns, layer);
        }
        return layer;
}

static void add_owned_bytes(Overlay *overlay, uint32_t uid, uint64_t more)
{
        uint64_t *bytes = g_hash_table_lookup(overlay->owned_bytes, GUINT_TO_POINTER(uid));

        if (!bytes) {
                bytes = g_new0(uint64_t, 1);
                g_hash_table_insert(overlay->owned_bytes, GUINT_TO_POINTER(uid), bytes);
        }
        *bytes += more;
}

static void add_entry(Overlay *overlay, Namespace *ns, Entry *entry)
{
        Layer *layer = layer_of(overlay, ns);
        const Entry *old = overlay_lookup(overlay, ns, entry_key(entry));
        uint64_t more_usage = entry_usage(entry) - (old ? entry_usage(old) : 0);

        layer->more_keys += (uint64_t) !entry_is_tombstone(entry) - (uint64_t) (old != NULL);
        layer->more_usage += more_usage;
        add_owned_bytes(overlay, ns->access.owner, more_usage);
        g_hash_table_replace(layer->entries, entry->text, entry);
}

void overlay_add(Overlay *overlay, const Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];
                Namespace *ns = state_lookup(overlay->state, change->name);

                g_assert(ns && change->kind == NAMESPACE_CHANGE_ENTRIES);
                for (guint j = 0; j < change->entries->len; j++)
                        add_entry(overlay, ns, change->entries->pdata[j]);
        }
}

static const Layer *find_layer(const Overlay *overlay, const Namespace *ns)
{
        return g_hash_table_lookup(overlay->layers, ns);
}

Entry *overlay_lookup(const Overlay *overlay, const Namespace *ns, const char *key)
{
        const Layer *layer = find_layer(overlay, ns);
        Entry *entry = layer ? g_hash_table_lookup(layer->entries, key) : NULL;

        if (entry)
                return entry_is_tombstone(entry) ? NULL : entry;
        return namespace_lookup(ns, key);
}

uint64_t overlay_n_keys(const Overlay *overlay, const Namespace *ns)
{
        const Layer *layer = find_layer(overlay, ns);

        return namespace_n_keys(ns) + (layer ? layer->more_keys : 0);
}

uint64_t overlay_usage(const Overlay *overlay, const Namespace *ns)
{
        const Layer *layer = find_layer(overlay, ns);

        return ns->usage + (layer ? layer->more_usage : 0);
}

uint64_t overlay_owned_bytes(const Overlay *overlay, uint32_t uid)
{
        const uint64_t *more = g_hash_table_lookup(overlay->owned_bytes, GUINT_TO_POINTER(uid));

        return accounts_get(state_accounts(overlay->state), uid, ACCOUNT_BYTES) +
               (more ? *more : 0);
}
