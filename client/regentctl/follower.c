/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follower
 *
 * What the watch tells is queued, and told from outside of its callback: so an event may take its time, and what it
 * was told of is acknowledged when it is dealt with. When the watch leaves something out or regentd comes back shows
 * with what is told then.
 */

#include "follower.h"

#include "client/regent.h"
#include "namespace-path.h"

static const char too_much[] = "more came than was taken";
static const char not_kept[] = "regentd does not know it";

/* A RegentWatchEvent that is kept. */
typedef struct Told {
        RegentWatchEvent event;
        char *ns_name;
        char *position;
        char **removed;
        Failure *failure; /* of ENDED */
        bool is_bus_gone; /* of AWAY */
} Told;

struct Follower {
        Bus *bus;
        FollowerSpec spec;
        RegentWatch *watch;
        GQueue queue; /* of Told */
        char *position;
        uint64_t revision;
        int64_t deadline_usec; /* of the first event; 0: it has come, or is waited for */
        bool was_live;
        bool is_live; /* all was told; what follows is changes */
        bool is_away;
        bool is_lost; /* that it starts over has been told */
        bool is_woken;
        bool is_ended;
};

static void free_told(gpointer item)
{
        Told *told = item;

        g_clear_pointer(&told->event.values, g_variant_unref);
        g_strfreev(told->removed);
        g_free(told->position);
        g_free(told->ns_name);
        failure_free(told->failure);
        g_free(told);
}

static void on_event(RegentWatch *watch, const RegentWatchEvent *event, void *userdata)
{
        Follower *follower = userdata;
        Regent *regent = bus_regent(follower->bus);
        Told *told = g_new0(Told, 1);

        (void) watch;
        told->event = *event;
        told->event.ns_name = told->ns_name = g_strdup(event->ns_name);
        told->event.position = told->position = g_strdup(event->position);
        told->removed = g_strdupv((char **) (uintptr_t) event->removed);
        told->event.removed = (const char *const *) told->removed;
        if (event->values)
                g_variant_ref(event->values);
        if (event->kind == REGENT_WATCH_ENDED)
                failure_set_from_regent(&told->failure, regent, event->result);
        if (event->kind == REGENT_WATCH_AWAY)
                told->is_bus_gone = !regent_unique_name(regent);
        g_queue_push_tail(&follower->queue, told);
        follower->is_woken = true;
}

/* @since: where to go on from; NULL: nowhere. */
static gboolean start(Follower *follower, const char *since, Failure **reterr)
{
        const FollowerSpec *spec = &follower->spec;
        Regent *regent = bus_regent(follower->bus);
        int r;

        regent_watch_free(follower->watch);
        if (spec->ns_name)
                follower->watch = regent_watch_new(regent, spec->ns_name, on_event, follower);
        else
                follower->watch =
                        regent_watch_new_by_prefix(regent, spec->ns_prefix, on_event, follower);
        regent_watch_set_prefix(follower->watch, spec->prefix);
        regent_watch_set_position(follower->watch, since);
        regent_watch_set_patient(follower->watch, spec->is_patient);
        regent_watch_set_acknowledged(follower->watch, true);
        r = regent_watch_start(follower->watch);
        if (r >= 0)
                return TRUE;
        if (!since)
                return failure_set_from_regent(reterr, regent, r);

        failure_set(reterr, EXIT_USAGE, "--since= takes EPOCH:REVISION, not '%s'", since);
        failure_set_hint(*reterr, "'regentctl watch' prints it: with --json=short as \"position\" "
                                  "of every event.");
        return FALSE;
}

gboolean follower_new(Bus *bus, const FollowerSpec *spec, Follower **ret, Failure **reterr)
{
        g_autoptr(Follower) follower = g_new0(Follower, 1);
        g_autofree char *path = NULL;

        follower->bus = bus;
        follower->spec = *spec;
        if (spec->ns_name && !namespace_path_of(spec->ns_name, &path, reterr))
                return FALSE;
        if (!start(follower, spec->since, reterr))
                return FALSE;

        follower->deadline_usec = spec->is_patient ? 0 : bus_deadline_usec(bus);
        *ret = g_steal_pointer(&follower);
        return TRUE;
}

Follower *follower_free(Follower *follower)
{
        if (!follower)
                return NULL;

        regent_watch_free(follower->watch);
        g_queue_clear_full(&follower->queue, free_told);
        g_free(follower->position);
        g_free(follower);
        return NULL;
}

void follower_end(Follower *follower)
{
        follower->is_ended = true;
        follower->is_woken = true;
}

/* Nothing more is told once it has ended. */
static gboolean tell(Follower *follower, FollowerEvent event, Failure **reterr)
{
        return follower->is_ended ||
               follower->spec.on_event(&event, follower->spec.userdata, reterr);
}

static gboolean tell_kind(Follower *follower,
                          FollowerEventKind kind,
                          const char *why,
                          Failure **reterr)
{
        const FollowerEvent event = { .kind = kind,
                                      .revision = follower->revision,
                                      .why = why,
                                      .position = follower->position };

        return tell(follower, event, reterr);
}

/* What is to be said before @event: regentd is back, or left something out. */
static gboolean tell_before(Follower *follower, const RegentWatchEvent *event, Failure **reterr)
{
        bool is_end = event->kind == REGENT_WATCH_GONE && follower->spec.ns_name;
        bool is_commit = event->kind == REGENT_WATCH_CHANGE && !event->is_merged;

        if (follower->is_away) {
                follower->is_away = follower->is_live = false;
                if (!tell_kind(follower, FOLLOWER_BACK, NULL, reterr))
                        return FALSE;
        }
        if (follower->is_live && !is_commit && !is_end) {
                follower->is_live = false;
                if (!tell_kind(follower, FOLLOWER_BEHIND, too_much, reterr))
                        return FALSE;
        }
        if (!event->is_afresh || follower->is_lost)
                return TRUE;

        follower->is_lost = true;
        g_clear_pointer(&follower->position, g_free);
        return tell_kind(follower, FOLLOWER_LOST, not_kept, reterr);
}

static gboolean tell_event(Follower *follower, const RegentWatchEvent *event, Failure **reterr)
{
        static const FollowerEventKind kinds[] = {
                [REGENT_WATCH_STATE] = FOLLOWER_STATE,
                [REGENT_WATCH_CHANGE] = FOLLOWER_CHANGE,
                [REGENT_WATCH_GONE] = FOLLOWER_REMOVED,
                [REGENT_WATCH_LIVE] = FOLLOWER_WATCHING,
        };
        FollowerEvent told = {
                .kind = kinds[event->kind],
                .ns_name = event->ns_name,
                .previous = event->previous,
                .values = event->values,
                .removed = event->removed,
                .is_merged = event->is_merged,
                .position = event->position,
        };

        if (!tell_before(follower, event, reterr))
                return FALSE;
        if (event->kind != REGENT_WATCH_GONE)
                follower->revision = event->revision;
        told.revision = follower->revision;
        g_free(follower->position);
        follower->position = g_strdup(event->position);
        if (event->kind == REGENT_WATCH_LIVE) {
                follower->is_live = follower->was_live = true;
                follower->is_lost = false;
        }
        if (event->kind == REGENT_WATCH_GONE && follower->spec.ns_name)
                follower->is_live = false;
        if (!tell(follower, told, reterr))
                return FALSE;
        if (event->kind == REGENT_WATCH_CHANGE)
                regent_watch_acknowledge(follower->watch, event->revision);
        return TRUE;
}

static gboolean take_away(Follower *follower, const Told *told, Failure **reterr)
{
        if (told->is_bus_gone)
                return failure_set(reterr, EXIT_UNREACHABLE, "The bus is gone");

        follower->is_away = true;
        return tell_kind(follower, FOLLOWER_AWAY, NULL, reterr);
}

static gboolean take_end(Follower *follower, Told *told, Failure **reterr)
{
        if (!follower->was_live && bus_ask_password(follower->bus, told->failure))
                return start(follower, follower->spec.since, reterr);

        *reterr = g_steal_pointer(&told->failure);
        if (follower->was_live) {
                failure_prefix(*reterr, "The watch was ended: %s", (*reterr)->error_name);
                if ((*reterr)->status == EXIT_DENIED)
                        failure_set_hint(*reterr, "You may not read %s any more.",
                                         follower->spec.ns_name ? follower->spec.ns_name : "it");
                return FALSE;
        }
        bus_hint(follower->bus, *reterr, follower->spec.ns_name, "Watch");
        return FALSE;
}

static gboolean take(Follower *follower, Told *told, Failure **reterr)
{
        follower->deadline_usec = 0;
        switch (told->event.kind) {
        case REGENT_WATCH_STATE:
        case REGENT_WATCH_CHANGE:
        case REGENT_WATCH_GONE:
        case REGENT_WATCH_LIVE:
                return tell_event(follower, &told->event, reterr);
        case REGENT_WATCH_AWAY:
                return take_away(follower, told, reterr);
        case REGENT_WATCH_ENDED:
                return take_end(follower, told, reterr);
        default:
                return TRUE;
        }
}

gboolean follower_run(Follower *follower, Failure **reterr)
{
        while (!follower->is_ended) {
                Told *told = g_queue_pop_head(&follower->queue);
                gboolean is_taken;

                if (!told) {
                        follower->is_woken = false;
                        if (!bus_wait_until(follower->bus, &follower->is_woken,
                                            follower->deadline_usec, reterr)) {
                                bus_hint(follower->bus, *reterr, follower->spec.ns_name, "Watch");
                                return FALSE;
                        }
                        continue;
                }
                is_taken = take(follower, told, reterr);
                free_told(told);
                if (!is_taken)
                        return FALSE;
        }
        return TRUE;
}
