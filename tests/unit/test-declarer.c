/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is declared comes into force step by step, is told when it is there, and a disk that has
 * failed keeps nobody waiting.
 */

#include "declarer-rig.h"

#include <errno.h>

static void test_namespaces_are_made_one_after_the_other(DeclarerRig *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_declare(f, "c.d", "[Namespace]\nMode=0600\n");
        declarer_rig_declare(f, "a.b", "");
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
        declarer_rig_assert_trace(f, "");
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "[a.b] [c.d] done ");
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0644);
        g_assert_cmpuint(declarer_rig_mode_of(f, "c.d"), ==, 0600);
        g_assert_nonnull(state_lookup(f->state, "c.d")->declaration);

        /* What is so already needs nothing. */
        declarer_load(f->declarer);
        g_assert_false(declarer_is_under_way(f->declarer));
        declarer_rig_when_done(f);
        declarer_rig_assert_trace(f, "done ");
}

static void test_nothing_declared_is_done_at_once(DeclarerRig *f,
                                                  gconstpointer unused G_GNUC_UNUSED)
{
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
        declarer_rig_assert_trace(f, "done ");
}

static void test_a_failed_disk_keeps_nobody_waiting(DeclarerRig *f,
                                                    gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_declare(f, "a.b", "");
        declarer_rig_declare(f, "c.d", "");
        f->journal_result = -EROFS;
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "[a.b] [c.d] done ");
        g_assert_null(state_lookup(f->state, "a.b"));
        g_assert_cmpuint(declarer_rig_n_errors(f), ==, 2);

        /* The next load tries again. */
        f->journal_result = PIPELINE_E_WRITTEN;
        declarer_load(f->declarer);
        g_assert_true(declarer_is_under_way(f->declarer));
        declarer_rig_run(f);
        g_assert_nonnull(state_lookup(f->state, "c.d"));
        g_assert_cmpuint(declarer_rig_n_errors(f), ==, 0);
}

static void test_a_load_may_overtake_another(DeclarerRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_declare(f, "a.b", "[Namespace]\nMode=0600\n");
        declarer_rig_declare(f, "c.d", "[Namespace]\nMode=0600\n");
        f->journal_result = 0; /* pipeline_settle() says when */
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
        pipeline_run(f->pipeline, 1000);
        declarer_rig_assert_trace(f, "[a.b] ");

        declarer_rig_declare(f, "a.b", "[Namespace]\nMode=0640\n");
        declarer_rig_withdraw(f, "c.d");
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
        pipeline_settle(f->pipeline, 0);
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0600);
        pipeline_run(f->pipeline, 1000);
        declarer_rig_assert_trace(f, "[a.b] ");
        pipeline_settle(f->pipeline, 0);
        declarer_rig_assert_trace(f, "done done ");
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0640);
        g_assert_null(state_lookup(f->state, "c.d"));
        g_assert_cmpuint(declarer_rig_n_errors(f), ==, 0);
}

static void test_what_was_made_before_a_load_is_no_error(DeclarerRig *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_declare(f, "a.b", "[Namespace]\nMode=0600\n");
        declarer_load(f->declarer);

        /* What waits was made of the file as it was, and is refused now. */
        declarer_rig_declare(f, "a.b", "[Namespace]\nMode=0640\n");
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "[a.b] done ");
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0640);
        g_assert_cmpuint(declarer_rig_n_errors(f), ==, 0);
}

static void test_whoever_waits_is_told_of_the_end(DeclarerRig *f,
                                                  gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_declare(f, "a.b", "");
        declarer_load(f->declarer);
        declarer_rig_when_done(f);
        f->declarer = declarer_free(f->declarer);
        declarer_rig_assert_trace(f, "canceled ");
}

/* The administrator has said who has it, and how many others that one has is no matter. */
static void test_a_quota_of_the_owner_stops_nothing(DeclarerRig *f,
                                                    gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_make_namespace(f, "c.d");
        f->limits.uid_namespaces = 0;
        declarer_rig_declare(f, "a.b", "[Namespace]\nOwner=4001\n");
        declarer_rig_declare(f, "c.d", "[Namespace]\nOwner=4002\nMode=0600\n");
        declarer_load(f->declarer);
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "[a.b] [c.d] ");
        g_assert_cmpuint(declarer_rig_n_errors(f), ==, 0);
        g_assert_cmpuint(state_lookup(f->state, "c.d")->access.owner, ==, 4002);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4002, ACCOUNT_NAMESPACES), ==, 1);
}

static void test_rules_and_defaults_come_with_the_access(DeclarerRig *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        declarer_rig_make_namespace(f, "a.b");
        declarer_rig_make_namespace(f, "c.d");
        f->journal_result = 0;
        declarer_rig_load(f, "a.b", "[Namespace]\nMode=0600\n[Key k]\nType=s\nDefault='secret'\n");
        declarer_rig_assert_trace(f, "");
        pipeline_run(f->pipeline, 1000);
        declarer_rig_assert_trace(f, "[a.b] ");
        g_assert_null(declarer_rig_in_force(f, "a.b"));
        pipeline_settle(f->pipeline, 0);
        declarer_rig_assert_trace(f, "done ");
        g_assert_nonnull(declarer_rig_in_force(f, "a.b"));
        g_assert_cmpuint(declarer_rig_mode_of(f, "a.b"), ==, 0600);

        /* Another file with the same access is in force at once. */
        declarer_rig_load(f, "a.b", "[Namespace]\nMode=0600\n[Key k]\nType=u\n");
        declarer_rig_assert_trace(f, "a.b done ");
}

static void test_what_was_in_force_stays_when_the_access_cannot_be_had(
        DeclarerRig *f, gconstpointer unused G_GNUC_UNUSED)
{
        const Declaration *before;

        declarer_rig_load(f, "a.b", "[Key k]\nLocked=yes\n");
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "[a.b] done ");
        before = declarer_rig_in_force(f, "a.b");
        g_assert_nonnull(before);

        f->journal_result = -EROFS;
        declarer_rig_load(f, "a.b", "[Namespace]\nMode=0600\n[Key l]\nLocked=yes\n");
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "[a.b] done ");
        g_assert_true(declarer_rig_in_force(f, "a.b") == before);
        g_assert_cmpuint(declarer_rig_n_errors(f), ==, 1);

        f->journal_result = PIPELINE_E_WRITTEN;
        declarer_load(f->declarer);
        declarer_rig_run(f);
        declarer_rig_assert_trace(f, "[a.b] ");
        g_assert_true(declarer_rig_in_force(f, "a.b") != before);
        g_assert_cmpuint(declarer_rig_n_errors(f), ==, 0);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test)                                                                           \
        g_test_add("/declarer/" #test, DeclarerRig, NULL, declarer_rig_set_up, test_##test, \
                   declarer_rig_tear_down)
        ADD(namespaces_are_made_one_after_the_other);
        ADD(nothing_declared_is_done_at_once);
        ADD(a_failed_disk_keeps_nobody_waiting);
        ADD(a_load_may_overtake_another);
        ADD(what_was_made_before_a_load_is_no_error);
        ADD(whoever_waits_is_told_of_the_end);
        ADD(a_quota_of_the_owner_stops_nothing);
        ADD(rules_and_defaults_come_with_the_access);
        ADD(what_was_in_force_stays_when_the_access_cannot_be_had);
        return g_test_run();
}
