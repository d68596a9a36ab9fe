/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a participant is registered
 *
 * Values that are too much for the reply are read a page at a time, and then what has changed since the registration
 * is put over them. What it is asked meanwhile is told after them.
 *
 * Who was late, or may not take part any more, is unregistered without a word that says so alone. So it registers once
 * more when it hears that a change is off, or of one that it was not asked about.
 */

#include "participant-private.h"

#include "inbound.h"

#include <errno.h>

#define RETRY_USEC     (UINT64_C(1) * G_USEC_PER_SEC)
#define RETRY_MAX_USEC (UINT64_C(30) * G_USEC_PER_SEC)

typedef void (*OnReply)(RegentParticipant *participant, int r, GVariant *reply);

typedef struct Step {
        RegentParticipant *participant;
        unsigned turn;
        OnReply on_reply;
} Step;

static void on_step(Regent *regent, int r, GVariant *reply, void *userdata)
{
        g_autofree Step *step = userdata;
        RegentParticipant *participant = step->participant;

        if (step->turn == participant->turn && participant->phase != PARTICIPANT_ENDED &&
            !regent->is_freed)
                step->on_reply(participant, r, reply);
        participant_unref(participant);
}

static int call(RegentParticipant *participant, CallSpec spec, OnReply on_reply)
{
        Step *step = g_new(Step, 1);
        int r;

        *step = (Step){ participant_ref(participant), participant->turn, on_reply };
        spec.path = participant->path;
        spec.interface_name = REGENT_NAMESPACE_INTERFACE;
        r = call_start(participant->follower.regent, &spec, on_step, step, NULL);
        if (r < 0) {
                g_free(step);
                participant_unref(participant);
        }
        return r;
}

static bool is_passing(int r)
{
        return r == -ECONNRESET || r == -EHOSTUNREACH || r == -ETIMEDOUT;
}

/* A service that cannot be started is not to be started all the time. */
static uint64_t next_delay(RegentParticipant *participant, int r)
{
        uint64_t delay_usec = MAX(participant->retry_usec, RETRY_USEC);

        participant->retry_usec = r == -EHOSTUNREACH ? MIN(2 * delay_usec, RETRY_MAX_USEC) : 0;
        return r == -EHOSTUNREACH ? delay_usec : RETRY_USEC;
}

/* It cannot be, or stay, registered for now: @r is what failed last. */
static void refuse(RegentParticipant *participant, int r)
{
        const RegentParticipantEvent event = { .kind = REGENT_PARTICIPANT_REFUSED, .result = r };
        bool was_refused = participant->is_refused;

        participant->is_refused = true;
        participant->phase = PARTICIPANT_IDLE;
        participant->has_no_values = false;
        participant_drop(participant, true);
        participant_wait(participant, next_delay(participant, r));
        if (!was_refused)
                participant_tell(participant, event);
}

static void tell_registered(RegentParticipant *participant, GVariant *values, uint64_t revision)
{
        const RegentParticipantEvent event = { .kind = REGENT_PARTICIPANT_REGISTERED,
                                               .values = values,
                                               .revision = revision };

        participant->phase = PARTICIPANT_REGISTERED;
        participant->is_refused = participant->has_no_values = false;
        participant->retry_usec = 0;
        participant_tell(participant, event);
        participant_take_held(participant);
}

static void on_changes(RegentParticipant *participant, int r, GVariant *reply)
{
        g_autoptr(GVariant) changed = NULL, values = NULL;
        g_auto(GStrv) removed = NULL;
        guint64 revision = 0;

        if (r < 0) {
                refuse(participant, r);
                return;
        }

        g_variant_get(reply, "(@a{sv}^ast)", &changed, &removed, &revision);
        snapshot_change(participant->snapshot, participant->ns_name, changed,
                        (const char *const *) removed);
        values = snapshot_values(participant->snapshot, participant->ns_name);
        participant->snapshot = snapshot_free(participant->snapshot);
        tell_registered(participant, values, revision);
}

static int ask_for_changes(RegentParticipant *participant)
{
        GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        CallSpec spec = { .member = "GetChanges", .reply_type = "(a{sv}ast)" };

        if (*participant->prefix != '\0')
                g_variant_builder_add(&options, "{sv}", "prefix",
                                      g_variant_new_string(participant->prefix));
        spec.arguments = g_variant_new("(t@a{sv})", (guint64) participant->revision,
                                       g_variant_builder_end(&options));
        return call(participant, spec, on_changes);
}

static void on_read(int r, void *userdata)
{
        RegentParticipant *participant = participant_ref(userdata);

        participant->reading = reading_free(participant->reading);
        if (r >= 0)
                r = ask_for_changes(participant);
        if (r < 0)
                refuse(participant, r);
        participant_unref(participant);
}

static void read_values(RegentParticipant *participant)
{
        int r;

        participant->phase = PARTICIPANT_READING;
        participant->snapshot = snapshot_new();
        participant->reading = reading_new(participant->follower.regent, participant->snapshot,
                                           on_read, participant);
        reading_set_one(participant->reading, participant->ns_name, participant->prefix);
        r = reading_start(participant->reading);
        if (r < 0)
                refuse(participant, r);
}

static void take_registration(RegentParticipant *participant, GVariant *reply)
{
        Regent *regent = participant->follower.regent;
        g_autoptr(GVariant) values = NULL;
        guint64 revision;

        if (participant->phase == PARTICIPANT_REGISTERED)
                participant_tell_away(participant, false);
        if (participant->phase == PARTICIPANT_ENDED)
                return;

        inbound_note_reply(regent);
        sd_bus_unref(participant->link);
        participant->link = sd_bus_ref(sd_bus_message_get_bus(regent->reply));
        g_variant_get(reply, "(@a{sv}t)", &values, &revision);
        participant->revision = revision;
        if (participant->has_no_values)
                read_values(participant);
        else
                tell_registered(participant, values, revision);
}

static int ask(RegentParticipant *participant);

static void on_registered(RegentParticipant *participant, int r, GVariant *reply)
{
        const char *name = regent_error_name(participant->follower.regent);
        bool is_probe = participant->phase == PARTICIPANT_REGISTERED;
        bool is_too_much = r < 0 && g_strcmp0(name, SD_BUS_ERROR_LIMITS_EXCEEDED) == 0;

        participant->is_probing = false;
        if (r >= 0) {
                take_registration(participant, reply);
                return;
        }
        if (is_too_much && !participant->has_no_values) {
                participant->has_no_values = true;
                r = ask(participant);
                if (r >= 0)
                        return;
        }
        if (is_probe && g_strcmp0(name, SD_BUS_ERROR_INVALID_ARGS) == 0)
                return; /* it was all the time */
        if (is_probe && is_passing(r)) {
                participant_wait(participant, RETRY_USEC);
                return;
        }

        if (is_probe)
                participant_tell_away(participant, true);
        if (participant->phase != PARTICIPANT_ENDED)
                refuse(participant, r);
}

static int ask(RegentParticipant *participant)
{
        GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        CallSpec spec = { .member = "RegisterParticipant", .reply_type = "(a{sv}t)" };

        g_variant_builder_add(&options, "{sv}", "timeout-usec",
                              g_variant_new_uint64(participant->timeout_usec));
        if (participant->has_no_values)
                g_variant_builder_add(&options, "{sv}", "no-values", g_variant_new_boolean(TRUE));
        spec.arguments = g_variant_new(
                "(sot@a{sv})", participant->prefix, participant->callback_path,
                (guint64) (participant->is_optional ? REGENT_PARTICIPANT_OPTIONAL : 0),
                g_variant_builder_end(&options));
        return call(participant, spec, on_registered);
}

void participant_begin(RegentParticipant *participant)
{
        bool may_begin = participant->follower.is_ready || !participant->was_begun;
        int r;

        if (participant->phase != PARTICIPANT_IDLE || !may_begin)
                return;

        participant->was_begun = true;
        participant->phase = PARTICIPANT_REGISTERING;
        participant->turn++;
        r = ask(participant);
        if (r < 0)
                refuse(participant, r);
}

void participant_probe(RegentParticipant *participant)
{
        if (participant->phase != PARTICIPANT_REGISTERED || participant->is_probing)
                return;

        participant->is_probing = true;
        if (ask(participant) < 0) {
                participant->is_probing = false;
                participant_wait(participant, RETRY_USEC);
        }
}
