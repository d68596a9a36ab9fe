/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals
 *
 * What a batch did is held against what has been announced: so a namespace whose mode changes shows
 * up or vanishes as if it were made or removed. What became of namespaces comes before what became of keys;
 * of those the bus hears as a whole, and those who watch hear what is not told to everybody.
 */

#include "bus/signals.h"

#include "bus/broadcast.h"
#include "bus/held-values.h"
#include "bus/namespace-properties.h"
#include "bus/object-manager.h"
#include "bus/object-path.h"
#include "bus/value-codec.h"
#include "bus/watch-properties.h"
#include "client/regent-names.h"
#include "core/namespace-walk.h"
#include "util/auto.h"
#include "util/log.h"

#include <string.h>

#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

struct Signals {
        BusService *service;
        GHashTable *announced; /* owned name -> owned Announced */
};

/* What the bus was told last of a namespace. */
typedef struct Announced {
        NamespaceAccess access;
        Declaration *declaration; /* owned; NULL: none */
} Announced;

static void announced_free(gpointer userdata)
{
        Announced *announced = userdata;

        declaration_unref(announced->declaration);
        g_free(announced);
}

static void remember(Signals *signals, const Namespace *ns)
{
        Announced *announced = g_new(Announced, 1);

        announced->access = ns->access;
        announced->declaration = ns->declaration ? declaration_ref(ns->declaration) : NULL;
        g_hash_table_replace(signals->announced, g_strdup(ns->name), announced);
}

Signals *signals_new(BusService *service)
{
        Signals *signals = g_new(Signals, 1);
        GTreeNode *node = g_tree_node_first(state_namespaces(service->state));

        *signals = (Signals){
                .service = service,
                .announced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, announced_free),
        };
        for (; node; node = g_tree_node_next(node)) {
                const Namespace *ns = g_tree_node_value(node);

                if (namespace_is_public(ns))
                        remember(signals, ns);
        }
        return signals;
}

Signals *signals_free(Signals *signals)
{
        if (!signals)
                return NULL;

        g_hash_table_unref(signals->announced);
        g_free(signals);
        return NULL;
}

static int new_properties_changed(const BusService *service,
                                  const Namespace *ns,
                                  const char *interface,
                                  sd_bus_message **ret_signal)
{
        g_autoptr(sd_bus_message) m = NULL;
        g_autofree char *path = object_path_of_namespace(ns->name);
        int r;

        r = sd_bus_message_new_signal(service->bus, &m, path, PROPERTIES_INTERFACE,
                                      "PropertiesChanged");
        if (r < 0)
                return r;

        r = sd_bus_message_append_basic(m, 's', interface);
        if (r < 0)
                return r;

        *ret_signal = g_steal_pointer(&m);
        return 0;
}

static int announce_access(const BusService *service,
                           const Namespace *ns,
                           const NamespaceAccess *before)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_properties_changed(service, ns, REGENT_NAMESPACE_INTERFACE, &m);
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = namespace_append_access_changes(m, service, ns, before);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "as", 0);
        if (r < 0)
                return r;

        return broadcast_send(service, ns->name, m, 0);
}

/* A key that is deleted goes back to what was hidden by it, or to its default. */
static Entry *what_is_read(const Namespace *ns, Entry *entry)
{
        Entry *read = namespace_read(ns, entry_key(entry), NAMESPACE_WALK_ALL);

        return read ? read : entry;
}

/* Sends the values that are small enough, until they are too many; names the others in @named. */
static int append_values(sd_bus_message *m,
                         const Limits *limits,
                         const Namespace *ns,
                         const GPtrArray *entries,
                         GPtrArray *named,
                         uint64_t *ret_n_bytes)
{
        uint64_t n_bytes = 0;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        for (guint i = 0; i < entries->len; i++) {
                Entry *entry = what_is_read(ns, entries->pdata[i]);

                if (entry_is_tombstone(entry) || entry->value_bytes > limits->signal_value_bytes ||
                    n_bytes + entry_reply_bytes(entry) > limits->signal_bytes) {
                        g_ptr_array_add(named, entry);
                        continue;
                }

                n_bytes += entry_reply_bytes(entry);
                r = value_codec_append_pair(m, entry);
                if (r < 0)
                        return r;
        }

        *ret_n_bytes = n_bytes;
        return sd_bus_message_close_container(m);
}

static int append_names(sd_bus_message *m, const GPtrArray *named)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "s");
        if (r < 0)
                return r;

        for (guint i = 0; i < named->len; i++) {
                r = sd_bus_message_append_basic(m, 's', entry_key(named->pdata[i]));
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(m);
}

int signals_build_values(const BusService *service,
                         Namespace *ns,
                         GPtrArray *entries,
                         sd_bus_message **ret_signal,
                         uint64_t *ret_n_bytes)
{
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(GPtrArray) named = g_ptr_array_new();
        uint64_t n_bytes;
        int r;

        r = new_properties_changed(service, ns, REGENT_VALUES_INTERFACE, &m);
        if (r < 0)
                return r;

        r = append_values(m, service->limits, ns, entries, named, &n_bytes);
        if (r < 0)
                return r;

        r = append_names(m, named);
        if (r < 0)
                return r;

        for (guint i = 0; i < named->len; i++)
                n_bytes += NAMESPACE_WALK_KEY_BYTES +
                           (uint64_t) ((const Entry *) named->pdata[i])->key_bytes;
        *ret_n_bytes = n_bytes;
        *ret_signal = g_steal_pointer(&m);
        return 0;
}

static int announce_declaration(const BusService *service, const Namespace *ns)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_properties_changed(service, ns, REGENT_NAMESPACE_INTERFACE, &m);
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = namespace_append_declaration(m, service, ns);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "as", 0);
        if (r < 0)
                return r;

        return broadcast_send(service, ns->name, m, 0);
}

/* Adds the defaults of @declaration that differ from those of @other, of keys that are not set. */
static void collect_defaults(GPtrArray *entries,
                             const Namespace *ns,
                             const Declaration *declaration,
                             const Declaration *other,
                             GPtrArray *tombstones)
{
        for (guint i = 0; declaration && i < declaration->fallbacks->len; i++) {
                Entry *mine = declaration->fallbacks->pdata[i], *entry = mine;
                const Entry *its = other ? declaration_fallback(other, entry_key(mine)) : NULL;

                if (namespace_lookup(ns, entry_key(mine)) || (its && entry_value_equal(mine, its)))
                        continue;

                if (tombstones) {
                        if (its)
                                continue; /* it has another one now */
                        entry = entry_new_tombstone(entry_key(mine), ENTRY_PERSISTENT);
                        g_ptr_array_add(tombstones, entry);
                }
                g_ptr_array_add(entries, entry);
        }
}

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

/* Of @ns, which is public. */
static void announce_defaults(const BusService *service, Namespace *ns, const Declaration *before)
{
        g_autoptr(GPtrArray) tombstones = g_ptr_array_new_with_free_func(entry_destroy);
        g_autoptr(GPtrArray) entries = g_ptr_array_new();

        collect_defaults(entries, ns, ns->declaration, before, NULL);
        collect_defaults(entries, ns, before, ns->declaration, tombstones);
        if (entries->len == 0)
                return;

        watch_properties_announce(service, ns, entries);
        held_values_add(service->held_values, ns, entries);
        held_values_end_batch(service->held_values);
}

/* Of @ns, which is public, where something else was declared when it was announced last. */
static int publish_declaration(Signals *signals, Namespace *ns)
{
        const Announced *before = g_hash_table_lookup(signals->announced, ns->name);
        const Declaration *declaration = before ? before->declaration : NULL;
        const char *path = declaration ? declaration->path : "";
        int r = 0;

        if (ns->declaration == declaration)
                return 0;

        if (strcmp(ns->declaration ? ns->declaration->path : "", path) != 0)
                r = announce_declaration(signals->service, ns);
        if (r >= 0)
                announce_defaults(signals->service, ns, declaration);
        return r;
}

/* Tells of @change, which made, removed or opened a namespace, or closed it. */
static int publish_namespace(Signals *signals, const NamespaceChange *change)
{
        Namespace *ns = state_lookup(signals->service->state, change->name);
        const Announced *before = g_hash_table_lookup(signals->announced, change->name);
        bool is_public = ns && namespace_is_public(ns);
        int r = 0;

        if (before && is_public) {
                r = announce_access(signals->service, ns, &before->access);
                if (r >= 0)
                        r = publish_declaration(signals, ns);
        } else if (is_public)
                r = object_manager_announce_added(signals->service, ns);
        else if (before)
                r = object_manager_announce_removed(signals->service, change->name);

        if (is_public)
                remember(signals, ns);
        else
                g_hash_table_remove(signals->announced, change->name);
        return r;
}

static void log_failure(int r, const char *name)
{
        if (r < 0)
                log_record(LOG_WARNING, LOG_FIELDS(LOG_NAMESPACE(name), LOG_ERRNO(r)),
                           "Cannot announce a change of '%s': %s", name, g_strerror(-r));
}

static void publish_namespaces(Signals *signals, const Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                if (change->kind == NAMESPACE_CHANGE_ENTRIES)
                        continue;
                held_values_send(signals->service->held_values);
                log_failure(publish_namespace(signals, change), change->name);
        }
}

static void hold_values(const BusService *service, const Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];
                const Namespace *ns = change->kind == NAMESPACE_CHANGE_ENTRIES
                                              ? state_lookup(service->state, change->name)
                                              : NULL;

                if (ns && namespace_is_public(ns))
                        held_values_add(service->held_values, ns, change->entries);
        }
}

void signals_publish(Signals *signals, const GPtrArray *commits)
{
        const BusService *service = signals->service;

        for (guint i = 0; i < commits->len; i++)
                publish_namespaces(signals, commits->pdata[i]);
        watch_properties_publish(service, commits);
        for (guint i = 0; i < commits->len; i++)
                hold_values(service, commits->pdata[i]);
        held_values_end_batch(service->held_values);
}

void signals_publish_declaration(Signals *signals, Namespace *ns)
{
        if (!namespace_is_public(ns))
                return;

        held_values_send(signals->service->held_values);
        log_failure(publish_declaration(signals, ns), ns->name);
        remember(signals, ns);
}

int signals_build_keys(const BusService *service,
                       const Namespace *ns,
                       const GPtrArray *keys,
                       sd_bus_message **ret_signal,
                       uint64_t *ret_n_bytes)
{
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t n_bytes = 0;
        int r;

        r = new_properties_changed(service, ns, REGENT_VALUES_INTERFACE, &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (guint i = 0; r >= 0 && i < keys->len; i++) {
                n_bytes += NAMESPACE_WALK_KEY_BYTES + strlen(keys->pdata[i]);
                r = sd_bus_message_append_basic(m, 's', keys->pdata[i]);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;

        *ret_n_bytes = n_bytes;
        *ret_signal = g_steal_pointer(&m);
        return 0;
}

static int announce_keys(const BusService *service, const Namespace *ns)
{
        g_autoptr(GPtrArray) keys = namespace_walk_keys(ns, service->limits->signal_bytes);
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t n_bytes;
        int r;

        r = signals_build_keys(service, ns, keys, &m, &n_bytes);
        return r < 0 || n_bytes == 0 ? r : broadcast_send(service, ns->name, m, n_bytes);
}

void signals_renew(Signals *signals, const char *name)
{
        const BusService *service = signals->service;
        const Namespace *ns = state_lookup(service->state, name);

        log_failure(object_manager_announce_removed(service, name), name);
        if (!ns || !namespace_is_public(ns))
                return;

        log_failure(object_manager_announce_added(service, ns), name);
        log_failure(announce_keys(service, ns), name);
}
