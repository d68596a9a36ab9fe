/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is declared holds for every change, whoever makes it, and for nothing but changes.
 */

#include "core/declaration.h"

#include "changes.h"
#include "core/sequencer.h"
#include "declared.h"

#include <string.h>

typedef struct Fixture {
        State *state;
        Overlay *overlay;
        Limits limits;
        uint64_t revision;
        Declaration *declaration; /* of a.b, to be filled */
        char *declared;           /* "a.b< c.d> ": what state_set_declarations() told */
} Fixture;

static int resolve(Fixture *f, ChangeSet *set, const char *why)
{
        g_autoptr(ChangeSet) owned = set;
        g_autoptr(Commit) commit = NULL;
        g_autofree char *text = NULL;
        int r;

        r = sequencer_resolve(f->state, f->overlay, &f->limits, owned, f->revision + 1, 1000,
                              &commit, &text);
        if (r != 0) {
                g_test_message("%s", text);
                g_assert_nonnull(strstr(text, why));
                return r;
        }
        if (commit && !(owned->flags & CHANGE_SET_DRY_RUN)) {
                f->revision++;
                state_apply(f->state, commit);
        }
        return 0;
}

static void assert_done(Fixture *f, ChangeSet *set)
{
        g_assert_cmpint(resolve(f, set, ""), ==, 0);
}

static void assert_refused(Fixture *f, ChangeSet *set, Outcome outcome, const char *why)
{
        uint64_t usage = state_usage(f->state);

        g_assert_cmpint(resolve(f, set, why), ==, outcome);
        g_assert_cmpuint(state_usage(f->state), ==, usage);
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->state = state_new();
        f->overlay = overlay_new(f->state);
        limits_init(&f->limits);
        assert_done(f, changes_new_create("a.b", 4001));
        assert_done(f, changes_new_create("c.d", 4001));
        f->declaration = declared_new();
}

static void declare(Fixture *f)
{
        declared_put(f->state, "a.b", g_steal_pointer(&f->declaration));
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declaration_unref(f->declaration);
        overlay_free(f->overlay);
        state_free(f->state);
        g_free(f->declared);
}

static ChangeSet *by(uint32_t uid, ChangeSet *set)
{
        set->writer_uid = uid;
        return set;
}

static ChangeSet *dry(ChangeSet *set)
{
        set->flags |= CHANGE_SET_DRY_RUN;
        return set;
}

static void test_one_rule_holds_for_a_key(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Rule *exact = declared_add(f->declaration, "if/eth0", NULL);
        Rule *first = declared_add(f->declaration, "if/*", NULL);
        Rule *second = declared_add(f->declaration, "*", NULL);

        declaration_complete(f->declaration);
        g_assert_true(declaration_rule(f->declaration, "if/eth0") == exact);
        g_assert_true(declaration_rule(f->declaration, "if/eth1") == first);
        g_assert_true(declaration_rule(f->declaration, "x") == second);
        g_assert_true(declaration_rule_named(f->declaration, "if/*") == first);
        g_assert_null(declaration_rule_named(f->declaration, "if/eth1"));
}

static void test_writes_keep_to_rules(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declared_add(f->declaration, "mtu", "1500")->maximum = changes_value("9216");
        declare(f);
        assert_refused(f, changes_new_set("a.b", "mtu", "9217"), CORE_E_INVALID_VALUE,
                       "'mtu' of 'a.b' must be at most 9216 ([Key mtu] Maximum= in FILE)");
        assert_refused(f, dry(changes_new_set("a.b", "mtu", "9217")), CORE_E_INVALID_VALUE, "mtu");
        assert_refused(f, by(0, changes_new_set("a.b", "mtu", "'x'")), CORE_E_INVALID_VALUE,
                       "must be of type i, not s ([Key mtu] Type= in FILE)");
        assert_done(f, changes_new_set("a.b", "mtu", "9216"));
        assert_done(f, changes_new_set("a.b", "other", "9217"));
        assert_done(f, changes_new_set("c.d", "mtu", "9217"));
}

static void test_a_commit_is_refused_as_a_whole(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set;

        declared_add(f->declaration, "locked", NULL)->is_locked = true;
        declare(f);
        set = changes_new_set("c.d", "k", "1");
        changes_set(set, "a.b", "free", "1");
        changes_set(set, "a.b", "locked", "1");
        assert_refused(f, by(4001, set), CORE_E_INVALID_VALUE,
                       "'locked' of 'a.b' is locked: only root may change it ([Key locked] Locked= "
                       "in FILE)");
        g_assert_cmpuint(state_n_keys(f->state), ==, 0);
}

static void test_what_has_no_effect_is_not_judged(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_done(f, changes_new_set("a.b", "k", "7"));
        declared_add(f->declaration, "k", NULL)->is_locked = true;
        declared_add(f->declaration, "l", NULL)->is_locked = true;
        declare(f);
        assert_done(f, by(4001, changes_new_set("a.b", "k", "7")));
        assert_done(f, by(4001, changes_new_unset("a.b", "l")));
        assert_refused(f, by(4001, changes_new_set("a.b", "k", "8")), CORE_E_INVALID_VALUE, "k");
}

static void test_expectations_and_presence_come_first(Fixture *f,
                                                      gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set;

        declared_add(f->declaration, "k", "1")->is_locked = true;
        declare(f);
        set = by(4001, changes_new_set("a.b", "k", "2"));
        changes_expect(set, "a.b", "k", 5);
        assert_refused(f, set, CORE_E_CONFLICT, "is not set, expected 5");
        set = by(4001, changes_new_set("a.b", "k", "2"));
        set->flags = CHANGE_SET_CHANGE_ONLY;
        assert_refused(f, set, CORE_E_NO_SUCH_KEY, "k");
        /* A default is not set: it may be created, and cannot be deleted. */
        set = by(0, changes_new_set("a.b", "k", "2"));
        set->flags = CHANGE_SET_CREATE_ONLY;
        changes_expect(set, "a.b", "k", 0);
        assert_done(f, set);
        set = by(0, changes_new_set("a.b", "k", "3"));
        set->flags = CHANGE_SET_CREATE_ONLY;
        assert_refused(f, set, CORE_E_KEY_EXISTS, "k");
}

static void test_what_was_there_before_stays(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_done(f, changes_new_set("a.b", "k", "7"));
        declared_add(f->declaration, "k", "1")->maximum = changes_value("5");
        declare(f);
        g_assert_nonnull(namespace_lookup(state_lookup(f->state, "a.b"), "k"));
        assert_done(f, changes_new_set("a.b", "l", "7"));
        assert_refused(f, changes_new_set("a.b", "k", "6"), CORE_E_INVALID_VALUE, "at most 5");
        assert_done(f, changes_new_unset("a.b", "k"));
}

static void test_the_batch_counts_too(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Commit) first =
                changes_commit_entry(f->revision + 1, "a.b", "once", "1", ENTRY_PERSISTENT);

        declared_add(f->declaration, "once", NULL)->is_write_once = true;
        declare(f);
        overlay_add(f->overlay, first);
        assert_refused(f, by(4001, changes_new_set("a.b", "once", "2")), CORE_E_INVALID_VALUE,
                       "WriteOnce=");
        overlay_clear(f->overlay);
        assert_done(f, by(4001, changes_new_set("a.b", "once", "2")));
        assert_refused(f, by(0, changes_new_set("a.b", "once", "3")), CORE_E_INVALID_VALUE, "once");
        assert_refused(f, by(4001, changes_new_unset("a.b", "once")), CORE_E_INVALID_VALUE, "root");
        assert_done(f, by(0, changes_new_unset("a.b", "once")));
        assert_done(f, by(4001, changes_new_set("a.b", "once", "3")));
}

static void test_another_class_is_another_value(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set;

        declared_add(f->declaration, "once", NULL)->is_write_once = true;
        declare(f);
        assert_done(f, changes_new_set("a.b", "once", "1"));
        set = changes_new_set("a.b", "once", "1");
        changes_classify(set, "a.b", "once", ENTRY_RUNTIME);
        assert_refused(f, set, CORE_E_INVALID_VALUE, "WriteOnce=");
}

/* A boot would forget it, and it could be set again. */
static void test_what_is_written_once_is_not_of_runtime(Fixture *f,
                                                        gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Commit) before =
                changes_commit_entry(f->revision + 1, "a.b", "old", "1", ENTRY_RUNTIME);
        ChangeSet *set = changes_new_set("a.b", "once", "1");

        state_apply(f->state, before);
        declared_add(f->declaration, "o*", NULL)->is_write_once = true;
        declare(f);
        changes_classify(set, "a.b", "once", ENTRY_RUNTIME);
        assert_refused(f, by(0, set), CORE_E_INVALID_VALUE,
                       "of class runtime ([Key o*] WriteOnce=");
        assert_done(f, by(0, changes_new_unset("a.b", "old")));
}

static void test_defaults_count_against_no_quota(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declared_add(f->declaration, "a", "'a long text that would count'");
        declared_add(f->declaration, "b", "1");
        declare(f);
        f->limits.namespace_keys = 1;
        f->limits.namespace_bytes = 20;
        assert_done(f, changes_new_set("a.b", "c", "int64 1"));
        assert_refused(f, changes_new_set("a.b", "b", "2"), CORE_E_QUOTA_EXCEEDED, "keys");
        g_assert_cmpuint(namespace_n_keys(state_lookup(f->state, "a.b")), ==, 1);
        g_assert_cmpuint(state_lookup(f->state, "a.b")->usage, ==, 9);
}

static void test_declared_access_is_not_changed_by_hand(Fixture *f,
                                                        gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set;

        f->declaration->access.mode = 0640;
        f->declaration->access_fields = ACCESS_MODE;
        declare(f);
        /* It counts before the namespace has it. */
        g_assert_null(state_lookup(f->state, "a.b")->declaration);
        set = by(0, changes_new_access("a.b"));
        set->access.mode = 0644;
        set->access_fields = ACCESS_MODE;
        assert_refused(f, set, CORE_E_INVALID_VALUE,
                       "The access of 'a.b' is declared ([Namespace] Mode= in FILE)");
        set = by(0, changes_new_access("a.b"));
        set->access.mode = 0640;
        set->access.group = 7;
        set->access_fields = ACCESS_MODE | ACCESS_GROUP;
        assert_done(f, set);
        g_assert_cmpuint(state_lookup(f->state, "a.b")->access.mode, ==, 0640);
        g_assert_cmpuint(state_lookup(f->state, "a.b")->access.group, ==, 7);
        g_assert_nonnull(state_lookup(f->state, "a.b")->declaration);
}

static void test_a_declared_namespace_is_made_as_declared(Fixture *f,
                                                          gconstpointer unused G_GNUC_UNUSED)
{
        Declaration *declaration = g_steal_pointer(&f->declaration);
        ChangeSet *set = changes_new_create("e.f", 4001);
        const Namespace *ns;

        declaration->access.mode = 0600;
        declaration->access.quota_keys = 5;
        declaration->access_fields = ACCESS_MODE | ACCESS_QUOTA_KEYS;
        declared_put(f->state, "e.f", declaration);
        set->access.quota_keys = 6;
        set->access_fields = ACCESS_QUOTA_KEYS;
        assert_refused(f, set, CORE_E_INVALID_VALUE, "QuotaKeys=");
        assert_done(f, changes_new_create("e.f", 4001));
        ns = state_lookup(f->state, "e.f");
        g_assert_cmpuint(ns->access.owner, ==, 4001);
        g_assert_cmpuint(ns->access.mode, ==, 0600);
        g_assert_cmpuint(ns->access.quota_keys, ==, 5);
        g_assert_nonnull(ns->declaration);
}

static void test_the_limits_of_an_owner_do_not_stop_what_is_declared(
        Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_create("e.f", 4002);

        f->limits.uid_namespaces = 0;
        assert_refused(f, changes_new_create("e.f", 4002), CORE_E_QUOTA_EXCEEDED, "uid 4002");
        set->flags = CHANGE_SET_DECLARED;
        assert_done(f, set);
        set = by(0, changes_new_access("a.b"));
        set->flags = CHANGE_SET_DECLARED;
        set->access.owner = 4002;
        set->access_fields = ACCESS_OWNER;
        assert_done(f, set);
        g_assert_cmpuint(accounts_get(state_accounts(f->state), 4002, ACCOUNT_NAMESPACES), ==, 2);
}

static void test_a_declared_namespace_is_not_removed(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        declare(f);
        assert_refused(f, by(0, changes_new_remove("a.b", CHANGE_SET_NOT_EMPTY)), CORE_E_CONFLICT,
                       "'a.b' is declared in FILE");
        assert_done(f, by(0, changes_new_remove("c.d", 0)));
}

static void on_declared(void *userdata, Namespace *ns)
{
        Fixture *f = userdata;
        char *told = g_strdup_printf("%s%s%s ", f->declared ? f->declared : "", ns->name,
                                     ns->declaration ? ">" : "<");

        g_free(f->declared);
        f->declared = told;
}

static void test_who_has_another_declaration_is_told(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        Declaration *kept = declared_new();
        Declarations *first = declarations_new(), *second = declarations_new();

        declarations_put(first, "a.b", declaration_ref(kept));
        declarations_put(first, "c.d", declared_new());
        declarations_put(first, "not.there", declared_new());
        state_set_declarations(f->state, first, NULL, on_declared, f);
        g_assert_cmpstr(f->declared, ==, "a.b> c.d> ");

        g_clear_pointer(&f->declared, g_free);
        declarations_put(second, "a.b", kept);
        state_set_declarations(f->state, second, NULL, on_declared, f);
        g_assert_cmpstr(f->declared, ==, "c.d< ");
        g_assert_cmpuint(declarations_count(state_declarations(f->state)), ==, 1);
}

static void test_declarations_are_equal_when_they_say_the_same(Fixture *f,
                                                               gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Declaration) same = declared_new();
        g_autoptr(Declaration) moved = declaration_new("OTHER", "");
        g_autoptr(Declaration) changed = declaration_new("FILE", "1234");
        g_autoptr(Declaration) of_other_user = declared_new();

        of_other_user->access.owner = 7;
        g_assert_true(declaration_equal(f->declaration, same));
        g_assert_false(declaration_equal(f->declaration, moved));
        g_assert_false(declaration_equal(f->declaration, changed));
        g_assert_false(declaration_equal(f->declaration, of_other_user));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add("/declaration/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(one_rule_holds_for_a_key);
        ADD(writes_keep_to_rules);
        ADD(a_commit_is_refused_as_a_whole);
        ADD(what_has_no_effect_is_not_judged);
        ADD(expectations_and_presence_come_first);
        ADD(what_was_there_before_stays);
        ADD(the_batch_counts_too);
        ADD(another_class_is_another_value);
        ADD(defaults_count_against_no_quota);
        ADD(declared_access_is_not_changed_by_hand);
        ADD(a_declared_namespace_is_made_as_declared);
        ADD(the_limits_of_an_owner_do_not_stop_what_is_declared);
        ADD(a_declared_namespace_is_not_removed);
        ADD(what_is_written_once_is_not_of_runtime);
        ADD(who_has_another_declaration_is_told);
        ADD(declarations_are_equal_when_they_say_the_same);
        return g_test_run();
}
