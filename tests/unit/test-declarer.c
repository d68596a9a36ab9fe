/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is declared comes into force step by step, is told when it is there, and a disk that has
 * failed keeps nobody waiting.
 */

#include "declarer.h"

#include "changes.h"
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
        GString *trace; /* "[1] declared done " */
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
        g_assert_cmpuint(commit->writer_uid, ==, 0);
        g_assert_true(g_str_has_prefix(commit->reason, "declared in "));
        g_string_append_printf(f->trace, "[%s] ", change->name);
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

static void on_declared(void *userdata, Namespace *ns, const Declaration *before G_GNUC_UNUSED)
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
        const PipelineCallbacks callbacks = { on_wake, on_journal, on_publish, on_reconsider, f };

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
        assert_trace(f, "a.b again done ");
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

static void test_a_quota_is_an_error_of_the_file(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *path = path_of(f, "a.b");
        g_autofree char *expected = g_strconcat(
                path, ": 'a.b' cannot be made as it is declared: uid 4001 owns 0 namespaces", NULL);
        g_autoptr(GVariant) errors = NULL;
        const char *text;

        f->limits.uid_namespaces = 0;
        declare(f, "a.b", "[Namespace]\nOwner=4001\n");
        declare(f, "c.d", "");
        declarer_load(f->declarer);
        run(f);
        assert_trace(f, "[c.d] ");
        errors = g_variant_ref_sink(declarer_errors(f->declarer));
        g_assert_cmpuint(g_variant_n_children(errors), ==, 1);
        g_variant_get_child(errors, 0, "&s", &text);
        g_assert_true(g_str_has_prefix(text, expected));
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
        ADD(a_quota_is_an_error_of_the_file);
        return g_test_run();
}
