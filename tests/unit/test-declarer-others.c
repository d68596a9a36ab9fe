/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is declared comes into force whatever others have under way with the same namespace.
 */

#include "changes.h"
#include "declarer-rig.h"

#include <errno.h>

static void test_an_access_that_changes_meanwhile_is_looked_at_anew(
        DeclarerRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Commit) create = changes_commit_create(1, "a.b", 4001);
        g_autoptr(Commit) access = commit_new(2, 1000, 0, NULL);
        NamespaceChange *change = commit_add(access, NAMESPACE_CHANGE_ACCESS, "a.b");

        change->access = access_standard;
        change->access.mode = 0600;
        state_apply(f->state, create);
        declarer_rig_declare(f, "a.b", "[Namespace]\nMode=0600\n");
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
        state_apply(f->state, access);
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "again done ");
        g_assert_nonnull(declarer_rig_in_force(f, "a.b"));
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0600);
}

/* What was with the journal before the load was judged without what is declared. */
static void test_an_access_that_is_under_way_is_undone(DeclarerRig *f,
                                                       gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_access("a.b");

        declarer_rig_make_namespace(f, "a.b");
        set->access.mode = 0600;
        set->access_fields = ACCESS_MODE;
        declarer_rig_begin_other(f, set, "(a.b) ");
        declarer_rig_load(f, "a.b", "[Namespace]\nMode=0644\n[Key k]\nLocked=yes\n");
        declarer_rig_assert_trace(f, "");
        pipeline_settle(f->pipeline, 0);
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0600);
        g_assert_null(declarer_rig_in_force(f, "a.b"));
        f->journal_result = PIPELINE_E_WRITTEN;
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "again [a.b] done ");
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0644);
        g_assert_nonnull(declarer_rig_in_force(f, "a.b"));
}

static void test_an_access_under_way_that_is_as_declared_is_left(DeclarerRig *f,
                                                                 gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_access("a.b");

        declarer_rig_make_namespace(f, "a.b");
        set->access.quota_keys = 7;
        set->access_fields = ACCESS_QUOTA_KEYS;
        declarer_rig_begin_other(f, set, "(a.b) ");
        declarer_rig_load(f, "a.b", "[Namespace]\nMode=0644\n");
        pipeline_settle(f->pipeline, -EIO);
        g_assert_null(declarer_rig_in_force(f, "a.b"));
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "a.b done ");
        g_assert_nonnull(declarer_rig_in_force(f, "a.b"));
}

static void test_what_is_declared_no_more_waits_for_nothing(DeclarerRig *f,
                                                            gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_access("a.b");

        declarer_rig_load(f, "a.b", "[Key k]\nLocked=yes\n");
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "[a.b] done ");
        set->access.quota_keys = 7;
        set->access_fields = ACCESS_QUOTA_KEYS;
        declarer_rig_begin_other(f, set, "(a.b) ");
        declarer_rig_withdraw(f, "a.b");
        declarer_load(f->declarer);
        declarer_rig_assert_trace(f, "a.b ");
        g_assert_null(declarer_rig_in_force(f, "a.b"));
        pipeline_settle(f->pipeline, 0);
}

static void test_a_namespace_whose_removal_is_under_way_is_made_again(
        DeclarerRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_make_namespace(f, "a.b");
        declarer_rig_begin_other(f, changes_new_remove("a.b", 0), "(a.b) ");
        declarer_rig_load(f, "a.b", "[Key k]\nLocked=yes\n");
        pipeline_settle(f->pipeline, 0);
        g_assert_null(state_lookup(f->state, "a.b"));
        f->journal_result = PIPELINE_E_WRITTEN;
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "again [a.b] done ");
        g_assert_nonnull(declarer_rig_in_force(f, "a.b"));
}

static void test_a_namespace_that_is_just_made_is_given_its_access(
        DeclarerRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_begin_other(f, changes_new_create("a.b", 0), "(a.b) ");
        declarer_rig_load(f, "a.b", "[Namespace]\nMode=0600\n[Key k]\nType=s\nDefault='secret'\n");
        pipeline_settle(f->pipeline, 0);
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0644);
        g_assert_null(declarer_rig_in_force(f, "a.b"));
        f->journal_result = PIPELINE_E_WRITTEN;
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "again [a.b] done ");
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0600);
        g_assert_nonnull(declarer_rig_in_force(f, "a.b"));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test)                                                                                  \
        g_test_add("/declarer-others/" #test, DeclarerRig, NULL, declarer_rig_set_up, test_##test, \
                   declarer_rig_tear_down)
        ADD(an_access_that_changes_meanwhile_is_looked_at_anew);
        ADD(an_access_that_is_under_way_is_undone);
        ADD(an_access_under_way_that_is_as_declared_is_left);
        ADD(what_is_declared_no_more_waits_for_nothing);
        ADD(a_namespace_whose_removal_is_under_way_is_made_again);
        ADD(a_namespace_that_is_just_made_is_given_its_access);
        return g_test_run();
}
