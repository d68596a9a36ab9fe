/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a watch begins
 *
 * With a position, regentd is asked for what differs from then. Without, or when it does not know, for everything; and
 * when that is more than one reply may hold, everything is read a page at a time, after a revision that was current
 * then, and what differs from there is put over it.
 *
 * Of a namespace that may be read only since then, what differs says nothing of what one never had: it is read whole,
 * before what differs is asked for once more and put over it.
 */

#include "watch-private.h"

#include "inbound.h"

#include <errno.h>
#include <string.h>

#define RETRY_USEC     (UINT64_C(1) * G_USEC_PER_SEC)
#define RETRY_MAX_USEC (UINT64_C(30) * G_USEC_PER_SEC)
#define TRIES_MAX      5u

typedef struct Step {
        RegentWatch *watch;
        unsigned turn;
        bool is_watch; /* its reply has the number of a watch */
        WatchOnReply on_reply;
} Step;

static void end_unwanted(const RegentWatch *watch, Regent *regent, GVariant *reply)
{
        guint64 number;

        g_variant_get_child(reply, 0, "t", &number);
        message_send(sd_bus_message_get_bus(regent->reply), watch->path, watch_interface(watch),
                     "Unwatch", "t", (uint64_t) number);
}

static void on_step(Regent *regent, int r, GVariant *reply, void *userdata)
{
        g_autofree Step *step = userdata;
        RegentWatch *watch = step->watch;

        if (step->turn == watch->turn && watch->phase != WATCH_ENDED && !regent->is_freed)
                step->on_reply(watch, r, reply);
        else if (r >= 0 && step->is_watch)
                end_unwanted(watch, regent, reply);
        watch_unref(watch);
}

int watch_ask(RegentWatch *watch, CallSpec spec, WatchOnReply on_reply)
{
        Step *step = g_new(Step, 1);
        int r;

        *step = (Step){ .watch = watch_ref(watch),
                        .turn = watch->turn,
                        .is_watch = strcmp(spec.member, "Watch") == 0,
                        .on_reply = on_reply };
        r = call_start(watch->follower.regent, &spec, on_step, step, NULL);
        if (r < 0) {
                g_free(step);
                watch_unref(watch);
        }
        return r;
}

static void forget_reading(RegentWatch *watch)
{
        watch->reading = reading_free(watch->reading);
        watch->snapshot = snapshot_free(watch->snapshot);
        position_clear(&watch->before);
        watch->is_paged = false;
        watch->n_tries = 0;
}

void watch_stop_asking(RegentWatch *watch)
{
        watch->turn++;
        forget_reading(watch);
        if (watch->follower.regent)
                inbound_end_turn(watch->follower.regent, watch);
}

static bool has_failed_with(const RegentWatch *watch, const char *name)
{
        return g_strcmp0(regent_error_name(watch->follower.regent), name) == 0;
}

/* What cannot be another way soon. */
static bool is_for_good(const RegentWatch *watch, int r)
{
        static const int errors[] = { -EINVAL, -EBADMSG, -ECHILD, -ECANCELED };

        for (size_t i = 0; i < G_N_ELEMENTS(errors); i++)
                if (r == errors[i])
                        return true;

        return r == -EACCES && !watch->ns_name;
}

/* A service that cannot be started is not to be started all the time. */
static uint64_t next_delay(RegentWatch *watch, int r)
{
        uint64_t delay_usec = MAX(watch->retry_usec, RETRY_USEC);

        watch->retry_usec = r == -EHOSTUNREACH ? MIN(2 * delay_usec, RETRY_MAX_USEC) : 0;
        return r == -EHOSTUNREACH ? delay_usec : RETRY_USEC;
}

void watch_fail(RegentWatch *watch, int r)
{
        const RegentWatchEvent away = { .kind = REGENT_WATCH_AWAY };
        bool is_gone = watch->ns_name &&
                       (has_failed_with(watch, REGENT_ERROR_NO_SUCH_NAMESPACE) || r == -EACCES);

        if ((!watch->was_live && !watch->is_patient) || is_for_good(watch, r)) {
                watch_end(watch, r);
                return;
        }

        watch_stop_asking(watch);
        watch_drop(watch, true);
        watch->phase = WATCH_IDLE;
        watch_wait(watch, next_delay(watch, r));
        if (is_gone) {
                watch_tell_gone(watch);
        } else if (r == -EHOSTUNREACH && !watch->is_away) {
                watch->is_away = true;
                (void) watch_tell(watch, away);
        }
}

static int ask_for_watch(RegentWatch *watch);

static void go_on(RegentWatch *watch, int r)
{
        if (r < 0)
                watch_fail(watch, r);
}

/* Epoch and revision of the service as of now. */
static int read_service(RegentWatch *watch);

/* What was told is lost on whoever listens. */
static void lose(RegentWatch *watch)
{
        watch_drop(watch, true);
        watch->is_afresh = watch->is_afresh || watch->position.epoch;
        position_clear(&watch->position);
        g_ptr_array_set_size(watch->last_commit, 0);
}

/* Whether what Watch failed with is dealt with: it is asked another way then. */
static int find_way(RegentWatch *watch, int r)
{
        bool is_too_much = has_failed_with(watch, SD_BUS_ERROR_LIMITS_EXCEEDED);

        if (has_failed_with(watch, REGENT_ERROR_HISTORY_LOST) && watch->is_paged) {
                if (watch->n_tries >= TRIES_MAX)
                        return r;
                return read_service(watch);
        }
        if (has_failed_with(watch, REGENT_ERROR_HISTORY_LOST) && watch->position.epoch) {
                lose(watch);
                return read_service(watch);
        }
        if (watch->is_resumed && r == -EINVAL) {
                watch_drop(watch, true);
                return ask_for_watch(watch);
        }
        if (is_too_much && !watch->is_paged) {
                lose(watch);
                watch->is_paged = true;
                return read_service(watch);
        }

        return r;
}

static void take_number(RegentWatch *watch, uint64_t number)
{
        Regent *regent = watch->follower.regent;

        inbound_note_reply(regent);
        if (watch->link)
                inbound_remove_watch(regent, watch);
        sd_bus_unref(watch->link);
        watch->link = sd_bus_ref(sd_bus_message_get_bus(regent->reply));
        watch->number = number;
        watch->is_resumed = false;
        inbound_add_watch(regent, watch);
}

/* All is known that is to be told. */
static void complete(RegentWatch *watch, const WatchAnswer *answer)
{
        const RegentWatchEvent live = { .kind = REGENT_WATCH_LIVE, .revision = answer->revision };
        const char *epoch = answer->since.epoch ? answer->since.epoch : watch->before.epoch;
        bool is_going;

        position_set(&watch->position, epoch, answer->revision);
        is_going = watch->is_paged ? watch_tell_snapshot(watch, answer->revision)
                                   : watch_tell_answer(watch, answer);
        if (!is_going)
                return;

        watch->revision = answer->revision;
        g_ptr_array_set_size(watch->last_commit, 0);
        watch_stop_asking(watch);
        watch->phase = WATCH_LIVE;
        watch_go_on_acknowledging(watch);
        watch->was_live = true;
        watch->retry_usec = 0;
        watch->is_missing = watch->is_away = watch->is_afresh = false;
        if (watch_tell(watch, live))
                watch_take_signals(watch);
}

static void on_read(int r, void *userdata);

/* Those that were never told of, for which what differs does not do. 1: there are some, which are read. */
static int read_fresh(RegentWatch *watch, const WatchAnswer *answer)
{
        g_autoptr(Snapshot) snapshot = watch->snapshot ? NULL : snapshot_new();
        Snapshot *known = watch->snapshot ? watch->snapshot : snapshot;
        g_autoptr(Reading) reading = reading_new(watch->follower.regent, known, on_read, watch);
        bool is_known = true;
        GVariantIter iterator;
        const char *name;
        int r;

        g_variant_iter_init(&iterator, answer->values);
        while (g_variant_iter_next(&iterator, "{&sv}", &name, NULL)) {
                if (watch_answer_is_complete(answer, name) ||
                    g_hash_table_contains(watch->names, name) || snapshot_has(known, name))
                        continue;
                is_known = false;
                reading_add(reading, name);
        }
        if (is_known)
                return 0;
        if (++watch->n_tries > TRIES_MAX)
                return -ESTALE;

        r = reading_start(reading);
        if (r < 0)
                return r;
        if (snapshot)
                watch->snapshot = g_steal_pointer(&snapshot);
        watch->reading = g_steal_pointer(&reading);
        return 1;
}

/* More is to be read, before it is begun once more. */
static int prepare_again(RegentWatch *watch, const WatchAnswer *answer)
{
        int r;

        if (watch->is_paged) {
                if (watch_put_over(watch, answer))
                        return 0;
                watch_drop(watch, true);
                if (watch->n_tries >= TRIES_MAX)
                        return error_set(watch->follower.regent, -ETIMEDOUT, SD_BUS_ERROR_TIMEOUT,
                                         "It changes faster than it can be read");
                r = read_service(watch);
                return r < 0 ? r : 1;
        }
        /* At the start, whoever gave the position knows what it had. */
        if (watch->ns_name || !answer->since.epoch || !watch->was_live)
                return 0;

        r = read_fresh(watch, answer);
        if (r != 0)
                watch_drop(watch, true);
        if (r != -ESTALE)
                return r;

        lose(watch);
        forget_reading(watch);
        r = read_service(watch);
        return r < 0 ? r : 1;
}

static bool is_of_dictionaries(GVariant *values)
{
        GVariantIter iterator;
        GVariant *each;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_next(&iterator, "{&sv}", NULL, &each)) {
                g_autoptr(GVariant) value = each;

                if (!g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT))
                        return false;
        }

        return true;
}

static void read_answer(const RegentWatch *watch,
                        GVariant *reply,
                        WatchAnswer *ret_answer,
                        uint64_t *ret_number)
{
        const Position *since = watch->is_paged ? &watch->before : &watch->position;
        guint64 number, revision;

        if (watch->ns_name)
                g_variant_get(reply, "(t@a{sv}@ast)", &number, &ret_answer->values,
                              &ret_answer->removed, &revision);
        else
                g_variant_get(reply, "(t@a{sv}@a{sv}^ast)", &number, &ret_answer->values,
                              &ret_answer->removed, &ret_answer->complete, &revision);
        position_set(&ret_answer->since, since->epoch, since->revision);
        ret_answer->revision = revision;
        *ret_number = number;
}

static void on_watch(RegentWatch *watch, int r, GVariant *reply)
{
        g_auto(WatchAnswer) answer = { .revision = 0 };
        uint64_t number = 0;

        if (r < 0) {
                go_on(watch, find_way(watch, r));
                return;
        }

        read_answer(watch, reply, &answer, &number);
        take_number(watch, number);
        if (watch->ns_prefix && !is_of_dictionaries(answer.values)) {
                watch_fail(watch, error_set(watch->follower.regent, -EBADMSG,
                                            SD_BUS_ERROR_INCONSISTENT_MESSAGE,
                                            "The values of a namespace are no dictionary"));
                return;
        }

        r = prepare_again(watch, &answer);
        if (r == 0)
                complete(watch, &answer);
        else
                go_on(watch, r);
}

static GVariant *watch_options(const RegentWatch *watch, const Position *since)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        if (since->epoch) {
                g_variant_builder_add(&builder, "{sv}", "since",
                                      g_variant_new_uint64(since->revision));
                g_variant_builder_add(&builder, "{sv}", "epoch",
                                      g_variant_new_string(since->epoch));
        }
        if (since->epoch && watch->is_resumed)
                g_variant_builder_add(&builder, "{sv}", "resume",
                                      g_variant_new_uint64(watch->number));
        return g_variant_builder_end(&builder);
}

static int ask_for_watch(RegentWatch *watch)
{
        const Position *since = watch->is_paged ? &watch->before : &watch->position;
        const char *prefix = watch->ns_name ? watch->prefix : watch->ns_prefix;
        CallSpec spec = {
                .path = watch->path,
                .interface_name = watch_interface(watch),
                .member = "Watch",
                .arguments = g_variant_new("(st@a{sv})", prefix ? prefix : "",
                                           (guint64) REGENT_WATCH_ACKNOWLEDGED,
                                           watch_options(watch, since)),
                .reply_type = watch->ns_name ? "(ta{sv}ast)" : "(ta{sv}a{sv}ast)",
        };

        return watch_ask(watch, spec, on_watch);
}

static void on_read(int r, void *userdata)
{
        RegentWatch *watch = watch_ref(userdata);

        watch->reading = reading_free(watch->reading);
        if (r >= 0)
                r = ask_for_watch(watch);
        go_on(watch, r);
        watch_unref(watch);
}

static int read_everything(RegentWatch *watch)
{
        Regent *regent = watch->follower.regent;

        snapshot_free(watch->snapshot);
        watch->snapshot = snapshot_new();
        reading_free(watch->reading);
        watch->reading = reading_new(regent, watch->snapshot, on_read, watch);
        watch->n_tries++;
        if (watch->ns_name)
                reading_set_one(watch->reading, watch->ns_name, watch->prefix);
        else
                reading_set_all(watch->reading, watch->ns_prefix);

        return reading_start(watch->reading);
}

static void on_service(RegentWatch *watch, int r, GVariant *reply)
{
        g_autoptr(GVariant) properties = NULL;
        const char *epoch = NULL;
        guint64 revision = 0;

        if (r >= 0) {
                properties = g_variant_get_child_value(reply, 0);
                if (!g_variant_lookup(properties, "Epoch", "&s", &epoch) ||
                    !g_variant_lookup(properties, "Revision", "t", &revision))
                        r = error_set(watch->follower.regent, -EBADMSG,
                                      SD_BUS_ERROR_INCONSISTENT_MESSAGE,
                                      "regentd does not tell its epoch and revision");
        }
        if (r >= 0) {
                position_set(&watch->before, epoch, revision);
                r = watch->is_paged ? read_everything(watch) : ask_for_watch(watch);
        }
        go_on(watch, r);
}

static int read_service(RegentWatch *watch)
{
        CallSpec spec = {
                .path = REGENT_PATH,
                .interface_name = "org.freedesktop.DBus.Properties",
                .member = "GetAll",
                .arguments = g_variant_new("(s)", REGENT_MANAGER_INTERFACE),
                .reply_type = "(a{sv})",
        };

        return watch_ask(watch, spec, on_service);
}

static bool may_begin(RegentWatch *watch)
{
        if (watch->phase == WATCH_HELD)
                return watch->acknowledged >= watch->last_change;
        if (watch->phase != WATCH_IDLE)
                return false;

        /* The first time regentd is started for it. */
        return watch->follower.is_ready || (!watch->was_live && !watch->is_away);
}

void watch_begin(RegentWatch *watch)
{
        Regent *regent = watch->follower.regent;

        if (!may_begin(watch) || !inbound_take_turn(regent, watch))
                return;

        if (watch->is_resumed && watch->link != link_bus(regent))
                watch_drop(watch, true);
        watch->turn++;
        watch->phase = WATCH_ASKING;
        go_on(watch, watch->position.epoch ? ask_for_watch(watch) : read_service(watch));
}

void watch_fall_behind(RegentWatch *watch)
{
        watch->turn++;
        if (!watch->is_resumed)
                watch_drop(watch, true);
        watch->n_pending = 0;
        watch->n_pending_bytes = 0;

        if (watch->is_acknowledged && watch->acknowledged < watch->last_change) {
                watch->phase = WATCH_HELD;
                return;
        }
        watch->phase = WATCH_IDLE;
        watch_begin(watch);
}
