/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Monitor
 *
 * A watch for each namespace that is named, or one for all. They tell what there is again when nobody knows what has
 * changed; so a fingerprint of each value tells what is news.
 */

#include "monitor.h"

#include "client/regent.h"
#include "fingerprints.h"
#include "namespace-facts.h"

#include <string.h>

typedef struct Subject {
        Monitor *monitor;
        char *ns_name; /* NULL: all */
        RegentWatch *watch;
        bool is_live;
} Subject;

struct Monitor {
        Bus *bus;
        char *prefix;
        MonitorOnEvent on_event;
        void *userdata;
        GPtrArray *subjects;    /* of Subject */
        GHashTable *namespaces; /* name -> Fingerprints; of those that are there */
        Failure *failure;       /* it ends with this */
        guint n_live;
        bool is_started; /* what there is has been read */
        bool is_away;    /* that regentd is gone has been told */
        bool is_woken;
};

static void free_subject(gpointer userdata)
{
        Subject *subject = userdata;

        regent_watch_free(subject->watch);
        g_free(subject->ns_name);
        g_free(subject);
}

static void free_fingerprints(gpointer userdata)
{
        fingerprints_free(userdata);
}

Monitor *monitor_new(Bus *bus, const char *prefix, MonitorOnEvent on_event, void *userdata)
{
        Monitor *monitor = g_new0(Monitor, 1);

        *monitor = (Monitor){ .bus = bus, .on_event = on_event, .userdata = userdata };
        monitor->prefix = g_strdup(prefix);
        monitor->subjects = g_ptr_array_new_with_free_func(free_subject);
        monitor->namespaces =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_fingerprints);
        return monitor;
}

Monitor *monitor_free(Monitor *monitor)
{
        if (!monitor)
                return NULL;

        g_ptr_array_unref(monitor->subjects);
        g_hash_table_unref(monitor->namespaces);
        failure_free(monitor->failure);
        g_free(monitor->prefix);
        g_free(monitor);
        return NULL;
}

void monitor_add(Monitor *monitor, const char *ns_name)
{
        Subject *subject;

        for (guint i = 0; i < monitor->subjects->len; i++)
                if (g_strcmp0(((Subject *) monitor->subjects->pdata[i])->ns_name, ns_name) == 0)
                        return;

        subject = g_new0(Subject, 1);
        subject->monitor = monitor;
        subject->ns_name = g_strdup(ns_name);
        g_ptr_array_add(monitor->subjects, subject);
}

/* What there is at the start is no news. */
static void tell(Monitor *monitor,
                 MonitorEventKind kind,
                 const char *ns_name,
                 const char *key,
                 GVariant *value)
{
        const MonitorEvent event = { .kind = kind, .ns_name = ns_name, .key = key, .value = value };

        if (monitor->is_started)
                monitor->on_event(&event, monitor->userdata);
}

static bool wants_key(const Monitor *monitor, const char *key)
{
        return !monitor->prefix || g_str_has_prefix(key, monitor->prefix);
}

static Fingerprints *find_or_make(Monitor *monitor, const char *ns_name)
{
        Fingerprints *keys = g_hash_table_lookup(monitor->namespaces, ns_name);

        if (!keys) {
                keys = fingerprints_new();
                g_hash_table_insert(monitor->namespaces, g_strdup(ns_name), keys);
                tell(monitor, MONITOR_MADE, ns_name, NULL, NULL);
        }
        return keys;
}

static void take_values(Monitor *monitor, Fingerprints *keys, const char *ns_name, GVariant *values)
{
        GVariantIter iterator;
        const char *key;
        GVariant *value;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_loop(&iterator, "{&sv}", &key, &value))
                if (wants_key(monitor, key) && fingerprints_set(keys, key, value))
                        tell(monitor, MONITOR_SET, ns_name, key, value);
}

static void take_state(Monitor *monitor, const RegentWatchEvent *event)
{
        Fingerprints *keys = find_or_make(monitor, event->ns_name);
        g_autoptr(GPtrArray) gone = NULL;

        fingerprints_begin(keys);
        take_values(monitor, keys, event->ns_name, event->values);
        gone = fingerprints_end(keys);
        for (guint i = 0; i < gone->len; i++)
                tell(monitor, MONITOR_UNSET, event->ns_name, gone->pdata[i], NULL);
}

static void take_change(Monitor *monitor, const RegentWatchEvent *event)
{
        Fingerprints *keys = find_or_make(monitor, event->ns_name);

        take_values(monitor, keys, event->ns_name, event->values);
        for (const char *const *key = event->removed; key && *key; key++)
                if (wants_key(monitor, *key) && fingerprints_unset(keys, *key))
                        tell(monitor, MONITOR_UNSET, event->ns_name, *key, NULL);
}

static void end(Monitor *monitor, Failure *failure)
{
        if (monitor->failure)
                failure_free(failure);
        else
                monitor->failure = failure;
        monitor->is_woken = true;
}

static void take_away(Monitor *monitor)
{
        Failure *failure = NULL;

        if (!bus_is_connected(monitor->bus)) {
                failure_set(&failure, EXIT_UNREACHABLE, "The bus is gone");
                end(monitor, failure);
        }
        if (!monitor->is_away)
                tell(monitor, MONITOR_AWAY, NULL, NULL, NULL);
        monitor->is_away = true;
}

static void take_end(Monitor *monitor, const RegentWatchEvent *event)
{
        Failure *failure = NULL;

        failure_set_from_regent(&failure, bus_regent(monitor->bus), event->result);
        end(monitor, failure);
}

static void take_live(Subject *subject)
{
        Monitor *monitor = subject->monitor;

        if (!subject->is_live)
                monitor->n_live++;
        subject->is_live = true;
        monitor->is_woken = true;
}

static void come_back(Monitor *monitor)
{
        if (monitor->is_away)
                tell(monitor, MONITOR_BACK, NULL, NULL, NULL);
        monitor->is_away = false;
}

static void on_event(RegentWatch *watch, const RegentWatchEvent *event, void *userdata)
{
        Subject *subject = userdata;
        Monitor *monitor = subject->monitor;

        (void) watch;
        if (event->kind == REGENT_WATCH_AWAY)
                take_away(monitor);
        else if (event->kind == REGENT_WATCH_ENDED)
                take_end(monitor, event);
        else
                come_back(monitor);

        if (event->kind == REGENT_WATCH_STATE)
                take_state(monitor, event);
        else if (event->kind == REGENT_WATCH_CHANGE)
                take_change(monitor, event);
        else if (event->kind == REGENT_WATCH_LIVE)
                take_live(subject);
        else if (event->kind == REGENT_WATCH_GONE &&
                 g_hash_table_remove(monitor->namespaces, event->ns_name))
                tell(monitor, MONITOR_REMOVED, event->ns_name, NULL, NULL);
}

/* One that is named is to be there at first, and is waited for when it goes. */
static gboolean start(Subject *subject, Failure **reterr)
{
        Monitor *monitor = subject->monitor;
        Regent *regent = bus_regent(monitor->bus);
        g_autoptr(NamespaceFacts) facts = NULL;
        int r;

        if (!subject->ns_name) {
                subject->watch = regent_watch_new_by_prefix(regent, NULL, on_event, subject);
        } else {
                if (!namespace_facts_read(monitor->bus, subject->ns_name, &facts, reterr))
                        return FALSE;
                subject->watch = regent_watch_new(regent, subject->ns_name, on_event, subject);
                regent_watch_set_prefix(subject->watch, monitor->prefix);
                regent_watch_set_patient(subject->watch, true);
        }
        r = regent_watch_start(subject->watch);
        return r >= 0 || failure_set_from_regent(reterr, regent, r);
}

/* Until it fails. */
static gboolean go_on(Monitor *monitor, int64_t deadline_usec, Failure **reterr)
{
        if (!bus_wait_until(monitor->bus, &monitor->is_woken, deadline_usec, reterr))
                return FALSE;

        monitor->is_woken = false;
        if (monitor->failure)
                *reterr = g_steal_pointer(&monitor->failure);
        return !*reterr;
}

gboolean monitor_start(Monitor *monitor, Failure **reterr)
{
        for (guint i = 0; i < monitor->subjects->len; i++)
                if (!start(monitor->subjects->pdata[i], reterr))
                        return FALSE;

        while (monitor->n_live < monitor->subjects->len)
                if (!go_on(monitor, bus_deadline_usec(monitor->bus), reterr)) {
                        bus_hint(monitor->bus, *reterr, NULL, "Watch");
                        return FALSE;
                }
        monitor->is_started = true;
        return TRUE;
}

gboolean monitor_run(Monitor *monitor, Failure **reterr)
{
        while (go_on(monitor, 0, reterr))
                continue;
        return FALSE;
}
