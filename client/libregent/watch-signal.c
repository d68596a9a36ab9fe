/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is signalled of a watch
 *
 * Values that a signal has left out are read. They are what they were at its commit if no later signal, which came
 * before the answer, is about one of them; else what differs by now is asked for, so that what is told is one state.
 */

#include "watch-private.h"

#include <errno.h>
#include <string.h>

static const struct {
        const char *member;
        int kind;
        const char *type;
} members[] = {
        { "Changed", WATCH_SIGNAL_CHANGED, "(tstta{sv}asas)" },
        { "Resynchronize", WATCH_SIGNAL_RESYNCHRONIZE, "(tst)" },
        { "WatchEnded", WATCH_SIGNAL_ENDED, "(tss)" },
};

void watch_change_clear(WatchChange *change)
{
        g_clear_pointer(&change->values, g_variant_unref);
        g_strfreev(change->removed);
        g_strfreev(change->invalidated);
        g_free(change->ns_name);
}

WatchSignal *watch_signal_free(WatchSignal *signal)
{
        if (!signal)
                return NULL;

        watch_change_clear(&signal->change);
        g_free(signal->reason);
        g_free(signal);
        return NULL;
}

static WatchSignal *new_signal(int kind, GVariant *body, uint64_t *ret_number)
{
        WatchSignal *signal = g_new0(WatchSignal, 1);
        WatchChange *change = &signal->change;
        guint64 number, previous, revision;

        signal->kind = kind;
        g_variant_get_child(body, 0, "t", &number);
        if (kind == WATCH_SIGNAL_CHANGED) {
                g_variant_get(body, "(tstt@a{sv}^as^as)", NULL, &change->ns_name, &previous,
                              &revision, &change->values, &change->removed, &change->invalidated);
                change->previous = previous;
                change->revision = revision;
        } else if (kind == WATCH_SIGNAL_ENDED) {
                g_variant_get_child(body, 2, "s", &signal->reason);
        }
        *ret_number = number;
        return signal;
}

WatchSignal *watch_signal_read(sd_bus_message *m, uint64_t *ret_number)
{
        const char *member = sd_bus_message_get_member(m);

        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                g_autoptr(GVariant) body = NULL;

                if (strcmp(members[i].member, member) != 0)
                        continue;
                if (message_read(m, members[i].type, &body, NULL) < 0)
                        return NULL;
                return new_signal(members[i].kind, body, ret_number);
        }

        return NULL;
}

void watch_fetch_free(WatchFetch *fetch)
{
        watch_signal_free(fetch->signal);
        g_variant_dict_clear(&fetch->values);
        g_free(fetch);
}

/* A commit over several namespaces is several signals, and nobody says which is the last. */
static void note_change(RegentWatch *watch, WatchChange *change)
{
        WatchChange *kept;

        change->is_first = g_hash_table_add(watch->names, g_strdup(change->ns_name));
        if (watch->ns_name) {
                watch->position.revision = watch->revision = change->revision;
                return;
        }

        if (change->revision != watch->revision) {
                watch->position.revision = watch->revision;
                watch->revision = change->revision;
                g_ptr_array_set_size(watch->last_commit, 0);
        }
        kept = g_new(WatchChange, 1);
        *kept = (WatchChange){
                .ns_name = g_strdup(change->ns_name),
                .previous = change->previous,
                .revision = change->revision,
                .values = g_variant_ref(change->values),
                .removed = g_strdupv(change->removed),
                .is_first = change->is_first,
        };
        g_ptr_array_add(watch->last_commit, kept);
}

static void tell_change(RegentWatch *watch, WatchChange *change)
{
        const RegentWatchEvent event = {
                .kind = REGENT_WATCH_CHANGE,
                .ns_name = change->ns_name,
                .previous = change->previous,
                .revision = change->revision,
                .values = change->values,
                .removed = (const char *const *) change->removed,
        };
        const size_t n_bytes = g_variant_get_size(change->values);

        note_change(watch, change);
        watch->last_change = change->revision;
        if (watch->is_acknowledged)
                watch->n_told_bytes += n_bytes;
        if (!watch_tell(watch, event) || watch->is_acknowledged)
                return;

        watch->acknowledged = change->revision;
        watch_note_acknowledged(watch, n_bytes);
}

static bool is_among(GVariant *values, char **removed, char **invalidated, const char *key)
{
        g_autoptr(GVariant) value = g_variant_lookup_value(values, key, NULL);

        return value || g_strv_contains((const char *const *) removed, key) ||
               g_strv_contains((const char *const *) invalidated, key);
}

/* Whether a later signal is about a key that was read. */
static bool is_overtaken(const RegentWatch *watch, const WatchChange *change)
{
        for (const GList *item = watch->signals.head; item; item = item->next) {
                const WatchSignal *signal = item->data;
                const WatchChange *later = &signal->change;

                if (signal->kind != WATCH_SIGNAL_CHANGED)
                        return true;
                if (strcmp(later->ns_name, change->ns_name) != 0)
                        continue;
                for (char **key = change->invalidated; *key; key++)
                        if (is_among(later->values, later->removed, later->invalidated, *key))
                                return true;
        }

        return false;
}

static int ask_for_values(RegentWatch *watch);

static void end_fetch(RegentWatch *watch)
{
        WatchFetch *fetch = g_steal_pointer(&watch->fetch);
        WatchChange *change = &fetch->signal->change;
        bool is_whole = true;

        for (char **key = change->invalidated; *key; key++)
                is_whole = is_whole && g_variant_dict_contains(&fetch->values, *key);
        if (!is_whole || is_overtaken(watch, change)) {
                watch_fall_behind(watch);
        } else {
                g_variant_unref(change->values);
                change->values = g_variant_ref_sink(g_variant_dict_end(&fetch->values));
                tell_change(watch, change);
                watch_take_signals(watch);
        }
        watch_fetch_free(fetch);
}

static void take_values(WatchFetch *fetch, GVariant *reply)
{
        g_autoptr(GVariant) values = g_variant_get_child_value(reply, 0);
        GVariantIter iterator;
        const char *key;
        GVariant *value;

        g_variant_iter_init(&iterator, values);
        while (g_variant_iter_next(&iterator, "{&sv}", &key, &value)) {
                g_variant_dict_insert_value(&fetch->values, key, value);
                g_variant_unref(value);
        }
        fetch->n_read += fetch->n_asked;
}

static void on_values(RegentWatch *watch, int r, GVariant *reply)
{
        WatchFetch *fetch = watch->fetch;
        bool is_too_much = r < 0 && g_strcmp0(regent_error_name(watch->follower.regent),
                                              SD_BUS_ERROR_LIMITS_EXCEEDED) == 0;

        if (r >= 0) {
                take_values(fetch, reply);
        } else if (is_too_much && fetch->n_asked > 1) {
                fetch->n_asked /= 2;
        } else if (r == -ECONNRESET || r == -EHOSTUNREACH || r == -ETIMEDOUT) {
                watch_fail(watch, r);
                return;
        } else {
                watch_fall_behind(watch); /* which says what has become of it */
                return;
        }

        if (fetch->n_read >= g_strv_length(fetch->signal->change.invalidated)) {
                end_fetch(watch);
                return;
        }

        r = ask_for_values(watch);
        if (r < 0)
                watch_fail(watch, r);
}

static int ask_for_values(RegentWatch *watch)
{
        WatchFetch *fetch = watch->fetch;
        const WatchChange *change = &fetch->signal->change;
        guint n_left = g_strv_length(change->invalidated) - fetch->n_read;
        char path[NAMESPACE_PATH_SIZE];
        CallSpec spec = {
                .path = path,
                .interface_name = REGENT_NAMESPACE_INTERFACE,
                .member = "GetMany",
                .reply_type = "(a{sv}t)",
        };
        int r;

        r = text_namespace_path(watch->follower.regent, change->ns_name, path);
        if (r < 0)
                return r;

        fetch->n_asked = MIN(fetch->n_asked, n_left);
        spec.arguments = g_variant_new(
                "(@as@a{sv})",
                g_variant_new_strv((const char *const *) change->invalidated + fetch->n_read,
                                   (gssize) fetch->n_asked),
                g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0));
        return watch_ask(watch, spec, on_values);
}

static void begin_fetch(RegentWatch *watch, WatchSignal *signal)
{
        WatchFetch *fetch = g_new0(WatchFetch, 1);
        int r;

        fetch->signal = signal;
        fetch->n_asked = g_strv_length(signal->change.invalidated);
        g_variant_dict_init(&fetch->values, signal->change.values);
        watch->fetch = fetch;
        r = ask_for_values(watch);
        if (r < 0)
                watch_fail(watch, r);
}

static void take_change(RegentWatch *watch, WatchSignal *signal)
{
        WatchChange *change = &signal->change;

        if (change->previous != watch->revision) {
                watch_fall_behind(watch);
        } else if (*change->invalidated) {
                begin_fetch(watch, signal);
                return;
        } else {
                tell_change(watch, change);
        }
        watch_signal_free(signal);
}

static void take_end(RegentWatch *watch, WatchSignal *signal)
{
        g_autofree char *reason = g_steal_pointer(&signal->reason);
        bool is_gone = strcmp(reason, REGENT_ERROR_NO_SUCH_NAMESPACE) == 0 || watch->is_patient;
        int r;

        watch_signal_free(signal);
        watch_drop(watch, false);
        if (watch->ns_name && is_gone) {
                watch->turn++;
                watch->phase = WATCH_IDLE;
                watch_wait(watch, 0);
                watch_tell_gone(watch);
                return;
        }

        r = error_set(watch->follower.regent, error_of_name(reason), reason, "The watch was ended");
        watch_end(watch, r);
}

static void take(RegentWatch *watch, WatchSignal *signal)
{
        switch (signal->kind) {
        case WATCH_SIGNAL_CHANGED:
                take_change(watch, signal);
                break;
        case WATCH_SIGNAL_RESYNCHRONIZE:
                watch_signal_free(signal);
                watch->is_resumed = true;
                watch_fall_behind(watch);
                break;
        case WATCH_SIGNAL_ENDED:
                take_end(watch, signal);
                break;
        default:
                g_assert_not_reached();
        }
}

void watch_take_signals(RegentWatch *watch)
{
        WatchSignal *signal;

        watch_ref(watch);
        while (watch->phase == WATCH_LIVE && !watch->fetch &&
               (signal = g_queue_pop_head(&watch->signals)))
                take(watch, signal);
        watch_unref(watch);
}
