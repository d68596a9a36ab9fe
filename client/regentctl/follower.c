/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follower
 *
 *              started          Changed fits       does not fit,     ended: removed   regentd goes
 *                                                  Resynchronize
 *   no watch   -> watching      -                  -                 -                -
 *   watching   -                tell, acknowledge  ask what differs  -> no watch      -> no watch
 *
 * Without a watch it tries once a second, and when regentd comes. Handlers of signals only queue what
 * came, so an event may run the main loop, and the next one waits.
 */

#include "follower-private.h"

#include "client/regent-names.h"
#include "namespace-path.h"
#include "reply.h"

#include <string.h>

#define RETRY_MSEC 1000u

/* regentd allows 1,024 commits and 4 MiB ahead; so it is told in time, and not for each commit of a burst. */
#define PENDING_MAX       64u
#define PENDING_BYTES_MAX (256u << 10)

gboolean follower_new(Bus *bus, const FollowerSpec *spec, Follower **ret, Failure **reterr)
{
        g_autoptr(Follower) follower = g_new0(Follower, 1);

        follower->bus = bus;
        follower->spec = *spec;
        follower->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        if (!spec->ns_name)
                follower->path = g_strdup(REGENT_PATH);
        else if (!namespace_path_of(spec->ns_name, &follower->path, reterr))
                return FALSE;
        if (spec->since && !position_parse(spec->since, &follower->position, reterr))
                return FALSE;
        follower->presence = presence_new(bus, &follower->is_woken);
        follower->signals = watch_signals_new(bus, follower->presence, &follower->is_woken);
        *ret = g_steal_pointer(&follower);
        return TRUE;
}

Follower *follower_free(Follower *follower)
{
        if (!follower)
                return NULL;

        if (follower->retry != 0)
                g_source_remove(follower->retry);
        watch_signals_free(follower->signals);
        presence_free(follower->presence);
        position_clear(&follower->position);
        g_hash_table_unref(follower->names);
        g_free(follower->path);
        g_free(follower);
        return NULL;
}

void follower_end(Follower *follower)
{
        follower->is_ended = true;
        follower->is_woken = true;
}

gboolean follower_tell(Follower *follower, FollowerEvent event, Failure **reterr)
{
        g_autofree char *position =
                follower->is_telling_many ? NULL : position_print(&follower->position);

        if (follower->is_ended)
                return TRUE;
        event.position = position;
        return follower->spec.on_event(&event, follower->spec.userdata, reterr);
}

static gboolean tell_kind(Follower *follower,
                          FollowerEventKind kind,
                          const char *why,
                          Failure **reterr)
{
        const FollowerEvent event = { .kind = kind, .revision = follower->revision, .why = why };

        return follower_tell(follower, event, reterr);
}

void follower_send(Follower *follower, const char *method, GVariant *arguments)
{
        const char *ns_name = follower->spec.ns_name;

        bus_call_drop(ns_name ? bus_start_namespace(follower->bus, ns_name, method, arguments, "()")
                              : bus_start_manager(follower->bus, method, arguments, "()"));
}

static void unwatch(Follower *follower)
{
        if (follower->watch != 0)
                follower_send(follower, "Unwatch", g_variant_new("(t)", follower->watch));
        follower->watch = 0;
}

static void acknowledge(Follower *follower)
{
        if (follower->n_pending == 0 || follower->watch == 0)
                return;

        follower->n_pending = 0;
        follower->n_pending_bytes = 0;
        follower_send(follower, "Acknowledge",
                      g_variant_new("(tt)", follower->watch, follower->revision));
}

static gboolean on_retry(gpointer userdata)
{
        Follower *follower = userdata;

        follower->is_woken = true;
        return G_SOURCE_CONTINUE;
}

static void set_retry(Follower *follower, bool is_wanted)
{
        if (is_wanted && follower->retry == 0)
                follower->retry = g_timeout_add(RETRY_MSEC, on_retry, follower);
        if (!is_wanted)
                g_clear_handle_id(&follower->retry, g_source_remove);
}

/* What was known of the namespace is worth nothing any more. */
static gboolean tell_gone(Follower *follower, Failure **reterr)
{
        const FollowerEvent event = { .kind = FOLLOWER_REMOVED,
                                      .ns_name = follower->spec.ns_name,
                                      .revision = follower->revision };

        follower->watch = 0;
        position_clear(&follower->position);
        g_hash_table_remove_all(follower->names);
        if (follower->is_missing)
                return TRUE;
        follower->is_missing = true;
        return follower_tell(follower, event, reterr);
}

/* What a restart of regentd breaks is done again once it is back. */
static bool is_passing(const Failure *failure)
{
        return failure->status == EXIT_UNREACHABLE || failure->status == EXIT_TIMEOUT;
}

/* Whether a start that failed is tried again. */
static gboolean may_wait(Follower *follower, const Failure *failure, Failure **reterr)
{
        bool is_gone = failure->status == EXIT_NOT_FOUND ||
                       (failure->status == EXIT_DENIED && follower->is_started);

        if (!follower->is_started && !follower->spec.is_patient)
                return FALSE;
        if (is_gone && follower->spec.ns_name)
                return tell_gone(follower, reterr);
        if (!is_passing(failure))
                return FALSE;
        if (follower->is_away || failure->status != EXIT_UNREACHABLE)
                return TRUE;
        follower->is_away = true;
        return tell_kind(follower, FOLLOWER_AWAY, NULL, reterr);
}

static gboolean start(Follower *follower, Failure **reterr)
{
        g_autoptr(Failure) failure = NULL;
        unsigned n_gone = presence_n_gone(follower->presence);

        follower->n_pending = 0;
        follower->n_pending_bytes = 0;
        if (follower_start(follower, &failure)) {
                follower->n_gone = n_gone;
                follower->is_started = true;
                follower->is_missing = false;
                set_retry(follower, false);
                return tell_kind(follower, FOLLOWER_WATCHING, NULL, reterr);
        }
        follower->watch = 0;
        if (may_wait(follower, failure, reterr)) {
                set_retry(follower, true);
                return TRUE;
        }
        if (!*reterr)
                *reterr = g_steal_pointer(&failure);
        return FALSE;
}

/* The values that were too large for the signal, as they are by now; put to the others. */
static gboolean read_values(Follower *follower, WatchSignal *signal, Failure **reterr)
{
        g_auto(GVariantDict) values = G_VARIANT_DICT_INIT(signal->changed);

        for (char **key = signal->invalidated; *key; key++) {
                g_autoptr(GVariant) reply = NULL;
                g_autoptr(GVariant) value = NULL;
                g_autoptr(Failure) failure = NULL;

                if (bus_call_namespace(follower->bus, signal->ns_name, "Get",
                                       g_variant_new("(s)", *key), "(v)", &reply, &failure)) {
                        g_variant_get(reply, "(v)", &value);
                        g_variant_dict_insert_value(&values, *key, value);
                } else if (failure->status != EXIT_NOT_FOUND && failure->status != EXIT_DENIED) {
                        *reterr = g_steal_pointer(&failure);
                        return FALSE;
                }
                /* What is gone by now is told of by a later signal. */
        }
        g_variant_unref(signal->changed);
        signal->changed = g_variant_ref_sink(g_variant_dict_end(&values));
        return TRUE;
}

static gboolean fall_behind(Follower *follower, uint64_t resume, const char *why, Failure **reterr)
{
        if (!tell_kind(follower, FOLLOWER_BEHIND, why, reterr))
                return FALSE;
        if (resume == 0)
                unwatch(follower);
        follower->resume = resume;
        return start(follower, reterr);
}

static gboolean take_change(Follower *follower, WatchSignal *signal, Failure **reterr)
{
        FollowerEvent event = { .kind = FOLLOWER_CHANGE,
                                .ns_name = signal->ns_name,
                                .previous = signal->previous,
                                .revision = signal->revision,
                                .removed = (const char *const *) signal->removed };

        if (signal->previous != follower->revision)
                return fall_behind(follower, 0, "changes are missing", reterr);
        if (*signal->invalidated && !read_values(follower, signal, reterr))
                return FALSE;

        /* A commit over several namespaces is several signals, and nobody says which is the last. */
        if (follower->spec.ns_name)
                follower->position.revision = signal->revision;
        else if (signal->revision != follower->revision)
                follower->position.revision = follower->revision;
        follower->revision = signal->revision;
        g_hash_table_add(follower->names, g_strdup(signal->ns_name));
        event.values = signal->changed;
        if (!follower_tell(follower, event, reterr))
                return FALSE;

        follower->n_pending++;
        follower->n_pending_bytes += g_variant_get_size(signal->changed);
        if (follower->n_pending >= PENDING_MAX || follower->n_pending_bytes >= PENDING_BYTES_MAX)
                acknowledge(follower);
        return TRUE;
}

static gboolean take_end(Follower *follower, const WatchSignal *signal, Failure **reterr)
{
        if (follower->spec.ns_name && strcmp(signal->reason, REGENT_ERROR_NO_SUCH_NAMESPACE) == 0) {
                set_retry(follower, true);
                return tell_gone(follower, reterr);
        }
        failure_set(reterr, failure_status_of_error(signal->reason), "The watch was ended: %s",
                    signal->reason);
        (*reterr)->error_name = g_strdup(signal->reason);
        if ((*reterr)->status == EXIT_DENIED)
                failure_set_hint(*reterr, "You may not read %s any more.",
                                 follower->spec.ns_name ? follower->spec.ns_name : "it");
        return FALSE;
}

static gboolean take(Follower *follower, WatchSignal *signal, Failure **reterr)
{
        switch (signal->kind) {
        case WATCH_SIGNAL_CHANGED:
                return take_change(follower, signal, reterr);
        case WATCH_SIGNAL_RESYNCHRONIZE:
                return fall_behind(follower, follower->watch, "more came than was taken", reterr);
        case WATCH_SIGNAL_ENDED:
                return take_end(follower, signal, reterr);
        default:
                g_assert_not_reached();
        }
}

/* regentd went or came. */
static gboolean follow_owner(Follower *follower, Failure **reterr)
{
        bool is_there = presence_owner(follower->presence) != NULL;
        bool is_lost = follower->n_gone != presence_n_gone(follower->presence);

        if (is_lost) {
                follower->n_gone = presence_n_gone(follower->presence);
                follower->watch = 0;
                follower->resume = 0;
                set_retry(follower, true);
        }
        if (!follower->is_away && follower->is_started && (is_lost || !is_there)) {
                follower->is_away = true;
                if (!tell_kind(follower, FOLLOWER_AWAY, NULL, reterr))
                        return FALSE;
        }
        if (follower->is_away && is_there) {
                follower->is_away = false;
                return tell_kind(follower, FOLLOWER_BACK, NULL, reterr);
        }
        return TRUE;
}

static gboolean work(Follower *follower, Failure **reterr)
{
        WatchSignal *next;

        if (!follow_owner(follower, reterr))
                return FALSE;
        if (follower->watch == 0 && presence_owner(follower->presence) && !start(follower, reterr))
                return FALSE;
        while (follower->watch != 0 && !follower->is_ended &&
               (next = watch_signals_pop(follower->signals, follower->path, follower->watch))) {
                g_autoptr(WatchSignal) signal = next;

                if (!take(follower, signal, reterr))
                        return FALSE;
        }
        acknowledge(follower);
        return TRUE;
}

gboolean follower_run(Follower *follower, Failure **reterr)
{
        if (!start(follower, reterr))
                return FALSE;
        follower->is_woken = true;
        for (;;) {
                g_autoptr(Failure) failure = NULL;

                if (!bus_wait(follower->bus, &follower->is_woken, reterr))
                        return FALSE;
                if (follower->is_ended)
                        return TRUE;
                follower->is_woken = false;
                if (presence_is_closed(follower->presence))
                        return failure_set(reterr, EXIT_UNREACHABLE, "The bus is gone");
                if (work(follower, &failure))
                        continue;
                if (!is_passing(failure)) {
                        *reterr = g_steal_pointer(&failure);
                        return FALSE;
                }
                unwatch(follower);
                set_retry(follower, true);
        }
}
