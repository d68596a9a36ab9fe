/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commit pipeline
 *
 * What becomes of a request, state by event ("-": cannot happen):
 *
 *              submit         earlier one    run                   settle    origin goes
 *                             goes on                                        (or cancel)
 *   RESERVED   READY, HELD    -              -                     -         freed
 *   HELD       -              RETURNED       -                     -         answered
 *   RETURNED   -              -              RESERVED, reconsider  -         answered
 *   READY      -              -              IN_BATCH or, if an    -         answered
 *                                            access has changed,
 *                                            RETURNED
 *   IN_BATCH   -              -              -                     answered  goes on
 *
 * HELD: an earlier request of the same origin, for one of the same namespaces, is not READY yet. It
 * may have to wait long for that, so it is authorized anew when it has its turn. What is READY behind
 * one that is returned is returned, too. Without a callback reconsider() nothing is, and HELD ones
 * become READY. All but IN_BATCH ones keep their place in their origin's queue; READY and RETURNED
 * ones are in one of the pipeline's as well, and IN_BATCH ones in the batch alone.
 *
 * Participants will be asked between READY and IN_BATCH; nobody can register as one yet.
 */

#include "core/pipeline.h"

#include "core/batch.h"
#include "core/durability.h"
#include "core/failure.h"
#include "core/overlay.h"
#include "core/sequencer.h"

#include <errno.h>
#include <string.h>

typedef enum RequestState {
        REQUEST_RESERVED,
        REQUEST_HELD,
        REQUEST_RETURNED,
        REQUEST_READY,
        REQUEST_IN_BATCH,
} RequestState;

struct Request {
        RequestState state;
        Origin *origin; /* NULL once it is in a batch */
        GList in_origin;
        GList in_pipeline; /* in the queue of its state */
        GStrv names;       /* of the namespaces it touches, while there is no set */
        bool touches_all;
        ChangeSet *set;
        RequestSettled on_settled;
        void *userdata;
        /* how it will be answered */
        int outcome;
        char *text;
        uint64_t revision;
        Commit *dry_commit;   /* owned */
        const Commit *commit; /* borrowed from the batch, or dry_commit */
};

struct Origin {
        Pipeline *pipeline;
        GQueue requests; /* all that are not IN_BATCH, in the order of their places */
};

struct Pipeline {
        State *state;
        const Limits *limits;
        PipelineCallbacks callbacks;
        Overlay *overlay;
        GQueue ready;
        GQueue returned;
        GPtrArray *batch;   /* owned Request, answered together */
        GPtrArray *commits; /* owned Commit of the batch */
        uint64_t revision;  /* the last one given to a commit */
        uint64_t revision_limit;
        bool is_under_way;
        bool is_lazy;           /* unless asked otherwise, nobody waits for the disk */
        bool is_sync_awaited;   /* somebody in the batch does */
        bool is_full;           /* only deleting is possible */
        const char *full_place; /* that last had no room; or NULL */
        PipelineStatistics statistics;
};

static Request *request_free(Request *request)
{
        change_set_free(request->set);
        commit_free(request->dry_commit);
        g_strfreev(request->names);
        g_free(request->text);
        g_free(request);
        return NULL;
}

static void request_answer(Request *request)
{
        Settlement settlement = {
                .outcome = request->outcome,
                .text = request->text,
                .revision = request->revision,
                .is_dry_run = request->set && (request->set->flags & CHANGE_SET_DRY_RUN),
                .commit = request->commit,
        };

        if (request->commit && request->commit->pending && !settlement.is_dry_run)
                settlement.token = request->set->confirmation->token;
        request->on_settled(request->userdata, &settlement);
}

static void batch_request_free(gpointer request)
{
        request_free(request);
}

static void batch_commit_free(gpointer commit)
{
        commit_free(commit);
}

Pipeline *pipeline_new(State *state, const Limits *limits, const PipelineCallbacks *callbacks)
{
        Pipeline *pipeline = g_new(Pipeline, 1);

        *pipeline = (Pipeline){
                .state = state,
                .limits = limits,
                .callbacks = *callbacks,
                .overlay = overlay_new(state),
                .batch = g_ptr_array_new_with_free_func(batch_request_free),
                .commits = g_ptr_array_new_with_free_func(batch_commit_free),
                .revision = state_revision(state),
                .revision_limit = UINT64_MAX,
        };
        return pipeline;
}

Pipeline *pipeline_free(Pipeline *pipeline)
{
        if (!pipeline)
                return NULL;

        g_assert(g_queue_is_empty(&pipeline->ready) && g_queue_is_empty(&pipeline->returned));

        overlay_free(pipeline->overlay);
        g_ptr_array_unref(pipeline->batch);
        g_ptr_array_unref(pipeline->commits);
        g_free(pipeline);
        return NULL;
}

Origin *pipeline_origin_new(Pipeline *pipeline)
{
        Origin *origin = g_new0(Origin, 1);

        origin->pipeline = pipeline;
        return origin;
}

static void wake(Pipeline *pipeline)
{
        if (pipeline->returned.head || (pipeline->ready.head && !pipeline->is_under_way))
                pipeline->callbacks.wake(pipeline->callbacks.userdata);
}

/* Takes the request out of the pipeline's queues; it stays in its origin's. */
static void request_withdraw(Request *request)
{
        if (request->state == REQUEST_READY)
                g_queue_unlink(&request->origin->pipeline->ready, &request->in_pipeline);
        else if (request->state == REQUEST_RETURNED)
                g_queue_unlink(&request->origin->pipeline->returned, &request->in_pipeline);
}

/* Takes it out of every queue, for whoever is to end it. */
static void request_unlink(Request *request)
{
        request_withdraw(request);
        g_queue_unlink(&request->origin->requests, &request->in_origin);
        request->origin = NULL;
}

Origin *pipeline_origin_free(Origin *origin)
{
        if (!origin)
                return NULL;

        while (origin->requests.head) {
                Request *request = origin->requests.head->data;

                request_unlink(request);
                if (request->state != REQUEST_RESERVED) {
                        request->outcome = -ECANCELED;
                        request_answer(request);
                }
                request_free(request);
        }

        g_free(origin);
        return NULL;
}

static const char *touched_name(const Request *request, size_t i)
{
        if (request->names)
                return request->names[i];
        if (i >= request->set->namespaces->len)
                return NULL;
        return ((const NamespaceWish *) request->set->namespaces->pdata[i])->name;
}

static bool touches(const Request *request, const char *name)
{
        const char *touched;

        for (size_t i = 0; (touched = touched_name(request, i)); i++)
                if (strcmp(touched, name) == 0)
                        return true;

        return false;
}

/* Whether an earlier one of the same origin, that has not got as far, touches the same. */
static bool is_held_back(const Request *request)
{
        for (const GList *l = request->in_origin.prev; l; l = l->prev) {
                const Request *earlier = l->data;
                const char *name;

                if (earlier->state == REQUEST_READY)
                        continue;
                if (request->touches_all || earlier->touches_all)
                        return true;
                for (size_t i = 0; (name = touched_name(request, i)); i++)
                        if (touches(earlier, name))
                                return true;
        }

        return false;
}

static void make_ready(Request *request)
{
        Pipeline *pipeline = request->origin->pipeline;

        request->state = REQUEST_READY;
        g_queue_push_tail_link(&pipeline->ready, &request->in_pipeline);
        wake(pipeline);
}

static GStrv names_of(const ChangeSet *set)
{
        GStrv names = g_new0(char *, set->namespaces->len + 1);

        for (guint i = 0; i < set->namespaces->len; i++) {
                const NamespaceWish *wish = set->namespaces->pdata[i];

                names[i] = g_strdup(wish->name);
        }
        return names;
}

/* Makes it a reservation again, of which its owner will hear in pipeline_run(). */
static void make_returned(Request *request)
{
        Pipeline *pipeline = request->origin->pipeline;

        request_withdraw(request);
        request->names = names_of(request->set);
        g_clear_pointer(&request->set, change_set_free);
        request->state = REQUEST_RETURNED;
        g_queue_push_tail_link(&pipeline->returned, &request->in_pipeline);
        wake(pipeline);
}

/* Lets go on what waited only for a request that has now gone on or away. */
static void release_held(Origin *origin)
{
        for (GList *l = origin->requests.head; l; l = l->next) {
                Request *request = l->data;

                if (request->state != REQUEST_HELD || is_held_back(request))
                        continue;
                if (origin->pipeline->callbacks.reconsider)
                        make_returned(request);
                else
                        make_ready(request);
        }
}

static Request *request_new(Origin *origin)
{
        Request *request = g_new(Request, 1);

        *request = (Request){ .origin = origin };
        request->in_origin.data = request;
        request->in_pipeline.data = request;
        g_queue_push_tail_link(&origin->requests, &request->in_origin);
        return request;
}

Request *pipeline_reserve(Origin *origin, const ChangeSet *set)
{
        Request *request = request_new(origin);

        request->state = REQUEST_RESERVED;
        request->names = names_of(set);
        request->touches_all = set->kind == CHANGE_SET_RESTORE;
        return request;
}

void pipeline_cancel(Request *request)
{
        Origin *origin = request->origin;

        g_assert(request->state == REQUEST_RESERVED);

        request_unlink(request);
        request_free(request);
        release_held(origin);
}

void pipeline_submit(Origin *origin,
                     Request *reservation,
                     ChangeSet *set,
                     RequestSettled on_settled,
                     void *userdata)
{
        Request *request = reservation ? reservation : request_new(origin);

        g_assert(request->origin == origin && !request->set);

        request->set = set;
        request->touches_all = set->kind == CHANGE_SET_RESTORE;
        request->on_settled = on_settled;
        request->userdata = userdata;
        g_clear_pointer(&request->names, g_strfreev);
        request->state = REQUEST_HELD;
        if (is_held_back(request))
                return;

        make_ready(request);
        if (reservation)
                release_held(origin);
}

/* Whether a namespace has another access, or is another one, than when the request was authorized. */
static bool is_outdated(const Pipeline *pipeline, const Request *request)
{
        for (guint i = 0; i < request->set->namespaces->len; i++) {
                const NamespaceWish *wish = request->set->namespaces->pdata[i];
                const Namespace *ns = state_lookup(pipeline->state, wish->name);

                if (wish->access_revision != (ns ? ns->access_revision : 0))
                        return true;
        }

        return false;
}

/* Returns what must be authorized anew, and what has its place behind that. */
static void return_outdated(Pipeline *pipeline)
{
        if (!pipeline->callbacks.reconsider)
                return;

        for (GList *l = pipeline->ready.head, *next; l; l = next) {
                Request *request = l->data;

                next = l->next;
                if (is_outdated(pipeline, request) || is_held_back(request))
                        make_returned(request);
        }
}

static void dispatch_returned(Pipeline *pipeline)
{
        /* What comes back while this goes on has its turn in the next run. */
        guint n = pipeline->returned.length;

        for (; n > 0 && pipeline->returned.head; n--) {
                Request *request = pipeline->returned.head->data;

                request_withdraw(request);
                request->state = REQUEST_RESERVED;
                pipeline->callbacks.reconsider(pipeline->callbacks.userdata, request->userdata,
                                               request);
        }
        if (pipeline->returned.head)
                wake(pipeline);
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
                request->text = failure_text(CORE_E_DISK_FULL, pipeline->full_place);
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

static void form_batch(Pipeline *pipeline, uint64_t now_usec)
{
        g_auto(Batch) batch = {};
        guint n_overlaid = 0;

        /* The store may have left some out. */
        pipeline->revision = MAX(pipeline->revision, state_revision(pipeline->state));
        pipeline->is_sync_awaited = false;
        batch_init(&batch);
        for (GList *l = pipeline->ready.head, *next; l; l = next) {
                Request *request = l->data;

                next = l->next;
                if (pipeline->revision + 1 >= pipeline->revision_limit ||
                    batch_is_full(&batch, request->set))
                        break;
                if (!batch_join(&batch, request->set))
                        continue;

                for (; n_overlaid < pipeline->commits->len; n_overlaid++)
                        overlay_add(pipeline->overlay, pipeline->commits->pdata[n_overlaid]);
                request_unlink(request);
                request->state = REQUEST_IN_BATCH;
                g_ptr_array_add(pipeline->batch, request);
                sequence(pipeline, request, now_usec);
        }

        overlay_clear(pipeline->overlay);
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

void pipeline_run(Pipeline *pipeline, uint64_t now_usec)
{
        int r;

        dispatch_returned(pipeline);
        if (pipeline->is_under_way)
                return;

        return_outdated(pipeline);

        form_batch(pipeline, now_usec);
        if (pipeline->batch->len == 0)
                return;

        pipeline->is_under_way = true;
        r = write_batch(pipeline);
        if (r != 0)
                pipeline_settle(pipeline, r == PIPELINE_E_WRITTEN ? 0 : r);
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
                request->text = failure_text(outcome, pipeline->full_place);
        }
}

static void apply_batch(Pipeline *pipeline)
{
        for (guint i = 0; i < pipeline->commits->len; i++)
                state_apply(pipeline->state, pipeline->commits->pdata[i]);

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

        for (guint i = 0; i < pipeline->batch->len; i++)
                request_answer(pipeline->batch->pdata[i]);

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

void pipeline_set_lazy(Pipeline *pipeline, bool is_lazy)
{
        pipeline->is_lazy = is_lazy;
}

void pipeline_set_full(Pipeline *pipeline, bool is_full, const char *place)
{
        pipeline->is_full = is_full;
        pipeline->full_place = place;
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
