/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A revision is taken into use where history begins at the next one, and a disk that fails keeps
 * nobody waiting.
 */

#include "core/history.h"
#include "defaults-commit.h"
#include "pipeline-rig.h"
#include "util/log.h"

#include <errno.h>

typedef struct Fixture {
        Rig rig;
        DefaultsCommit *commit;
        bool is_known;     /* what the defaults were */
        uint64_t revision; /* since when they are */
} Fixture;

static GLogWriterOutput on_log(GLogLevelFlags level G_GNUC_UNUSED,
                               const GLogField *fields G_GNUC_UNUSED,
                               gsize n_fields G_GNUC_UNUSED,
                               gpointer userdata G_GNUC_UNUSED)
{
        return G_LOG_WRITER_HANDLED;
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        rig_init_reconsidering(&f->rig);
        f->commit = defaults_commit_new(f->rig.state, f->rig.pipeline);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        defaults_commit_free(f->commit);
        rig_clear(&f->rig);
}

static bool recall(void *userdata,
                   const char *ns_name G_GNUC_UNUSED,
                   const char **ret_checksum,
                   uint64_t *ret_revision)
{
        const Fixture *f = userdata;

        *ret_checksum = "-";
        *ret_revision = f->revision;
        return f->is_known;
}

static void on_done(void *userdata)
{
        Fixture *f = userdata;

        g_string_append(f->rig.trace, "done ");
}

static void start(Fixture *f)
{
        history_resume_defaults(f->rig.state, recall, NULL, f);
        defaults_commit_start(f->commit, on_done, f);
}

/* Whether one can go on from what is read now. */
static bool is_usable(Fixture *f, const char *name)
{
        g_autofree char *text = NULL;
        const Namespace *ns = state_lookup(f->rig.state, name);

        return history_check(f->rig.state, ns, state_revision(f->rig.state), &text) == 0;
}

static void test_what_is_known_needs_none(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->is_known = true;
        f->revision = 2;
        start(f);
        rig_assert_trace(&f->rig, "done ");
        g_assert_true(is_usable(f, "a.b"));
}

static void test_one_is_enough(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        NamespaceAccess before = state_lookup(f->rig.state, "a.b")->access;

        start(f);
        g_assert_false(is_usable(f, "a.b"));
        rig_assert_trace(&f->rig, "");
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish done ");
        g_assert_true(is_usable(f, "a.b") && is_usable(f, "c.d"));
        g_assert_cmpuint(access_compare(&before, &state_lookup(f->rig.state, "a.b")->access), ==,
                         0);
        start(f);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[4] publish done ");
}

/* As after a death between the note and the journal. */
static void test_a_later_one_was_never_visible(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->is_known = true;
        f->revision = 9;
        start(f);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] publish done ");
        g_assert_true(is_usable(f, "a.b") && is_usable(f, "c.d"));
}

static void test_a_failed_disk_keeps_nobody_waiting(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->rig.journal_error = -EROFS;
        start(f);
        rig_run(&f->rig);
        rig_assert_trace(&f->rig, "[3] done ");
        g_assert_cmpuint(state_revision(f->rig.state), ==, 2);
        g_assert_false(is_usable(f, "a.b"));
        f->rig.journal_error = 0;
}

static void test_a_stop_calls_nobody(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        start(f);
        f->commit = defaults_commit_free(f->commit);
        rig_assert_trace(&f->rig, "");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_log_set_writer_func(on_log, NULL, NULL);

#define ADD(test) \
        g_test_add("/defaults-commit/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(what_is_known_needs_none);
        ADD(one_is_enough);
        ADD(a_later_one_was_never_visible);
        ADD(a_failed_disk_keeps_nobody_waiting);
        ADD(a_stop_calls_nobody);
        return g_test_run();
}
