/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * State, loaded: what comes of random commits must be the same however they come into it
 */

#include "changes.h"
#include "core/history.h"
#include "core/namespace-places.h"
#include "core/state.h"
#include "store/entries-loader.h"

#include <string.h>

#define N_SEEDS   40u
#define N_COMMITS 3000u
#define RUNNING   "m-running"
#define OWNERS    2u
#define KEYS      9

static const char *const names[] = { "a.b", "a.c" };

static Entry *random_entry(GRand *random, bool has_releases, uint64_t revision)
{
        static const EntryClass classes[] = { ENTRY_PERSISTENT, ENTRY_PERSISTENT, ENTRY_RUNTIME };
        EntryClass class = classes[g_rand_int_range(random, 0, G_N_ELEMENTS(classes))];
        g_autofree char *key = g_strdup_printf("k%d", g_rand_int_range(random, 0, KEYS));
        g_autofree char *text = g_strnfill((gsize) g_rand_int_range(random, 0, 20), 'v');
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_string(text));
        Entry *entry = g_rand_int_range(random, 0, 4) > 0 ? entry_new(key, value, class)
                                                          : entry_new_tombstone(key, class);

        if (has_releases && g_rand_int_range(random, 0, 3) == 0) {
                g_autoptr(Entry) plain = entry;

                entry = entry_new_of_release(plain, g_rand_boolean(random) ? RUNNING : "another");
        }
        /* Of two journals that were written side by side, some come late. */
        entry->revision = revision - MIN(revision - 1, (uint64_t) g_rand_int_range(random, 0, 3));
        return entry;
}

typedef struct Scene {
        State *plain, *loaded;
        EntriesLoader *loader;
} Scene;

static void add_entries(Scene *scene, GRand *random, bool has_releases, uint64_t revision)
{
        const char *name = names[g_rand_int_range(random, 0, G_N_ELEMENTS(names))];
        g_autoptr(Commit) commit = commit_new(revision, 1, 0, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, name);
        EntriesBatch *batch = entries_loader_batch(scene->loader);
        EntriesRun run = { .ns = state_lookup(scene->loaded, name) };
        int n = g_rand_int_range(random, 1, 60);

        for (int i = 0; i < n; i++) {
                Entry *entry = random_entry(random, has_releases, revision);

                g_ptr_array_add(change->entries, entry);
                g_ptr_array_add(batch->entries, entry_copy(entry));
        }
        /* As commits have it, the last one is of the commit's revision. */
        ((Entry *) change->entries->pdata[change->entries->len - 1])->revision = revision;
        ((Entry *) batch->entries->pdata[batch->entries->len - 1])->revision = revision;
        run.end = batch->entries->len;
        g_array_append_val(batch->runs, run);
        entries_loader_poke(scene->loader);
        state_apply(scene->plain, commit);
}

static void apply_other(Scene *scene, Commit *commit)
{
        entries_loader_flush(scene->loader);
        state_apply(scene->plain, commit);
        state_apply(scene->loaded, commit);
        commit_free(commit);
}

static void create_or_remove(Scene *scene, GRand *random, uint64_t revision)
{
        const char *name = names[g_rand_int_range(random, 0, G_N_ELEMENTS(names))];
        uint32_t owner = 4001 + (uint32_t) g_rand_int_range(random, 0, OWNERS);

        if (g_rand_int_range(random, 0, 3) == 0)
                apply_other(scene, changes_commit_remove(revision, name));
        else
                apply_other(scene, changes_commit_create(revision, name, owner));
}

static void assert_same_namespaces(const Namespace *a, const Namespace *b)
{
        NamespacePlaces places_a, places_b;
        const Entry *entry;

        g_assert_cmpuint(a->revision, ==, b->revision);
        g_assert_cmpuint(a->usage, ==, b->usage);
        g_assert_cmpuint(a->reply_bytes, ==, b->reply_bytes);
        g_assert_cmpuint(namespace_n_keys(a), ==, namespace_n_keys(b));

        namespace_places_begin(&places_a, a, NULL);
        namespace_places_begin(&places_b, b, NULL);
        while ((entry = namespace_places_next(&places_a))) {
                const Entry *other = namespace_places_next(&places_b);

                g_assert_nonnull(other);
                g_assert_cmpint(entry_compare_places(entry, other), ==, 0);
                g_assert_cmpuint(entry->revision, ==, other->revision);
                g_assert_cmpuint(entry->class, ==, other->class);
                g_assert_true(entry_value_equal(entry, other));
                if (!*entry_release(entry))
                        g_assert_true(namespace_lookup_at(b, entry_key(entry), "") == other);
        }
        g_assert_null(namespace_places_next(&places_b));
}

static void assert_same(State *a, State *b)
{
        g_assert_cmpuint(state_n_keys(a), ==, state_n_keys(b));
        g_assert_cmpuint(state_usage(a), ==, state_usage(b));
        for (uint32_t i = 0; i < OWNERS; i++)
                for (AccountResource resource = 0; resource < _ACCOUNT_RESOURCE_MAX; resource++)
                        g_assert_cmpuint(accounts_get(state_accounts(a), 4001 + i, resource), ==,
                                         accounts_get(state_accounts(b), 4001 + i, resource));
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                const Namespace *ns = state_lookup(a, names[i]);

                g_assert_true(!ns == !state_lookup(b, names[i]));
                if (ns)
                        assert_same_namespaces(ns, state_lookup(b, names[i]));
        }
}

static void run(guint32 seed)
{
        GRand *random = g_rand_new_with_seed(seed);
        g_autoptr(State) plain = state_new();
        g_autoptr(State) loaded = state_new();
        g_autoptr(EntriesLoader) loader = entries_loader_new(loaded);
        Scene scene = { plain, loaded, loader };
        bool has_releases = seed % 2;

        state_set_release(plain, RUNNING);
        state_set_release(loaded, RUNNING);
        state_begin_loading(loaded);
        for (uint64_t revision = 1; revision <= N_COMMITS / (1 + seed % 7 * 20); revision++) {
                int what = revision < 5 ? 0 : g_rand_int_range(random, 0, 500);

                if (what == 0)
                        create_or_remove(&scene, random, revision);
                else if (what == 1) {
                        entries_loader_flush(loader);
                        state_end_loading(loaded);
                        assert_same(plain, loaded);
                        state_begin_loading(loaded);
                } else
                        add_entries(&scene, random, has_releases, revision);
        }
        entries_loader_flush(loader);
        state_end_loading(loaded);
        assert_same(plain, loaded);
        g_rand_free(random);
}

static void test_it_is_what_was_applied(void)
{
        for (guint32 seed = 0; seed < N_SEEDS; seed++)
                run(seed);
}

/* So many that a thread of its own puts them in order. */
#define N_MANY 40000u

static Entry *entry_of(unsigned key, uint64_t revision)
{
        g_autofree char *text = g_strdup_printf("k%u", key);
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_uint64(revision));
        Entry *entry = entry_new(text, value, ENTRY_PERSISTENT);

        entry->revision = revision;
        return entry;
}

/* Loads each key twice, each time in another order. */
static Namespace *load_many(State *state)
{
        g_autoptr(Commit) creation = changes_commit_create(1, "a.b", 4001);
        Namespace *ns;

        state_apply(state, creation);
        ns = state_lookup(state, "a.b");
        for (unsigned i = 0; i < 2 * N_MANY; i++) {
                Entry *entry = entry_of(i * 7919 % N_MANY, i + 2);

                state_load_entries(state, ns, &entry, 1);
                entry_unref(entry);
        }
        return ns;
}

static void assert_history(const Namespace *ns, uint64_t horizon, unsigned n_expected)
{
        uint64_t revision = UINT64_MAX;
        const Entry *newer = NULL;
        unsigned n = 0;

        for (const Entry *entry = ns->newest; entry; entry = entry->older, n++) {
                g_assert_cmpuint(entry->revision, <, revision);
                g_assert_true(entry->newer == newer);
                g_assert_true(namespace_lookup(ns, entry_key(entry)) == entry);
                revision = entry->revision;
                newer = entry;
        }
        g_assert_cmpuint(n, ==, n_expected);
        g_assert_cmpuint(revision, >, horizon);
}

static void test_the_history_of_many_is_in_order(void)
{
        const uint64_t horizons[] = { 0, N_MANY + N_MANY / 2, 3 * N_MANY };
        const unsigned n_expected[] = { N_MANY, N_MANY / 2 + 1, 0 };

        for (size_t i = 0; i < G_N_ELEMENTS(horizons); i++) {
                g_autoptr(State) state = state_new();
                Namespace *ns;

                state_begin_loading(state);
                ns = load_many(state);
                state_end_loading(state);
                g_assert_nonnull(ns->order);
                state_set_revision(state, 2 * N_MANY + 1);
                history_begin(state, horizons[i]);
                assert_history(ns, horizons[i], n_expected[i]);
        }
}

static void test_what_changes_before_the_history_is_in_it(void)
{
        for (unsigned is_gone = 0; is_gone < 2; is_gone++) {
                g_autoptr(State) state = state_new();
                g_autoptr(Commit) commit = commit_new(3 * N_MANY, 1, 0, NULL);
                NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, "a.b");
                g_autoptr(Entry) entry = entry_of(7, 3 * N_MANY);
                Namespace *ns;

                state_begin_loading(state);
                ns = load_many(state);
                state_end_loading(state);
                if (is_gone)
                        commit_add_entry(commit, change, entry_new_tombstone_of(entry));
                else
                        commit_add_entry(commit, change, entry_ref(entry));
                state_apply(state, commit);
                history_begin(state, 0);
                assert_history(ns, 0, N_MANY - is_gone);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/state-loading/it-is-what-was-applied", test_it_is_what_was_applied);

        g_test_add_func("/state-loading/the-history-of-many-is-in-order",
                        test_the_history_of_many_is_in_order);
        g_test_add_func("/state-loading/what-changes-before-the-history-is-in-it",
                        test_what_changes_before_the_history_is_in_it);

        return g_test_run();
}
