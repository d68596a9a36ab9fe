/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pipeline rig
 */

#include "pipeline-rig.h"

#include <errno.h>
#include <inttypes.h>

typedef struct Waiting {
        Rig *rig;
        char *label;
} Waiting;

static const char *outcome_name(int outcome)
{
        static const char *const names[] = {
                [CORE_E_NO_SUCH_NAMESPACE] = "NoSuchNamespace",
                [CORE_E_NAMESPACE_EXISTS] = "NamespaceExists",
                [CORE_E_NAMESPACE_NOT_EMPTY] = "NotEmpty",
                [CORE_E_NO_SUCH_KEY] = "NoSuchKey",
                [CORE_E_KEY_EXISTS] = "KeyExists",
                [CORE_E_QUOTA_EXCEEDED] = "QuotaExceeded",
                [CORE_E_CONFLICT] = "Conflict",
                [CORE_E_READ_ONLY] = "ReadOnly",
                [CORE_E_DISK_FULL] = "DiskFull",
                [CORE_E_BUSY] = "Busy",
                [CORE_E_VETOED] = "Vetoed",
                [CORE_E_TIMEOUT] = "Timeout",
                [CORE_E_TOO_BIG] = "TooBig",
                [CORE_E_NOT_CONFIRMED] = "NotConfirmed",
                [CORE_E_OUTCOME_UNKNOWN] = "OutcomeUnknown",
        };

        return outcome < 0 ? g_strerror(-outcome) : names[outcome];
}

static void wake(void *userdata)
{
        Rig *rig = userdata;

        rig->n_wakes++;
}

static int journal(void *userdata, const GPtrArray *commits)
{
        Rig *rig = userdata;

        g_assert_cmpuint(commits->len, >, 0);
        for (guint i = 0; i < commits->len; i++) {
                const Commit *commit = commits->pdata[i];

                /* A revision means one thing, whatever became of it. */
                g_assert_cmpuint(commit->revision, >, rig->last_revision);
                g_assert_cmpuint(commit->revision, >, state_revision(rig->state));
                g_assert_cmpuint(commit->revision, <, rig->revision_limit);
                g_assert_true(commit->changes->len > 0 || commit->settlement == COMMIT_CONFIRMS);
                g_string_append_printf(rig->trace, "%s%" PRIu64 "%s", i == 0 ? "[" : " ",
                                       commit->revision, commit->is_lazy ? "~" : "");
        }
        g_string_append(rig->trace, "] ");
        /* Otherwise nobody has ever seen them. */
        if (rig->journal_error != -EROFS && rig->journal_error != -ENOSPC)
                rig->last_revision += commits->len;

        if (rig->journal_error != 0)
                return rig->journal_error;
        return rig->is_asynchronous ? 0 : PIPELINE_E_WRITTEN;
}

static int sync_all(void *userdata)
{
        Rig *rig = userdata;

        if (!rig->is_dirty)
                return PIPELINE_E_WRITTEN;

        g_string_append(rig->trace, "sync ");
        if (rig->journal_error != 0)
                return rig->journal_error;
        return rig->is_asynchronous ? 0 : PIPELINE_E_WRITTEN;
}

static void publish(void *userdata, const GPtrArray *commits)
{
        Rig *rig = userdata;
        const Commit *last = commits->pdata[commits->len - 1];

        g_assert_cmpuint(state_revision(rig->state), ==, last->revision);
        g_string_append(rig->trace, "publish ");
}

static void on_settled(void *userdata, const Settlement *settlement)
{
        Waiting *waiting = userdata;
        Rig *rig = waiting->rig;

        g_assert_false(rig->is_submitting);
        g_assert_cmpuint(rig->n_waiting, >, 0);
        rig->n_waiting--;
        rig->is_refused = settlement->outcome != 0;

        if (settlement->outcome == 0) {
                /* What is answered is visible, and what is visible was revision by revision. */
                g_assert_cmpuint(settlement->revision, ==,
                                 settlement->commit && !settlement->is_dry_run
                                         ? settlement->commit->revision
                                         : settlement->revision);
                g_assert_cmpuint(settlement->revision, <=, state_revision(rig->state));
                g_string_append_printf(
                        rig->trace, "%s@%" PRIu64 "%s ", waiting->label, settlement->revision,
                        settlement->is_dry_run ? "?" : (settlement->commit ? "" : "="));
        } else {
                g_assert_true(settlement->outcome < 0 || settlement->text);
                g_assert_null(settlement->commit);
                g_string_append_printf(rig->trace, "%s!%s ", waiting->label,
                                       outcome_name(settlement->outcome));
        }

        if (rig->on_answer)
                rig->on_answer(rig, waiting->label);
        g_free(waiting->label);
        g_free(waiting);
}

static void reconsider(void *userdata, void *request_userdata, Request *request)
{
        Rig *rig = userdata;
        Waiting *waiting = request_userdata;

        rig->n_waiting--;
        rig->returned = request;
        g_string_append_printf(rig->trace, "again %s ", waiting->label);
        g_free(waiting->label);
        g_free(waiting);
}

static void init(Rig *rig, bool is_reconsidering)
{
        const PipelineCallbacks callbacks = {
                .wake = wake,
                .journal = journal,
                .sync = sync_all,
                .publish = publish,
                .reconsider = is_reconsidering ? reconsider : NULL,
                .userdata = rig,
        };
        g_autoptr(Commit) first = changes_commit_create(1, "a.b", 4001);
        g_autoptr(Commit) second = changes_commit_create(2, "c.d", 4001);

        *rig = (Rig){
                .state = state_new(),
                .trace = g_string_new(NULL),
                .revision_limit = UINT64_MAX,
                .last_revision = 2,
        };
        limits_init(&rig->limits);
        state_apply(rig->state, first);
        state_apply(rig->state, second);
        rig->pipeline = pipeline_new(rig->state, &rig->limits, &callbacks);
}

void rig_init(Rig *rig)
{
        init(rig, false);
}

void rig_init_reconsidering(Rig *rig)
{
        init(rig, true);
}

void rig_clear(Rig *rig)
{
        g_assert_false(pipeline_is_under_way(rig->pipeline));
        g_assert_cmpuint(rig->n_waiting, ==, 0);
        pipeline_free(rig->pipeline);
        state_free(rig->state);
        g_string_free(rig->trace, TRUE);
}

void rig_submit(Rig *rig, Origin *origin, Request *reservation, ChangeSet *set, const char *label)
{
        Waiting *waiting = g_new(Waiting, 1);
        bool was_submitting = rig->is_submitting;

        *waiting = (Waiting){ rig, g_strdup(label) };
        rig->n_waiting++;
        rig->is_submitting = true;
        pipeline_submit(origin, reservation, set, on_settled, waiting);
        rig->is_submitting = was_submitting;
}

void rig_set(Rig *rig,
             Origin *origin,
             const char *name,
             const char *key,
             const char *text,
             const char *label)
{
        rig_submit(rig, origin, NULL, changes_new_set(name, key, text), label);
}

void rig_run(Rig *rig)
{
        pipeline_run(rig->pipeline, 1000);
}

void rig_settle(Rig *rig, int r)
{
        pipeline_settle(rig->pipeline, r);
}

void rig_set_revision_limit(Rig *rig, uint64_t limit)
{
        rig->revision_limit = limit;
        pipeline_set_revision_limit(rig->pipeline, limit);
}

void rig_assert_trace(Rig *rig, const char *expected)
{
        g_assert_cmpstr(rig->trace->str, ==, expected);
        g_string_truncate(rig->trace, 0);
}
