/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a participant is asked
 *
 * A question is known from Prepare to Commit or Abort; the message is kept until it is answered. One that was objected
 * to is settled with that.
 */

#include "participant-private.h"

#include <errno.h>
#include <string.h>

#define REASON_BYTES_MAX 512u

void participant_drop_questions(RegentParticipant *participant)
{
        GHashTableIter iterator;
        gpointer m;

        g_hash_table_iter_init(&iterator, participant->questions);
        while (g_hash_table_iter_next(&iterator, NULL, &m))
                if (m)
                        (void) sd_bus_reply_method_errorf(m, REGENT_ERROR_VETOED,
                                                          "The participant left");
        g_hash_table_remove_all(participant->questions);
}

/* What it held is the caller's. */
static sd_bus_message *release(ParticipantHeld *held)
{
        sd_bus_message *m = held->m;

        g_free(held);
        return m;
}

void participant_drop_held(RegentParticipant *participant)
{
        ParticipantHeld *held;

        while ((held = g_queue_pop_head(&participant->held))) {
                g_autoptr(sd_bus_message) m = release(held);

                (void) sd_bus_reply_method_errorf(m, REGENT_ERROR_VETOED, "The participant left");
        }
}

static int read_body(sd_bus_message *m, const char *type, GVariant **ret_body)
{
        int r;

        r = message_read(m, type, ret_body, NULL);
        if (r < 0)
                (void) sd_bus_reply_method_errorf(m, SD_BUS_ERROR_INVALID_ARGS,
                                                  "The arguments are not of that member");
        return r;
}

/* Of the time within which to answer, @held_usec are over. */
static void take_prepare(RegentParticipant *participant, sd_bus_message *m, uint64_t held_usec)
{
        g_autoptr(GVariant) body = NULL, values = NULL, current = NULL;
        g_autofree const char **removed = NULL;
        RegentParticipantEvent event = { .kind = REGENT_PARTICIPANT_PREPARE };

        if (read_body(m, "(ssa{sv}asa{sv})", &body) < 0)
                return;

        g_variant_get(body, "(&s&s@a{sv}^a&s@a{sv})", &event.transaction, NULL, &values, &removed,
                      &current);
        event.values = values;
        event.removed = removed;
        event.current = current;
        event.timeout_usec = participant->timeout_usec - MIN(held_usec, participant->timeout_usec);
        g_hash_table_replace(participant->questions, g_strdup(event.transaction),
                             sd_bus_message_ref(m));
        participant_tell(participant, event);
}

/* Whether it was asked about @transaction; it is settled. One that was not answered needs no answer any more. */
static bool settle(RegentParticipant *participant, const char *transaction)
{
        g_autoptr(sd_bus_message) m = NULL;
        g_autofree char *key = NULL;

        if (!g_hash_table_steal_extended(participant->questions, transaction, (gpointer *) &key,
                                         (gpointer *) &m))
                return false;

        if (m)
                (void) sd_bus_reply_method_errorf(m, REGENT_ERROR_VETOED, "It is decided");
        return true;
}

static void take_commit(RegentParticipant *participant, sd_bus_message *m)
{
        RegentParticipantEvent event = { .kind = REGENT_PARTICIPANT_COMMIT };
        g_autoptr(GVariant) body = NULL;
        guint64 revision;
        bool is_known;

        if (read_body(m, "(st)", &body) < 0)
                return;

        (void) sd_bus_reply_method_return(m, NULL);
        g_variant_get(body, "(&st)", &event.transaction, &revision);
        event.revision = revision;
        is_known = settle(participant, event.transaction);
        if (!is_known) {
                event.transaction = NULL;
                participant_probe(participant);
        }
        participant_tell(participant, event);
}

static void take_abort(RegentParticipant *participant, sd_bus_message *m)
{
        RegentParticipantEvent event = { .kind = REGENT_PARTICIPANT_ABORT };
        g_autoptr(GVariant) body = NULL;

        if (read_body(m, "(s)", &body) < 0)
                return;

        (void) sd_bus_reply_method_return(m, NULL);
        g_variant_get(body, "(&s)", &event.transaction);
        participant_probe(participant);
        if (settle(participant, event.transaction))
                participant_tell(participant, event);
}

static int dispatch(RegentParticipant *participant, sd_bus_message *m, uint64_t held_usec)
{
        const char *member = sd_bus_message_get_member(m);

        if (strcmp(member, "Prepare") == 0)
                take_prepare(participant, m, held_usec);
        else if (strcmp(member, "Commit") == 0)
                take_commit(participant, m);
        else if (strcmp(member, "Abort") == 0)
                take_abort(participant, m);
        else
                return 0;

        return 1;
}

int participant_take(RegentParticipant *participant, sd_bus_message *m)
{
        ParticipantHeld *held;
        int r;

        if (participant->phase == PARTICIPANT_READING) {
                held = g_new(ParticipantHeld, 1);
                *held = (ParticipantHeld){ sd_bus_message_ref(m), g_get_monotonic_time() };
                g_queue_push_tail(&participant->held, held);
                return 1;
        }
        if (participant->phase != PARTICIPANT_REGISTERED) {
                (void) sd_bus_reply_method_errorf(m, REGENT_ERROR_VETOED, "Nobody is registered");
                return 1;
        }

        participant_ref(participant);
        r = dispatch(participant, m, 0);
        participant_unref(participant);
        return r;
}

void participant_take_held(RegentParticipant *participant)
{
        ParticipantHeld *held;

        while (participant->phase == PARTICIPANT_REGISTERED &&
               (held = g_queue_pop_head(&participant->held))) {
                int64_t held_usec = g_get_monotonic_time() - held->since_usec;
                g_autoptr(sd_bus_message) m = release(held);

                (void) dispatch(participant, m, (uint64_t) held_usec);
        }
}

/* What is to be answered; NULL: nothing. */
static sd_bus_message *find(RegentParticipant *participant, const char *transaction)
{
        return transaction ? g_hash_table_lookup(participant->questions, transaction) : NULL;
}

static int fail_unknown(RegentParticipant *participant)
{
        Regent *regent = participant->follower.regent;

        return regent ? error_set(regent, -ENOENT, SD_BUS_ERROR_INVALID_ARGS,
                                  "Nothing is asked any more under that name")
                      : -ENOENT;
}

int regent_participant_agree(RegentParticipant *participant, const char *transaction)
{
        sd_bus_message *m = find(participant, transaction);
        int r;

        if (!m)
                return fail_unknown(participant);

        r = sd_bus_reply_method_return(m, NULL);
        g_hash_table_replace(participant->questions, g_strdup(transaction), NULL);
        return r < 0 ? error_set_errno(participant->follower.regent, r, "Cannot answer") : 0;
}

int regent_participant_object(RegentParticipant *participant,
                              const char *transaction,
                              const char *reason)
{
        g_autoptr(sd_bus_message) m = NULL;
        const char *end;
        int r;

        if (!find(participant, transaction))
                return fail_unknown(participant);
        r = text_check(participant->follower.regent, reason, "The reason");
        if (r < 0)
                return r;

        m = sd_bus_message_ref(find(participant, transaction));
        g_hash_table_remove(participant->questions, transaction);
        (void) g_utf8_validate_len(reason, strnlen(reason, REASON_BYTES_MAX), &end);
        r = sd_bus_reply_method_errorf(m, REGENT_ERROR_VETOED, "%.*s", (int) (end - reason),
                                       reason);
        return r < 0 ? error_set_errno(participant->follower.regent, r, "Cannot answer") : 0;
}
