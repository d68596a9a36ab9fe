/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transaction
 *
 * A namespace is in one transaction at a time, so a participant is a waiting member of one at most.
 * Whoever must not be waited for any more is told to the port, which may hear of its answer later
 * and keeps that to itself.
 */

#include "core/transaction.h"

#include "core/outcome.h"
#include "core/veto-text.h"

#include <inttypes.h>
#include <string.h>

/* Whoever was waited for so long has missed its deadline, also when it asked for more. */
#define LATE_USEC ((uint64_t) PARTICIPANT_TIMEOUT_USEC)

static void free_preview(gpointer preview)
{
        preview_free(preview);
}

static void member_free(gpointer userdata)
{
        Member *member = userdata;

        g_assert(member->state != MEMBER_WAITING);
        participant_unref(member->participant);
        g_free(member->reason);
        g_free(member);
}

static void transaction_free(Transaction *transaction)
{
        g_ptr_array_unref(transaction->members);
        g_ptr_array_unref(transaction->previews);
        commit_free(transaction->trial);
        g_free(transaction->name);
        g_free(transaction);
}

static bool concerns_any(const GPtrArray *list, const char *key)
{
        for (guint i = 0; i < list->len; i++)
                if (participant_concerns(list->pdata[i], key))
                        return true;

        return false;
}

bool transaction_may_concern(const Participants *participants, const ChangeSet *set)
{
        if (participants->n == 0 || set->kind != CHANGE_SET_ENTRIES)
                return false;

        for (guint i = 0; i < set->namespaces->len; i++) {
                const NamespaceWish *wish = set->namespaces->pdata[i];
                const GPtrArray *list = participants_of(participants, wish->name);

                for (guint j = 0; list && j < wish->entries->len; j++)
                        if (concerns_any(list, entry_key(wish->entries->pdata[j])))
                                return true;
        }

        return false;
}

static void add_member(Transaction *transaction,
                       Participant *participant,
                       const Preview *preview,
                       const char *key)
{
        Member *member = g_new(Member, 1);

        *member = (Member){
                .transaction = transaction,
                .participant = participant_ref(participant),
                .preview = preview,
                .key = key,
                .state = MEMBER_ABSENT,
        };
        g_ptr_array_add(transaction->members, member);
}

/* What is asked about has to fit a message, old values beside new ones. */
static int consider(Transaction *transaction,
                    Participant *participant,
                    const Preview *preview,
                    char **reterr_text)
{
        uint64_t n_max = transaction->participants->limits->commit_bytes, n_before = 0;
        const char *first = NULL;

        for (guint i = 0; i < preview->differences->len; i++) {
                const Difference *d = &g_array_index(preview->differences, Difference, i);

                if (!participant_concerns(participant, d->key))
                        continue;
                if (!first)
                        first = d->key;
                n_before += d->before ? entry_reply_bytes(d->before) : 0;
        }

        if (!first)
                return 0;
        if (n_before > n_max) {
                *reterr_text = g_strdup_printf(
                        "The values that would change in '%s' have more than %" PRIu64
                        " bytes, too many to ask its participants about at once",
                        preview->name, n_max);
                return CORE_E_TOO_BIG;
        }

        add_member(transaction, participant, preview, first);
        return 0;
}

/* One that may have no say is told by the end of a transaction that it has not heard of. */
static void turn_away(Participant *participant)
{
        Participants *participants = participant->participants;
        g_autofree char *name = participants_name_transaction(participants);
        g_autoptr(Participant) held = participant_ref(participant);

        participants_drop(held, "it may not write there any more");
        participants->port.abort(participants->port.userdata, held, name);
}

/* The list may get shorter while it is walked. */
static int consider_all(Transaction *transaction, const Preview *preview, char **reterr_text)
{
        const Participants *participants = transaction->participants;
        const GPtrArray *list;
        guint i = 0;

        while ((list = participants_of(participants, preview->name)) && i < list->len) {
                Participant *participant = list->pdata[i];
                int r;

                if (!participants->port.may_ask(participants->port.userdata, participant)) {
                        turn_away(participant);
                        continue;
                }
                r = consider(transaction, participant, preview, reterr_text);
                if (r != 0)
                        return r;
                i++;
        }

        return 0;
}

static int find_members(Transaction *transaction,
                        State *state,
                        const Overlay *overlay,
                        char **reterr_text)
{
        const GPtrArray *changes = transaction->trial->changes;

        for (guint i = 0; i < changes->len; i++) {
                const NamespaceChange *change = changes->pdata[i];
                Preview *preview;
                int r;

                if (!participants_of(transaction->participants, change->name))
                        continue;
                preview = preview_new(overlay, state_lookup(state, change->name), change);
                g_ptr_array_add(transaction->previews, preview);
                r = consider_all(transaction, preview, reterr_text);
                if (r != 0)
                        return r;
        }

        return 0;
}

int transaction_new(Transaction **ret_transaction,
                    Participants *participants,
                    State *state,
                    Overlay *overlay,
                    Commit *trial,
                    bool is_dry_run,
                    char **reterr_text)
{
        Transaction *transaction = g_new(Transaction, 1);
        int r;

        *transaction = (Transaction){
                .participants = participants,
                .trial = trial,
                .previews = g_ptr_array_new_with_free_func(free_preview),
                .members = g_ptr_array_new_with_free_func(member_free),
                .is_dry_run = is_dry_run,
        };

        overlay_add(overlay, trial);
        r = find_members(transaction, state, overlay, reterr_text);
        overlay_clear(overlay);

        if (r != 0 || transaction->members->len == 0) {
                g_clear_pointer(&transaction, transaction_free);
        } else {
                transaction->name = participants_name_transaction(participants);
                participants->statistics.n_transactions++;
        }
        *ret_transaction = transaction;
        return r;
}

/* Whatever has become of @member, it is not waited for any more. */
static void stop_waiting(Member *member, MemberState state)
{
        Participant *participant = member->participant;

        g_assert(member->state == MEMBER_WAITING);
        member->state = state;
        member->transaction->n_waiting--;
        participant->member = NULL;
        if (participant->origin)
                participant->origin->debtor->n_owed--;
}

static void conclude(Transaction *transaction)
{
        if (transaction->has_verdict)
                return;
        if (transaction->n_waiting > 0 && (transaction->is_dry_run || !transaction->objector))
                return;

        transaction->has_verdict = true;
        participants_wake(transaction->participants);
}

static void object(Member *member, int outcome, char *reason)
{
        Transaction *transaction = member->transaction;

        stop_waiting(member, MEMBER_OBJECTS);
        member->outcome = outcome;
        member->reason = reason;
        transaction->participants->statistics.n_vetoed += outcome == CORE_E_VETOED;
        if (!transaction->objector)
                transaction->objector = member;
}

static void give_up(Member *member, int r)
{
        switch (r) {
        case PARTICIPANT_E_DEAF:
                object(member, CORE_E_TIMEOUT, g_strdup("does not read what it is sent"));
                participants_drop(member->participant, "it does not read what it is sent");
                break;
        case PARTICIPANT_E_NO_ROOM:
                object(member, CORE_E_BUSY,
                       g_strdup("cannot be asked now: others leave too much unread"));
                break;
        default:
                object(member, CORE_E_BUSY, g_strdup_printf("cannot be asked: %s", g_strerror(-r)));
                break;
        }
}

static void ask(Member *member)
{
        const ParticipantPort *port = &member->transaction->participants->port;
        int r;

        r = port->prepare(port->userdata, member);
        if (r != 0)
                give_up(member, r);
}

static void begin_time(Member *member, uint64_t now_usec)
{
        member->since_usec = now_usec;
        member->deadline_usec =
                MIN(now_usec + member->participant->timeout_usec, member->transaction->due_usec);
}

void transaction_begin(Transaction *transaction, uint64_t now_usec, uint64_t due_usec)
{
        transaction->due_usec = due_usec;
        /* All owe an answer before anybody is asked. */
        for (guint i = 0; i < transaction->members->len; i++) {
                Member *member = transaction->members->pdata[i];
                Participant *participant = member->participant;

                member->state = MEMBER_WAITING;
                begin_time(member, now_usec);
                participant->member = member;
                if (participant->origin)
                        participant->origin->debtor->n_owed++;
                transaction->n_waiting++;
        }

        for (guint i = 0; i < transaction->members->len; i++)
                if (transaction->is_dry_run || !transaction->objector)
                        ask(transaction->members->pdata[i]);
        conclude(transaction);
}

/* Others of its uid, which have let it wait for a place, must not have used up its time. */
void transaction_asked(Member *member)
{
        const ParticipantPort *port = &member->transaction->participants->port;

        member->was_asked = true;
        begin_time(member, port->now(port->userdata));
}

void transaction_answer(Member *member, const char *objection)
{
        Transaction *transaction = member->transaction;

        if (objection)
                object(member, CORE_E_VETOED, veto_text_clean(objection));
        else
                stop_waiting(member, MEMBER_AGREED);
        conclude(transaction);
}

void transaction_cannot_ask(Member *member, int r)
{
        Transaction *transaction = member->transaction;

        give_up(member, r);
        conclude(transaction);
}

void transaction_member_left(Member *member)
{
        Transaction *transaction = member->transaction;
        const ParticipantPort *port = &transaction->participants->port;

        port->forget(port->userdata, member);
        if (member->participant->is_optional)
                stop_waiting(member, MEMBER_ABSENT);
        else
                object(member, CORE_E_VETOED, g_strdup("left before it answered"));
        conclude(transaction);
}

static void be_late(Member *member, uint64_t now_usec)
{
        Participants *participants = member->transaction->participants;
        uint64_t n_usec = now_usec - member->since_usec;
        bool is_its_fault =
                member->was_asked && n_usec >= MIN(member->participant->timeout_usec, LATE_USEC);

        participants->statistics.n_late++;
        participants->port.forget(participants->port.userdata, member);
        object(member, CORE_E_TIMEOUT,
               g_strdup_printf("%s within %" PRIu64 " ms",
                               member->was_asked ? "has not answered" : "could not be asked",
                               (member->deadline_usec - member->since_usec) / 1000));
        if (is_its_fault)
                participants_drop(member->participant, "it has not answered in time");
}

void transaction_check(Transaction *transaction, uint64_t now_usec)
{
        if (transaction->has_verdict)
                return;

        for (guint i = 0; i < transaction->members->len; i++) {
                Member *member = transaction->members->pdata[i];

                if (member->state == MEMBER_WAITING && member->deadline_usec <= now_usec)
                        be_late(member, now_usec);
        }
        conclude(transaction);
}

uint64_t transaction_deadline(const Transaction *transaction)
{
        uint64_t next = UINT64_MAX;

        for (guint i = 0; !transaction->has_verdict && i < transaction->members->len; i++) {
                const Member *member = transaction->members->pdata[i];

                if (member->state == MEMBER_WAITING)
                        next = MIN(next, member->deadline_usec);
        }
        return next;
}

char *transaction_describe(const Transaction *transaction)
{
        const Member *member = transaction->objector;
        const Participant *participant = member->participant;

        return g_strdup_printf("'%s' of '%s': participant %s (uid %" PRIu32 ") %s%s", member->key,
                               member->preview->name, participant_connection(participant),
                               participant->uid,
                               member->outcome == CORE_E_VETOED ? "objects: " : "", member->reason);
}

static void tell(Member *member, uint64_t revision)
{
        const Transaction *transaction = member->transaction;
        const ParticipantPort *port = &transaction->participants->port;

        if (revision > 0 && member->state == MEMBER_AGREED) {
                member->participant->told_revision = revision;
                port->commit(port->userdata, member->participant, transaction->name, revision);
        } else if (member->was_asked &&
                   (member->state == MEMBER_WAITING || member->state == MEMBER_AGREED ||
                    member->outcome == CORE_E_TIMEOUT)) {
                port->abort(port->userdata, member->participant, transaction->name);
        }
}

void transaction_end(Transaction *transaction, uint64_t revision)
{
        const ParticipantPort *port = &transaction->participants->port;

        transaction->has_verdict = true;
        for (guint i = 0; i < transaction->members->len; i++) {
                Member *member = transaction->members->pdata[i];

                if (member->state == MEMBER_WAITING)
                        port->forget(port->userdata, member);
                tell(member, revision);
                if (member->state == MEMBER_WAITING)
                        stop_waiting(member, MEMBER_ABSENT);
        }
        transaction_free(transaction);
}

static bool is_touched(const Participant *participant,
                       const Namespace *ns,
                       const NamespaceChange *change)
{
        if (change->kind == NAMESPACE_CHANGE_REMOVE)
                return true;

        for (guint i = 0; change->kind == NAMESPACE_CHANGE_ENTRIES && i < change->entries->len;
             i++) {
                const Entry *entry = change->entries->pdata[i];

                if (participant_concerns(participant, entry_key(entry)) &&
                    (!ns || namespace_concerns_readers(ns, entry)))
                        return true;
        }

        return false;
}

static void tell_other(Participant *participant, char **name, uint64_t revision)
{
        Participants *participants = participant->participants;

        if (!*name)
                *name = participants_name_transaction(participants);
        participant->told_revision = revision;
        participants->port.commit(participants->port.userdata, participant, *name, revision);
}

void transaction_tell_others(Participants *participants, const State *state, const Commit *commit)
{
        g_autofree char *name = NULL;

        if (participants->n == 0)
                return;
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];
                const GPtrArray *list = participants_of(participants, change->name);
                const Namespace *ns = state_lookup(state, change->name);

                for (guint j = 0; list && j < list->len; j++) {
                        Participant *participant = list->pdata[j];

                        if (participant->told_revision != commit->revision &&
                            is_touched(participant, ns, change))
                                tell_other(participant, &name, commit->revision);
                }
                if (list && change->kind == NAMESPACE_CHANGE_REMOVE)
                        participants_remove_all(participants, change->name,
                                                "its namespace has been removed");
        }
}
