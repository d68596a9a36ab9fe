/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Overlay
 *
 * Differences are kept as sums modulo 2^64, so that a growth and a shrinkage are added alike.
 */

#include "core/overlay.h"

/* What an owner has more. */
typedef struct Owned {
        uint64_t more_keys;
        uint64_t more_bytes;
} Owned;

typedef struct Layer {
        GHashTable *entries;  /* key (in the entry) -> borrowed Entry, maybe a tombstone */
        GHashTable *releases; /* borrowed release -> owned table as above; NULL: none */
        uint64_t n_more_releases;
        uint64_t more_keys;
        uint64_t more_usage;
} Layer;

struct Overlay {
        State *state;
        GHashTable *layers;   /* borrowed Namespace -> owned Layer */
        GHashTable *owners;   /* uid -> owned Owned */
        GHashTable *sessions; /* borrowed session -> how many keys it has more */
};

static void layer_free(gpointer userdata)
{
        Layer *layer = userdata;

        g_hash_table_unref(layer->entries);
        g_clear_pointer(&layer->releases, g_hash_table_unref);
        g_free(layer);
}

Overlay *overlay_new(State *state)
{
        Overlay *overlay = g_new(Overlay, 1);

        *overlay = (Overlay){
                .state = state,
                .layers = g_hash_table_new_full(NULL, NULL, NULL, layer_free),
                .owners = g_hash_table_new_full(NULL, NULL, NULL, g_free),
                .sessions = g_hash_table_new(g_str_hash, g_str_equal),
        };
        return overlay;
}

Overlay *overlay_free(Overlay *overlay)
{
        if (!overlay)
                return NULL;

        g_hash_table_unref(overlay->layers);
        g_hash_table_unref(overlay->owners);
        g_hash_table_unref(overlay->sessions);
        g_free(overlay);
        return NULL;
}

void overlay_clear(Overlay *overlay)
{
        if (g_hash_table_size(overlay->layers) == 0)
                return;

        g_hash_table_remove_all(overlay->layers);
        g_hash_table_remove_all(overlay->owners);
        g_hash_table_remove_all(overlay->sessions);
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

static Owned *owned_of(Overlay *overlay, uint32_t uid)
{
        Owned *owned = g_hash_table_lookup(overlay->owners, GUINT_TO_POINTER(uid));

        if (!owned) {
                owned = g_new0(Owned, 1);
                g_hash_table_insert(overlay->owners, GUINT_TO_POINTER(uid), owned);
        }
        return owned;
}

static void table_unref(gpointer table)
{
        g_hash_table_unref(table);
}

/* What @layer has of @release ("": of none); NULL when it has nothing. */
static GHashTable *find_table(const Layer *layer, const char *release)
{
        if (!*release)
                return layer->entries;
        return layer->releases ? g_hash_table_lookup(layer->releases, release) : NULL;
}

static GHashTable *table_of(Layer *layer, const Namespace *ns, const Entry *entry)
{
        const char *release = entry_release(entry);
        GHashTable *table = find_table(layer, release);

        if (table)
                return table;

        if (!layer->releases)
                layer->releases = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, table_unref);
        table = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(layer->releases, (gpointer) (uintptr_t) release, table);
        layer->n_more_releases += !namespace_has_release(ns, release);
        return table;
}

static void count_session(Overlay *overlay, const Entry *entry, int n)
{
        const char *session = entry_session(entry);
        int more;

        if (!*session)
                return;

        more = GPOINTER_TO_INT(g_hash_table_lookup(overlay->sessions, session));
        g_hash_table_replace(overlay->sessions, (gpointer) (uintptr_t) session,
                             GINT_TO_POINTER(more + n));
}

static void add_entry(Overlay *overlay, Namespace *ns, Entry *entry)
{
        Layer *layer = layer_of(overlay, ns);
        const Entry *old = overlay_lookup_at(overlay, ns, entry_key(entry), entry_release(entry));
        uint64_t more_usage = entry_usage(entry) - (old ? entry_usage(old) : 0);
        uint64_t more_keys = (uint64_t) !entry_is_tombstone(entry) - (uint64_t) (old != NULL);
        Owned *owned = owned_of(overlay, ns->access.owner);

        layer->more_keys += more_keys;
        layer->more_usage += more_usage;
        owned->more_keys += more_keys;
        owned->more_bytes += more_usage;
        if (old)
                count_session(overlay, old, -1);
        count_session(overlay, entry, 1);
        g_hash_table_replace(table_of(layer, ns, entry), entry->text, entry);
}

void overlay_add(Overlay *overlay, const Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];
                Namespace *ns = state_lookup(overlay->state, change->name);

                if (change->kind != NAMESPACE_CHANGE_ENTRIES)
                        continue;
                g_assert(ns);
                for (guint j = 0; j < change->entries->len; j++)
                        add_entry(overlay, ns, change->entries->pdata[j]);
        }
}

static const Layer *find_layer(const Overlay *overlay, const Namespace *ns)
{
        return g_hash_table_lookup(overlay->layers, ns);
}

Entry *overlay_lookup_at(const Overlay *overlay,
                         const Namespace *ns,
                         const char *key,
                         const char *release)
{
        const Layer *layer = find_layer(overlay, ns);
        GHashTable *table = layer ? find_table(layer, release) : NULL;
        Entry *entry = table ? g_hash_table_lookup(table, key) : NULL;

        if (entry)
                return entry_is_tombstone(entry) ? NULL : entry;
        return namespace_lookup_at(ns, key, release);
}

Entry *overlay_lookup(const Overlay *overlay, const Namespace *ns, const char *key)
{
        const Layer *layer = find_layer(overlay, ns);
        Entry *entry = NULL;

        if (!layer)
                return namespace_lookup(ns, key);
        if (ns->release && (ns->releases || layer->releases))
                entry = overlay_lookup_at(overlay, ns, key, ns->release);
        return entry ? entry : overlay_lookup_at(overlay, ns, key, "");
}

uint64_t overlay_n_releases(const Overlay *overlay, const Namespace *ns)
{
        const Layer *layer = find_layer(overlay, ns);

        return namespace_n_releases(ns) + (layer ? layer->n_more_releases : 0);
}

bool overlay_has_release(const Overlay *overlay, const Namespace *ns, const char *release)
{
        const Layer *layer = find_layer(overlay, ns);

        return namespace_has_release(ns, release) || (layer && find_table(layer, release));
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

static const Owned *find_owned(const Overlay *overlay, uint32_t uid)
{
        return g_hash_table_lookup(overlay->owners, GUINT_TO_POINTER(uid));
}

uint64_t overlay_session_keys(const Overlay *overlay, const char *session)
{
        int more = GPOINTER_TO_INT(g_hash_table_lookup(overlay->sessions, session));

        return sessions_n_keys(state_sessions(overlay->state), session) + (uint64_t) (int64_t) more;
}

uint64_t overlay_owned_keys(const Overlay *overlay, uint32_t uid)
{
        const Owned *owned = find_owned(overlay, uid);

        return accounts_get(state_accounts(overlay->state), uid, ACCOUNT_KEYS) +
               (owned ? owned->more_keys : 0);
}

uint64_t overlay_owned_bytes(const Overlay *overlay, uint32_t uid)
{
        const Owned *owned = find_owned(overlay, uid);

        return accounts_get(state_accounts(overlay->state), uid, ACCOUNT_BYTES) +
               (owned ? owned->more_bytes : 0);
}
