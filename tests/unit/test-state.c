/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What commits make of the state, in order and as recovery replays them.
 */

#include "core/state.h"

#include "changes.h"

#define P ENTRY_PERSISTENT
#define R ENTRY_RUNTIME

static void apply(State *state, Commit *commit)
{
        g_autoptr(Commit) owned = commit;

        state_apply(state, owned);
}

static void create(State *state, uint64_t revision, const char *name)
{
        apply(state, changes_commit_create(revision, name, 4001));
}

static void set(
        State *state, uint64_t revision, const char *key, const char *text, EntryClass class)
{
        apply(state, changes_commit_entry(revision, "a.b", key, text, class));
}

/* Value of an entry of a.b as text; "-" when there is none. */
static void assert_value(const State *state, const char *key, const char *expected)
{
        const Namespace *ns = state_lookup(state, "a.b");
        Entry *entry = ns ? namespace_lookup(ns, key) : NULL;
        g_autoptr(GVariant) value = entry ? entry_value(entry) : NULL;
        g_autofree char *text = value ? g_variant_print(value, FALSE) : g_strdup("-");

        g_assert_cmpstr(text, ==, expected);
}

/* The sums that the state keeps are those of what it holds. */
static void assert_sums(State *state)
{
        uint64_t n_keys = 0, usage = 0;
        g_autoptr(Accounts) owned = accounts_new();

        for (GTreeNode *n = g_tree_node_first(state_namespaces(state)); n;
             n = g_tree_node_next(n)) {
                const Namespace *ns = g_tree_node_value(n);
                uint64_t ns_usage = 0;

                for (EntryNode *e = namespace_first(ns, "", ""); e; e = namespace_next(e, "")) {
                        n_keys++;
                        ns_usage += entry_usage(namespace_node_entry(e));
                }
                g_assert_cmpuint(ns->usage, ==, ns_usage);
                usage += ns_usage;
                accounts_charge(owned, ns->access.owner, ACCOUNT_BYTES, ns_usage);
                accounts_charge(owned, ns->access.owner, ACCOUNT_NAMESPACES, 1);
        }

        g_assert_cmpuint(state_n_keys(state), ==, n_keys);
        g_assert_cmpuint(state_usage(state), ==, usage);
        for (uint32_t uid = 4001; uid <= 4003; uid++) {
                g_assert_cmpuint(accounts_get(state_accounts(state), uid, ACCOUNT_BYTES), ==,
                                 accounts_get(owned, uid, ACCOUNT_BYTES));
                g_assert_cmpuint(accounts_get(state_accounts(state), uid, ACCOUNT_NAMESPACES), ==,
                                 accounts_get(owned, uid, ACCOUNT_NAMESPACES));
        }
}

static void test_commits_are_applied_in_order(void)
{
        g_autoptr(State) state = state_new();
        const Namespace *ns;

        create(state, 1, "a.b");
        set(state, 2, "k", "'one'", P);
        set(state, 3, "k", "'two'", P);
        set(state, 4, "l", "3", R);
        assert_value(state, "k", "'two'");
        assert_value(state, "l", "3");
        assert_sums(state);

        ns = state_lookup(state, "a.b");
        g_assert_cmpuint(ns->created_revision, ==, 1);
        g_assert_cmpuint(ns->revision, ==, 4);
        g_assert_cmpuint(namespace_lookup(ns, "k")->revision, ==, 3);
        g_assert_cmpuint(state_revision(state), ==, 4);

        set(state, 5, "k", NULL, P);
        assert_value(state, "k", "-");
        g_assert_cmpuint(ns->revision, ==, 5);
        assert_sums(state);
}

static void test_a_removed_namespace_lives_for_who_holds_it(void)
{
        g_autoptr(State) state = state_new();
        g_autoptr(Namespace) held = NULL;

        create(state, 1, "a.b");
        set(state, 2, "k", "1", P);
        held = namespace_ref(state_lookup(state, "a.b"));
        apply(state, changes_commit_remove(3, "a.b"));
        g_assert_null(state_lookup(state, "a.b"));
        g_assert_true(held->is_removed);
        g_assert_nonnull(namespace_lookup(held, "k"));
        assert_sums(state);
        g_assert_cmpuint(state_n_keys(state), ==, 0);
        g_assert_cmpuint(state_revision(state), ==, 3);

        create(state, 4, "a.b");
        assert_value(state, "k", "-");
        g_assert_cmpuint(state_lookup(state, "a.b")->created_revision, ==, 4);
        assert_sums(state);
}

static void test_access_moves_what_is_charged(void)
{
        g_autoptr(State) state = state_new();
        g_autoptr(Commit) commit = commit_new(3, 3, 0, NULL);
        const Namespace *ns;

        create(state, 1, "a.b");
        set(state, 2, "k", "'text'", P);
        commit_add(commit, NAMESPACE_CHANGE_ACCESS, "a.b")->access = (NamespaceAccess){
                .owner = 4002,
                .group = 4100,
                .mode = 0640,
                .quota_keys = 5,
        };
        state_apply(state, commit);

        ns = state_lookup(state, "a.b");
        g_assert_cmpuint(ns->access.owner, ==, 4002);
        g_assert_cmpuint(ns->access.mode, ==, 0640);
        g_assert_cmpuint(ns->revision, ==, 3);
        g_assert_cmpuint(ns->created_revision, ==, 1);
        assert_value(state, "k", "'text'");
        g_assert_cmpuint(accounts_get(state_accounts(state), 4001, ACCOUNT_NAMESPACES), ==, 0);
        g_assert_cmpuint(accounts_get(state_accounts(state), 4002, ACCOUNT_BYTES), ==, 6);
        assert_sums(state);
}

/* Setting a key in another class writes a tombstone to one journal and an entry to the other. */
static void test_journals_replayed_one_after_the_other_agree(void)
{
        g_autoptr(State) state = state_new();

        /* The persistent journal: set at 2, gone at 4, set at 6, gone at 8; l set at 3. */
        create(state, 1, "a.b");
        set(state, 2, "k", "2", P);
        set(state, 3, "l", "3", P);
        set(state, 4, "k", NULL, P);
        set(state, 6, "k", "6", P);
        assert_value(state, "k", "6");

        /* The runtime journal, up to there: set at 4, gone at 6; m set at 5. */
        set(state, 4, "k", "4", R);
        set(state, 5, "m", "5", R);
        set(state, 6, "k", NULL, R);
        assert_value(state, "k", "6");
        assert_value(state, "l", "3");
        assert_value(state, "m", "5");
        g_assert_cmpuint(state_revision(state), ==, 6);
        assert_sums(state);
}

static void test_a_runtime_entry_survives_the_tombstone_of_its_predecessor(void)
{
        g_autoptr(State) state = state_new();

        create(state, 1, "a.b");
        set(state, 2, "k", "2", P);
        /* The runtime part of a commit is written first, and may be replayed first. */
        set(state, 4, "k", "4", R);
        set(state, 4, "k", NULL, P);
        assert_value(state, "k", "4");
        /* A deletion in the other journal, of what was there before that. */
        set(state, 3, "k", NULL, R);
        assert_value(state, "k", "4");
        set(state, 5, "k", NULL, P);
        assert_value(state, "k", "4");
        set(state, 5, "k", NULL, R);
        assert_value(state, "k", "-");
        assert_sums(state);
}

static void test_what_is_older_than_its_namespace_is_dropped(void)
{
        g_autoptr(State) state = state_new();

        create(state, 1, "a.b");
        apply(state, changes_commit_remove(5, "a.b"));
        create(state, 6, "a.b");
        set(state, 7, "l", "7", P);

        set(state, 3, "k", "3", R);
        set(state, 4, "l", NULL, R);
        set(state, 8, "m", "8", R);
        apply(state, changes_commit_entry(9, "c.d", "k", "9", R));
        assert_value(state, "k", "-");
        assert_value(state, "l", "7");
        assert_value(state, "m", "8");
        g_assert_null(state_lookup(state, "c.d"));
        g_assert_cmpuint(state_revision(state), ==, 9);
        assert_sums(state);
}

static void test_a_commit_applied_twice_changes_nothing(void)
{
        g_autoptr(State) state = state_new();

        create(state, 1, "a.b");
        set(state, 2, "k", "'long text'", P);
        set(state, 2, "k", "'long text'", P);
        assert_value(state, "k", "'long text'");
        assert_sums(state);
        set(state, 3, "k", NULL, P);
        set(state, 3, "k", NULL, P);
        assert_value(state, "k", "-");
        assert_sums(state);
}

typedef struct Replaced {
        GString *log;
        const char *name;
} Replaced;

static void on_replace(void *userdata, Namespace *ns, Entry *entry)
{
        Replaced *replaced = userdata;
        g_autoptr(GVariant) value = entry_value(entry);
        g_autofree char *text = g_variant_print(value, FALSE);

        /* It is told before, so the old entry is still there. */
        g_assert_true(namespace_lookup(ns, entry_key(entry)) == entry);
        g_string_append_printf(replaced->log, "%s:%s=%s ", replaced->name, entry_key(entry), text);
}

static void test_observers_hear_what_goes(void)
{
        g_autoptr(State) state = state_new();
        g_autoptr(GString) log = g_string_new(NULL);
        Replaced one = { log, "1" }, two = { log, "2" };

        create(state, 1, "a.b");
        set(state, 2, "k", "2", P);
        state_add_observer(state, on_replace, &one);
        set(state, 3, "l", "3", P);
        g_assert_cmpstr(log->str, ==, "");
        set(state, 4, "k", "4", P);
        g_assert_cmpstr(log->str, ==, "1:k=2 ");

        state_add_observer(state, on_replace, &two);
        set(state, 5, "l", NULL, P);
        g_assert_cmpstr(log->str, ==, "1:k=2 1:l=3 2:l=3 ");

        state_remove_observer(state, on_replace, &one);
        set(state, 3, "k", "3", P);
        set(state, 6, "k", "6", P);
        g_assert_cmpstr(log->str, ==, "1:k=2 1:l=3 2:l=3 2:k=4 ");

        state_remove_observer(state, on_replace, &two);
        set(state, 7, "k", NULL, P);
        g_assert_cmpstr(log->str, ==, "1:k=2 1:l=3 2:l=3 2:k=4 ");
}

static void test_a_checkpoint_is_loaded(void)
{
        g_autoptr(State) state = state_new();
        const NamespaceAccess access = { .owner = 4001, .mode = 0600 };
        const NamespaceAccess later = { .owner = 4002, .mode = 0644 };
        g_autoptr(Commit) source = changes_commit_entry(7, "a.b", "k", "7", P);
        g_autoptr(Commit) stale = changes_commit_entry(4, "a.b", "old", "4", P);
        const NamespaceChange *change = source->changes->pdata[0];
        Namespace *ns;

        ns = state_load_namespace(state, "a.b", &access, 5, 6);
        state_load_entry(state, ns, entry_ref(change->entries->pdata[0]));
        change = stale->changes->pdata[0];
        state_load_entry(state, ns, entry_ref(change->entries->pdata[0]));
        assert_value(state, "k", "7");
        assert_value(state, "old", "-");
        g_assert_cmpuint(ns->revision, ==, 7);
        assert_sums(state);

        g_assert_true(state_load_namespace(state, "a.b", &later, 5, 8) == ns);
        g_assert_cmpuint(ns->access.owner, ==, 4002);
        g_assert_cmpuint(ns->revision, ==, 8);
        assert_value(state, "k", "7");
        assert_sums(state);

        state_set_revision(state, 100);
        g_assert_cmpuint(state_revision(state), ==, 100);
        set(state, 9, "k", "9", P);
        g_assert_cmpuint(state_revision(state), ==, 100);
}

static void test_namespaces_are_in_order(void)
{
        g_autoptr(State) state = state_new();
        g_autoptr(GString) names = g_string_new(NULL);

        create(state, 1, "c.d");
        create(state, 2, "a.b");
        create(state, 3, "a.b.c");
        for (GTreeNode *n = g_tree_node_first(state_namespaces(state)); n; n = g_tree_node_next(n))
                g_string_append_printf(names, "%s ", (const char *) g_tree_node_key(n));
        g_assert_cmpstr(names->str, ==, "a.b a.b.c c.d ");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/state/" #test, test_##test)
        ADD(commits_are_applied_in_order);
        ADD(a_removed_namespace_lives_for_who_holds_it);
        ADD(access_moves_what_is_charged);
        ADD(journals_replayed_one_after_the_other_agree);
        ADD(a_runtime_entry_survives_the_tombstone_of_its_predecessor);
        ADD(what_is_older_than_its_namespace_is_dropped);
        ADD(a_commit_applied_twice_changes_nothing);
        ADD(observers_hear_what_goes);
        ADD(a_checkpoint_is_loaded);
        ADD(namespaces_are_in_order);
        return g_test_run();
}
