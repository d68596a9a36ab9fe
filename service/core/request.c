/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Request
 */

#include "core/request.h"

#include "core/transaction.h"

#include <string.h>

Request *request_new(Origin *origin)
{
        Request *request = g_new(Request, 1);

        *request = (Request){ .origin = origin };
        request->in_origin.data = request;
        request->in_pipeline.data = request;
        return request;
}

Request *request_free(Request *request)
{
        if (request->transaction)
                transaction_end(request->transaction, 0);
        change_set_free(request->set);
        commit_free(request->dry_commit);
        g_strfreev(request->names);
        g_free(request->text);
        g_free(request);
        return NULL;
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

void request_reserve(Request *request, const ChangeSet *set)
{
        request->names = names_of(set);
        request->touches_all = set->kind == CHANGE_SET_RESTORE;
}

void request_fill(Request *request, ChangeSet *set, RequestSettled on_settled, void *userdata)
{
        g_assert(!request->set);

        request->set = set;
        request->touches_all = set->kind == CHANGE_SET_RESTORE;
        request->on_settled = on_settled;
        request->userdata = userdata;
        g_clear_pointer(&request->names, g_strfreev);
}

void request_empty(Request *request)
{
        request->names = names_of(request->set);
        g_clear_pointer(&request->set, change_set_free);
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

bool request_meets(const Request *request, const Request *other)
{
        const char *name;

        if (request->touches_all || other->touches_all)
                return true;
        for (size_t i = 0; (name = touched_name(request, i)); i++)
                if (touches(other, name))
                        return true;

        return false;
}

bool request_is_outdated(const Request *request, const State *state)
{
        for (guint i = 0; i < request->set->namespaces->len; i++) {
                const NamespaceWish *wish = request->set->namespaces->pdata[i];
                const Namespace *ns = state_lookup(state, wish->name);

                if (wish->access_revision != (ns ? ns->access_revision : 0))
                        return true;
        }

        return false;
}

void request_answer(const Request *request)
{
        Settlement settlement = {
                .outcome = request->outcome,
                .text = request->text,
                .revision = request->revision,
                .is_dry_run = request->set && (request->set->flags & CHANGE_SET_DRY_RUN),
                .commit = request->commit,
                .transaction = request->transaction,
        };

        g_assert(request->set || !request->commit);
        if (request->commit && request->commit->pending && !settlement.is_dry_run)
                settlement.token = request->set->confirmation->token;
        request->on_settled(request->userdata, &settlement);
}
