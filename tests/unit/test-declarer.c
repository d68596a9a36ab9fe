/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is declared comes into force step by step, is told when it is there, and a disk that has
 * failed keeps nobody waiting.
 */

#include "declarer.h"

#include "changes.h"
#include "core/outcome.h"
#include "util/log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

typedef struct Fixture {
        char *directory;
        const char *directories[2];
        State *state;
        Limits limits;
        Pipeline *pipeline;
        Declarer *declarer;
        int journal_result;
        Origin *others; /* requests that are not the declarer's */
        GString *trace; /* "(other's) [the declarer's] declared done " */
} Fixture;

static GLogWriterOutput on_log(GLogLevelFlags level G_GNUC_UNUSED,
                               const GLogField *fields G_GNUC_UNUSED,
                               gsize n_fields G_GNUC_UNUSED,
                               gpointer userdata G_GNUC_UNUSED)
{
        return G_LOG_WRITER_HANDLED;
}

static void on_wake(void *userdata G_GNUC_UNUSED)
{
}

static int on_journal(void *userdata, const GPtrArray *commits)
{
        Fixture *f = userdata;
        const Commit *commit = commits->pdata[0];
        const NamespaceChange *change = commit->changes->pdata[0];

        g_assert_cmpuint(commits->len, ==, 1);
        g_assert_true(!commit->reason || (commit->writer_uid == 0 &&
                                          g_str_has_prefix(commit->reason, "declared in ")));
        g_string_append_printf(f->trace, commit->reason ? "[%s] " : "(%s) ", change->name);
        return f->journal_result;
}

static void on_publish(void *userdata G_GNUC_UNUSED, const GPtrArray *commits G_GNUC_UNUSED)
{
}

static void on_reconsider(void *userdata, void *submitter, Request *request)
{
        Fixture *f = userdata;

        g_assert_true(submitter == f->declarer);
        g_string_append(f->trace, "again ");
        declarer_reconsider(f->declarer, request);
}

static void on_declared(void *userdata, Namespace *ns)
{
        Fixture *f = userdata;

        g_string_append_printf(f->trace, "%s ", ns->name);
}

static void on_done(void *userdata, int r)
{
        Fixture *f = userdata;

        g_string_append(f->trace, r == 0 ? "done " : "canceled ");
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        const PipelineCallbacks callbacks = {
                .wake = on_wake,
                .journal = on_journal,
                .publish = on_publish,
                .reconsider = on_reconsider,
                .userdata = f,
        };

        f->directory = g_dir_make_tmp("regent-declarer-XXXXXX", NULL);
        g_assert_nonnull(f->directory);
        f->directories[0] = f->directory;
        f->state = state_new();
        limits_init(&f->limits);
        f->pipeline = pipeline_new(f->state, &f->limits, &callbacks);
        f->declarer = declarer_new(&(DeclarerOptions){
                .state = f->state,
                .pipeline = f->pipeline,
                .limits = &f->limits,
                .directories = f->directories,
                .on_declared = on_declared,
                .userdata = f,
        });
        f->others = pipeline_origin_new(f->pipeline);
        f->trace = g_string_new(NULL);
        f->journal_result = PIPELINE_E_WRITTEN;
}

static char *path_of(const Fixture *f, const char *name)
{
        return g_strdup_printf("%s/%s.conf", f->directory, name);
}

static void declare(const Fixture *f, const char *name, const char *text)
{
        g_autofree char *path = path_of(f, name);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void withdraw(const Fixture *f, const char *name)
{
        g_autofree char *path = path_of(f, name);

        g_assert_cmpint(g_unlink(path), ==, 0);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(GDir) dir = g_dir_open(f->directory, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(f->directory, name, NULL);

                g_assert_cmpint(g_unlink(path), ==, 0);
        }
        g_assert_cmpint(g_rmdir(f->directory), ==, 0);
        g_free(f->directory);
        declarer_free(f->declarer);
        pipeline_origin_free(f->others);
        pipeline_free(f->pipeline);
        state_free(f->state);
        g_string_free(f->trace, TRUE);
}

static void assert_trace(Fixture *f, const char *expected)
{
        g_assert_cmpstr(f->trace->str, ==, expected);
        g_string_truncate(f->trace, 0);
}

/* Until nothing waits any more. */
static void run(Fixture *f)
{
        for (int i = 0; i < 10; i++)
                pipeline_run(f->pipeline, 1000);
}

static uint32_t mode_of(const Fixture *f, const char *name)
{
        return state_lookup(f->state, name)->access.mode;
}

static size_t n_errors(const Fixture *f)
{
        g_autoptr(GVariant) errors = g_variant_ref_sink(declarer_errors(f->declarer));

        return g_variant_n_children(errors);
}

static const Declaration *in_force(const Fixture *f, const char *name)
{
        const Namespace *ns = state_lookup(f->state, name);

        g_assert_nonnull(ns);
        return ns->declaration;
}

static void on_other_settled(void *userdata G_GNUC_UNUSED, const Settlement *settlement)
{
        g_assert_true(settlement->outcome == 0 || settlement->outcome == CORE_E_OUTCOME_UNKNOWN);
}

static void make_namespace(Fixture *f, const char *name)
{
        pipeline_submit(f->others, NULL, changes_new_create(name, 4001), on_other_settled, NULL);
        pipeline_run(f->pipeline, 1000);
        g_assert_nonnull(state_lookup(f->state, name));
        g_string_truncate(f->trace, 0);
}

/* Leaves @set, of somebody else, with the journal. */
static void begin_other(Fixture *f, ChangeSet *set, const char *expected)
{
        NamespaceWish *wish = set->namespaces->pdata[0];
        const Namespace *ns = state_lookup(f->state, wish->name);

        wish->access_revision = ns ? ns->access_revision : 0;
        f->journal_result = 0;
        pipeline_submit(f->others, NULL, set, on_other_settled, NULL);
        pipeline_run(f->pipeline, 1000);
        assert_trace(f, expected);
        g_assert_true(pipeline_is_under_way(f->pipeline));
}

static void load(Fixture *f, const char *name, const char *text)
{
        declare(f, name, text);
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
}

static void test_namespaces_are_made_one_after_the_other(Fixture *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        declare(f, "c.d", "[Namespace]\nMode=0600\n");
        declare(f, "a.b", "");
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
        assert_trace(f, "");
        run(f);
        assert_trace(f, "[a.b] [c.d] done ");
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0644);
        g_assert_cmpuint(mode_of(f, "c.d"), ==, 0600);
        g_assert_nonnull(state_lookup(f->state, "c.d")->declaration);

        /* What is so already needs nothing. */
        declarer_load(f->declarer);
        g_assert_false(declarer_is_under_way(f->declarer));
        declarer_when_done(f->declarer, on_done, f);
        assert_trace(f, "done ");
}

static void test_nothing_declared_is_done_at_once(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
        assert_trace(f, "done ");
}

static void test_a_failed_disk_keeps_nobody_waiting(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declare(f, "a.b", "");
        declare(f, "c.d", "");
        f->journal_result = -EROFS;
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
        run(f);
        assert_trace(f, "[a.b] [c.d] done ");
        g_assert_null(state_lookup(f->state, "a.b"));
        g_assert_cmpuint(n_errors(f), ==, 2);

        /* The next load tries again. */
        f->journal_result = PIPELINE_E_WRITTEN;
        declarer_load(f->declarer);
        g_assert_true(declarer_is_under_way(f->declarer));
        run(f);
        g_assert_nonnull(state_lookup(f->state, "c.d"));
        g_assert_cmpuint(n_errors(f), ==, 0);
}

static void test_a_load_may_overtake_another(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declare(f, "a.b", "[Namespace]\nMode=0600\n");
        declare(f, "c.d", "[Namespace]\nMode=0600\n");
        f->journal_result = 0; /* pipeline_settle() says when */
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
        pipeline_run(f->pipeline, 1000);
        assert_trace(f, "[a.b] ");

        declare(f, "a.b", "[Namespace]\nMode=0640\n");
        withdraw(f, "c.d");
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
        pipeline_settle(f->pipeline, 0);
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0600);
        pipeline_run(f->pipeline, 1000);
        assert_trace(f, "[a.b] ");
        pipeline_settle(f->pipeline, 0);
        assert_trace(f, "done done ");
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0640);
        g_assert_null(state_lookup(f->state, "c.d"));
        g_assert_cmpuint(n_errors(f), ==, 0);
}

static void test_what_was_made_before_a_load_is_no_error(Fixture *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        declare(f, "a.b", "[Namespace]\nMode=0600\n");
        declarer_load(f->declarer);

        /* What waits was made of the file as it was, and is refused now. */
        declare(f, "a.b", "[Namespace]\nMode=0640\n");
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
        run(f);
        assert_trace(f, "[a.b] done ");
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0640);
        g_assert_cmpuint(n_errors(f), ==, 0);
}

static void test_an_access_that_changes_meanwhile_is_looked_at_anew(
        Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Commit) create = changes_commit_create(1, "a.b", 4001);
        g_autoptr(Commit) access = commit_new(2, 1000, 0, NULL);
        NamespaceChange *change = commit_add(access, NAMESPACE_CHANGE_ACCESS, "a.b");

        change->access = access_standard;
        change->access.mode = 0600;
        state_apply(f->state, create);
        declare(f, "a.b", "[Namespace]\nMode=0600\n");
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
        state_apply(f->state, access);
        run(f);
        assert_trace(f, "again done ");
        g_assert_nonnull(in_force(f, "a.b"));
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0600);
}

static void test_whoever_waits_is_told_of_the_end(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declare(f, "a.b", "");
        declarer_load(f->declarer);
        declarer_when_done(f->declarer, on_done, f);
        f->declarer = declarer_free(f->declarer);
        assert_trace(f, "canceled ");
}

/* The administrator has said who has it, and how many others that one has is no matter. */
static void test_a_quota_of_the_owner_stops_nothing(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        make_namespace(f, "c.d");
        f->limits.uid_namespaces = 0;
        declare(f, "a.b", "[Namespace]\nOwner=4001\n");
        declare(f, "c.d", "[Namespace]\nOwner=4002\nMode=0600\n");
        declarer_load(f->declarer);
        run(f);
        assert_trace(f, "[a.b] [c.d] ");
        g_assert_cmpuint(n_errors(f), ==, 0);
        g_assert_cmpuint(state_lookup(f->state, "c.d")->access.owner, ==, 4002);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4002, ACCOUNT_NAMESPACES), ==, 1);
}

static void test_rules_and_defaults_come_with_the_access(Fixture *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        make_namespace(f, "a.b");
        make_namespace(f, "c.d");
        f->journal_result = 0;
        load(f, "a.b", "[Namespace]\nMode=0600\n[Key k]\nType=s\nDefault='secret'\n");
        assert_trace(f, "");
        pipeline_run(f->pipeline, 1000);
        assert_trace(f, "[a.b] ");
        g_assert_null(in_force(f, "a.b"));
        pipeline_settle(f->pipeline, 0);
        assert_trace(f, "done ");
        g_assert_nonnull(in_force(f, "a.b"));
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0600);

        /* Another file with the same access is in force at once. */
        load(f, "a.b", "[Namespace]\nMode=0600\n[Key k]\nType=u\n");
        assert_trace(f, "a.b done ");
}

static void test_what_was_in_force_stays_when_the_access_cannot_be_had(
        Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        const Declaration *before;

        load(f, "a.b", "[Key k]\nLocked=yes\n");
        run(f);
        assert_trace(f, "[a.b] done ");
        before = in_force(f, "a.b");
        g_assert_nonnull(before);

        f->journal_result = -EROFS;
        load(f, "a.b", "[Namespace]\nMode=0600\n[Key l]\nLocked=yes\n");
        run(f);
        assert_trace(f, "[a.b] done ");
        g_assert_true(in_force(f, "a.b") == before);
        g_assert_cmpuint(n_errors(f), ==, 1);

        f->journal_result = PIPELINE_E_WRITTEN;
        declarer_load(f->declarer);
        run(f);
        assert_trace(f, "[a.b] ");
        g_assert_true(in_force(f, "a.b") != before);
        g_assert_cmpuint(n_errors(f), ==, 0);
}

/* What was with the journal before the load was judged without what is declared. */
static void test_an_access_that_is_under_way_is_undone(Fixture *f,
                                                       gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_access("a.b");

        make_namespace(f, "a.b");
        set->access.mode = 0600;
        set->access_fields = ACCESS_MODE;
        begin_other(f, set, "(a.b) ");
        load(f, "a.b", "[Namespace]\nMode=0644\n[Key k]\nLocked=yes\n");
        assert_trace(f, "");
        pipeline_settle(f->pipeline, 0);
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0600);
        g_assert_null(in_force(f, "a.b"));
        f->journal_result = PIPELINE_E_WRITTEN;
        run(f);
        assert_trace(f, "again [a.b] done ");
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0644);
        g_assert_nonnull(in_force(f, "a.b"));
}

static void test_an_access_under_way_that_is_as_declared_is_left(Fixture *f,
                                                                 gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_access("a.b");

        make_namespace(f, "a.b");
        set->access.quota_keys = 7;
        set->access_fields = ACCESS_QUOTA_KEYS;
        begin_other(f, set, "(a.b) ");
        load(f, "a.b", "[Namespace]\nMode=0644\n");
        pipeline_settle(f->pipeline, -EIO);
        g_assert_null(in_force(f, "a.b"));
        run(f);
        assert_trace(f, "a.b done ");
        g_assert_nonnull(in_force(f, "a.b"));
}

static void test_what_is_declared_no_more_waits_for_nothing(Fixture *f,
                                                            gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_access("a.b");

        load(f, "a.b", "[Key k]\nLocked=yes\n");
        run(f);
        assert_trace(f, "[a.b] done ");
        set->access.quota_keys = 7;
        set->access_fields = ACCESS_QUOTA_KEYS;
        begin_other(f, set, "(a.b) ");
        withdraw(f, "a.b");
        declarer_load(f->declarer);
        assert_trace(f, "a.b ");
        g_assert_null(in_force(f, "a.b"));
        pipeline_settle(f->pipeline, 0);
}

static void test_a_namespace_whose_removal_is_under_way_is_made_again(
        Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        make_namespace(f, "a.b");
        begin_other(f, changes_new_remove("a.b", 0), "(a.b) ");
        load(f, "a.b", "[Key k]\nLocked=yes\n");
        pipeline_settle(f->pipeline, 0);
        g_assert_null(state_lookup(f->state, "a.b"));
        f->journal_result = PIPELINE_E_WRITTEN;
        run(f);
        assert_trace(f, "again [a.b] done ");
        g_assert_nonnull(in_force(f, "a.b"));
}

static void test_a_namespace_that_is_just_made_is_given_its_access(
        Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        begin_other(f, changes_new_create("a.b", 0), "(a.b) ");
        load(f, "a.b", "[Namespace]\nMode=0600\n[Key k]\nType=s\nDefault='secret'\n");
        pipeline_settle(f->pipeline, 0);
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0644);
        g_assert_null(in_force(f, "a.b"));
        f->journal_result = PIPELINE_E_WRITTEN;
        run(f);
        assert_trace(f, "again [a.b] done ");
        g_assert_cmpuint(mode_of(f, "a.b"), ==, 0600);
        g_assert_nonnull(in_force(f, "a.b"));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_log_set_writer_func(on_log, NULL, NULL);

#define ADD(test) g_test_add("/declarer/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(namespaces_are_made_one_after_the_other);
        ADD(nothing_declared_is_done_at_once);
        ADD(a_failed_disk_keeps_nobody_waiting);
        ADD(a_load_may_overtake_another);
        ADD(what_was_made_before_a_load_is_no_error);
        ADD(an_access_that_changes_meanwhile_is_looked_at_anew);
        ADD(whoever_waits_is_told_of_the_end);
        ADD(a_quota_of_the_owner_stops_nothing);
        ADD(rules_and_defaults_come_with_the_access);
        ADD(what_was_in_force_stays_when_the_access_cannot_be_had);
        ADD(an_access_that_is_under_way_is_undone);
        ADD(an_access_under_way_that_is_as_declared_is_left);
        ADD(what_is_declared_no_more_waits_for_nothing);
        ADD(a_namespace_whose_removal_is_under_way_is_made_again);
        ADD(a_namespace_that_is_just_made_is_given_its_access);
        return g_test_run();
}
