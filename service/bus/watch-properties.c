/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties of who watches
 */

#include "bus/watch-properties.h"

#include "bus/authorizer.h"
#include "bus/flow.h"
#include "bus/signals.h"
#include "bus/watch-withheld.h"
#include "core/history.h"
#include "core/namespace-walk.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

/* More namespaces than these are not kept in mind for a connection that is not told. */
#define MISSED_MAX 256u

typedef struct Audience {
        const Namespace *ns;
        GHashTable *watchers; /* Watcher, as a set */
} Audience;

/* What a watch has to do with a key, or a namespace; the more the later it stands here. */
typedef enum Concern {
        CONCERN_NONE,
        CONCERN_LATER, /* it is to hear of it when it goes on */
        CONCERN_NOW,
} Concern;

static Concern concern_of(const Watch *watch, const Namespace *ns)
{
        const WatchTopic *topic = watch->group->topic;
        bool is_covered = topic->is_of_names
                                  ? g_str_has_prefix(ns->name, topic->name) &&
                                            authorizer_may_list(watch->watcher->caller, ns)
                                  : strcmp(topic->name, ns->name) == 0;

        if (!is_covered)
                return CONCERN_NONE;
        return watch->state == WATCH_STOPPED || watch->is_in_doubt ? CONCERN_LATER : CONCERN_NOW;
}

/* Of all its watches whose prefix @key has; NULL: of all. */
static Concern concern(const Watcher *watcher, const Namespace *ns, const char *key)
{
        Concern most = CONCERN_NONE;

        for (const GList *l = watcher->all.head; l && most < CONCERN_NOW; l = l->next) {
                const Watch *watch = l->data;

                if (!key || g_str_has_prefix(key, watch->group->prefix))
                        most = MAX(most, concern_of(watch, ns));
        }
        return most;
}

static void add_topic(void *userdata, WatchTopic *topic)
{
        const Audience *audience = userdata;
        GHashTableIter iter;
        gpointer group;

        g_hash_table_iter_init(&iter, topic->groups);
        while (g_hash_table_iter_next(&iter, NULL, &group))
                for (GList *l = ((WatchGroup *) group)->all.head; l; l = l->next)
                        if (concern_of(l->data, audience->ns) != CONCERN_NONE)
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

/* It is as it was at the revision @since that it has been told. */
static void note_missed(Watcher *watcher, const char *name, uint64_t since)
{
        if (!watcher->missed)
                watcher->missed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        if (g_hash_table_size(watcher->missed) < MISSED_MAX &&
            !g_hash_table_contains(watcher->missed, name))
                g_hash_table_insert(watcher->missed, g_strdup(name),
                                    g_memdup2(&since, sizeof since));
}

static bool admit(const BusService *service, Watcher *watcher)
{
        if (!watcher->is_withheld &&
            flow_admit_signal(service, watcher->caller, service->limits->signal_bytes))
                return true;

        watch_withheld_add(service, watcher);
        return false;
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
                       GPtrArray *entries,
                       uint64_t since)
{
        g_autoptr(GPtrArray) due = g_ptr_array_new();
        g_autoptr(sd_bus_message) m = NULL;
        bool is_missed = false;
        uint64_t n_bytes;
        int r;

        for (guint i = 0; i < entries->len; i++) {
                Concern it = concern(watcher, ns, entry_key(entries->pdata[i]));

                if (it == CONCERN_NOW)
                        g_ptr_array_add(due, entries->pdata[i]);
                is_missed |= it == CONCERN_LATER;
        }

        if (is_missed)
                note_missed(watcher, ns->name, since);
        if (due->len == 0)
                return 0;
        if (!admit(service, watcher)) {
                note_missed(watcher, ns->name, since);
                return 0;
        }

        r = signals_build_values(service, ns, due, &m, &n_bytes);
        return r < 0 ? r : send(service, watcher, m, n_bytes);
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

void watch_properties_announce(const BusService *service, Namespace *ns, GPtrArray *entries)
{
        g_autoptr(GHashTable) audience = audience_of(service, ns);
        uint64_t since = before(entries);
        GHashTableIter iter;
        gpointer watcher;

        g_hash_table_iter_init(&iter, audience);
        while (g_hash_table_iter_next(&iter, &watcher, NULL))
                log_failure(announce_to(service, watcher, ns, entries, since), watcher);
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

        if (namespace_is_public(ns))
                return;

        since -= since > 0;
        keys = namespace_walk_keys(ns, service->limits->signal_bytes);
        audience = audience_of(service, ns);
        g_hash_table_iter_init(&iter, audience);
        while (g_hash_table_iter_next(&iter, &watcher, NULL))
                if (concern(watcher, ns, NULL) == CONCERN_NOW && admit(service, watcher))
                        log_failure(invalidate(service, watcher, ns, keys), watcher);
                else
                        note_missed(watcher, ns->name, since);
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

/* Whether that is settled. */
static bool make_up(const BusService *service, Watcher *watcher, const char *name, uint64_t since)
{
        Namespace *ns = state_lookup(service->state, name);
        Concern it = ns ? concern(watcher, ns, NULL) : CONCERN_NONE;
        g_autoptr(GPtrArray) keys = NULL;

        if (it == CONCERN_NONE)
                return true;
        if (it == CONCERN_LATER || !admit(service, watcher))
                return false;

        keys = missed_keys(service, ns, since);
        log_failure(invalidate(service, watcher, ns, keys), watcher);
        return true;
}

void watch_properties_go_on(BusService *service, Watcher *watcher)
{
        GHashTableIter iter;
        gpointer name, since;

        if (!watcher->missed)
                return;

        g_hash_table_iter_init(&iter, watcher->missed);
        while (g_hash_table_iter_next(&iter, &name, &since))
                if (make_up(service, watcher, name, *(const uint64_t *) since))
                        g_hash_table_iter_remove(&iter);
        if (g_hash_table_size(watcher->missed) == 0)
                g_clear_pointer(&watcher->missed, g_hash_table_unref);
}
