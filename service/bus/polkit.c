/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * polkit
 *
 * The interface is polkit's own D-Bus API reference, "org.freedesktop.PolicyKit1.Authority".
 *
 * What becomes of a check:
 *
 *               answer              time is up            abandoned        polkit leaves
 *   ASKED       told, freed         told, then LATE       LATE             told, freed
 *   LATE        freed               -                     -                freed
 *
 * A LATE check is still counted: the bus goes on waiting for its reply. The bus itself answers for
 * a polkit that leaves.
 */

#include "bus/polkit.h"

#include "client/regent-names.h"
#include "util/auto.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define TEMPORARY_AUTHORIZATION "polkit.temporary_authorization_id"

/* CheckAuthorizationFlags */
#define ALLOW_USER_INTERACTION UINT32_C(1)

#define ANSWER_TIMEOUT_USEC      (UINT64_C(10) * 1000000)
#define INTERACTIVE_TIMEOUT_USEC (UINT64_C(5) * 60 * 1000000)

struct PolkitCheck {
        Polkit *polkit;
        sd_bus_slot *slot;
        sd_event_source *deadline;
        uint32_t uid;
        char cancellation_id[24];   /* "" when nobody can be asked for a password */
        PolkitAnswered on_answered; /* NULL: nobody wants to know any more */
        void *userdata;
};

struct Polkit {
        sd_bus *bus;
        Outgoing *outgoing;
        sd_bus_slot *changed;
        GHashTable *checks; /* owned PolkitCheck, as a set */
        uint64_t generation;
        uint64_t n_asked;
        bool is_unreachable; /* as the last reply went */
        void (*on_changed)(void *userdata);
        void *on_changed_userdata;
};

static void check_free(gpointer userdata)
{
        PolkitCheck *check = userdata;

        outgoing_end(check->polkit->outgoing, OUTGOING_POLKIT, check->uid);
        sd_bus_slot_unref(check->slot);
        sd_event_source_disable_unref(check->deadline);
        g_free(check);
}

static int on_changed_signal(sd_bus_message *m G_GNUC_UNUSED,
                             void *userdata,
                             sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Polkit *polkit = userdata;

        /* A forged one, if the bus lets it through, costs no more than a question asked again. */
        polkit->generation++;
        if (polkit->on_changed)
                polkit->on_changed(polkit->on_changed_userdata);
        return 0;
}

void polkit_set_on_changed(Polkit *polkit, void (*on_changed)(void *userdata), void *userdata)
{
        polkit->on_changed = on_changed;
        polkit->on_changed_userdata = userdata;
}

int polkit_new(Polkit **ret_polkit, sd_bus *bus, Outgoing *outgoing)
{
        g_autoptr(Polkit) polkit = g_new(Polkit, 1);
        int r;

        *polkit = (Polkit){
                .bus = bus,
                .outgoing = outgoing,
                .checks = g_hash_table_new_full(NULL, NULL, check_free, NULL),
        };

        r = sd_bus_match_signal_async(bus, &polkit->changed, POLKIT_NAME, POLKIT_PATH,
                                      POLKIT_INTERFACE, "Changed", on_changed_signal, NULL, polkit);
        if (r < 0)
                return r;

        *ret_polkit = g_steal_pointer(&polkit);
        return 0;
}

Polkit *polkit_free(Polkit *polkit)
{
        if (!polkit)
                return NULL;

        sd_bus_slot_unref(polkit->changed);
        g_hash_table_unref(polkit->checks);
        g_free(polkit);
        return NULL;
}

uint64_t polkit_generation(const Polkit *polkit)
{
        return polkit->generation;
}

uint64_t polkit_n_waiting(const Polkit *polkit)
{
        return g_hash_table_size(polkit->checks);
}

uint64_t polkit_n_asked(const Polkit *polkit)
{
        return polkit->n_asked;
}

static int read_is_temporary(sd_bus_message *reply, bool *ret_is_temporary)
{
        const char *name, *value;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{ss}");
        if (r < 0)
                return r;

        *ret_is_temporary = false;
        while ((r = sd_bus_message_read(reply, "{ss}", &name, &value)) > 0)
                if (strcmp(name, TEMPORARY_AUTHORIZATION) == 0)
                        *ret_is_temporary = true;

        return r;
}

static int read_verdict(sd_bus_message *reply, PolkitVerdict *ret_verdict)
{
        int is_authorized, is_challenge, r;
        bool is_temporary;

        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r < 0)
                return r;

        r = sd_bus_message_read(reply, "bb", &is_authorized, &is_challenge);
        if (r < 0)
                return r;

        r = read_is_temporary(reply, &is_temporary);
        if (r < 0)
                return r;

        if (is_authorized)
                *ret_verdict = is_temporary ? POLKIT_GRANTED_ONCE : POLKIT_GRANTED;
        else
                *ret_verdict = is_challenge ? POLKIT_CHALLENGE : POLKIT_DENIED;
        return 0;
}

/* Says once that polkit does not answer, and that it does again. */
static void note_reachable(Polkit *polkit, const sd_bus_error *error)
{
        if (error && !polkit->is_unreachable)
                log_notice("polkit does not answer: %s", error->message);
        else if (!error && polkit->is_unreachable)
                log_notice("polkit answers again");
        polkit->is_unreachable = error != NULL;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        PolkitCheck *check = userdata;
        Polkit *polkit = check->polkit;
        PolkitAnswered on_answered = check->on_answered;
        void *answered_userdata = check->userdata;
        PolkitVerdict verdict = POLKIT_UNREACHABLE;
        int r;

        note_reachable(polkit, sd_bus_message_get_error(reply));
        if (!sd_bus_message_is_method_error(reply, NULL)) {
                r = read_verdict(reply, &verdict);
                if (r < 0)
                        log_warning("polkit's answer is not understood: %s", g_strerror(-r));
        }

        /* First, for whoever is told may have another question. */
        g_hash_table_remove(polkit->checks, check);
        if (on_answered)
                on_answered(answered_userdata, verdict);
        return 0;
}

/* Takes down a dialog; whether it succeeds shows in the check's own reply. */
static void cancel_dialog(PolkitCheck *check)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        if (!*check->cancellation_id)
                return;

        r = sd_bus_message_new_method_call(check->polkit->bus, &m, POLKIT_NAME, POLKIT_PATH,
                                           POLKIT_INTERFACE, "CancelCheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", check->cancellation_id);
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(m, false);
        if (r >= 0)
                r = sd_bus_send(NULL, m, NULL);
        if (r < 0)
                log_warning("Cannot cancel a question to polkit: %s", g_strerror(-r));
}

static int on_deadline(sd_event_source *source G_GNUC_UNUSED,
                       uint64_t usec G_GNUC_UNUSED,
                       void *userdata)
{
        PolkitCheck *check = userdata;
        PolkitAnswered on_answered = check->on_answered;

        log_notice("polkit has not answered in time");
        cancel_dialog(check);
        check->on_answered = NULL;
        on_answered(check->userdata, POLKIT_SILENT);
        return 0;
}

void polkit_abandon(PolkitCheck *check)
{
        check->on_answered = NULL;
        check->deadline = sd_event_source_disable_unref(check->deadline);
        cancel_dialog(check);
}

static int append_question(sd_bus_message *m, const PolkitQuestion *q, const char *cancellation_id)
{
        int r;

        r = sd_bus_message_append(m, "(sa{sv})", "system-bus-name", 1, "name", "s", q->subject);
        if (r < 0)
                return r;

        r = sd_bus_message_append(m, "sa{ss}", q->action, 4, REGENT_DETAIL_NAMESPACE,
                                  q->namespace_name, REGENT_DETAIL_VERB, q->verb,
                                  REGENT_DETAIL_OWNER, q->owner, REGENT_DETAIL_GROUP, q->group);
        if (r < 0)
                return r;

        return sd_bus_message_append(m, "us", q->is_interactive ? ALLOW_USER_INTERACTION : 0,
                                     cancellation_id);
}

static int put_question(PolkitCheck *check, const PolkitQuestion *question)
{
        g_autoptr(sd_bus_message) m = NULL;
        sd_bus *bus = check->polkit->bus;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                           "CheckAuthorization");
        if (r < 0)
                return r;

        r = append_question(m, question, check->cancellation_id);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(sd_bus_get_event(bus), &check->deadline, CLOCK_MONOTONIC,
                                       question->is_interactive ? INTERACTIVE_TIMEOUT_USEC
                                                                : ANSWER_TIMEOUT_USEC,
                                       0, on_deadline, check);
        if (r < 0)
                return r;

        /* No time-out of sd-bus: it would forget the call while the bus still counts it. */
        r = sd_bus_call_async(bus, &check->slot, m, on_reply, check, UINT64_MAX);
        return r < 0 ? r : 0;
}

int polkit_ask(Polkit *polkit,
               const PolkitQuestion *question,
               PolkitAnswered on_answered,
               void *userdata,
               PolkitCheck **ret_check)
{
        PolkitCheck *check;
        int r;

        if (outgoing_begin(polkit->outgoing, OUTGOING_POLKIT, question->uid) != 0)
                return POLKIT_E_TOO_MANY;

        check = g_new(PolkitCheck, 1);
        *check = (PolkitCheck){
                .polkit = polkit,
                .uid = question->uid,
                .on_answered = on_answered,
                .userdata = userdata,
        };
        polkit->n_asked++;
        if (question->is_interactive)
                g_snprintf(check->cancellation_id, sizeof check->cancellation_id, "%" PRIu64,
                           polkit->n_asked);
        g_hash_table_add(polkit->checks, check);

        r = put_question(check, question);
        if (r < 0) {
                g_hash_table_remove(polkit->checks, check);
                return r;
        }

        *ret_check = check;
        return 0;
}
