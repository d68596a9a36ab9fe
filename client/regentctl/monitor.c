/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Monitor
 *
 * Handlers of signals only note what came and wake the loop, because reading runs the main loop, too.
 * regentd signals a change before it answers a later call, so a signal that is queued when a reply
 * arrives is older than the reply: what has just been read drops out of the queue.
 *
 * A namespace:   absent -> (it is made) -> announced, when everyone may read it; polled, when not.
 * An announced one is read when it is first seen, when its access changes, and when regentd is back;
 * a polled one when its revision is another.
 */

#include "monitor.h"

#include "client/regent-names.h"
#include "entries.h"
#include "names.h"
#include "namespace-facts.h"
#include "namespace-path.h"
#include "notices.h"
#include "presence.h"
#include "watched.h"

#include <string.h>

#define PROPERTIES_INTERFACE     "org.freedesktop.DBus.Properties"
#define OBJECT_MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"
#define POLL_MSEC                1000U

struct Monitor {
        Bus *bus;
        char *prefix;
        MonitorOnEvent on_event;
        void *userdata;
        GPtrArray *watched;
        Notices *notices;
        Presence *presence;
        guint subscriptions[3];
        guint timer;
        guint n_left_out;
        bool takes_public;
        bool is_started;
        bool is_away;    /* that regentd is gone has been told */
        unsigned n_gone; /* how often it had gone when what there is was read */
        bool is_woken;
        bool is_polling_due;
};

static void tell(Monitor *monitor,
                 MonitorEventKind kind,
                 const Watched *watched,
                 const char *key,
                 GVariant *value)
{
        const MonitorEvent event = {
                .kind = kind, .ns_name = watched ? watched->name : NULL, .key = key, .value = value
        };

        monitor->on_event(&event, monitor->userdata);
}

static bool wants_key(const Monitor *monitor, const char *key)
{
        return !monitor->prefix || g_str_has_prefix(key, monitor->prefix);
}

static void take_value(Monitor *monitor, Watched *watched, const char *key, GVariant *value)
{
        if (wants_key(monitor, key) && fingerprints_set(watched->keys, key, value) &&
            monitor->is_started)
                tell(monitor, MONITOR_SET, watched, key, value);
}

static void take_absence(Monitor *monitor, Watched *watched, const char *key)
{
        if (wants_key(monitor, key) && fingerprints_unset(watched->keys, key) &&
            monitor->is_started)
                tell(monitor, MONITOR_UNSET, watched, key, NULL);
}

static void on_properties_changed(GDBusConnection *connection,
                                  const char *sender,
                                  const char *path,
                                  const char *interface,
                                  const char *member,
                                  GVariant *parameters,
                                  gpointer userdata)
{
        Monitor *monitor = userdata;
        g_autofree char *ns_name = namespace_path_name(path);
        g_autoptr(GVariant) changed = NULL;
        g_autofree const char **gone = NULL;
        const char *subject;
        Watched *watched;

        (void) connection, (void) sender, (void) interface, (void) member;
        if (!ns_name || !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
                return;
        watched = watched_find(monitor->watched, ns_name);
        if (!watched)
                return;

        g_variant_get(parameters, "(&s@a{sv}^a&s)", &subject, &changed, &gone);
        if (strcmp(subject, REGENT_VALUES_INTERFACE) == 0)
                notices_add(monitor->notices, ns_name, changed, gone);
        else
                watched->must_read = true; /* who may read it may be another matter now */
        monitor->is_woken = true;
}

static void on_interfaces_changed(GDBusConnection *connection,
                                  const char *sender,
                                  const char *path,
                                  const char *interface,
                                  const char *member,
                                  GVariant *parameters,
                                  gpointer userdata)
{
        Monitor *monitor = userdata;
        g_autofree char *object = NULL;
        g_autofree char *ns_name = NULL;
        Watched *watched;

        (void) connection, (void) sender, (void) path, (void) interface, (void) member;
        if (g_variant_n_children(parameters) == 0 ||
            !g_str_has_prefix(g_variant_get_type_string(parameters), "(o"))
                return;

        g_variant_get_child(parameters, 0, "o", &object);
        ns_name = namespace_path_name(object);
        watched = ns_name ? watched_find(monitor->watched, ns_name) : NULL;
        if (!watched && ns_name && monitor->takes_public)
                watched = watched_add(monitor->watched, ns_name);
        if (watched)
                watched->must_read = true;
        monitor->is_woken = true;
}

static gboolean on_poll(gpointer userdata)
{
        Monitor *monitor = userdata;

        monitor->is_polling_due = true;
        monitor->is_woken = true;
        return G_SOURCE_CONTINUE;
}

static guint subscribe(Monitor *monitor,
                       const char *interface,
                       const char *member,
                       GDBusSignalCallback callback)
{
        return g_dbus_connection_signal_subscribe(
                bus_connection(monitor->bus), REGENT_BUS_NAME, interface, member, NULL, NULL,
                G_DBUS_SIGNAL_FLAGS_NONE, callback, monitor, NULL);
}

Monitor *monitor_new(Bus *bus, const char *prefix, MonitorOnEvent on_event, void *userdata)
{
        Monitor *monitor = g_new0(Monitor, 1);

        *monitor = (Monitor){ .bus = bus, .on_event = on_event, .userdata = userdata };
        monitor->prefix = g_strdup(prefix);
        monitor->watched = watched_list_new();
        monitor->notices = notices_new();
        monitor->subscriptions[0] = subscribe(monitor, PROPERTIES_INTERFACE, "PropertiesChanged",
                                              on_properties_changed);
        monitor->subscriptions[1] = subscribe(monitor, OBJECT_MANAGER_INTERFACE, "InterfacesAdded",
                                              on_interfaces_changed);
        monitor->subscriptions[2] = subscribe(monitor, OBJECT_MANAGER_INTERFACE,
                                              "InterfacesRemoved", on_interfaces_changed);
        monitor->presence = presence_new(bus, &monitor->is_woken);
        monitor->timer = g_timeout_add(POLL_MSEC, on_poll, monitor);
        return monitor;
}

Monitor *monitor_free(Monitor *monitor)
{
        GDBusConnection *connection;

        if (!monitor)
                return NULL;

        connection = bus_connection(monitor->bus);
        for (size_t i = 0; i < G_N_ELEMENTS(monitor->subscriptions); i++)
                g_dbus_connection_signal_unsubscribe(connection, monitor->subscriptions[i]);
        presence_free(monitor->presence);
        g_source_remove(monitor->timer);
        notices_free(monitor->notices);
        g_ptr_array_unref(monitor->watched);
        g_free(monitor->prefix);
        g_free(monitor);
        return NULL;
}

void monitor_add(Monitor *monitor, const char *ns_name)
{
        if (!watched_find(monitor->watched, ns_name))
                watched_add(monitor->watched, ns_name)->is_named = true;
}

void monitor_add_public(Monitor *monitor)
{
        monitor->takes_public = true;
}

typedef struct Reading {
        Monitor *monitor;
        Watched *watched;
} Reading;

static gboolean on_entry(const char *key, GVariant *value, void *userdata, Failure **reterr)
{
        Reading *reading = userdata;

        (void) reterr;
        take_value(reading->monitor, reading->watched, key, value);
        return TRUE;
}

/* It may be gone: it is looked at next. */
static void doubt(Monitor *monitor, Watched *watched)
{
        watched->must_read = true;
        monitor->is_woken = true;
}

/* Reads one key again; what was queued of it before the reply is known then. */
static gboolean read_key(Monitor *monitor, Watched *watched, const char *key, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) value = NULL;
        g_autoptr(Failure) failure = NULL;

        if (bus_call_namespace(monitor->bus, watched->name, "Get", g_variant_new("(s)", key), "(v)",
                               &reply, &failure)) {
                g_variant_get(reply, "(v)", &value);
                take_value(monitor, watched, key, value);
        } else if (failure_is(failure, REGENT_ERROR_NO_SUCH_KEY)) {
                take_absence(monitor, watched, key);
        } else if (failure->status == EXIT_NOT_FOUND || failure->status == EXIT_DENIED) {
                doubt(monitor, watched);
        } else {
                *reterr = g_steal_pointer(&failure);
                return FALSE;
        }
        notices_forget(monitor->notices, watched->name, key);
        return TRUE;
}

static gboolean read_entries(Monitor *monitor, Watched *watched, Failure **reterr)
{
        const EntriesQuery query = { .ns_name = watched->name, .prefix = monitor->prefix };
        Reading reading = { .monitor = monitor, .watched = watched };
        g_autoptr(GPtrArray) gone = NULL;

        fingerprints_begin(watched->keys);
        if (!entries_read(monitor->bus, &query, on_entry, &reading, NULL, NULL, reterr))
                return FALSE;
        gone = fingerprints_end(watched->keys);
        for (guint i = 0; monitor->is_started && i < gone->len; i++)
                tell(monitor, MONITOR_UNSET, watched, gone->pdata[i], NULL);
        /* What was signalled while pages were read may be older or newer than they. */
        notices_distrust(monitor->notices, watched->name);
        return TRUE;
}

static void lose(Monitor *monitor, Watched *watched)
{
        if (watched->is_there && monitor->is_started)
                tell(monitor, MONITOR_REMOVED, watched, NULL, NULL);
        watched_lose(watched);
}

/* Whether a failure says that a namespace is not there, or not for us, while that is no reason to end. */
static bool is_loss(const Monitor *monitor, const Watched *watched, const Failure *failure)
{
        return (monitor->is_started || !watched->is_named) &&
               (failure->status == EXIT_NOT_FOUND || failure->status == EXIT_DENIED);
}

/* Looks at a namespace and reads it unless it is as it was. */
static gboolean look(Monitor *monitor, Watched *watched, Failure **reterr)
{
        g_autoptr(NamespaceFacts) facts = NULL;
        g_autoptr(Failure) failure = NULL;

        if (!namespace_facts_read(monitor->bus, watched->name, &facts, &failure)) {
                if (!is_loss(monitor, watched, failure)) {
                        *reterr = g_steal_pointer(&failure);
                        return FALSE;
                }
                watched->must_read = false;
                lose(monitor, watched);
                return TRUE;
        }
        if (!watched->is_there && monitor->is_started)
                tell(monitor, MONITOR_MADE, watched, NULL, NULL);
        watched->is_announced = namespace_facts_is_announced(facts);
        if (watched->is_there && !watched->must_read && facts->revision == watched->revision)
                return TRUE;

        watched->is_there = true;
        watched->must_read = false;
        if (!read_entries(monitor, watched, &failure)) {
                /* Looked at again, within a second. */
                watched->must_read = true;
                if (is_loss(monitor, watched, failure))
                        return TRUE;
                *reterr = g_steal_pointer(&failure);
                return FALSE;
        }
        watched->revision = facts->revision;
        return TRUE;
}

static gboolean find_public(Monitor *monitor, Failure **reterr)
{
        g_auto(GStrv) names = NULL;
        g_autoptr(GPtrArray) facts = NULL;

        if (!names_read_namespaces(monitor->bus, NULL, &names, reterr) ||
            !namespace_facts_read_many(monitor->bus, (const char *const *) names, true, &facts,
                                       reterr))
                return FALSE;
        monitor->n_left_out = 0;
        for (guint i = 0; i < facts->len; i++) {
                const NamespaceFacts *each = facts->pdata[i];

                if (!namespace_facts_is_announced(each))
                        monitor->n_left_out++;
                else if (!watched_find(monitor->watched, each->name))
                        watched_add(monitor->watched, each->name);
        }
        return TRUE;
}

gboolean monitor_start(Monitor *monitor, Failure **reterr)
{
        if (monitor->takes_public && !find_public(monitor, reterr))
                return FALSE;
        for (guint i = 0; i < monitor->watched->len; i++) {
                if (!look(monitor, monitor->watched->pdata[i], reterr))
                        return FALSE;
        }
        monitor->is_started = true;
        return TRUE;
}

guint monitor_n_polled(const Monitor *monitor)
{
        guint n_polled = 0;

        for (guint i = 0; i < monitor->watched->len; i++)
                n_polled += ((const Watched *) monitor->watched->pdata[i])->is_announced ? 0 : 1;
        return n_polled;
}

guint monitor_n_left_out(const Monitor *monitor)
{
        return monitor->n_left_out;
}

static gboolean take_notice(Monitor *monitor, const Notice *notice, Failure **reterr)
{
        Watched *watched = watched_find(monitor->watched, notice->ns_name);
        g_autoptr(GList) changed = g_hash_table_get_keys(notice->changed);
        g_autoptr(GList) read = g_hash_table_get_keys(notice->read);

        if (!watched)
                return TRUE;
        changed = g_list_sort(changed, (GCompareFunc) strcmp);
        for (const GList *at = changed; at; at = at->next)
                take_value(monitor, watched, at->data,
                           g_hash_table_lookup(notice->changed, at->data));
        read = g_list_sort(read, (GCompareFunc) strcmp);
        for (const GList *at = read; at; at = at->next)
                if (!read_key(monitor, watched, at->data, reterr)) {
                        watched->must_read = true;
                        return FALSE;
                }
        return TRUE;
}

static gboolean take_notices(Monitor *monitor, Failure **reterr)
{
        Notice *notice;

        while ((notice = notices_pop(monitor->notices))) {
                gboolean is_taken = take_notice(monitor, notice, reterr);

                notice_free(notice);
                if (!is_taken)
                        return FALSE;
        }
        return TRUE;
}

/* regentd went or came. */
static gboolean follow_owner(Monitor *monitor, Failure **reterr)
{
        unsigned n_gone = presence_n_gone(monitor->presence);

        if (n_gone != monitor->n_gone && !monitor->is_away) {
                monitor->is_away = true;
                tell(monitor, MONITOR_AWAY, NULL, NULL, NULL);
        }
        monitor->n_gone = n_gone;
        if (!monitor->is_away || !presence_owner(monitor->presence))
                return TRUE;

        monitor->is_away = false;
        tell(monitor, MONITOR_BACK, NULL, NULL, NULL);
        for (guint i = 0; i < monitor->watched->len; i++)
                ((Watched *) monitor->watched->pdata[i])->must_read = true;
        return !monitor->takes_public || find_public(monitor, reterr);
}

static gboolean work(Monitor *monitor, Failure **reterr)
{
        bool is_polling = monitor->is_polling_due;

        monitor->is_polling_due = false;
        if (!follow_owner(monitor, reterr))
                return FALSE;
        for (guint i = monitor->is_away ? 0 : monitor->watched->len; i-- > 0;) {
                Watched *watched = monitor->watched->pdata[i];

                if ((watched->must_read || (is_polling && !watched->is_announced)) &&
                    !look(monitor, watched, reterr))
                        return FALSE;
                if (!watched->is_there && !watched->is_named)
                        g_ptr_array_remove_index(monitor->watched, i);
        }
        return monitor->is_away || take_notices(monitor, reterr);
}

/* What a restart of regentd breaks is done again once it is back. */
static bool is_passing(const Failure *failure)
{
        return failure->status == EXIT_UNREACHABLE || failure->status == EXIT_TIMEOUT;
}

gboolean monitor_run(Monitor *monitor, Failure **reterr)
{
        for (;;) {
                g_autoptr(Failure) failure = NULL;

                if (!bus_wait(monitor->bus, &monitor->is_woken, reterr))
                        return FALSE;
                monitor->is_woken = false;
                if (presence_is_closed(monitor->presence))
                        return failure_set(reterr, EXIT_UNREACHABLE, "The bus is gone");
                if (work(monitor, &failure))
                        continue;
                if (!is_passing(failure)) {
                        *reterr = g_steal_pointer(&failure);
                        return FALSE;
                }
                monitor->is_polling_due = true;
        }
}
