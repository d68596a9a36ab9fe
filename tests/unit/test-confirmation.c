/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes that wait for a confirmation: what they lock, what ends them, and that undoing leaves what was
 * there before, whatever the change was.
 */

#include "changes.h"
#include "core/confirmation.h"
#include "core/sequencer.h"
#include "pipeline-rig.h"

#include <string.h>

#define NS    "a.b"
#define OTHER "c.d"
#define UID   4001u

typedef struct Fixture {
        State *state;
        Overlay *overlay;
        Limits limits;
        uint64_t revision; /* of the last commit */
        char *text;
        Commit *commit;
} Fixture;

static int resolve(Fixture *f, ChangeSet *set)
{
        g_autoptr(ChangeSet) owned = set;

        g_clear_pointer(&f->text, g_free);
        g_clear_pointer(&f->commit, commit_free);
        return sequencer_resolve(f->state, f->overlay, &f->limits, owned, f->revision + 1, 1000,
                                 &f->commit, &f->text);
}

static void apply(Fixture *f, ChangeSet *set)
{
        g_assert_cmpint(resolve(f, set), ==, 0);
        g_assert_nonnull(f->commit);
        f->revision++;
        state_apply(f->state, f->commit);
}

static void assert_refused(Fixture *f, ChangeSet *set, Outcome outcome, const char *why)
{
        g_assert_cmpint(resolve(f, set), ==, outcome);
        g_assert_null(f->commit);
        g_assert_nonnull(strstr(f->text, why));
}

/* @set, to be confirmed with a digest that is all @byte. */
static ChangeSet *pending(ChangeSet *set, uint8_t byte)
{
        set->writer_uid = UID;
        set->confirmation = g_new0(ConfirmationWish, 1);
        set->confirmation->deadline_usec = 5000;
        memset(set->confirmation->digest, byte, PENDING_DIGEST_BYTES);
        memset(set->confirmation->boot_id, 7, sizeof set->confirmation->boot_id);
        strcpy(set->confirmation->token, "a token"); /* NOLINT: it is longer */
        return set;
}

static ChangeSet *settling(CommitSettlement settlement, uint64_t revision)
{
        ChangeSet *set = change_set_new(CHANGE_SET_SETTLE);

        set->settlement = settlement;
        set->settles = revision;
        return set;
}

static ChangeSet *of_runtime(ChangeSet *set, const char *name, const char *key)
{
        changes_classify(set, name, key, ENTRY_RUNTIME);
        return set;
}

/* "k=1/persistent l='a'/runtime", of one namespace. */
static void assert_holds(const Fixture *f, const char *name, const char *expected)
{
        const Namespace *ns = state_lookup(f->state, name);
        g_autoptr(GString) text = g_string_new(NULL);

        for (GTreeNode *node = namespace_first(ns, "", ""); node; node = namespace_next(node, "")) {
                Entry *entry = namespace_node_entry(node);
                g_autoptr(GVariant) value = entry_value(entry);
                g_autofree char *printed = g_variant_print(value, FALSE);

                g_string_append_printf(text, "%s%s=%s/%s", text->len > 0 ? " " : "",
                                       entry_key(entry), printed,
                                       entry_class_name((EntryClass) entry->class));
        }
        g_assert_cmpstr(text->str, ==, expected);
}

static guint n_pending(const Fixture *f)
{
        return pending_changes_all(state_pending(f->state))->len;
}

static void set_up(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        *f = (Fixture){ .state = state_new() };
        f->overlay = overlay_new(f->state);
        limits_init(&f->limits);
        apply(f, changes_new_create(NS, UID));
        apply(f, changes_new_create(OTHER, UID));
        apply(f, changes_new_set(NS, "k", "1"));
}

static void tear_down(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        commit_free(f->commit);
        g_free(f->text);
        overlay_free(f->overlay);
        state_free(f->state);
}

/* The change of every kind of effect there is. */
static ChangeSet *change_everything(void)
{
        ChangeSet *set = changes_new_set(NS, "k", "2");

        changes_set(set, NS, "new", "'x'");
        changes_unset(set, NS, "gone");
        changes_set(set, NS, "up", "1");
        changes_set(set, NS, "down", "1");
        changes_set(set, OTHER, "there", "1");
        return of_runtime(set, NS, "down");
}

static void prepare_everything(Fixture *f)
{
        ChangeSet *set = changes_new_set(NS, "gone", "'g'");

        changes_set(set, NS, "up", "'u'");
        changes_set(set, NS, "down", "'d'");
        apply(f, of_runtime(set, NS, "up"));
}

#define EVERYTHING_BEFORE "down='d'/persistent gone='g'/persistent k=1/persistent up='u'/runtime"
#define EVERYTHING_AFTER  "down=1/runtime k=2/persistent new='x'/persistent up=1/persistent"

static void test_undoing_takes_everything_back(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t pending_revision;

        prepare_everything(f);
        apply(f, pending(change_everything(), 1));
        pending_revision = f->revision;
        g_assert_nonnull(f->commit->pending);
        g_assert_cmpuint(f->commit->pending->revision, ==, pending_revision);
        g_assert_cmpuint(n_pending(f), ==, 1);
        assert_holds(f, NS, EVERYTHING_AFTER);
        assert_holds(f, OTHER, "there=1/persistent");

        apply(f, settling(COMMIT_UNDOES, pending_revision));
        g_assert_cmpuint(f->commit->settles, ==, pending_revision);
        g_assert_cmpuint(n_pending(f), ==, 0);
        assert_holds(f, NS, EVERYTHING_BEFORE);
        assert_holds(f, OTHER, "");
        assert_refused(f, settling(COMMIT_UNDOES, pending_revision), CORE_E_NOT_CONFIRMED,
                       CONFIRMATION_UNKNOWN_TEXT);
}

static void test_undoing_in_another_boot_leaves_memory_out(Fixture *f,
                                                           gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set;

        prepare_everything(f);
        apply(f, pending(change_everything(), 1));
        set = settling(COMMIT_UNDOES, f->revision);
        set->is_other_boot = true;
        apply(f, set);
        assert_holds(f, NS, "down='d'/persistent gone='g'/persistent k=1/persistent");
}

static void test_undoing_bears_its_own_revision(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        const Entry *before = namespace_lookup(state_lookup(f->state, NS), "k");
        g_autoptr(Entry) held = entry_ref((Entry *) (uintptr_t) before);
        uint64_t revision = held->revision;

        apply(f, pending(changes_new_set(NS, "k", "2"), 1));
        /* A batch that fails is tried again, so nothing of the way back may be used up. */
        g_assert_cmpint(resolve(f, settling(COMMIT_UNDOES, f->revision)), ==, 0);
        g_assert_cmpuint(held->revision, ==, revision);
        apply(f, settling(COMMIT_UNDOES, f->revision));
        g_assert_cmpuint(held->revision, ==, revision);
        g_assert_cmpuint(namespace_lookup(state_lookup(f->state, NS), "k")->revision, ==,
                         f->revision);
}

static void test_confirming_changes_nothing(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        apply(f, pending(changes_new_set(NS, "k", "2"), 1));
        apply(f, settling(COMMIT_CONFIRMS, f->revision));
        g_assert_cmpuint(f->commit->changes->len, ==, 0);
        g_assert_cmpuint(n_pending(f), ==, 0);
        assert_holds(f, NS, "k=2/persistent");
        apply(f, changes_new_set(NS, "k", "3"));
}

static void test_its_keys_are_busy(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        ChangeSet *set = changes_new_set(NS, "k", "2");

        changes_unset(set, NS, "absent"); /* no part of what is changed */
        changes_set(set, OTHER, "there", "1");
        apply(f, pending(set, 1));

        assert_refused(f, changes_new_set(NS, "k", "3"), CORE_E_BUSY, "'k' of 'a.b'");
        assert_refused(f, changes_new_set(NS, "k", "2"), CORE_E_BUSY, "revision 4");
        assert_refused(f, changes_new_unset(NS, "k"), CORE_E_BUSY, "revision 4");
        assert_refused(f, changes_new_unset(OTHER, "there"), CORE_E_BUSY, "'c.d'");
        assert_refused(f, pending(changes_new_set(NS, "k", "5"), 2), CORE_E_BUSY, "'k'");
        apply(f, changes_new_set(NS, "absent", "1"));
        apply(f, changes_new_set(OTHER, "k", "1"));
        apply(f, pending(changes_new_set(NS, "l", "1"), 2));

        assert_refused(f, changes_new_remove(OTHER, CHANGE_SET_NOT_EMPTY), CORE_E_BUSY, "'c.d'");
        assert_refused(f, change_set_new(CHANGE_SET_RESTORE), CORE_E_BUSY, "2 changes");
        set = changes_new_access(NS);
        set->access.mode = 0600;
        set->access_fields = ACCESS_MODE;
        apply(f, set);
}

static void test_nothing_changed_waits_for_nothing(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_assert_cmpint(resolve(f, pending(changes_new_set(NS, "k", "1"), 1)), ==, 0);
        g_assert_null(f->commit);
}

static void test_found_by_digest_alone(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        uint8_t digest[PENDING_DIGEST_BYTES];
        const PendingChanges *all = state_pending(f->state);

        for (uint8_t i = 1; i <= 3; i++) {
                g_autofree char *key = g_strdup_printf("key%u", i);

                apply(f, pending(changes_new_set(NS, key, "1"), i));
        }
        memset(digest, 2, sizeof digest);
        g_assert_true(pending_changes_find(all, digest) == pending_changes_all(all)->pdata[1]);
        for (size_t i = 0; i < sizeof digest; i++) {
                digest[i] ^= 1;
                g_assert_null(pending_changes_find(all, digest));
                digest[i] ^= 1;
        }
}

static void test_limits(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        const Accounts *accounts = state_accounts(f->state);
        ChangeSet *set;

        f->limits.uid_pending_changes = 1;
        apply(f, pending(changes_new_set(NS, "k", "2"), 1));
        g_assert_cmpuint(accounts_get(accounts, UID, ACCOUNT_PENDING_CHANGES), ==, 1);
        assert_refused(f, pending(changes_new_set(NS, "l", "2"), 2), CORE_E_QUOTA_EXCEEDED, "4001");
        set = pending(changes_new_set(NS, "l", "2"), 2);
        set->writer_uid = 0;
        apply(f, set);
        apply(f, settling(COMMIT_CONFIRMS, f->revision));

        f->limits.uid_pending_changes = 10;
        f->limits.pending_changes = 1;
        assert_refused(f, pending(changes_new_set(NS, "m", "2"), 2), CORE_E_QUOTA_EXCEEDED,
                       "1 changes");
        f->limits.pending_changes = 10;
        f->limits.uid_pending_bytes = 800;
        assert_refused(f, pending(changes_new_set(NS, "m", "2"), 2), CORE_E_QUOTA_EXCEEDED, "800");
        f->limits.uid_pending_bytes = LIMIT_MIB;
        f->limits.pending_bytes = 800;
        assert_refused(f, pending(changes_new_set(NS, "m", "2"), 2), CORE_E_QUOTA_EXCEEDED, "800");
        f->limits.pending_bytes = LIMIT_MIB;
        f->limits.commit_bytes = 500;
        assert_refused(f, pending(changes_new_set(NS, "m", "2"), 2), CORE_E_TOO_BIG, "way back");

        f->limits.commit_bytes = LIMIT_MIB;
        apply(f, pending(changes_new_set(NS, "m", "2"), 2));
        state_forget_pending(f->state);
        g_assert_cmpuint(accounts_get(accounts, UID, ACCOUNT_PENDING_CHANGES), ==, 0);
        g_assert_cmpuint(accounts_get(accounts, UID, ACCOUNT_PENDING_BYTES), ==, 0);
        g_assert_cmpuint(pending_changes_bytes(state_pending(f->state)), ==, 0);
        apply(f, changes_new_set(NS, "k", "3"));
}

/* Quotas hold nothing up that was there once. */
static void test_undoing_knows_no_quota(Fixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        apply(f, pending(changes_new_unset(NS, "k"), 1));
        f->limits.namespace_keys = 0;
        f->limits.namespace_bytes = f->limits.uid_bytes = f->limits.uid_keys = 0;
        assert_refused(f, changes_new_set(NS, "l", "1"), CORE_E_QUOTA_EXCEEDED, "quota");
        apply(f, settling(COMMIT_UNDOES, f->revision));
        assert_holds(f, NS, "k=1/persistent");
}

/* Each alone in its batch, in its place among the others. */
static void test_alone_in_a_batch(void)
{
        Rig rig;
        Origin *origin;

        rig_init(&rig);
        origin = pipeline_origin_new(rig.pipeline);
        rig_set(&rig, origin, NS, "k", "1", "k");
        rig_submit(&rig, origin, NULL, pending(changes_new_set(NS, "l", "1"), 1), "pend");
        rig_set(&rig, origin, NS, "l", "2", "l");
        rig_submit(&rig, origin, NULL, settling(COMMIT_UNDOES, 4), "undo");
        rig_set(&rig, origin, NS, "l", "3", "l");
        for (int i = 0; i < 5; i++)
                rig_run(&rig);
        rig_assert_trace(&rig, "[3] publish k@3 [4] publish pend@4 l!Busy [5] publish undo@5 "
                               "[6] publish l@6 ");
        pipeline_origin_free(origin);
        rig_clear(&rig);
}

/* Many whose time is up need not wait for a sync each. */
static void test_ends_share_a_batch(void)
{
        Rig rig;
        Origin *origin;

        rig_init(&rig);
        origin = pipeline_origin_new(rig.pipeline);
        for (uint8_t i = 0; i < 3; i++) {
                g_autofree char *key = g_strdup_printf("k%u", i);

                rig_submit(&rig, origin, NULL, pending(changes_new_set(NS, key, "1"), i), "pend");
                rig_run(&rig);
        }
        rig_assert_trace(&rig, "[3] publish pend@3 [4] publish pend@4 [5] publish pend@5 ");
        rig_submit(&rig, origin, NULL, settling(COMMIT_UNDOES, 3), "undo");
        rig_submit(&rig, origin, NULL, settling(COMMIT_CONFIRMS, 5), "confirm");
        rig_submit(&rig, origin, NULL, settling(COMMIT_UNDOES, 5), "late");
        rig_submit(&rig, origin, NULL, settling(COMMIT_UNDOES, 4), "undo");
        rig_set(&rig, origin, NS, "k2", "2", "k2");
        for (int i = 0; i < 4; i++)
                rig_run(&rig);
        rig_assert_trace(&rig,
                         "[6 7] publish undo@6 confirm@7 [8] publish late!NotConfirmed undo@8 "
                         "[9] publish k2@9 ");
        pipeline_origin_free(origin);
        rig_clear(&rig);
}

int main(int argc, char *argv[])
{
        static const struct {
                const char *name;
                void (*test)(Fixture *f, gconstpointer unused);
        } tests[] = {
                { "undoing-takes-everything-back", test_undoing_takes_everything_back },
                { "undoing-in-another-boot-leaves-memory-out",
                  test_undoing_in_another_boot_leaves_memory_out },
                { "undoing-bears-its-own-revision", test_undoing_bears_its_own_revision },
                { "undoing-knows-no-quota", test_undoing_knows_no_quota },
                { "confirming-changes-nothing", test_confirming_changes_nothing },
                { "its-keys-are-busy", test_its_keys_are_busy },
                { "nothing-changed-waits-for-nothing", test_nothing_changed_waits_for_nothing },
                { "found-by-digest-alone", test_found_by_digest_alone },
                { "limits", test_limits },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/confirmation/%s", tests[i].name);

                g_test_add(path, Fixture, NULL, set_up, tests[i].test, tear_down);
        }
        g_test_add_func("/confirmation/alone-in-a-batch", test_alone_in_a_batch);
        g_test_add_func("/confirmation/ends-share-a-batch", test_ends_share_a_batch);
        return g_test_run();
}
