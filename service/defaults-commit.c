/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Defaults commit
 *
 * A commit like any other, so that no later start gives its revision to something else: the access of
 * one namespace is set to what it is. Which namespace does not matter, there is one revision for all.
 */

#include "defaults-commit.h"

#include "core/history.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>

struct DefaultsCommit {
        State *state;
        Origin *origin;
        DefaultsCommitDone on_done;
        void *userdata;
};

DefaultsCommit *defaults_commit_new(State *state, Pipeline *pipeline)
{
        DefaultsCommit *commit = g_new(DefaultsCommit, 1);

        *commit = (DefaultsCommit){ .state = state, .origin = pipeline_origin_new(pipeline) };
        return commit;
}

DefaultsCommit *defaults_commit_free(DefaultsCommit *commit)
{
        if (!commit)
                return NULL;

        pipeline_origin_free(commit->origin);
        g_free(commit);
        return NULL;
}

static void on_settled(void *userdata, const Settlement *settlement)
{
        const DefaultsCommit *commit = userdata;

        if (settlement->outcome == -ECANCELED)
                return;
        if (settlement->outcome != 0)
                log_warning("What is read now cannot be gone on from before the next commit: %s",
                            settlement->outcome < 0 ? g_strerror(-settlement->outcome)
                                                    : settlement->text);
        else
                log_info("Declared defaults may be others than before the start: revision %" PRIu64
                         " begins with them",
                         settlement->revision);
        commit->on_done(commit->userdata);
}

static ChangeSet *change_of(const Namespace *ns)
{
        ChangeSet *set = change_set_new(CHANGE_SET_ACCESS);
        g_autofree char *text = NULL;
        NamespaceWish *wish;
        int r;

        r = change_set_add_namespace(set, ns->name, &wish, &text);
        g_assert(r == 0);
        wish->created_revision = ns->created_revision;
        wish->access_revision = ns->access_revision;
        set->flags = CHANGE_SET_DECLARED | CHANGE_SET_IN_ANY_CASE;
        return set;
}

void defaults_commit_start(DefaultsCommit *commit, DefaultsCommitDone on_done, void *userdata)
{
        const Namespace *ns = history_find_ahead(commit->state);

        if (!ns) {
                on_done(userdata);
                return;
        }

        commit->on_done = on_done;
        commit->userdata = userdata;
        pipeline_submit(commit->origin, NULL, change_of(ns), on_settled, commit);
}
