/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties of who watches
 */

#include "bus/watch-properties.h"

#include "bus/channels.h"
#include "bus/flow.h"
#include "bus/last-entries.h"
#include "bus/signals.h"
#include "bus/watch-audience.h"
#include "bus/watch-withheld.h"
#include "core/history.h"
#include "core/namespace-walk.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

/* Watches and keys that are looked at in one go while a connection catches up. */
#define STEPS_MAX 65536u

/* What a batch left of one namespace's keys. */
typedef struct Delta {
        Namespace *ns;      /* borrowed */
        GPtrArray *entries; /* borrowed Entry, in order; the last of a key counts */
} Delta;

/* It is as it was at the revision @since that it has been told. */
static void note_missed(const BusService *service,
                        Watcher *watcher,
                        const char *name,
                        uint64_t since)
{
        if (!watcher->missed)
                watcher->missed = watch_missed_new();
        watch_missed_add(watcher->missed, name, since);
        watch_withheld_add(service, watcher);
}

static int send(const BusService *service, Watcher *watcher, sd_bus_message *m, uint64_t n_bytes)
{
        int r = 0;

        if (caller_destination(watcher->caller))
                r = sd_bus_message_set_destination(m, caller_destination(watcher->caller));
        if (r >= 0)
                r = sd_bus_send(caller_bus(watcher->caller), m, NULL);
        if (r < 0)
                return r;

        flow_charge_signal(service, watcher->caller, n_bytes + LEDGER_MESSAGE_BYTES);
        return 0;
}

static int announce_to(const BusService *service,
                       Watcher *watcher,
                       Namespace *ns,
                       GPtrArray *entries,
                       uint64_t since)
{
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t n_bytes;
        int r;

        r = signals_build_values(service, ns, entries, &m, &n_bytes);
        if (r < 0)
                return r;
        if (flow_admit_signal(service, watcher->caller, n_bytes))
                return send(service, watcher, m, n_bytes);

        note_missed(service, watcher, ns->name, since);
        return 0;
}

static void log_failure(int r, const Watcher *watcher)
{
        if (r < 0)
                log_warning("Cannot tell %s of properties: %s", watcher->caller->name,
                            g_strerror(-r));
}

/* The revision before all of them. */
static uint64_t before(const GPtrArray *entries)
{
        uint64_t first = UINT64_MAX;

        for (guint i = 0; i < entries->len; i++)
                first = MIN(first, ((const Entry *) entries->pdata[i])->revision);
        return first > 0 ? first - 1 : 0;
}

/* Whether there may be somebody who watches @ns and does not hear what everybody on the bus is told. */
static bool has_audience(const BusService *service, const Namespace *ns)
{
        return (!namespace_is_public(ns) || channels_count(service->channels) > 0) &&
               (watches_topic(service->watches, ns->name) || watches_has_names(service->watches));
}

void watch_properties_announce(const BusService *service, Namespace *ns, GPtrArray *entries)
{
        g_autoptr(GHashTable) audience = NULL;
        uint64_t since = before(entries);
        GHashTableIter iter;
        gpointer watcher, prefixes;

        if (!has_audience(service, ns))
                return;

        last_entries_keep(entries);
        audience = watch_audience(service, ns, entries, since);
        g_hash_table_iter_init(&iter, audience);
        while (g_hash_table_iter_next(&iter, &watcher, &prefixes)) {
                bool is_withheld = ((Watcher *) watcher)->is_withheld;
                g_autoptr(GPtrArray) cut =
                        is_withheld ? NULL : watch_audience_cut(entries, prefixes);

                if (cut)
                        log_failure(announce_to(service, watcher, ns, cut, since), watcher);
                else
                        note_missed(service, watcher, ns->name, since);
        }
}

static void delta_free(gpointer userdata)
{
        Delta *delta = userdata;

        g_ptr_array_unref(delta->entries);
        g_free(delta);
}

static Delta *delta_of(GPtrArray *deltas, Namespace *ns)
{
        Delta *delta;

        for (guint i = 0; i < deltas->len; i++) {
                delta = deltas->pdata[i];
                if (delta->ns == ns)
                        return delta;
        }

        delta = g_new(Delta, 1);
        *delta = (Delta){ ns, g_ptr_array_new() };
        g_ptr_array_add(deltas, delta);
        return delta;
}

static void collect(const BusService *service, GPtrArray *deltas, const NamespaceChange *change)
{
        Namespace *ns = state_lookup(service->state, change->name);
        const Delta *delta;

        if (!ns || !has_audience(service, ns))
                return;

        delta = delta_of(deltas, ns);
        for (guint i = 0; i < change->entries->len; i++)
                if (namespace_concerns_readers(ns, change->entries->pdata[i]))
                        g_ptr_array_add(delta->entries, change->entries->pdata[i]);
}

void watch_properties_publish(const BusService *service, const GPtrArray *commits)
{
        g_autoptr(GPtrArray) deltas = NULL;

        if (watches_is_empty(service->watches))
                return;

        deltas = g_ptr_array_new_with_free_func(delta_free);
        for (guint i = 0; i < commits->len; i++) {
                const GPtrArray *changes = ((const Commit *) commits->pdata[i])->changes;

                for (guint j = 0; j < changes->len; j++)
                        if (((const NamespaceChange *) changes->pdata[j])->kind ==
                            NAMESPACE_CHANGE_ENTRIES)
                                collect(service, deltas, changes->pdata[j]);
        }

        for (guint i = 0; i < deltas->len; i++) {
                const Delta *delta = deltas->pdata[i];

                if (delta->entries->len > 0)
                        watch_properties_announce(service, delta->ns, delta->entries);
        }
}

static int invalidate(const BusService *service,
                      Watcher *watcher,
                      const Namespace *ns,
                      const GPtrArray *keys)
{
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t n_bytes;
        int r;

        r = signals_build_keys(service, ns, keys, &m, &n_bytes);
        return r < 0 || n_bytes == 0 ? r : send(service, watcher, m, n_bytes);
}

void watch_properties_invalidate(BusService *service, Namespace *ns)
{
        uint64_t since = state_revision(service->state);
        g_autoptr(GHashTable) audience = NULL;
        g_autoptr(GPtrArray) keys = NULL;
        GHashTableIter iter;
        gpointer watcher;

        if (namespace_is_public(ns) && channels_count(service->channels) == 0)
                return;

        since -= since > 0;
        keys = namespace_walk_keys(ns, service->limits->signal_bytes);
        audience = watch_audience(service, ns, NULL, since);
        g_hash_table_iter_init(&iter, audience);
        while (g_hash_table_iter_next(&iter, &watcher, NULL))
                if (!((Watcher *) watcher)->is_withheld &&
                    flow_admit_signal(service, ((Watcher *) watcher)->caller,
                                      service->limits->signal_bytes))
                        log_failure(invalidate(service, watcher, ns, keys), watcher);
                else
                        note_missed(service, watcher, ns->name, since);
}

typedef struct Differing {
        GPtrArray *keys;
        uint64_t n_bytes, n_bytes_max;
} Differing;

static int on_differs(void *userdata, const char *key, Entry *entry G_GNUC_UNUSED)
{
        Differing *differing = userdata;

        if (differing->n_bytes >= differing->n_bytes_max)
                return -E2BIG;
        differing->n_bytes += NAMESPACE_WALK_KEY_BYTES + strlen(key);
        g_ptr_array_add(differing->keys, (gpointer) (uintptr_t) key);
        return 0;
}

/* The keys that differ from then, those that are gone, too; or all, if that is not known. */
static GPtrArray *missed_keys(const BusService *service, Namespace *ns, uint64_t since)
{
        g_autoptr(GPtrArray) keys = g_ptr_array_new();
        Differing differing = { keys, 0, service->limits->signal_bytes };
        g_autofree char *text = NULL;

        if (history_check(service->state, ns, since, &text) == 0 &&
            history_walk(service->state, ns, "", since, on_differs, &differing) <= 0)
                return g_steal_pointer(&keys);
        return namespace_walk_keys(ns, service->limits->signal_bytes);
}

/* Of all its watches; those that are to hear of it later have that noted. */
static WatchConcern concern(Watcher *watcher, const Namespace *ns, uint64_t since)
{
        WatchConcern most = WATCH_CONCERN_NONE;

        for (const GList *l = watcher->all.head; l && most < WATCH_CONCERN_NOW; l = l->next) {
                WatchConcern it = watch_concern(l->data, ns);

                if (it == WATCH_CONCERN_LATER)
                        watch_note_missed(l->data, since);
                most = MAX(most, it);
        }
        return most;
}

/* Not flow_admit_signal(): one that is asked for more at each answer would be asked for ever. */
static bool has_room(BusService *service, const Watcher *watcher)
{
        bool is_own;

        return flow_room(service, watcher->caller->name, &is_own) >=
               service->limits->signal_bytes + LEDGER_MESSAGE_BYTES;
}

/* Whether that is settled. */
static bool make_up(
        BusService *service, Watcher *watcher, Namespace *ns, uint64_t since, uint64_t *n_steps)
{
        g_autoptr(GPtrArray) keys = NULL;

        *n_steps += 1 + (uint64_t) watcher->all.length;
        if (concern(watcher, ns, since) != WATCH_CONCERN_NOW)
                return true;
        if (!has_room(service, watcher))
                return false;

        *n_steps += (uint64_t) g_tree_nnodes(ns->entries);
        keys = missed_keys(service, ns, since);
        log_failure(invalidate(service, watcher, ns, keys), watcher);
        return true;
}

/* What watches that are told again were not told of. */
static void collect_missed(Watcher *watcher)
{
        for (const GList *l = watcher->all.head; l; l = l->next) {
                Watch *watch = l->data;

                if (!watch->has_missed || watch->is_in_doubt || watch->state == WATCH_STOPPED)
                        continue;
                watch->has_missed = false;
                if (!watcher->missed)
                        watcher->missed = watch_missed_new();
                if (watch->group->topic->is_of_names)
                        watch_missed_add_all(watcher->missed, watch->missed_since);
                else
                        watch_missed_add(watcher->missed, watch->group->topic->name,
                                         watch->missed_since);
        }
}

void watch_properties_go_on(BusService *service, Watcher *watcher)
{
        uint64_t n_steps = 0, since;
        Namespace *ns;

        collect_missed(watcher);
        if (!watcher->missed || watcher->is_withheld)
                return;

        while (n_steps < STEPS_MAX &&
               (ns = watch_missed_take(watcher->missed, service->state, &since)))
                if (!make_up(service, watcher, ns, since, &n_steps)) {
                        note_missed(service, watcher, ns->name, since);
                        return;
                }

        if (watch_missed_is_empty(watcher->missed)) {
                watcher->missed = watch_missed_free(watcher->missed);
                return;
        }
        watch_withheld_add(service, watcher);
        flow_ask(service, watcher->caller);
}
