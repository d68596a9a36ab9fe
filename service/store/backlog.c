/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backlog
 *
 * Commits of one change are what it is for; one of many has its entries fetched by State.
 */

#include "store/backlog.h"

#include <string.h>

struct Backlog {
        State *state;
        Commit *commits[ENTRY_TREE_PREFETCH_MAX];
        guint n;
};

Backlog *backlog_new(State *state)
{
        Backlog *backlog = g_new(Backlog, 1);

        *backlog = (Backlog){ .state = state };
        return backlog;
}

static void clear(Backlog *backlog)
{
        for (guint i = 0; i < backlog->n; i++)
                commit_free(backlog->commits[i]);
        backlog->n = 0;
}

Backlog *backlog_free(Backlog *backlog)
{
        if (!backlog)
                return NULL;

        clear(backlog);
        g_free(backlog);
        return NULL;
}

/* The change whose first entry stands for the commit, or NULL. */
static const NamespaceChange *first_change(const Commit *commit)
{
        const NamespaceChange *change = commit->changes->pdata[0];

        return change->kind == NAMESPACE_CHANGE_ENTRIES ? change : NULL;
}

/* A commit that removes a namespace may be among them: nothing is kept but for the fetching. */
static void prefetch(const Backlog *backlog)
{
        Entry *entries[ENTRY_TREE_PREFETCH_MAX];
        const char *name = NULL;
        guint n = 0;
        const Namespace *ns;

        for (guint i = 0; i < backlog->n; i++) {
                const NamespaceChange *change = first_change(backlog->commits[i]);

                if (!change)
                        continue;
                if (!name)
                        name = change->name;
                if (strcmp(change->name, name) == 0)
                        entries[n++] = change->entries->pdata[0];
        }

        ns = n > 1 ? state_lookup(backlog->state, name) : NULL;
        if (ns)
                namespace_prefetch(ns, entries, n);
}

void backlog_apply(Backlog *backlog)
{
        prefetch(backlog);
        for (guint i = 0; i < backlog->n; i++)
                state_apply(backlog->state, backlog->commits[i]);
        clear(backlog);
}

void backlog_add(Backlog *backlog, Commit *commit)
{
        backlog->commits[backlog->n++] = commit;
        if (backlog->n == G_N_ELEMENTS(backlog->commits))
                backlog_apply(backlog);
}
