/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watch rights
 *
 *            to be asked   put to polkit     yes             no
 *   HELD     WAITING       -                 -               -
 *   WAITING  -             ASKED             -               -
 *   ASKED    ASKED again   -                 HELD            the watches end
 *            afterwards
 *
 * Few questions are under way at a time: polkit answers one after the other, and calls wait there,
 * too.
 */

#include "bus/watch-rights.h"

#include "bus/authorizer.h"
#include "bus/flow.h"
#include "bus/polkit.h"
#include "bus/watch-delivery.h"
#include "bus/watch-properties.h"
#include "bus/watch-withheld.h"
#include "util/auto.h"
#include "util/log.h"

#include <string.h>

#define ASKED_MAX   4u
#define PERIOD_USEC (UINT64_C(60) * 1000000)
#define RETRY_USEC  (UINT64_C(1) * 1000000)

struct WatchRights {
        BusService *service;
        GQueue all;     /* WatchRight */
        GQueue waiting; /* WatchRight, to be asked about */
        size_t n_asked;
        sd_event_source *period, *retry;
};

/* What polkit granted, or is being asked for. */
typedef struct WatchRight {
        WatchRights *rights;
        Watcher *watcher;
        char *name;             /* of the namespace */
        NamespaceAccess access; /* that polkit was told */
        PolkitCheck *check;
        bool is_waiting, is_to_be_asked_again;
        GList in_all, in_waiting;
} WatchRight;

static void ask_waiting(WatchRights *rights);
static void start_period(WatchRights *rights);

static WatchRight *lookup(const Watcher *watcher, const char *name)
{
        return watcher->rights ? g_hash_table_lookup(watcher->rights, name) : NULL;
}

static void right_free(gpointer userdata)
{
        WatchRight *right = userdata;
        WatchRights *rights = right->rights;

        if (right->check) {
                rights->n_asked--;
                polkit_abandon(right->check);
        }
        if (right->is_waiting)
                g_queue_unlink(&rights->waiting, &right->in_waiting);
        g_queue_unlink(&rights->all, &right->in_all);
        g_free(right->name);
        g_free(right);
}

static WatchRight *get(BusService *service, Watcher *watcher, const Namespace *ns)
{
        WatchRights *rights = service->rights;
        WatchRight *right = lookup(watcher, ns->name);

        if (right)
                return right;

        right = g_new(WatchRight, 1);
        *right = (WatchRight){
                .rights = rights,
                .watcher = watcher,
                .name = g_strdup(ns->name),
                .access = ns->access,
        };
        right->in_all.data = right;
        right->in_waiting.data = right;
        g_queue_push_tail_link(&rights->all, &right->in_all);
        if (!watcher->rights)
                watcher->rights = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, right_free);
        g_hash_table_insert(watcher->rights, right->name, right);
        start_period(rights);
        return right;
}

static bool is_of(const Watch *watch, const char *name)
{
        const WatchTopic *topic = watch->group->topic;

        return !topic->is_of_names && strcmp(topic->name, name) == 0;
}

static void clear_doubt(BusService *service, Watcher *watcher, const char *name)
{
        for (GList *l = watcher->all.head; l; l = l->next) {
                Watch *watch = l->data;

                if (!watch->is_in_doubt || !is_of(watch, name))
                        continue;
                watch->is_in_doubt = false;
                if (watch->state != WATCH_WITHHELD)
                        continue;
                if (flow_may_go_on(service, watcher->caller))
                        watch_go_on(service, watch);
                else
                        watch_withheld_add(service, watcher);
        }
        watch_properties_go_on(service, watcher);
}

/* The last one takes the right with it, and may take @watcher. */
static void end_watches(BusService *service, Watcher *watcher, const char *name)
{
        g_autoptr(GPtrArray) ended = g_ptr_array_new();

        for (GList *l = watcher->all.head; l; l = l->next)
                if (is_of(l->data, name))
                        g_ptr_array_add(ended, l->data);
        for (guint i = 0; i < ended->len; i++)
                watch_end(service, ended->pdata[i], SD_BUS_ERROR_ACCESS_DENIED);
}

static void enqueue(WatchRight *right)
{
        if (right->check) {
                right->is_to_be_asked_again = true;
                return;
        }
        if (right->is_waiting)
                return;
        right->is_waiting = true;
        g_queue_push_tail_link(&right->rights->waiting, &right->in_waiting);
}

static void on_answered(void *userdata, PolkitVerdict verdict)
{
        WatchRight *right = userdata;
        WatchRights *rights = right->rights;
        g_autofree char *name = g_strdup(right->name);

        right->check = NULL;
        rights->n_asked--;
        if (right->is_to_be_asked_again) {
                right->is_to_be_asked_again = false;
                enqueue(right);
        } else if (verdict == POLKIT_GRANTED || verdict == POLKIT_GRANTED_ONCE)
                clear_doubt(rights->service, right->watcher, name);
        else
                end_watches(rights->service, right->watcher, name);
        ask_waiting(rights);
}

/* 0, POLKIT_E_TOO_MANY or a negative errno. */
static int ask(WatchRight *right)
{
        WatchRights *rights = right->rights;
        const Namespace *ns = state_lookup(rights->service->state, right->name);
        int r;

        if (!ns)
                return -ENOENT;

        right->access = ns->access;
        r = authorizer_ask_read(rights->service, right->watcher->caller, ns, "Watch", on_answered,
                                right, &right->check);
        if (r == 0)
                rights->n_asked++;
        return r;
}

static int on_retry(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        WatchRights *rights = userdata;

        rights->retry = sd_event_source_disable_unref(rights->retry);
        ask_waiting(rights);
        return 0;
}

static void start_retry(WatchRights *rights)
{
        int r;

        if (rights->retry || rights->waiting.length == 0 || rights->n_asked > 0)
                return;

        r = sd_event_add_time_relative(rights->service->event, &rights->retry, CLOCK_MONOTONIC,
                                       RETRY_USEC, 0, on_retry, rights);
        if (r < 0)
                log_warning("Cannot wait for polkit: %s", g_strerror(-r));
}

/* Each that waits gets a turn: one uid that may ask no more does not keep the others waiting. */
static void ask_waiting(WatchRights *rights)
{
        for (guint n = rights->waiting.length; n > 0 && rights->n_asked < ASKED_MAX; n--) {
                WatchRight *right = rights->waiting.head ? rights->waiting.head->data : NULL;
                int r;

                if (!right)
                        break;
                g_queue_unlink(&rights->waiting, &right->in_waiting);
                right->is_waiting = false;
                r = ask(right);
                if (r > 0)
                        enqueue(right);
                else if (r < 0) {
                        g_autofree char *name = g_strdup(right->name);

                        end_watches(rights->service, right->watcher, name);
                }
        }
        start_retry(rights);
}

static void ask_all(WatchRights *rights)
{
        for (GList *l = rights->all.head; l; l = l->next)
                enqueue(l->data);
        ask_waiting(rights);
}

static int on_period(sd_event_source *source G_GNUC_UNUSED,
                     uint64_t usec G_GNUC_UNUSED,
                     void *userdata)
{
        WatchRights *rights = userdata;

        rights->period = sd_event_source_disable_unref(rights->period);
        ask_all(rights);
        start_period(rights);
        return 0;
}

static void start_period(WatchRights *rights)
{
        int r;

        if (rights->period || rights->all.length == 0)
                return;

        r = sd_event_add_time_relative(rights->service->event, &rights->period, CLOCK_MONOTONIC,
                                       PERIOD_USEC, 0, on_period, rights);
        if (r < 0)
                log_warning("Cannot ask polkit again: %s", g_strerror(-r));
}

static void on_changed(void *userdata)
{
        ask_all(userdata);
}

WatchRights *watch_rights_new(BusService *service)
{
        WatchRights *rights = g_new(WatchRights, 1);

        *rights = (WatchRights){ .service = service };
        polkit_set_on_changed(service->polkit, on_changed, rights);
        return rights;
}

WatchRights *watch_rights_free(WatchRights *rights)
{
        if (!rights)
                return NULL;

        g_assert(rights->all.length == 0);
        sd_event_source_disable_unref(rights->period);
        sd_event_source_disable_unref(rights->retry);
        g_free(rights);
        return NULL;
}

void watch_rights_note(BusService *service, Watcher *watcher, const Namespace *ns)
{
        if (!authorizer_may_list(watcher->caller, ns))
                (void) get(service, watcher, ns);
}

static void doubt(Watcher *watcher, const char *name)
{
        for (GList *l = watcher->all.head; l; l = l->next)
                if (is_of(l->data, name))
                        ((Watch *) l->data)->is_in_doubt = true;
}

static void review(BusService *service, Watch *watch, const Namespace *ns)
{
        Watcher *watcher = watch->watcher;
        WatchRight *right = lookup(watcher, ns->name);

        if (authorizer_may_list(watcher->caller, ns)) {
                if (right)
                        g_hash_table_remove(watcher->rights, ns->name);
                clear_doubt(service, watcher, ns->name);
                return;
        }

        if (right && !watch->is_in_doubt && right->access.owner == ns->access.owner &&
            right->access.group == ns->access.group)
                return; /* it is still the same question */

        /* All of the connection's, or the next one would seem to have been granted already. */
        doubt(watcher, ns->name);
        right = get(service, watcher, ns);
        right->access = ns->access;
        enqueue(right);
}

void watch_rights_review(BusService *service, const WatchTopic *topic, const Namespace *ns)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new();
        GHashTableIter iter;
        gpointer group;

        g_hash_table_iter_init(&iter, topic->groups);
        while (g_hash_table_iter_next(&iter, NULL, &group))
                for (GList *l = ((WatchGroup *) group)->all.head; l; l = l->next)
                        g_ptr_array_add(all, l->data);

        for (guint i = 0; i < all->len; i++)
                review(service, all->pdata[i], ns);
        ask_waiting(service->rights);
}

void watch_rights_note_removed(BusService *service G_GNUC_UNUSED,
                               Watcher *watcher,
                               const char *name)
{
        if (!lookup(watcher, name))
                return;

        for (GList *l = watcher->all.head; l; l = l->next)
                if (is_of(l->data, name))
                        return;
        g_hash_table_remove(watcher->rights, name);
}

void watch_rights_forget(BusService *service G_GNUC_UNUSED, Watcher *watcher)
{
        g_clear_pointer(&watcher->rights, g_hash_table_unref);
}
