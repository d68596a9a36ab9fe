/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commit pipeline
 *
 * Forms batches of what is ready and settles them. The states of a request stand in core/request.h,
 * what is ready is found in core/origin.c, and participants are asked in core/preparation.c.
 *
 * What participants are asked about is sequenced twice: first as a trial, which tells whether there is
 * anything to ask; and when they have agreed, like everything else, for what it does to an owner's quota,
 * or what a declaration says, may be another thing by then.
 */

#include "core/pipeline.h"

#include "core/batch.h"
#include "core/durability.h"
#include "core/failure.h"
#include "core/origin.h"
#include "core/overlay.h"
#include "core/preparation.h"
#include "core/request.h"
#include "core/sequencer.h"

struct Pipeline {
        State *state;
        const Limits *limits;
        PipelineCallbacks callbacks;
        Overlay *overlay;
        guint n_overlaid; /* commits of the batch that it knows of */
        RequestQueues queues;
        Preparation preparation;
        Batch forming;      /* empty, but while that is done */
        GPtrArray *batch;   /* owned Request, answered together */
        GPtrArray *commits; /* owned Commit of the batch */
        uint64_t revision;  /* the last one given to a commit */
        uint64_t revision_limit;
        bool is_under_way;
        bool is_lazy;         /* unless asked otherwise, nobody waits for the disk */
        bool is_sync_awaited; /* somebody in the batch does */
        bool is_full;         /* only deleting is possible */
        FailureCause cause;   /* of that, or of nothing being possible */
        PipelineStatistics statistics;
};

static void batch_request_free(gpointer request)
{
        request_free(request);
}

static void batch_commit_free(gpointer commit)
{
        commit_free(commit);
}

static void wake(Pipeline *pipeline)
{
        const RequestQueues *queues = &pipeline->queues;

        if (queues->returned.head ||
            (!pipeline->is_under_way && (queues->ready.head || queues->preparing.head)))
                pipeline->callbacks.wake(pipeline->callbacks.userdata);
}

static void on_waiting(void *userdata)
{
        wake(userdata);
}

static uint64_t on_due_usec(const void *userdata)
{
        return preparation_due_usec(&((const Pipeline *) userdata)->preparation);
}

Pipeline *pipeline_new(State *state, const Limits *limits, const PipelineCallbacks *callbacks)
{
        Pipeline *pipeline = g_new(Pipeline, 1);

        *pipeline = (Pipeline){
                .state = state,
                .limits = limits,
                .callbacks = *callbacks,
                .overlay = overlay_new(state),
                .queues = { .may_return = callbacks->reconsider,
                            .wake = on_waiting,
                            .due_usec = on_due_usec,
                            .owner = pipeline },
                .batch = g_ptr_array_new_with_free_func(batch_request_free),
                .commits = g_ptr_array_new_with_free_func(batch_commit_free),
                .revision = state_revision(state),
                .revision_limit = UINT64_MAX,
        };
        batch_init(&pipeline->forming);
        preparation_init(&pipeline->preparation, &pipeline->queues, state);
        return pipeline;
}

Pipeline *pipeline_free(Pipeline *pipeline)
{
        if (!pipeline)
                return NULL;

        g_assert(g_queue_is_empty(&pipeline->queues.ready) &&
                 g_queue_is_empty(&pipeline->queues.returned) &&
                 g_queue_is_empty(&pipeline->queues.preparing));

        preparation_clear(&pipeline->preparation);
        overlay_free(pipeline->overlay);
        batch_clear(&pipeline->forming);
        g_ptr_array_unref(pipeline->batch);
        g_ptr_array_unref(pipeline->commits);
        g_free(pipeline);
        return NULL;
}

Origin *pipeline_origin_new(Pipeline *pipeline)
{
        return origin_new(&pipeline->queues, NULL);
}

Origin *pipeline_origin_new_beside(Pipeline *pipeline, Origin *debtor)
{
        return origin_new(&pipeline->queues, debtor);
}

Origin *pipeline_origin_free(Origin *origin)
{
        return origin_free(origin);
}

Request *pipeline_reserve(Origin *origin, const ChangeSet *set)
{
        return origin_reserve(origin, set);
}

void pipeline_cancel(Request *request)
{
        origin_cancel(request);
}

void pipeline_submit(Origin *origin,
                     Request *reservation,
                     ChangeSet *set,
                     RequestSettled on_settled,
                     void *userdata)
{
        origin_submit(origin, reservation, set, on_settled, userdata);
}

/* Returns what must be authorized anew, and what has its place behind that. */
static void return_outdated(Pipeline *pipeline)
{
        if (!pipeline->queues.may_return)
                return;

        for (GList *l = pipeline->queues.ready.head, *next; l; l = next) {
                Request *request = l->data;

                next = l->next;
                if (request_is_outdated(request, pipeline->state) || origin_holds_back(request))
                        origin_return(request);
        }
}

static void dispatch_returned(Pipeline *pipeline)
{
        /* What comes back while this goes on has its turn in the next run. */
        guint n = pipeline->queues.returned.length;

        for (; n > 0 && pipeline->queues.returned.head; n--) {
                Request *request = pipeline->queues.returned.head->data;

                origin_hand_back(request);
                pipeline->callbacks.reconsider(pipeline->callbacks.userdata, request->userdata,
                                               request);
        }
        if (pipeline->queues.returned.head)
                wake(pipeline);
}

static void overlay_catch_up(Pipeline *pipeline)
{
        const GPtrArray *commits = pipeline->commits;

        for (; pipeline->n_overlaid < commits->len; pipeline->n_overlaid++)
                overlay_add(pipeline->overlay, commits->pdata[pipeline->n_overlaid]);
}

static int resolve(Pipeline *pipeline, Request *request, uint64_t now_usec, Commit **ret_commit)
{
        g_autoptr(Commit) commit = NULL;
        int r;

        r = sequencer_resolve(pipeline->state, pipeline->overlay, pipeline->limits, request->set,
                              pipeline->revision + 1, now_usec, &commit, &request->text);
        if (r != 0)
                return r;
        if (commit && pipeline->is_full && !commit_only_deletes(commit)) {
                request->text = failure_text(CORE_E_DISK_FULL, &pipeline->cause);
                return CORE_E_DISK_FULL;
        }

        *ret_commit = g_steal_pointer(&commit);
        return 0;
}

static void sequence(Pipeline *pipeline, Request *request, uint64_t now_usec)
{
        g_autoptr(Commit) commit = NULL;
        bool is_awaited;

        request->outcome = resolve(pipeline, request, now_usec, &commit);
        request->commit = commit;
        is_awaited = durability_is_awaited(request->set, commit, pipeline->is_lazy);
        pipeline->is_sync_awaited |= is_awaited;
        if (request->outcome != 0)
                pipeline->statistics.n_refused++;
        else if (!commit)
                pipeline->statistics.n_unchanged++;
        else if (request->set->flags & CHANGE_SET_DRY_RUN)
                request->dry_commit = g_steal_pointer(&commit);
        else {
                pipeline->revision++;
                pipeline->statistics.n_lazy += !is_awaited;
                commit->is_lazy = !is_awaited;
                g_ptr_array_add(pipeline->commits, g_steal_pointer(&commit));
        }

        /* A failed batch has used up revisions that never came to be. */
        request->revision =
                pipeline->commits->len > 0 ? pipeline->revision : state_revision(pipeline->state);
}

/* Whether participants are asked about it first. */
static bool is_prepared_first(Pipeline *pipeline, Batch *batch, Request *request, uint64_t now_usec)
{
        Commit *trial = NULL;

        if (!preparation_is_due(&pipeline->preparation, request))
                return false;
        if (batch_meets(batch, request->set)) {
                batch_pass_over(batch, request->set);
                preparation_note_waiting(&pipeline->preparation, request);
                return true;
        }

        overlay_catch_up(pipeline);
        if (resolve(pipeline, request, now_usec, &trial) != 0) {
                g_clear_pointer(&request->text, g_free);
                return false;
        }
        if (!trial || !preparation_begin(&pipeline->preparation, request, trial))
                return false;

        batch_pass_over(batch, request->set);
        return true;
}

static bool take(Pipeline *pipeline, Batch *batch, Request *request, uint64_t now_usec)
{
        if (!batch_join(batch, request->set))
                return false;

        overlay_catch_up(pipeline);
        origin_release(request);
        g_ptr_array_add(pipeline->batch, request);
        sequence(pipeline, request, now_usec);
        return true;
}

/* They have waited longest, and their namespaces with them. */
static void take_prepared(Pipeline *pipeline, Batch *batch, uint64_t now_usec)
{
        for (GList *l = pipeline->queues.preparing.head, *next; l; l = next) {
                Request *request = l->data;

                next = l->next;
                if (preparation_is_done(request) &&
                    pipeline->revision + 1 < pipeline->revision_limit &&
                    !batch_is_full(batch, request->set))
                        (void) take(pipeline, batch, request, now_usec);
        }

        preparation_open(&pipeline->preparation, batch);
}

static uint64_t weigh(const Pipeline *pipeline, const ChangeSet *set)
{
        uint64_t weight = 0;

        for (guint i = 0; pipeline->callbacks.weigh && i < set->namespaces->len; i++) {
                const NamespaceWish *wish = set->namespaces->pdata[i];

                weight += pipeline->callbacks.weigh(pipeline->callbacks.userdata, wish->name);
        }
        return weight;
}

static void form_batch(Pipeline *pipeline, uint64_t now_usec)
{
        Batch *batch = &pipeline->forming;
        uint64_t weight = 0;

        /* The store may have left some out. */
        pipeline->revision = MAX(pipeline->revision, state_revision(pipeline->state));
        pipeline->is_sync_awaited = false;
        take_prepared(pipeline, batch, now_usec);
        for (GList *l = pipeline->queues.ready.head, *next; l; l = next) {
                Request *request = l->data;

                next = l->next;
                weight += weigh(pipeline, request->set);
                if (pipeline->revision + 1 >= pipeline->revision_limit ||
                    batch_is_full(batch, request->set) ||
                    (pipeline->batch->len > 0 && weight > PIPELINE_BATCH_MESSAGES_MAX))
                        break;
                if (!is_prepared_first(pipeline, batch, request, now_usec) &&
                    !take(pipeline, batch, request, now_usec))
                        preparation_note_waiting(&pipeline->preparation, request);
        }

        batch_reset(batch);
        overlay_clear(pipeline->overlay);
        pipeline->n_overlaid = 0;
}

/* Whoever waits for the disk without a commit of his own waits for the batch's last. */
static int write_batch(Pipeline *pipeline)
{
        const PipelineCallbacks *callbacks = &pipeline->callbacks;
        GPtrArray *commits = pipeline->commits;

        if (commits->len > 0) {
                if (pipeline->is_sync_awaited)
                        ((Commit *) commits->pdata[commits->len - 1])->is_lazy = false;
                return callbacks->journal(callbacks->userdata, commits);
        }
        if (pipeline->is_sync_awaited && callbacks->sync)
                return callbacks->sync(callbacks->userdata);
        return PIPELINE_E_WRITTEN;
}

static void start_batch(Pipeline *pipeline, uint64_t now_usec)
{
        int r;

        return_outdated(pipeline);

        form_batch(pipeline, now_usec);
        if (pipeline->batch->len == 0)
                return;

        pipeline->is_under_way = true;
        r = write_batch(pipeline);
        if (r != 0)
                pipeline_settle(pipeline, r == PIPELINE_E_WRITTEN ? 0 : r);
}

void pipeline_run(Pipeline *pipeline, uint64_t now_usec)
{
        dispatch_returned(pipeline);
        preparation_advance(&pipeline->preparation);
        if (!pipeline->is_under_way)
                start_batch(pipeline, now_usec);
        preparation_close(&pipeline->preparation, &pipeline->statistics);
}

/* Nobody can be told how it ended: what a refusal was judged against may not be there either. */
static void fail_batch(Pipeline *pipeline, int r)
{
        Outcome outcome = failure_outcome(r);

        /* Revisions that may be on the disk are never used again; others are not there. */
        if (outcome != CORE_E_OUTCOME_UNKNOWN)
                pipeline->revision -= pipeline->commits->len;

        for (guint i = 0; i < pipeline->batch->len; i++) {
                Request *request = pipeline->batch->pdata[i];

                g_free(request->text);
                request->commit = NULL;
                request->outcome = (int) outcome;
                request->text = failure_text(outcome, &pipeline->cause);
        }
}

static void apply(Pipeline *pipeline, const Commit *commit)
{
        const PipelineCallbacks *callbacks = &pipeline->callbacks;

        if (callbacks->applying)
                callbacks->applying(callbacks->userdata, commit);
        state_apply(pipeline->state, commit);
        if (callbacks->applied)
                callbacks->applied(callbacks->userdata, commit);
}

static void apply_batch(Pipeline *pipeline)
{
        for (guint i = 0; i < pipeline->commits->len; i++)
                apply(pipeline, pipeline->commits->pdata[i]);

        if (pipeline->commits->len > 0) {
                pipeline->statistics.n_commits += pipeline->commits->len;
                pipeline->statistics.n_batches++;
                pipeline->callbacks.publish(pipeline->callbacks.userdata, pipeline->commits);
        }
}

void pipeline_settle(Pipeline *pipeline, int r)
{
        g_assert(pipeline->is_under_way);

        if (r < 0)
                fail_batch(pipeline, r);
        else
                apply_batch(pipeline);

        for (guint i = 0; i < pipeline->batch->len; i++) {
                request_answer(pipeline->batch->pdata[i]);
                preparation_conclude(&pipeline->preparation, pipeline->batch->pdata[i]);
        }

        g_ptr_array_set_size(pipeline->batch, 0);
        g_ptr_array_set_size(pipeline->commits, 0);
        pipeline->is_under_way = false;
        wake(pipeline);
}

void pipeline_set_revision_limit(Pipeline *pipeline, uint64_t limit)
{
        pipeline->revision_limit = limit;
        wake(pipeline);
}

static void on_prepared(void *userdata)
{
        const Pipeline *pipeline = userdata;

        pipeline->callbacks.wake(pipeline->callbacks.userdata);
}

void pipeline_set_participants(Pipeline *pipeline, Participants *participants)
{
        g_assert(g_queue_is_empty(&pipeline->queues.preparing));

        pipeline->preparation.participants = participants;
        if (!participants)
                return;
        participants->wake = on_prepared;
        participants->owner = pipeline;
}

void pipeline_stop_preparing(Pipeline *pipeline)
{
        preparation_stop(&pipeline->preparation);
        preparation_close(&pipeline->preparation, &pipeline->statistics);
}

bool pipeline_origin_owes(const Origin *origin)
{
        return origin->debtor->n_owed > 0;
}

void pipeline_set_lazy(Pipeline *pipeline, bool is_lazy)
{
        pipeline->is_lazy = is_lazy;
}

void pipeline_set_full(Pipeline *pipeline, bool is_full, const FailureCause *cause)
{
        pipeline->is_full = is_full;
        pipeline->cause = *cause;
}

bool pipeline_is_under_way(const Pipeline *pipeline)
{
        return pipeline->is_under_way;
}

const char *pipeline_namespace_under_way(const Pipeline *pipeline)
{
        for (guint i = 0; i < pipeline->commits->len; i++) {
                const Commit *commit = pipeline->commits->pdata[i];
                const NamespaceChange *change;

                if (commit->changes->len == 0)
                        continue; /* it confirms one before it */
                change = commit->changes->pdata[0];
                if (change->kind != NAMESPACE_CHANGE_ENTRIES)
                        return change->name;
        }

        return NULL;
}

const PipelineStatistics *pipeline_statistics(const Pipeline *pipeline)
{
        return &pipeline->statistics;
}
