/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follower: start
 *
 * With a position, regentd is asked for what differs from then. Without, or when it does not know,
 * for everything; and when that is more than one reply may hold, everything is read a page at a time,
 * as of a revision that was current before, and then what differs from there is put over it.
 *
 * Of a namespace that may be read only since then, what differs says nothing of what one never had: it
 * is read whole, before what differs is asked for once more and put over it.
 */

#include "follower-private.h"

#include "client/regent-names.h"
#include "reply.h"
#include "snapshot.h"

#include <string.h>

#define SNAPSHOT_TRIES 5

static const char too_fast[] = "which namespaces may be read changes faster than they are read";

/* What Watch answered, of a namespace or of several. */
typedef struct Answer {
        uint64_t watch;
        uint64_t revision;
        GVariant *values;  /* a{sv}; of several: name -> a{sv} */
        GVariant *removed; /* as; of several: a{sv} of name -> as */
        char **complete;   /* of several: those of which values has everything */
        Snapshot *
                fresh; /* of several: those that have become readable, as they were before; NULL: none */
        bool is_difference;
} Answer;

static void answer_clear(Answer *answer)
{
        g_clear_pointer(&answer->values, g_variant_unref);
        g_clear_pointer(&answer->removed, g_variant_unref);
        g_clear_pointer(&answer->complete, g_strfreev);
        g_clear_pointer(&answer->fresh, snapshot_free);
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

static bool is_complete(const Answer *answer, const char *ns_name)
{
        return !answer->is_difference ||
               g_strv_contains((const char *const *) answer->complete, ns_name);
}

/*
 * Puts what differs, of one namespace or of several, over what was read. False when that does not do: one of
 * them may be read only since then.
 */
static bool put_over(const Follower *follower, const Answer *answer, Snapshot *snapshot)
{
        g_autofree const char **known = NULL;
        GVariantIter iterator;
        const char *name;
        GVariant *values;
        bool is_whole = true;

        if (follower->spec.ns_name) {
                g_autofree const char **removed = g_variant_get_strv(answer->removed, NULL);

                snapshot_change(snapshot, follower->spec.ns_name, answer->values, removed);
                return true;
        }

        known = snapshot_names(snapshot);
        for (const char **at = known; *at; at++) {
                g_autoptr(GVariant) there = inner(answer->values, *at, NULL);

                if (!there || is_complete(answer, *at))
                        snapshot_drop(snapshot, *at);
        }
        g_variant_iter_init(&iterator, answer->values);
        while (g_variant_iter_loop(&iterator, "{&sv}", &name, &values)) {
                g_autoptr(GVariant) gone =
                        inner(answer->removed, name, G_VARIANT_TYPE_STRING_ARRAY);
                g_autofree const char **removed = gone ? g_variant_get_strv(gone, NULL) : NULL;

                if (!snapshot_has(snapshot, name) && !is_complete(answer, name))
                        is_whole = false;
                if (g_variant_is_of_type(values, G_VARIANT_TYPE_VARDICT))
                        snapshot_change(snapshot, name, values, removed);
        }
        return is_whole;
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

static void drop_watch(Follower *follower, uint64_t watch)
{
        follower_send(follower, "Unwatch", g_variant_new("(t)", watch));
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
                if (!put_over(follower, &answer, snapshot)) {
                        drop_watch(follower, answer.watch);
                        if (try < SNAPSHOT_TRIES)
                                continue;
                        return failure_set(reterr, EXIT_TIMEOUT, "%s", too_fast);
                }
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

/* One that has become readable. */
static gboolean tell_fresh(Follower *follower,
                           Snapshot *fresh,
                           const char *ns_name,
                           GVariant *values,
                           GVariant *removed,
                           Failure **reterr)
{
        g_autofree const char **gone = removed ? g_variant_get_strv(removed, NULL) : NULL;
        g_autoptr(GVariant) all = NULL;

        snapshot_change(fresh, ns_name, values, gone);
        all = snapshot_values(fresh, ns_name);
        return tell_state(follower, ns_name, all, reterr);
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
                gboolean is_told;

                if (!g_variant_is_of_type(values, G_VARIANT_TYPE_VARDICT))
                        return reply_fail(reterr);
                if (is_complete(answer, name))
                        is_told = tell_state(follower, name, values, reterr);
                else if (answer->fresh && snapshot_has(answer->fresh, name))
                        is_told =
                                tell_fresh(follower, answer->fresh, name, values, removed, reterr);
                else
                        is_told =
                                tell_difference(follower, name, previous, values, removed, reterr);
                if (!is_told)
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
        if (follower->resume != 0)
                drop_watch(follower, follower->resume);
        follower->resume = 0;
        return follower_tell(follower, event, reterr);
}

/*
 * Reads those of @answer that were never told of, for which what differs does not do. At the start, whoever gave the
 * position knows what it had.
 */
static gboolean read_fresh(Follower *follower,
                           const Answer *answer,
                           Snapshot *fresh,
                           bool *ret_is_known,
                           Failure **reterr)
{
        GVariantIter iterator;
        const char *name;

        *ret_is_known = true;
        if (follower->spec.ns_name || !follower->is_started)
                return TRUE;
        g_variant_iter_init(&iterator, answer->values);
        while (g_variant_iter_next(&iterator, "{&sv}", &name, NULL)) {
                g_autoptr(Failure) failure = NULL;

                if (is_complete(answer, name) || g_hash_table_contains(follower->names, name) ||
                    snapshot_has(fresh, name))
                        continue;
                *ret_is_known = false;
                if (snapshot_read(fresh, follower->bus, name, NULL, &failure))
                        continue;
                if (failure->status != EXIT_NOT_FOUND && failure->status != EXIT_DENIED) {
                        *reterr = g_steal_pointer(&failure);
                        return FALSE;
                }
                snapshot_drop(fresh, name); /* it went meanwhile */
        }
        return TRUE;
}

/* The Watch with which nothing is missing. */
static gboolean call_watch_whole(Follower *follower,
                                 const Position *since,
                                 Answer *ret_answer,
                                 Failure **reterr)
{
        g_autoptr(Snapshot) fresh = snapshot_new();

        for (int try = 1; try <= SNAPSHOT_TRIES; try++) {
                g_auto(Answer) answer = {};
                gboolean is_read;
                bool is_known;

                if (!call_watch(follower, since, &answer, reterr))
                        return FALSE;
                is_read = read_fresh(follower, &answer, fresh, &is_known, reterr);
                if (is_read && is_known) {
                        *ret_answer = answer;
                        answer = (Answer){};
                        ret_answer->fresh = g_steal_pointer(&fresh);
                        return TRUE;
                }
                drop_watch(follower, answer.watch);
                follower->resume = 0;
                if (!is_read)
                        return FALSE;
        }
        failure_set(reterr, EXIT_REFUSED, "%s", too_fast);
        (*reterr)->error_name = g_strdup(REGENT_ERROR_HISTORY_LOST); /* starts over */
        return FALSE;
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
        if (!call_watch_whole(follower, &since, &answer, reterr))
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
                drop_watch(follower, follower->resume);
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
