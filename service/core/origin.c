/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Origin
 */

#include "core/origin.h"

#include <errno.h>

Origin *origin_new(RequestQueues *queues, Origin *debtor)
{
        Origin *origin = g_new0(Origin, 1);

        origin->queues = queues;
        origin->debtor = debtor ? debtor->debtor : origin;
        return origin;
}

/* Takes the request out of the pipeline's queues; it stays in its origin's. */
static void withdraw(Request *request)
{
        if (request->state == REQUEST_READY)
                g_queue_unlink(&request->origin->queues->ready, &request->in_pipeline);
        else if (request->state == REQUEST_RETURNED)
                g_queue_unlink(&request->origin->queues->returned, &request->in_pipeline);
        else if (request->state == REQUEST_PREPARING)
                g_queue_unlink(&request->origin->queues->preparing, &request->in_pipeline);
}

/* What has waited for its namespaces has its turn. */
static void wake_others(const RequestQueues *queues, RequestState was)
{
        if (was == REQUEST_PREPARING)
                queues->wake(queues->owner);
}

/* Takes it out of every queue, for whoever is to end it. */
static void unlink_request(Request *request)
{
        withdraw(request);
        g_queue_unlink(&request->origin->requests, &request->in_origin);
        request->origin = NULL;
}

Origin *origin_free(Origin *origin)
{
        if (!origin)
                return NULL;

        while (origin->requests.head) {
                Request *request = origin->requests.head->data;

                unlink_request(request);
                wake_others(origin->queues, request->state);
                if (request->state != REQUEST_RESERVED) {
                        request->outcome = -ECANCELED;
                        request_answer(request);
                }
                request_free(request);
        }

        g_free(origin);
        return NULL;
}

bool origin_holds_back(const Request *request)
{
        for (const GList *l = request->in_origin.prev; l; l = l->prev) {
                const Request *earlier = l->data;

                if (earlier->state != REQUEST_READY && earlier->state != REQUEST_PREPARING &&
                    request_meets(request, earlier))
                        return true;
        }

        return false;
}

static void make_ready(Request *request)
{
        RequestQueues *queues = request->origin->queues;

        request->state = REQUEST_READY;
        request->due_usec = queues->due_usec(queues->owner);
        g_queue_push_tail_link(&queues->ready, &request->in_pipeline);
        queues->wake(queues->owner);
}

void origin_return(Request *request)
{
        RequestQueues *queues = request->origin->queues;

        withdraw(request);
        request_empty(request);
        request->state = REQUEST_RETURNED;
        g_queue_push_tail_link(&queues->returned, &request->in_pipeline);
        queues->wake(queues->owner);
}

/* Lets go on what waited only for a request that has now gone on or away. */
static void release_held(Origin *origin)
{
        for (GList *l = origin->requests.head; l; l = l->next) {
                Request *request = l->data;

                if (request->state != REQUEST_HELD || origin_holds_back(request))
                        continue;
                if (origin->queues->may_return)
                        origin_return(request);
                else
                        make_ready(request);
        }
}

static Request *add_request(Origin *origin)
{
        Request *request = request_new(origin);

        g_queue_push_tail_link(&origin->requests, &request->in_origin);
        return request;
}

Request *origin_reserve(Origin *origin, const ChangeSet *set)
{
        Request *request = add_request(origin);

        request->state = REQUEST_RESERVED;
        request_reserve(request, set);
        return request;
}

void origin_cancel(Request *reservation)
{
        Origin *origin = reservation->origin;

        g_assert(reservation->state == REQUEST_RESERVED);

        unlink_request(reservation);
        request_free(reservation);
        release_held(origin);
}

void origin_submit(Origin *origin,
                   Request *reservation,
                   ChangeSet *set,
                   RequestSettled on_settled,
                   void *userdata)
{
        Request *request = reservation ? reservation : add_request(origin);

        g_assert(request->origin == origin);

        request_fill(request, set, on_settled, userdata);
        request->state = REQUEST_HELD;
        if (origin_holds_back(request))
                return;

        make_ready(request);
        if (reservation)
                release_held(origin);
}

void origin_hand_back(Request *request)
{
        g_assert(request->state == REQUEST_RETURNED);

        withdraw(request);
        request->state = REQUEST_RESERVED;
}

void origin_prepare(Request *request)
{
        g_assert(request->state == REQUEST_READY);

        withdraw(request);
        request->state = REQUEST_PREPARING;
        g_queue_push_tail_link(&request->origin->queues->preparing, &request->in_pipeline);
}

void origin_release(Request *request)
{
        g_assert(request->state == REQUEST_READY || request->state == REQUEST_PREPARING);

        unlink_request(request);
        request->state = REQUEST_IN_BATCH;
}
