/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declarer rig
 */

#include "declarer-rig.h"

#include "changes.h"
#include "core/outcome.h"
#include "util/log.h"

#include <glib/gstdio.h>
#include <stdbool.h>

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
        DeclarerRig *f = userdata;
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
        DeclarerRig *f = userdata;

        g_assert_true(submitter == f->declarer);
        g_string_append(f->trace, "again ");
        declarer_reconsider(f->declarer, request);
}

static void on_declared(void *userdata, Namespace *ns)
{
        DeclarerRig *f = userdata;

        g_string_append_printf(f->trace, "%s ", ns->name);
}

static void on_done(void *userdata, int r)
{
        DeclarerRig *f = userdata;

        g_string_append(f->trace, r == 0 ? "done " : "canceled ");
}

void declarer_rig_set_up(DeclarerRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        const PipelineCallbacks callbacks = {
                .wake = on_wake,
                .journal = on_journal,
                .publish = on_publish,
                .reconsider = on_reconsider,
                .userdata = f,
        };
        static bool is_quiet;

        /* GLib takes one writer a process. */
        if (!is_quiet)
                g_log_set_writer_func(on_log, NULL, NULL);
        is_quiet = true;
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

static char *path_of(const DeclarerRig *f, const char *name)
{
        return g_strdup_printf("%s/%s.conf", f->directory, name);
}

void declarer_rig_declare(const DeclarerRig *f, const char *name, const char *text)
{
        g_autofree char *path = path_of(f, name);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

void declarer_rig_withdraw(const DeclarerRig *f, const char *name)
{
        g_autofree char *path = path_of(f, name);

        g_assert_cmpint(g_unlink(path), ==, 0);
}

void declarer_rig_tear_down(DeclarerRig *f, gconstpointer unused G_GNUC_UNUSED)
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

void declarer_rig_assert_trace(DeclarerRig *f, const char *expected)
{
        g_assert_cmpstr(f->trace->str, ==, expected);
        g_string_truncate(f->trace, 0);
}

void declarer_rig_run(DeclarerRig *f)
{
        for (int i = 0; i < 10; i++)
                pipeline_run(f->pipeline, 1000);
}

uint32_t declarer_rig_mode_of(const DeclarerRig *f, const char *name)
{
        return state_lookup(f->state, name)->access.mode;
}

size_t declarer_rig_n_errors(const DeclarerRig *f)
{
        g_autoptr(GVariant) errors = g_variant_ref_sink(declarer_errors(f->declarer));

        return g_variant_n_children(errors);
}

const Declaration *declarer_rig_in_force(const DeclarerRig *f, const char *name)
{
        const Namespace *ns = state_lookup(f->state, name);

        g_assert_nonnull(ns);
        return ns->declaration;
}

static void on_other_settled(void *userdata G_GNUC_UNUSED, const Settlement *settlement)
{
        g_assert_true(settlement->outcome == 0 || settlement->outcome == CORE_E_OUTCOME_UNKNOWN);
}

void declarer_rig_make_namespace(DeclarerRig *f, const char *name)
{
        pipeline_submit(f->others, NULL, changes_new_create(name, 4001), on_other_settled, NULL);
        pipeline_run(f->pipeline, 1000);
        g_assert_nonnull(state_lookup(f->state, name));
        g_string_truncate(f->trace, 0);
}

void declarer_rig_begin_other(DeclarerRig *f, ChangeSet *set, const char *expected)
{
        NamespaceWish *wish = set->namespaces->pdata[0];
        const Namespace *ns = state_lookup(f->state, wish->name);

        wish->access_revision = ns ? ns->access_revision : 0;
        f->journal_result = 0;
        pipeline_submit(f->others, NULL, set, on_other_settled, NULL);
        pipeline_run(f->pipeline, 1000);
        declarer_rig_assert_trace(f, expected);
        g_assert_true(pipeline_is_under_way(f->pipeline));
}

void declarer_rig_when_done(DeclarerRig *f)
{
        declarer_when_done(f->declarer, on_done, f);
}

void declarer_rig_load(DeclarerRig *f, const char *name, const char *text)
{
        declarer_rig_declare(f, name, text);
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
}
