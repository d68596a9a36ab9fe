/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace places: entries of kernel releases against a plain table, with what is seen, what is
 * hidden, sums, and walks that go on after changes
 */

#include "core/name.h"
#include "core/namespace-places.h"
#include "core/state.h"

#include <string.h>

#define N_SEEDS   60u
#define N_CHANGES 300u
#define N_KEYS    6u
#define N_PLACES  4u
#define RUNNING   "m-running"

static const char *const keys[N_KEYS] = { "a", "a/b", "b", "ba", "c", "d" };
static const char *const releases[N_PLACES] = { "", RUNNING, "a-release", "z-release" };

typedef struct Scene {
        GRand *random;
        State *state;
        Namespace *ns;
        uint64_t revisions[N_KEYS][N_PLACES]; /* 0: not set */
        uint64_t last;
} Scene;

static void declare(State *state)
{
        Declarations *declarations = declarations_new();
        Declaration *declaration = declaration_new("/a.conf", "sum");
        Rule *rule = rule_new("b");
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_string("a default"));

        rule->fallback = entry_new("b", value, ENTRY_PERSISTENT);
        declaration_add_rule(declaration, rule);
        declaration_complete(declaration);
        declarations_put(declarations, "n.a", declaration);
        state_set_declarations(state, declarations, NULL, NULL, NULL);
}

static void apply(Scene *scene, Commit *commit)
{
        state_apply(scene->state, commit);
        commit_free(commit);
}

static void set_up(Scene *scene, guint32 seed, const char *release)
{
        Commit *commit = commit_new(1, 1, 0, NULL);

        *scene = (Scene){ .random = g_rand_new_with_seed(seed), .state = state_new(), .last = 1 };
        state_set_release(scene->state, release);
        declare(scene->state);
        commit_add(commit, NAMESPACE_CHANGE_CREATE, "n.a")->access = access_standard;
        apply(scene, commit);
        scene->ns = state_lookup(scene->state, "n.a");
        g_assert_nonnull(scene->ns->declaration);
}

static void tear_down(Scene *scene)
{
        state_free(scene->state);
        g_rand_free(scene->random);
}

static Entry *new_entry(size_t key, size_t place, bool is_set)
{
        g_autoptr(GVariant) value = g_variant_ref_sink(g_variant_new_string("value"));
        g_autoptr(Entry) entry = is_set ? entry_new(keys[key], value, ENTRY_PERSISTENT)
                                        : entry_new_tombstone(keys[key], ENTRY_PERSISTENT);

        return place > 0 ? entry_new_of_release(entry, releases[place]) : entry_ref(entry);
}

static void change_something(Scene *scene)
{
        Commit *commit = commit_new(++scene->last, 1, 0, NULL);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, "n.a");

        for (int n = g_rand_int_range(scene->random, 1, 4); n > 0; n--) {
                size_t key = (size_t) g_rand_int_range(scene->random, 0, N_KEYS);
                size_t place = (size_t) g_rand_int_range(scene->random, 0, N_PLACES);
                bool is_set = g_rand_boolean(scene->random);

                commit_add_entry(commit, change, new_entry(key, place, is_set));
                scene->revisions[key][place] = is_set ? scene->last : 0;
        }
        apply(scene, commit);
}

/* The revision that is seen of a key. */
static uint64_t seen(const Scene *scene, size_t key)
{
        if (scene->ns->release && scene->revisions[key][1] > 0)
                return scene->revisions[key][1];
        return scene->revisions[key][0];
}

static void check_sums(const Scene *scene)
{
        uint64_t n_keys = 0, n_seen = 0, usage = 0, reply_bytes = 0, fallback_bytes = 0;

        for (size_t k = 0; k < N_KEYS; k++) {
                const Entry *shown = namespace_lookup(scene->ns, keys[k]);

                g_assert_cmpuint(shown ? shown->revision : 0, ==, seen(scene, k));
                n_seen += shown != NULL;
                reply_bytes += shown ? entry_reply_bytes(shown) : 0;
                if (!shown && strcmp(keys[k], "b") == 0)
                        fallback_bytes = entry_reply_bytes(
                                declaration_fallback(scene->ns->declaration, "b"));
                for (size_t p = 0; p < N_PLACES; p++) {
                        const Entry *entry = namespace_lookup_at(scene->ns, keys[k], releases[p]);

                        g_assert_cmpuint(entry ? entry->revision : 0, ==, scene->revisions[k][p]);
                        n_keys += entry != NULL;
                        usage += entry ? entry_usage(entry) : 0;
                }
        }

        g_assert_cmpuint(namespace_n_keys(scene->ns), ==, n_keys);
        g_assert_cmpuint(state_n_keys(scene->state), ==, n_keys);
        g_assert_cmpuint(scene->ns->n_hidden, ==, n_keys - n_seen);
        g_assert_cmpuint(scene->ns->usage, ==, usage);
        g_assert_cmpuint(scene->ns->reply_bytes, ==, reply_bytes);
        g_assert_cmpuint(scene->ns->fallback_bytes, ==, fallback_bytes);
        g_assert_cmpuint(
                accounts_get(state_accounts(scene->state), access_standard.owner, ACCOUNT_BYTES),
                ==, usage);
}

static void check_releases(const Scene *scene)
{
        g_auto(GStrv) all = namespace_releases(scene->ns, NULL);
        g_auto(GStrv) of_key = namespace_releases(scene->ns, "a");
        uint64_t n = 0;

        for (size_t p = 1; p < N_PLACES; p++) {
                bool has = false;

                for (size_t k = 0; k < N_KEYS; k++)
                        has |= scene->revisions[k][p] > 0;
                n += has;
                g_assert_true(namespace_has_release(scene->ns, releases[p]) == has);
                g_assert_true(g_strv_contains((const char *const *) all, releases[p]) == has);
                g_assert_true(g_strv_contains((const char *const *) of_key, releases[p]) ==
                              (scene->revisions[0][p] > 0));
        }
        g_assert_cmpuint(namespace_n_releases(scene->ns), ==, n);
        g_assert_cmpuint(g_strv_length(all), ==, n);
}

/* All entries once, in order; from after each of them on, the rest. */
static void check_walk(const Scene *scene)
{
        NamespacePlaces places;
        const Entry *entry, *before = NULL;
        uint64_t n = 0;

        namespace_places_begin(&places, scene->ns, NULL);
        for (; (entry = namespace_places_next(&places)); before = entry, n++) {
                NamespacePlaces rest = places, resumed;
                const Entry *next;

                g_assert_true(!before || namespace_places_compare(scene->ns, before, entry) < 0);
                namespace_places_begin(&resumed, scene->ns, entry);
                do {
                        next = namespace_places_next(&rest);
                        g_assert_true(namespace_places_next(&resumed) == next);
                } while (next);
        }
        g_assert_cmpuint(n, ==, namespace_n_keys(scene->ns));

        namespace_places_begin_by_release(&places, scene->ns);
        before = NULL;
        for (n = 0; (entry = namespace_places_next(&places)); before = entry, n++)
                g_assert_true(!before || entry_compare_places(before, entry) < 0);
        g_assert_cmpuint(n, ==, namespace_n_keys(scene->ns));
}

static void check_pages(const Scene *scene, size_t place)
{
        static const char *const prefixes[] = { "", "a", "a/b", "b", "zz" };
        static const char *const afters[] = { "", "a", "a/c", "b", "c" };

        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
                for (size_t j = 0; j < G_N_ELEMENTS(afters); j++) {
                        NamespacePlaces places;

                        namespace_places_begin_of(&places, scene->ns, releases[place], prefixes[i],
                                                  afters[j]);
                        for (size_t k = 0; k < N_KEYS; k++)
                                if (scene->revisions[k][place] > 0 &&
                                    g_str_has_prefix(keys[k], prefixes[i]) &&
                                    strcmp(keys[k], afters[j]) > 0)
                                        g_assert_cmpuint(namespace_places_next(&places)->revision,
                                                         ==, scene->revisions[k][place]);
                        g_assert_null(namespace_places_next(&places));
                }
}

static void test_against_a_table(gconstpointer release)
{
        for (guint32 seed = 0; seed < N_SEEDS; seed++) {
                Scene scene;

                set_up(&scene, seed, release);
                for (unsigned i = 0; i < N_CHANGES; i++) {
                        change_something(&scene);
                        check_sums(&scene);
                        check_releases(&scene);
                        check_walk(&scene);
                        for (size_t p = 0; p < N_PLACES; p++)
                                check_pages(&scene, p);
                }
                tear_down(&scene);
        }
}

/* A walk that goes on after changes meets every place that was set all the time, and none twice. */
static void test_walk_among_changes(void)
{
        for (guint32 seed = 0; seed < 10 * N_SEEDS; seed++) {
                g_autoptr(Entry) passed = NULL;
                uint64_t before[N_KEYS][N_PLACES];
                unsigned n_met[N_KEYS][N_PLACES] = { 0 };
                Scene scene;

                set_up(&scene, seed, RUNNING);
                for (unsigned i = 0; i < 40; i++)
                        change_something(&scene);
                memcpy(before, scene.revisions, sizeof before);

                for (;;) {
                        NamespacePlaces places;
                        Entry *entry;

                        namespace_places_begin(&places, scene.ns, passed);
                        entry = namespace_places_next(&places);
                        if (!entry)
                                break;
                        for (size_t k = 0; k < N_KEYS; k++)
                                for (size_t p = 0; p < N_PLACES; p++)
                                        n_met[k][p] +=
                                                strcmp(entry_key(entry), keys[k]) == 0 &&
                                                strcmp(entry_release(entry), releases[p]) == 0;
                        entry_unref(passed);
                        passed = entry_ref(entry);
                        change_something(&scene);
                }

                for (size_t k = 0; k < N_KEYS; k++)
                        for (size_t p = 0; p < N_PLACES; p++) {
                                g_assert_cmpuint(n_met[k][p], <=, 1);
                                if (before[k][p] > 0 && scene.revisions[k][p] == before[k][p])
                                        g_assert_cmpuint(n_met[k][p], ==, 1);
                        }
                tear_down(&scene);
        }
}

static void test_what_concerns_readers(void)
{
        g_autoptr(Entry) below = new_entry(0, 0, true);
        g_autoptr(Entry) running = new_entry(0, 1, true);
        g_autoptr(Entry) other = new_entry(0, 2, true);
        Scene scene;

        set_up(&scene, 0, RUNNING);
        g_assert_true(namespace_concerns_readers(scene.ns, below));
        g_assert_true(namespace_concerns_readers(scene.ns, running));
        g_assert_false(namespace_concerns_readers(scene.ns, other));

        running->revision = 2;
        namespace_put(scene.ns, NULL, running);
        g_assert_false(namespace_concerns_readers(scene.ns, below));
        g_assert_true(namespace_concerns_readers(scene.ns, running));
        g_assert_false(namespace_is_hidden(scene.ns, "a"));
        namespace_drop(scene.ns, running);
        namespace_put(scene.ns, NULL, other);
        g_assert_true(namespace_is_hidden(scene.ns, "a"));
        g_assert_false(namespace_is_hidden(scene.ns, "b"));
        namespace_drop(scene.ns, other);
        tear_down(&scene);
}

static void test_release_names(void)
{
        g_autofree char *longest = g_strnfill(64, 'r');
        g_autofree char *too_long = g_strnfill(65, 'r');

        g_assert_true(kernel_release_is_valid("6.1.0-18-amd64"));
        g_assert_true(kernel_release_is_valid("5.10.0+_~@:=,x"));
        g_assert_true(kernel_release_is_valid(longest));
        g_assert_false(kernel_release_is_valid(too_long));
        for (int c = 1; c < 256; c++) {
                char text[] = { 'a', (char) c, '\0' };
                bool is_legal = g_ascii_isalnum(c) || (c < 128 && strchr("._+~@:=,-", c));

                g_assert_true(kernel_release_is_valid(text) == is_legal);
        }
        g_assert_false(kernel_release_is_valid(""));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_data_func("/namespace-places/against-a-table", RUNNING, test_against_a_table);
        g_test_add_data_func("/namespace-places/no-release-runs", NULL, test_against_a_table);
        g_test_add_func("/namespace-places/walk-among-changes", test_walk_among_changes);
        g_test_add_func("/namespace-places/what-concerns-readers", test_what_concerns_readers);
        g_test_add_func("/namespace-places/release-names", test_release_names);

        return g_test_run();
}
