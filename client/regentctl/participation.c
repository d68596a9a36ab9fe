/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Participation
 *
 *                agreed            refused     Commit, Abort     regentd goes
 *   asked     -> waits for it      settled     (Abort: ended)    settled
 *   waits     -  -                 -           settled           looked up when it is back
 *
 * What was agreed to and not settled when regentd went is looked up after the next registration: its
 * keys hold what it would have made of them, or they do not.
 *
 * What the participant is told is queued, for a decision may take its time.
 */

#include "participation.h"

#include "agreement.h"
#include "client/regent.h"
#include "namespace-path.h"

#include <string.h>

#define TIMEOUT_USEC_DEFAULT (INT64_C(5) * G_USEC_PER_SEC)

/* What is to be dealt with in its turn. */
typedef struct Turn {
        enum {
                TURN_REGISTERED,
                TURN_REQUEST,
                TURN_REFUSED,
                TURN_AWAY,
        } kind;
        ParticipationStep step; /* of REQUEST */
        char *transaction;
        Agreement *asked;  /* of PREPARE: what is to be agreed to */
        GVariant *current; /* of PREPARE */
        GVariant *values;  /* of REGISTERED */
        uint64_t revision;
        int64_t deadline_usec; /* for an answer */
        Failure *failure;      /* of REFUSED */
        bool is_withdrawn;
} Turn;

struct Participation {
        Bus *bus;
        ParticipationSpec spec;
        RegentParticipant *participant;
        GQueue turns;
        Turn *now;              /* that is being decided; borrowed */
        GHashTable *agreements; /* transaction -> Agreement */
        bool is_started;
        bool is_shut_out; /* that it cannot register was told */
        bool is_woken;
};

static void free_turn(gpointer userdata)
{
        Turn *turn = userdata;

        agreement_free(turn->asked);
        g_clear_pointer(&turn->current, g_variant_unref);
        g_clear_pointer(&turn->values, g_variant_unref);
        failure_free(turn->failure);
        g_free(turn->transaction);
        g_free(turn);
}

static int64_t timeout_of(const Participation *participation)
{
        return participation->spec.timeout_usec > 0 ? participation->spec.timeout_usec
                                                    : TIMEOUT_USEC_DEFAULT;
}

/* A Prepare that an Abort has overtaken needs no decision any more. */
static void withdraw(Participation *participation, const char *transaction)
{
        Turn *now = participation->now;

        if (!now || !now->asked || strcmp(now->transaction, transaction) != 0)
                return;
        now->is_withdrawn = true;
        participation->spec.on_withdrawn(participation->spec.userdata);
}

static Turn *add_turn(Participation *participation, int kind)
{
        Turn *turn = g_new0(Turn, 1);

        turn->kind = kind;
        g_queue_push_tail(&participation->turns, turn);
        participation->is_woken = true;
        return turn;
}

static void add_request(Participation *participation,
                        ParticipationStep step,
                        const RegentParticipantEvent *event)
{
        Turn *turn = add_turn(participation, TURN_REQUEST);

        turn->step = step;
        turn->transaction = g_strdup(event->transaction ? event->transaction : "");
        turn->revision = event->revision;
        turn->deadline_usec = g_get_monotonic_time() + timeout_of(participation);
        if (step != PARTICIPATION_PREPARE)
                return;
        turn->asked = agreement_new(event->ns_name, event->values,
                                    g_variant_new_strv(event->removed, -1));
        turn->current = g_variant_ref(event->current);
}

/* Nobody waits for an answer any more; what has become of changes is as true as before. */
static void forget_questions(Participation *participation)
{
        GList *next;

        for (GList *at = participation->turns.head; at; at = next) {
                Turn *turn = at->data;

                next = at->next;
                if (!turn->asked)
                        continue;
                free_turn(turn);
                g_queue_delete_link(&participation->turns, at);
        }
}

static void on_event(RegentParticipant *participant,
                     const RegentParticipantEvent *event,
                     void *userdata)
{
        Participation *participation = userdata;
        Turn *turn;

        (void) participant;
        switch (event->kind) {
        case REGENT_PARTICIPANT_REGISTERED:
                turn = add_turn(participation, TURN_REGISTERED);
                turn->values = g_variant_ref(event->values);
                turn->revision = event->revision;
                return;
        case REGENT_PARTICIPANT_PREPARE:
                add_request(participation, PARTICIPATION_PREPARE, event);
                return;
        case REGENT_PARTICIPANT_COMMIT:
                add_request(participation, PARTICIPATION_COMMIT, event);
                return;
        case REGENT_PARTICIPANT_ABORT:
                add_request(participation, PARTICIPATION_ABORT, event);
                withdraw(participation, event->transaction);
                return;
        case REGENT_PARTICIPANT_AWAY:
                forget_questions(participation);
                return;
        case REGENT_PARTICIPANT_REFUSED:
                turn = add_turn(participation, TURN_REFUSED);
                failure_set_from_regent(&turn->failure, bus_regent(participation->bus),
                                        event->result);
                return;
        default:
                return;
        }
}

static void on_presence(Regent *regent, bool is_there, void *userdata)
{
        (void) regent;
        if (!is_there)
                (void) add_turn(userdata, TURN_AWAY);
}

gboolean participation_new(Bus *bus,
                           const ParticipationSpec *spec,
                           Participation **ret,
                           Failure **reterr)
{
        g_autoptr(Participation) participation = g_new0(Participation, 1);
        Regent *regent = bus_regent(bus);
        g_autofree char *path = NULL;
        int r;

        participation->bus = bus;
        participation->spec = *spec;
        participation->agreements = agreement_table_new();
        if (!namespace_path_of(spec->ns_name, &path, reterr))
                return FALSE;

        participation->participant = regent_participant_new(regent, spec->ns_name, spec->prefix,
                                                            on_event, participation);
        regent_participant_set_optional(participation->participant, spec->is_optional);
        regent_participant_set_timeout(participation->participant,
                                       (uint64_t) timeout_of(participation));
        regent_set_on_presence(regent, on_presence, participation);
        r = regent_participant_start(participation->participant);
        if (r < 0)
                return failure_set_from_regent(reterr, regent, r);
        *ret = g_steal_pointer(&participation);
        return TRUE;
}

Participation *participation_free(Participation *participation)
{
        if (!participation)
                return NULL;

        regent_set_on_presence(bus_regent(participation->bus), NULL, NULL);
        regent_participant_free(participation->participant);
        g_queue_clear_full(&participation->turns, free_turn);
        g_hash_table_unref(participation->agreements);
        g_free(participation);
        return NULL;
}

static gboolean tell(Participation *participation,
                     const Turn *turn,
                     const Agreement *agreement,
                     char **ret_reason,
                     Failure **reterr)
{
        const ParticipationRequest request = {
                .step = turn->step,
                .transaction = turn->transaction,
                .ns_name = agreement->ns_name,
                .set = agreement->set,
                .unset = agreement->unset,
                .current = turn->current,
                .revision = turn->revision,
                .timeout_usec = turn->deadline_usec - g_get_monotonic_time(),
        };

        return participation->spec.on_request(&request, ret_reason, participation->spec.userdata,
                                              reterr);
}

static gboolean settle(Participation *participation, const Turn *turn, Failure **reterr)
{
        g_autoptr(Agreement) agreement = NULL;
        g_autofree char *key = NULL;
        g_autofree char *reason = NULL;

        /* Made without asking here: only that something has changed is known. */
        if (!g_hash_table_steal_extended(participation->agreements, turn->transaction,
                                         (void **) &key, (void **) &agreement)) {
                if (turn->step == PARTICIPATION_ABORT)
                        return TRUE;
                agreement = agreement_new(participation->spec.ns_name, g_variant_new("a{sv}", NULL),
                                          g_variant_new("as", NULL));
        }
        return tell(participation, turn, agreement, &reason, reterr);
}

/* regentd went, or this was dropped, between the agreement and the end of it. */
static gboolean settle_all(Participation *participation, const Turn *registered, Failure **reterr)
{
        g_autoptr(GList) transactions = g_hash_table_get_keys(participation->agreements);
        bool is_told = true;

        for (const GList *at = transactions; at && is_told; at = at->next) {
                const Agreement *agreement =
                        g_hash_table_lookup(participation->agreements, at->data);
                bool is_made = agreement_is_made(agreement, registered->values);
                g_autofree char *transaction = g_strdup(at->data);
                const Turn turn = {
                        .step = is_made ? PARTICIPATION_COMMIT : PARTICIPATION_ABORT,
                        .transaction = transaction,
                        .revision = is_made ? registered->revision : 0,
                        .deadline_usec = g_get_monotonic_time() + timeout_of(participation),
                };

                is_told = settle(participation, &turn, reterr);
        }
        return is_told;
}

static gboolean take_registration(Participation *participation, const Turn *turn, Failure **reterr)
{
        participation->is_started = true;
        participation->is_shut_out = false;
        participation->spec.on_registered(turn->revision, participation->spec.userdata);
        return settle_all(participation, turn, reterr);
}

/* It goes on trying by itself. */
static gboolean take_refusal(Participation *participation, Turn *turn, Failure **reterr)
{
        bool is_for_us =
                turn->failure->status == EXIT_NOT_FOUND || turn->failure->status == EXIT_DENIED;
        bool is_passing = is_for_us || turn->failure->status == EXIT_UNREACHABLE ||
                          turn->failure->status == EXIT_TIMEOUT;

        if (!participation->is_started && bus_ask_password(participation->bus, turn->failure))
                return TRUE;
        if (!participation->is_started || !is_passing) {
                *reterr = g_steal_pointer(&turn->failure);
                bus_hint(participation->bus, *reterr, participation->spec.ns_name,
                         "RegisterParticipant");
                return FALSE;
        }
        if (is_for_us && !participation->is_shut_out) {
                participation->is_shut_out = true;
                participation->spec.on_shut_out(turn->failure->text, participation->spec.userdata);
        }
        return TRUE;
}

/* That nobody waits for an answer any more is told by an Abort. */
static gboolean prepare(Participation *participation, Turn *turn, Failure **reterr)
{
        g_autofree char *reason = NULL;

        if (!tell(participation, turn, turn->asked, &reason, reterr))
                return FALSE;
        if (reason && !turn->is_withdrawn) {
                (void) regent_participant_object(participation->participant, turn->transaction,
                                                 reason);
                return TRUE;
        }
        (void) regent_participant_agree(participation->participant, turn->transaction);
        g_hash_table_replace(participation->agreements, g_strdup(turn->transaction),
                             g_steal_pointer(&turn->asked));
        return TRUE;
}

static gboolean take(Participation *participation, Turn *turn, Failure **reterr)
{
        switch (turn->kind) {
        case TURN_REGISTERED:
                return take_registration(participation, turn, reterr);
        case TURN_REQUEST:
                return turn->step == PARTICIPATION_PREPARE ? prepare(participation, turn, reterr)
                                                           : settle(participation, turn, reterr);
        case TURN_REFUSED:
                return take_refusal(participation, turn, reterr);
        case TURN_AWAY:
                if (!bus_is_connected(participation->bus))
                        return failure_set(reterr, EXIT_UNREACHABLE, "The bus is gone");
                participation->spec.on_away(participation->spec.userdata);
                return TRUE;
        default:
                g_assert_not_reached();
        }
}

gboolean participation_run(Participation *participation, Failure **reterr)
{
        int64_t deadline_usec = bus_deadline_usec(participation->bus);
        bool is_going = true;

        while (is_going) {
                Turn *turn = g_queue_pop_head(&participation->turns);

                if (!turn) {
                        participation->is_woken = false;
                        is_going = bus_wait_until(participation->bus, &participation->is_woken,
                                                  deadline_usec, reterr);
                        continue;
                }
                deadline_usec = 0;
                participation->now = turn;
                is_going = take(participation, turn, reterr);
                participation->now = NULL;
                free_turn(turn);
        }
        return FALSE;
}
