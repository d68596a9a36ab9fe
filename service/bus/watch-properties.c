/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties of who watches
 */

#include "bus/watch-properties.h"

#include "bus/authorizer.h"
#include "bus/flow.h"
#include "bus/signals.h"
#include "bus/watch-withheld.h"
#include "util/auto.h"
#include "util/log.h"

#include <string.h>

/* More namespaces than these are not kept in mind for a connection that does not read. */
#define MISSED_MAX 256u

typedef struct Audience {
        const Namespace *ns;
        GHashTable *watchers; /* Watcher, as a set */
} Audience;

static bool covers(const Watch *watch, const Namespace *ns)
{
        const WatchTopic *topic = watch->group->topic;

        if (watch->state == WATCH_STOPPED || watch->is_in_doubt)
                return false;
        if (!topic->is_of_names)
                return strcmp(topic->name, ns->name) == 0;
        return g_str_has_prefix(ns->name, topic->name) &&
               authorizer_may_list(watch->watcher->caller, ns);
}

static void add_topic(void *userdata, WatchTopic *topic)
{
        const Audience *audience = userdata;
        GHashTableIter iter;
        gpointer group;

        g_hash_table_iter_init(&iter, topic->groups);
        while (g_hash_table_iter_next(&iter, NULL, &group))
                for (GList *l = ((WatchGroup *) group)->all.head; l; l = l->next)
                        if (covers(l->data, audience->ns))
                                g_hash_table_add(audience->watchers, ((Watch *) l->data)->watcher);
}

/* Whoever watches @ns: a set, owned. */
static GHashTable *audience_of(const BusService *service, const Namespace *ns)
{
        Audience audience = { ns, g_hash_table_new(NULL, NULL) };
        WatchTopic *topic = watches_topic(service->watches, ns->name);

        if (topic)
                add_topic(&audience, topic);
        watches_foreach_covering(service->watches, ns->name, add_topic, &audience);
        return audience.watchers;
}

bool watch_properties_are_wanted(const BusService *service, const Namespace *ns)
{
        return watches_topic(service->watches, ns->name) || watches_has_names(service->watches);
}

static bool is_covered(const Watcher *watcher, const Namespace *ns, const Entry *entry)
{
        for (GList *l = watcher->all.head; l; l = l->next)
                if (covers(l->data, ns) &&
                    g_str_has_prefix(entry_key(entry), ((Watch *) l->data)->group->prefix))
                        return true;

        return false;
}

static void note_missed(const BusService *service, Watcher *watcher, const char *name)
{
        if (!watcher->missed)
                watcher->missed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        if (g_hash_table_size(watcher->missed) < MISSED_MAX)
                g_hash_table_add(watcher->missed, g_strdup(name));
        watch_withheld_add(service, watcher);
}

static int send(const BusService *service, Watcher *watcher, sd_bus_message *m, uint64_t n_bytes)
{
        int r;

        r = sd_bus_message_set_destination(m, watcher->caller->name);
        if (r >= 0)
                r = sd_bus_send(NULL, m, NULL);
        if (r < 0)
                return r;

        flow_charge_signal(service, watcher->caller, n_bytes + LEDGER_MESSAGE_BYTES);
        return 0;
}

static int announce_to(const BusService *service,
                       Watcher *watcher,
                       Namespace *ns,
                       GPtrArray *entries)
{
        g_autoptr(GPtrArray) covered = g_ptr_array_new();
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t n_bytes;
        int r;

        for (guint i = 0; i < entries->len; i++)
                if (is_covered(watcher, ns, entries->pdata[i]))
                        g_ptr_array_add(covered, entries->pdata[i]);
        if (covered->len == 0)
                return 0;

        if (watcher->is_withheld ||
            !flow_admit_signal(service, watcher->caller, service->limits->signal_bytes)) {
                note_missed(service, watcher, ns->name);
                return 0;
        }

        r = signals_build_values(service, ns, covered, &m, &n_bytes);
        return r < 0 ? r : send(service, watcher, m, n_bytes);
}

static void log_failure(int r, const Watcher *watcher)
{
        if (r < 0)
                log_warning("Cannot tell %s of properties: %s", watcher->caller->name,
                            g_strerror(-r));
}

void watch_properties_announce(const BusService *service, Namespace *ns, GPtrArray *entries)
{
        g_autoptr(GHashTable) audience = audience_of(service, ns);
        GHashTableIter iter;
        gpointer watcher;

        g_hash_table_iter_init(&iter, audience);
        while (g_hash_table_iter_next(&iter, &watcher, NULL))
                log_failure(announce_to(service, watcher, ns, entries), watcher);
}

static int invalidate(const BusService *service, Watcher *watcher, const Namespace *ns)
{
        g_autoptr(sd_bus_message) m = NULL;
        uint64_t n_bytes;
        int r;

        r = signals_build_keys(service, ns, &m, &n_bytes);
        return r < 0 || n_bytes == 0 ? r : send(service, watcher, m, n_bytes);
}

void watch_properties_invalidate(BusService *service, Namespace *ns)
{
        g_autoptr(GHashTable) audience = NULL;
        GHashTableIter iter;
        gpointer watcher;

        if (namespace_is_public(ns))
                return;

        audience = audience_of(service, ns);
        g_hash_table_iter_init(&iter, audience);
        while (g_hash_table_iter_next(&iter, &watcher, NULL))
                if (flow_admit_signal(service, ((Watcher *) watcher)->caller,
                                      service->limits->signal_bytes))
                        log_failure(invalidate(service, watcher, ns), watcher);
                else
                        note_missed(service, watcher, ns->name);
}

static bool may_know(const Watcher *watcher, const Namespace *ns)
{
        for (GList *l = watcher->all.head; l; l = l->next)
                if (covers(l->data, ns))
                        return true;

        return false;
}

void watch_properties_go_on(BusService *service, Watcher *watcher)
{
        g_autoptr(GHashTable) missed = g_steal_pointer(&watcher->missed);
        GHashTableIter iter;
        gpointer name;

        if (!missed)
                return;

        g_hash_table_iter_init(&iter, missed);
        while (g_hash_table_iter_next(&iter, &name, NULL)) {
                const Namespace *ns = state_lookup(service->state, name);

                if (ns && may_know(watcher, ns))
                        log_failure(invalidate(service, watcher, ns), watcher);
        }
}
