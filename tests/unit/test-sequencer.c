/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of a change set: refused with its reason, without effect, or a commit that says
 * exactly what changes.
 */

#include "core/sequencer.h"

#include "changes.h"

#include <string.h>

typedef struct Fixture {
        State *state;
        Overlay *overlay;
        Limits limits;
        uint64_t revision; /* of the last commit */
        char *text;
        Commit *commit;
} Fixture;

/* Resolves @set, which is consumed; the fixture keeps what came out. */
static int resolve(Fixture *f, ChangeSet *set)
{
        g_autoptr(ChangeSet) owned = set;

        g_clear_pointer(&f->text, g_free);
        g_clear_pointer(&f->commit, commit_free);
        return sequencer_resolve(f->state, f->overlay, &f->limits, owned, f->revision + 1, 1000,
                                 &f->commit, &f->text);
}

/* The same, and the state becomes what it says. */
static void apply(Fixture *f, ChangeSet *set)
{
        g_assert_cmpint(resolve(f, set), ==, 0);
        g_assert_nonnull(f->commit);
        g_assert_cmpuint(f->commit->revision, ==, ++f->revision);
        state_apply(f->state, f->commit);
}

static void assert_refused(Fixture *f, ChangeSet *set, Outcome outcome, const char *why)
{
        g_assert_cmpint(resolve(f, set), ==, outcome);
        g_assert_null(f->commit);
        g_assert_nonnull(f->text);
        g_assert_nonnull(strstr(f->text, why));
}

static void assert_no_effect(Fixture *f, ChangeSet *set)
{
        g_assert_cmpint(resolve(f, set), ==, 0);
        g_assert_null(f->commit);
        g_assert_null(f->text);
}

/* "a.b: k=1/persistent l-/runtime; c.d: ..." */
static void assert_commit(const Fixture *f, const char *expected)
{
        g_autoptr(GString) text = g_string_new(NULL);

        g_assert_nonnull(f->commit);
        for (guint i = 0; i < f->commit->changes->len; i++) {
                const NamespaceChange *change = f->commit->changes->pdata[i];

                g_string_append_printf(text, "%s%s:", i > 0 ? "; " : "", change->name);
                for (guint j = 0; j < change->entries->len; j++) {
                        Entry *entry = change->entries->pdata[j];
                        g_autoptr(GVariant) value =
                                entry_is_tombstone(entry) ? NULL : entry_value(entry);
                        g_autofree char *value_text = value ? g_variant_print(value, FALSE) : NULL;

                        g_assert_cmpuint(entry->revision, ==, f->commit->revision);
                        g_assert_cmpuint(entry->time_usec, ==, f->commit->time_usec);
                        g_assert_cmpuint(entry->writer_uid, ==, f->commit->writer_uid);
                        g_string_append_printf(text, " %s%s%s/%s", entry_key(entry),
                                               value_text ? "=" : "-", value_text ? value_text : "",
                                               entry_class_name((EntryClass) entry->class));
                }
        }
        g_assert_cmpstr(text->str, ==, expected);
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->state = state_new();
        f->overlay = overlay_new(f->state);
        limits_init(&f->limits);
        apply(f, changes_new_create("a.b", 4001));
        apply(f, changes_new_create("c.d", 4001));
        apply(f, changes_new_create("e.f", 4002));
        apply(f, changes_new_set("a.b", "k", "'text'"));
        g_assert_cmpuint(f->revision, ==, 4);
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        overlay_free(f->overlay);
        state_free(f->state);
        g_free(f->text);
        commit_free(f->commit);
}

static void test_a_commit_says_what_changes(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new();

        changes_set(set, "a.b", "l", "1");
        changes_set(set, "a.b", "k", "'text'");
        changes_unset(set, "a.b", "absent");
        changes_set(set, "c.d", "m", "2");
        changes_unset(set, "e.f", "absent");
        set->writer_uid = 4003;
        set->reason = g_strdup("why");
        g_assert_cmpint(resolve(f, set), ==, 0);
        assert_commit(f, "a.b: l=1/persistent; c.d: m=2/persistent");
        g_assert_cmpuint(f->commit->revision, ==, 5);
        g_assert_cmpuint(f->commit->time_usec, ==, 1000);
        g_assert_cmpuint(f->commit->writer_uid, ==, 4003);
        g_assert_cmpstr(f->commit->reason, ==, "why");
}

static void test_equal_values_and_absent_keys_are_no_change(Fixture *f,
                                                            gconstpointer unused G_GNUC_UNUSED)
{
        assert_no_effect(f, changes_new());
        assert_no_effect(f, changes_new_set("a.b", "k", "'text'"));
        assert_no_effect(f, changes_new_unset("a.b", "absent"));
        g_assert_cmpint(resolve(f, changes_new_set("a.b", "k", "objectpath '/text'")), ==, 0);
        assert_commit(f, "a.b: k='/text'/persistent");
}

static void test_a_change_of_class_replaces_the_entry(Fixture *f,
                                                      gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_set("a.b", "k", "'text'");

        changes_classify(set, "a.b", "k", ENTRY_RUNTIME);
        apply(f, set);
        assert_commit(f, "a.b: k-/persistent k='text'/runtime");
        g_assert_cmpuint(state_n_keys(f->state), ==, 1);
        g_assert_cmpuint(state_usage(f->state), ==, 6);

        set = changes_new_set("a.b", "k", "'text'");
        changes_classify(set, "a.b", "k", ENTRY_RUNTIME);
        assert_no_effect(f, set);

        /* Who deletes need not know the class. */
        g_assert_cmpint(resolve(f, changes_new_unset("a.b", "k")), ==, 0);
        assert_commit(f, "a.b: k-/runtime");

        apply(f, changes_new_set("a.b", "k", "'new'"));
        assert_commit(f, "a.b: k-/runtime k='new'/persistent");
}

static void test_expectations_hold_or_conflict(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_set("a.b", "k", "'new'");

        changes_expect(set, "a.b", "k", 4);
        changes_expect(set, "a.b", "absent", 0);
        changes_expect(set, "c.d", "k", 0);
        apply(f, set);
        assert_commit(f, "a.b: k='new'/persistent");

        set = changes_new_set("a.b", "k", "'newer'");
        changes_expect(set, "a.b", "k", 4);
        assert_refused(f, set, CORE_E_CONFLICT, "'k' of 'a.b' is at revision 5, expected 4");

        set = changes_new_set("a.b", "l", "1");
        changes_expect(set, "a.b", "k", 0);
        changes_expect(set, "a.b", "l", 3);
        assert_refused(f, set, CORE_E_CONFLICT, "'k' of 'a.b' is at revision 5, expected none; ");
        g_assert_nonnull(strstr(f->text, "'l' of 'a.b' is not set, expected 3"));

        /* Also where nothing would change. */
        set = changes_new();
        changes_expect(set, "a.b", "k", 4);
        assert_refused(f, set, CORE_E_CONFLICT, "'k'");
        set = changes_new();
        changes_expect(set, "a.b", "k", 5);
        assert_no_effect(f, set);
}

static void test_many_conflicts_are_counted(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new();

        for (int i = 0; i < 100; i++) {
                g_autofree char *key = g_strdup_printf("k%d", i);

                changes_expect(set, "a.b", key, 1);
        }
        assert_refused(f, set, CORE_E_CONFLICT, "and 84 more");
        g_assert_cmpuint(strlen(f->text), <, 4096);
}

static void test_flags_want_keys_absent_or_present(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_set("a.b", "k", "'text'");

        set->flags = CHANGE_SET_CREATE_ONLY;
        assert_refused(f, set, CORE_E_KEY_EXISTS, "'k' of 'a.b'");
        set = changes_new_set("a.b", "l", "1");
        changes_unset(set, "a.b", "k");
        set->flags = CHANGE_SET_CREATE_ONLY;
        g_assert_cmpint(resolve(f, set), ==, 0);
        assert_commit(f, "a.b: l=1/persistent k-/persistent");

        set = changes_new_set("a.b", "absent", "1");
        set->flags = CHANGE_SET_CHANGE_ONLY;
        assert_refused(f, set, CORE_E_NO_SUCH_KEY, "'absent' in 'a.b'");
        set = changes_new_unset("a.b", "absent");
        set->flags = CHANGE_SET_CHANGE_ONLY;
        assert_refused(f, set, CORE_E_NO_SUCH_KEY, "'absent' in 'a.b'");
        set = changes_new_set("a.b", "k", "'new'");
        set->flags = CHANGE_SET_CHANGE_ONLY;
        g_assert_cmpint(resolve(f, set), ==, 0);
        assert_commit(f, "a.b: k='new'/persistent");

        /* Who expects wrongly hears that first. */
        set = changes_new_set("a.b", "k", "1");
        changes_expect(set, "a.b", "k", 0);
        set->flags = CHANGE_SET_CREATE_ONLY;
        assert_refused(f, set, CORE_E_CONFLICT, "'k'");
}

static void test_one_refusal_refuses_all(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_set("c.d", "k", "1");

        changes_set(set, "a.b", "k", "1");
        set->flags = CHANGE_SET_CREATE_ONLY;
        assert_refused(f, set, CORE_E_KEY_EXISTS, "'a.b'");

        set = changes_new_set("a.b", "k", "1");
        changes_set(set, "x.y", "k", "1");
        assert_refused(f, set, CORE_E_NO_SUCH_NAMESPACE, "'x.y'");
        g_assert_null(namespace_lookup(state_lookup(f->state, "c.d"), "k"));
        g_assert_cmpuint(state_revision(f->state), ==, 4);
}

static void test_another_namespace_of_the_name_is_none(Fixture *f,
                                                       gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_set("a.b", "k", "1");

        changes_of(set, "a.b")->created_revision = 1;
        g_assert_cmpint(resolve(f, set), ==, 0);

        apply(f, changes_new_remove("a.b", CHANGE_SET_NOT_EMPTY));
        apply(f, changes_new_create("a.b", 4002));

        set = changes_new_set("a.b", "k", "1");
        changes_of(set, "a.b")->created_revision = 1;
        assert_refused(f, set, CORE_E_NO_SUCH_NAMESPACE, "'a.b'");
        set = changes_new_remove("a.b", CHANGE_SET_NOT_EMPTY);
        changes_of(set, "a.b")->created_revision = 1;
        assert_refused(f, set, CORE_E_NO_SUCH_NAMESPACE, "'a.b'");
        set = changes_new_access("a.b");
        changes_of(set, "a.b")->created_revision = 1;
        assert_refused(f, set, CORE_E_NO_SUCH_NAMESPACE, "'a.b'");
}

static void test_a_batch_is_judged_in_order(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autoptr(Commit) first = NULL;
        ChangeSet *set;

        g_assert_cmpint(resolve(f, changes_new_set("a.b", "l", "1")), ==, 0);
        first = g_steal_pointer(&f->commit);
        overlay_add(f->overlay, first);
        f->revision++;

        assert_no_effect(f, changes_new_set("a.b", "l", "1"));
        set = changes_new_set("a.b", "l", "2");
        changes_expect(set, "a.b", "l", 5);
        g_assert_cmpint(resolve(f, set), ==, 0);
        assert_commit(f, "a.b: l=2/persistent");
        set = changes_new_set("a.b", "l", "2");
        set->flags = CHANGE_SET_CREATE_ONLY;
        assert_refused(f, set, CORE_E_KEY_EXISTS, "'l'");
        overlay_clear(f->overlay);
}

static void test_namespaces_are_created(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_create("x.y", 4003);
        const Namespace *ns;

        assert_refused(f, changes_new_create("a.b", 4003), CORE_E_NAMESPACE_EXISTS, "'a.b'");

        apply(f, set);
        ns = state_lookup(f->state, "x.y");
        g_assert_cmpuint(ns->access.owner, ==, 4003);
        g_assert_cmpuint(ns->access.group, ==, NAMESPACE_NO_GROUP);
        g_assert_cmpuint(ns->access.mode, ==, NAMESPACE_MODE_STANDARD);
        g_assert_cmpuint(ns->created_revision, ==, 5);

        set = changes_new_create("x.z", 0);
        set->access = (NamespaceAccess){ 4003, 4100, 0600, 10, 20 };
        set->access_fields =
                ACCESS_OWNER | ACCESS_GROUP | ACCESS_MODE | ACCESS_QUOTA_KEYS | ACCESS_QUOTA_BYTES;
        apply(f, set);
        ns = state_lookup(f->state, "x.z");
        g_assert_cmpuint(ns->access.owner, ==, 4003);
        g_assert_cmpuint(ns->access.group, ==, 4100);
        g_assert_cmpuint(ns->access.mode, ==, 0600);
        g_assert_cmpuint(ns->access.quota_keys, ==, 10);
        g_assert_cmpuint(ns->access.quota_bytes, ==, 20);

        f->limits.uid_namespaces = 2;
        assert_refused(f, changes_new_create("x.w", 4003), CORE_E_QUOTA_EXCEEDED, "uid 4003");
        apply(f, changes_new_create("x.w", 0));
        apply(f, changes_new_create("x.v", 4002));
}

static void test_namespaces_are_removed(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_refused(f, changes_new_remove("x.y", 0), CORE_E_NO_SUCH_NAMESPACE, "'x.y'");
        assert_refused(f, changes_new_remove("a.b", 0), CORE_E_NAMESPACE_NOT_EMPTY,
                       "'a.b' has 1 keys");
        apply(f, changes_new_remove("c.d", 0));
        apply(f, changes_new_remove("a.b", CHANGE_SET_NOT_EMPTY));
        g_assert_null(state_lookup(f->state, "a.b"));
        assert_refused(f, changes_new_set("a.b", "k", "1"), CORE_E_NO_SUCH_NAMESPACE, "'a.b'");
}

static void test_access_changes_in_the_fields_given(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        const Namespace *ns = state_lookup(f->state, "a.b");
        ChangeSet *set = changes_new_access("a.b");

        assert_no_effect(f, set);
        set = changes_new_access("a.b");
        set->access.mode = 0600;
        set->access_fields = ACCESS_MODE;
        apply(f, set);
        g_assert_cmpuint(ns->access.mode, ==, 0600);
        g_assert_cmpuint(ns->access.owner, ==, 4001);

        set = changes_new_access("a.b");
        set->access = (NamespaceAccess){ 4002, 4100, 0644, 7, 8 };
        set->access_fields = ACCESS_OWNER | ACCESS_GROUP | ACCESS_QUOTA_KEYS;
        apply(f, set);
        g_assert_cmpuint(ns->access.owner, ==, 4002);
        g_assert_cmpuint(ns->access.group, ==, 4100);
        g_assert_cmpuint(ns->access.mode, ==, 0600);
        g_assert_cmpuint(ns->access.quota_keys, ==, 7);
        g_assert_cmpuint(ns->access.quota_bytes, ==, 0);

        assert_refused(f, changes_new_access("x.y"), CORE_E_NO_SUCH_NAMESPACE, "'x.y'");
}

static void test_a_new_owner_must_have_room(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_access("a.b");

        set->access.owner = 4003;
        set->access_fields = ACCESS_OWNER;
        f->limits.uid_bytes = 5;
        assert_refused(f, set, CORE_E_QUOTA_EXCEEDED, "uid 4003");

        set = changes_new_access("a.b");
        set->access.owner = 4002;
        set->access_fields = ACCESS_OWNER;
        f->limits.uid_bytes = 6;
        f->limits.uid_namespaces = 1;
        assert_refused(f, set, CORE_E_QUOTA_EXCEEDED, "uid 4002");

        /* One may keep what one has, however much that is. */
        set = changes_new_access("a.b");
        set->access.mode = 0600;
        set->access_fields = ACCESS_MODE | ACCESS_OWNER;
        set->access.owner = 4001;
        f->limits.uid_bytes = 0;
        f->limits.uid_namespaces = 0;
        apply(f, set);
}

static void test_nothing_is_done(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        assert_no_effect(f, change_set_new(CHANGE_SET_NOTHING));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add("/sequencer/" #test, Fixture, NULL, set_up, test_##test, tear_down)
        ADD(a_commit_says_what_changes);
        ADD(equal_values_and_absent_keys_are_no_change);
        ADD(a_change_of_class_replaces_the_entry);
        ADD(expectations_hold_or_conflict);
        ADD(many_conflicts_are_counted);
        ADD(flags_want_keys_absent_or_present);
        ADD(one_refusal_refuses_all);
        ADD(another_namespace_of_the_name_is_none);
        ADD(a_batch_is_judged_in_order);
        ADD(namespaces_are_created);
        ADD(namespaces_are_removed);
        ADD(access_changes_in_the_fields_given);
        ADD(a_new_owner_must_have_room);
        ADD(nothing_is_done);
        return g_test_run();
}
