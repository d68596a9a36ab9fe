/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follower: start
 *
 * With a position, regentd is asked for what differs from then. Without, or when it does not know,
 * for everything; and when that is more than one reply may hold, everything is read a page at a time,
 * as of a revision that was current before, and then what differs from there is put over it.
 */

#include "follower-private.h"

#include "client/regent-names.h"
#include "reply.h"
#include "snapshot.h"

#include <string.h>

#define SNAPSHOT_TRIES 5

/* What Watch answered, of a namespace or of several. */
typedef struct Answer {
        uint64_t watch;
        uint64_t revision;
        GVariant *values;  /* a{sv}; of several: name -> a{sv} */
        GVariant *removed; /* as; of several: a{sv} of name -> as */
        char **complete;   /* of several: those of which values has everything */
        bool is_difference;
} Answer;

static void answer_clear(Answer *answer)
{
        g_clear_pointer(&answer->values, g_variant_unref);
        g_clear_pointer(&answer->removed, g_variant_unref);
        g_clear_pointer(&answer->complete, g_strfreev);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static GVariant *watch_options(const Follower *follower, const Position *since)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        if (since->epoch) {
                g_variant_builder_add(&builder, "{sv}", "since",
                                      g_variant_new_uint64(since->revision));
                g_variant_builder_add(&builder, "{sv}", "epoch",
                                      g_variant_new_string(since->epoch));
        }
        if (since->epoch && follower->resume != 0)
                g_variant_builder_add(&builder, "{sv}", "resume",
                                      g_variant_new_uint64(follower->resume));
        return g_variant_builder_end(&builder);
}

static gboolean call_watch(Follower *follower,
                           const Position *since,
                           Answer *ret_answer,
                           Failure **reterr)
{
        const char *ns_name = follower->spec.ns_name;
        const char *prefix = ns_name ? follower->spec.prefix : follower->spec.ns_prefix;
        GVariant *arguments =
                g_variant_new("(st@a{sv})", prefix ? prefix : "",
                              (guint64) REGENT_WATCH_ACKNOWLEDGED, watch_options(follower, since));
        g_autoptr(GVariant) reply = NULL;
        Answer answer = { .is_difference = since->epoch != NULL };

        if (ns_name) {
                if (!bus_call_namespace(follower->bus, ns_name, "Watch", arguments, "(ta{sv}ast)",
                                        &reply, reterr))
                        return FALSE;
                g_variant_get(reply, "(t@a{sv}@ast)", &answer.watch, &answer.values,
                              &answer.removed, &answer.revision);
        } else {
                if (!bus_call_manager(follower->bus, "Watch", arguments, "(ta{sv}a{sv}ast)", &reply,
                                      reterr))
                        return FALSE;
                g_variant_get(reply, "(t@a{sv}@a{sv}^ast)", &answer.watch, &answer.values,
                              &answer.removed, &answer.complete, &answer.revision);
        }
        *ret_answer = answer;
        return TRUE;
}

/* Epoch and revision of the service as of now. */
static gboolean read_service(Follower *follower, Position *ret_position, Failure **reterr)
{
        g_autoptr(GVariant) properties = NULL;
        const char *epoch = NULL;
        guint64 revision = 0;

        if (!bus_get_properties(follower->bus, NULL, &properties, reterr))
                return FALSE;
        if (!g_variant_lookup(properties, "Epoch", "&s", &epoch) ||
            !g_variant_lookup(properties, "Revision", "t", &revision))
                return reply_fail(reterr);
        position_set(ret_position, epoch, revision);
        return TRUE;
}

static GVariant *inner(GVariant *dictionary, const char *name, const GVariantType *type)
{
        return g_variant_lookup_value(dictionary, name, type);
}

/* Puts what differs, of one namespace or of several, over what was read. */
static void put_over(const Follower *follower, const Answer *answer, Snapshot *snapshot)
{
        g_autofree const char **known = NULL;
        GVariantIter iterator;
        const char *name;
        GVariant *values;

        if (follower->spec.ns_name) {
                g_autofree const char **removed = g_variant_get_strv(answer->removed, NULL);

                snapshot_change(snapshot, follower->spec.ns_name, answer->values, removed);
                return;
        }

        known = snapshot_names(snapshot);
        for (const char **at = known; *at; at++) {
                g_autoptr(GVariant) there = inner(answer->values, *at, NULL);

                if (!there || g_strv_contains((const char *const *) answer->complete, *at))
                        snapshot_drop(snapshot, *at);
        }
        g_variant_iter_init(&iterator, answer->values);
        while (g_variant_iter_loop(&iterator, "{&sv}", &name, &values)) {
                g_autoptr(GVariant) gone =
                        inner(answer->removed, name, G_VARIANT_TYPE_STRING_ARRAY);
                g_autofree const char **removed = gone ? g_variant_get_strv(gone, NULL) : NULL;

                if (g_variant_is_of_type(values, G_VARIANT_TYPE_VARDICT))
                        snapshot_change(snapshot, name, values, removed);
        }
}

static gboolean tell_state(Follower *follower,
                           const char *ns_name,
                           GVariant *values,
                           Failure **reterr)
{
        const FollowerEvent event = { .kind = FOLLOWER_STATE,
                                      .ns_name = ns_name,
                                      .revision = follower->revision,
                                      .values = values };

        g_hash_table_add(follower->names, g_strdup(ns_name));
        return follower_tell(follower, event, reterr);
}

static gboolean tell_snapshot(Follower *follower, const Snapshot *snapshot, Failure **reterr)
{
        g_autofree const char **names = snapshot_names(snapshot);
        bool is_told = true;

        follower->is_telling_many = follower->spec.ns_name == NULL;
        for (const char **name = names; *name && is_told; name++) {
                g_autoptr(GVariant) values = snapshot_values(snapshot, *name);

                is_told = tell_state(follower, *name, values, reterr);
        }
        follower->is_telling_many = false;
        return is_told;
}

/* The Watch by pages. */
static gboolean read_pages(Follower *follower, Failure **reterr)
{
        for (int try = 1;; try++) {
                g_autoptr(Snapshot) snapshot = snapshot_new();
                g_autoptr(Failure) failure = NULL;
                g_auto(Position) before = {};
                g_auto(Answer) answer = {};

                if (!read_service(follower, &before, reterr) ||
                    !(follower->spec.ns_name
                              ? snapshot_read(snapshot, follower->bus, follower->spec.ns_name,
                                              follower->spec.prefix, reterr)
                              : snapshot_read_all(snapshot, follower->bus, follower->spec.ns_prefix,
                                                  reterr)))
                        return FALSE;
                if (!call_watch(follower, &before, &answer, &failure)) {
                        if (try < SNAPSHOT_TRIES && failure->status == EXIT_REFUSED)
                                continue;
                        *reterr = g_steal_pointer(&failure);
                        return FALSE;
                }
                put_over(follower, &answer, snapshot);
                follower->watch = answer.watch;
                follower->revision = answer.revision;
                position_set(&follower->position, before.epoch, answer.revision);

                return tell_snapshot(follower, snapshot, reterr);
        }
}

static gboolean tell_difference(Follower *follower,
                                const char *ns_name,
                                uint64_t previous,
                                GVariant *values,
                                GVariant *removed,
                                Failure **reterr)
{
        g_autofree const char **gone = removed ? g_variant_get_strv(removed, NULL) : NULL;
        const FollowerEvent event = { .kind = FOLLOWER_CHANGE,
                                      .ns_name = ns_name,
                                      .previous = previous,
                                      .revision = follower->revision,
                                      .values = values,
                                      .removed = gone,
                                      .is_merged = true };

        g_hash_table_add(follower->names, g_strdup(ns_name));
        if (g_variant_n_children(values) == 0 && (!gone || !*gone))
                return TRUE;
        return follower_tell(follower, event, reterr);
}

/* Those that are not in @values any more. */
static gboolean tell_removed(Follower *follower, GVariant *values, Failure **reterr)
{
        g_autoptr(GList) names = g_hash_table_get_keys(follower->names);

        names = g_list_sort(names, (GCompareFunc) strcmp);
        for (const GList *at = names; at; at = at->next) {
                g_autoptr(GVariant) there = inner(values, at->data, NULL);
                g_autofree char *name = g_strdup(at->data);
                const FollowerEvent event = { .kind = FOLLOWER_REMOVED,
                                              .ns_name = name,
                                              .revision = follower->revision };

                if (there)
                        continue;
                g_hash_table_remove(follower->names, name);
                if (!follower_tell(follower, event, reterr))
                        return FALSE;
        }
        return TRUE;
}

static gboolean tell_several(Follower *follower,
                             const Answer *answer,
                             uint64_t previous,
                             Failure **reterr)
{
        GVariantIter iterator;
        const char *name;
        GVariant *each;

        if (!tell_removed(follower, answer->values, reterr))
                return FALSE;
        g_variant_iter_init(&iterator, answer->values);
        while (g_variant_iter_next(&iterator, "{&sv}", &name, &each)) {
                g_autoptr(GVariant) values = each;
                g_autoptr(GVariant) removed =
                        inner(answer->removed, name, G_VARIANT_TYPE_STRING_ARRAY);
                bool is_whole = !answer->is_difference ||
                                g_strv_contains((const char *const *) answer->complete, name);

                if (!g_variant_is_of_type(values, G_VARIANT_TYPE_VARDICT))
                        return reply_fail(reterr);
                if (!(is_whole
                              ? tell_state(follower, name, values, reterr)
                              : tell_difference(follower, name, previous, values, removed, reterr)))
                        return FALSE;
        }
        return TRUE;
}

static gboolean tell_answer(Follower *follower,
                            const Answer *answer,
                            uint64_t previous,
                            Failure **reterr)
{
        gboolean is_told;

        if (!follower->spec.ns_name) {
                follower->is_telling_many = true;
                is_told = tell_several(follower, answer, previous, reterr);
                follower->is_telling_many = false;
                return is_told;
        }
        return answer->is_difference
                       ? tell_difference(follower, follower->spec.ns_name, previous, answer->values,
                                         answer->removed, reterr)
                       : tell_state(follower, follower->spec.ns_name, answer->values, reterr);
}

static gboolean lose(Follower *follower, const char *why, Failure **reterr)
{
        const FollowerEvent event = { .kind = FOLLOWER_LOST, .why = why };

        position_clear(&follower->position);
        follower->resume = 0;
        return follower_tell(follower, event, reterr);
}

/* Asks for what differs; without a position, for everything. */
static gboolean ask(Follower *follower, Failure **reterr)
{
        g_auto(Position) since = {};
        g_auto(Position) service = {};
        g_auto(Answer) answer = {};

        if (!read_service(follower, &service, reterr))
                return FALSE;
        position_set(&since, follower->position.epoch, follower->position.revision);
        if (!call_watch(follower, &since, &answer, reterr))
                return FALSE;
        follower->watch = answer.watch;
        follower->revision = answer.revision;
        position_set(&follower->position, since.epoch ? since.epoch : service.epoch,
                     answer.revision);
        return tell_answer(follower, &answer, since.revision, reterr);
}

/* Whether a failure of ask() is dealt with, and another way is to be tried. */
static gboolean find_way(Follower *follower, const Failure *failure, Failure **reterr)
{
        bool has_position = follower->position.epoch != NULL;

        if (follower->watch != 0)
                return FALSE; /* it was not the call that failed */
        if (failure_is(failure, REGENT_ERROR_HISTORY_LOST) && has_position)
                return lose(follower, failure->text, reterr);
        if (failure->status == EXIT_INVALID && follower->resume != 0) {
                follower_send(follower, "Unwatch", g_variant_new("(t)", follower->resume));
                follower->resume = 0;
                return TRUE;
        }
        return FALSE;
}

gboolean follower_start(Follower *follower, Failure **reterr)
{
        g_autoptr(Failure) failure = NULL;

        follower->watch = 0;
        while (!ask(follower, &failure)) {
                bool is_too_much =
                        follower->watch == 0 && failure_is(failure, FAILURE_LIMITS_EXCEEDED);

                if (is_too_much && follower->position.epoch &&
                    !lose(follower, "more has changed than one answer may hold", reterr))
                        return FALSE;
                if (is_too_much)
                        return read_pages(follower, reterr);
                if (!find_way(follower, failure, reterr)) {
                        if (!*reterr)
                                *reterr = g_steal_pointer(&failure);
                        return FALSE;
                }
                g_clear_pointer(&failure, failure_free);
        }
        follower->resume = 0;
        return TRUE;
}
