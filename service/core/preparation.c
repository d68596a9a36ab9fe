/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preparation
 *
 * There is no deadlock among connections that write and are asked at once: whose answer is owed
 * gets nothing prepared, and what it has waiting behind a preparation is refused. So of connections
 * that wait for each other in a ring each would have begun to be prepared before the next one.
 */

#include "core/preparation.h"

#include "core/outcome.h"

#include <inttypes.h>

static void free_request(gpointer request)
{
        request_free(request);
}

void preparation_init(Preparation *preparation, RequestQueues *queues, State *state)
{
        *preparation = (Preparation){
                .queues = queues,
                .state = state,
                .overlay = overlay_new(state),
                .due_usec = UINT64_MAX,
                .armed_usec = UINT64_MAX,
                .refused = g_ptr_array_new_with_free_func(free_request),
        };
}

void preparation_clear(Preparation *preparation)
{
        overlay_free(preparation->overlay);
        g_ptr_array_unref(preparation->refused);
}

static bool is_idle(const Preparation *preparation)
{
        return !preparation->participants || !preparation->queues->preparing.head;
}

static uint64_t now(const Preparation *preparation)
{
        const ParticipantPort *port = &preparation->participants->port;

        return port->now(port->userdata);
}

/* It is answered when nothing is in the way of whatever may follow from that. */
static void refuse(Preparation *preparation, Request *request, int outcome, char *text)
{
        origin_release(request);
        request->outcome = outcome;
        g_free(request->text);
        request->text = text;
        g_ptr_array_add(preparation->refused, request);
}

static void come_to_nothing(Preparation *preparation, Request *request, int outcome, char *text)
{
        Transaction *transaction = g_steal_pointer(&request->transaction);

        refuse(preparation, request, outcome, text);
        transaction_end(transaction, 0);
}

bool preparation_is_done(const Request *request)
{
        const Transaction *transaction = request->transaction;

        return transaction->has_verdict && (transaction->is_dry_run || !transaction->objector);
}

void preparation_advance(Preparation *preparation)
{
        preparation->due_usec = UINT64_MAX;
        if (is_idle(preparation))
                return;

        for (GList *l = preparation->queues->preparing.head, *next; l; l = next) {
                Request *request = l->data;
                Transaction *transaction = request->transaction;

                next = l->next;
                transaction_check(transaction, now(preparation));
                if (!transaction->has_verdict || preparation_is_done(request))
                        continue;

                come_to_nothing(preparation, request, transaction->objector->outcome,
                                transaction_describe(transaction));
        }
}

void preparation_stop(Preparation *preparation)
{
        const GList *l;

        while ((l = preparation->queues->preparing.head))
                come_to_nothing(preparation, l->data, CORE_E_BUSY,
                                g_strdup("regentd stops, before the participants have settled it; "
                                         "nothing has changed"));
}

void preparation_open(Preparation *preparation, Batch *batch)
{
        for (GList *l = preparation->queues->preparing.head; l; l = l->next) {
                const Request *request = l->data;

                batch_pass_over(batch, request->set);
        }
}

uint64_t preparation_due_usec(const Preparation *preparation)
{
        const Participants *participants = preparation->participants;

        return participants && participants->n > 0 ? now(preparation) + LIMIT_PREPARATION_USEC : 0;
}

/* The first participant may have come after the request. */
static uint64_t due_of(const Preparation *preparation, Request *request)
{
        if (request->due_usec == 0)
                request->due_usec = now(preparation) + LIMIT_PREPARATION_USEC;
        return request->due_usec;
}

static char *overdue_text(void)
{
        return g_strdup_printf("It has waited for changes before it for %u s",
                               LIMIT_PREPARATION_USEC / 1000000);
}

static char *busy_text(void)
{
        return g_strdup("This connection is asked about a change itself: it has to answer that "
                        "first");
}

bool preparation_begin(Preparation *preparation, Request *request, Commit *trial)
{
        bool is_dry_run = request->set->flags & CHANGE_SET_DRY_RUN;
        g_autofree char *text = NULL;
        Transaction *transaction;
        uint64_t due;
        int r;

        r = transaction_new(&transaction, preparation->participants, preparation->state,
                            preparation->overlay, trial, is_dry_run, &text);
        if (r != 0) {
                refuse(preparation, request, r, g_steal_pointer(&text));
                return true;
        }
        if (!transaction)
                return false;
        if (request->origin->debtor->n_owed > 0) {
                transaction_end(transaction, 0);
                refuse(preparation, request, CORE_E_BUSY, busy_text());
                return true;
        }

        due = due_of(preparation, request);
        if (due <= now(preparation)) {
                transaction_end(transaction, 0);
                refuse(preparation, request, CORE_E_TIMEOUT, overdue_text());
                return true;
        }

        request->transaction = transaction;
        origin_prepare(request);
        transaction_begin(transaction, now(preparation), due);
        return true;
}

void preparation_note_waiting(Preparation *preparation, Request *request)
{
        uint64_t due;

        if (is_idle(preparation))
                return;

        due = due_of(preparation, request);
        if (request->origin->debtor->n_owed > 0)
                refuse(preparation, request, CORE_E_BUSY, busy_text());
        else if (due <= now(preparation))
                refuse(preparation, request, CORE_E_TIMEOUT, overdue_text());
        else
                preparation->due_usec = MIN(preparation->due_usec, due);
}

static uint64_t next_deadline(const Preparation *preparation)
{
        uint64_t next = preparation->due_usec;

        for (GList *l = preparation->queues->preparing.head; l; l = l->next) {
                const Transaction *transaction = ((const Request *) l->data)->transaction;

                next = MIN(next, transaction_deadline(transaction));
        }
        return next;
}

static void arm(Preparation *preparation)
{
        const Participants *participants = preparation->participants;
        uint64_t next = next_deadline(preparation);

        if (!participants || next == preparation->armed_usec)
                return;
        preparation->armed_usec = next;
        participants->port.wake_at(participants->port.userdata, next);
}

void preparation_close(Preparation *preparation, PipelineStatistics *statistics)
{
        g_autoptr(GPtrArray) refused = NULL;

        arm(preparation);
        if (preparation->refused->len == 0)
                return;

        refused = g_steal_pointer(&preparation->refused);
        preparation->refused = g_ptr_array_new_with_free_func(free_request);
        statistics->n_refused += refused->len;
        for (guint i = 0; i < refused->len; i++)
                request_answer(refused->pdata[i]);

        /* What has waited behind them may have its turn. */
        participants_wake(preparation->participants);
}

void preparation_conclude(Preparation *preparation, Request *request)
{
        Transaction *transaction = g_steal_pointer(&request->transaction);
        const Commit *commit = request->commit != request->dry_commit ? request->commit : NULL;

        if (transaction)
                transaction_end(transaction, commit ? commit->revision : 0);
        if (commit && preparation->participants)
                transaction_tell_others(preparation->participants, preparation->state, commit);
}
