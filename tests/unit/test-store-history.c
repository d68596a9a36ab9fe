/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: what has changed since a revision, over kills, stops, checkpoints, restorations and reboots
 *
 * After each commit, what readers see is kept. What history says has changed since is put onto an older
 * one of these, which must then be the present one; and it must say no key that nothing was done to.
 */

#include "core/history.h"
#include "core/namespace-walk.h"
#include "core/outcome.h"
#include "good-session.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <string.h>

#define N_NAMESPACES 2
#define N_KEYS       12
#define RUNNING      "6.1"
#define OTHER        "6.2"

static const char *const names[N_NAMESPACES] = { "org.example.A", "org.example.B" };

typedef struct Snapshot {
        uint64_t revision;
        GHashTable *seen[N_NAMESPACES]; /* key -> value; NULL: no such namespace */
} Snapshot;

typedef struct Scene {
        StoreFixture f;
        GRand *random;
        GPtrArray *snapshots; /* owned Snapshot */
        GHashTable *touched;  /* "NAMESPACE KEY" -> revision of the last commit about it */
        uint64_t horizon;     /* what was before is rightly lost */
        bool is_bounded;      /* tombstones are few: anything may be lost in time */
        unsigned n_value;
        unsigned n_known, n_lost; /* answers */
} Scene;

static void snapshot_free(gpointer userdata)
{
        Snapshot *snapshot = userdata;

        for (size_t i = 0; i < N_NAMESPACES; i++)
                g_clear_pointer(&snapshot->seen[i], g_hash_table_unref);
        g_free(snapshot);
}

static GHashTable *look(const Namespace *ns)
{
        GHashTable *seen;
        NamespaceWalk walk;
        Entry *entry;

        if (!ns)
                return NULL;

        seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        namespace_walk_begin(&walk, ns, "", "", NAMESPACE_WALK_ALL);
        while ((entry = namespace_walk_next(&walk)))
                g_hash_table_insert(seen, g_strdup(entry_key(entry)),
                                    g_strdup(entry_value_bytes(entry)));
        return seen;
}

static void keep(Scene *scene)
{
        Snapshot *snapshot = g_new0(Snapshot, 1);

        snapshot->revision = state_revision(scene->f.state);
        for (size_t i = 0; i < N_NAMESPACES; i++)
                snapshot->seen[i] = look(state_lookup(scene->f.state, names[i]));
        g_ptr_array_add(scene->snapshots, snapshot);
}

/* What was there, brought up to date. */
typedef struct Update {
        const Scene *scene;
        const char *ns, *prefix;
        uint64_t since;
        GHashTable *seen;
        char *last; /* key that was told */
} Update;

static uint64_t touched_at(const Scene *scene, const char *ns, const char *key)
{
        g_autofree char *name = g_strdup_printf("%s %s", ns, key);
        const uint64_t *revision = g_hash_table_lookup(scene->touched, name);

        return revision ? *revision : 0;
}

static int on_differs(void *userdata, const char *key, Entry *entry)
{
        Update *update = userdata;

        g_assert_true(g_str_has_prefix(key, update->prefix));
        g_assert_cmpuint(touched_at(update->scene, update->ns, key), >, update->since);
        if (update->last)
                g_assert_cmpint(strcmp(update->last, key), <, 0);
        g_free(update->last);
        update->last = g_strdup(key);

        if (entry)
                g_hash_table_insert(update->seen, g_strdup(key),
                                    g_strdup(entry_value_bytes(entry)));
        else
                g_hash_table_remove(update->seen, key);
        return 0;
}

static void assert_same(const Update *update, GHashTable *present)
{
        GHashTableIter iter;
        gpointer key, value;
        guint n = 0;

        g_hash_table_iter_init(&iter, update->seen);
        while (g_hash_table_iter_next(&iter, &key, &value))
                if (g_str_has_prefix(key, update->prefix)) {
                        g_assert_cmpstr(g_hash_table_lookup(present, key), ==, value);
                        n++;
                }
        g_hash_table_iter_init(&iter, present);
        while (g_hash_table_iter_next(&iter, &key, &value))
                n -= g_str_has_prefix(key, update->prefix);
        g_assert_cmpuint(n, ==, 0);
}

static void check_one(Scene *scene, size_t i, const Snapshot *snapshot)
{
        static const char *const prefixes[] = { "", "k1", "k11", "x" };
        Namespace *ns = state_lookup(scene->f.state, names[i]);
        g_autoptr(GHashTable) present = look(ns);
        g_autofree char *text = NULL;
        bool is_known;

        if (!ns)
                return;

        is_known = history_check(scene->f.state, ns, snapshot->revision, &text) == 0;
        g_assert_cmpint(is_known, ==, !text);
        if (snapshot->revision < scene->horizon || snapshot->revision < ns->created_revision)
                g_assert_false(is_known);
        else if (!scene->is_bounded)
                g_assert_true(is_known);
        if (!is_known) {
                scene->n_lost++;
                return;
        }

        scene->n_known++;
        for (size_t j = 0; j < G_N_ELEMENTS(prefixes); j++) {
                Update update = { scene, names[i], prefixes[j], snapshot->revision,
                                  g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free) };
                GHashTableIter iter;
                gpointer key, value;

                g_hash_table_iter_init(&iter, snapshot->seen[i]);
                while (g_hash_table_iter_next(&iter, &key, &value))
                        g_hash_table_insert(update.seen, g_strdup(key), g_strdup(value));
                g_assert_cmpint(history_walk(scene->f.state, ns, update.prefix, update.since,
                                             on_differs, &update),
                                ==, 0);
                assert_same(&update, present);
                g_hash_table_unref(update.seen);
                g_free(update.last);
        }
}

static void check(Scene *scene)
{
        g_autofree char *text = NULL;
        Namespace *ns = state_lookup(scene->f.state, names[0]);
        guint n = scene->snapshots->len;

        for (guint i = 0; i < 8 && n > 0; i++) {
                guint at = i < 3 && i < n ? n - 1 - i
                                          : (guint) g_rand_int_range(scene->random, 0, (int) n);

                for (size_t j = 0; j < N_NAMESPACES; j++)
                        check_one(scene, j, scene->snapshots->pdata[at]);
        }
        if (ns)
                g_assert_cmpint(history_check(scene->f.state, ns,
                                              state_revision(scene->f.state) + 1, &text),
                                ==, CORE_E_HISTORY_LOST);
}

static void touch(Scene *scene, const char *ns, const char *key, uint64_t revision)
{
        g_hash_table_replace(scene->touched, g_strdup_printf("%s %s", ns, key),
                             g_memdup2(&revision, sizeof revision));
}

static void write_down(Scene *scene, Commit *commit)
{
        for (guint i = 0; i < commit->changes->len; i++) {
                const NamespaceChange *change = commit->changes->pdata[i];

                for (guint j = 0; change->entries && j < change->entries->len; j++)
                        touch(scene, change->name, entry_key(change->entries->pdata[j]),
                              commit->revision);
        }
        g_assert_cmpint(store_fixture_write_one(&scene->f, commit), ==, 0);
        keep(scene);
}

static void delete_place(Commit *commit, const char *ns, const char *place, const Entry *entry)
{
        store_fixture_put(commit, ns, place, NULL, (EntryClass) entry->class);
}

/* As the sequencer does it: what is of another class goes, and nothing is deleted that is not there. */
static void change_key(Scene *scene, Commit *commit, const Namespace *ns, int number)
{
        static const char *const releases[] = { "", "", RUNNING, OTHER };
        int i = g_rand_int_range(scene->random, 0, G_N_ELEMENTS(releases));
        const char *release = releases[i];
        EntryClass class = *release ? ENTRY_KERNEL : i == 0 ? ENTRY_PERSISTENT : ENTRY_RUNTIME;
        g_autofree char *key = g_strdup_printf("k%d", number);
        g_autofree char *place = g_strdup_printf("%s%s%s", key, *release ? "@" : "", release);
        const Entry *old = namespace_lookup_at(ns, key, release);
        g_autofree char *value = g_strdup_printf("v%u", scene->n_value++);

        if (old && g_rand_boolean(scene->random)) {
                delete_place(commit, ns->name, place, old);
                return;
        }
        if (old && old->class != class)
                delete_place(commit, ns->name, place, old);
        store_fixture_put(commit, ns->name, place, value, class);
}

static void change_keys(Scene *scene)
{
        Commit *commit = store_fixture_commit(&scene->f);

        for (size_t i = 0; i < N_NAMESPACES; i++) {
                const Namespace *ns = state_lookup(scene->f.state, names[i]);

                if (!ns || g_rand_int_range(scene->random, 0, 3) == 0)
                        continue;
                for (int n = g_rand_int_range(scene->random, 0, N_KEYS - 1), last = n + 2; n < last;
                     n++)
                        change_key(scene, commit, ns, n);
        }
        if (commit->changes->len > 0)
                write_down(scene, commit);
        else
                commit_free(commit);
}

static void change_namespace(Scene *scene)
{
        const char *name = names[g_rand_int_range(scene->random, 0, N_NAMESPACES)];
        Commit *commit = store_fixture_commit(&scene->f);

        if (!state_lookup(scene->f.state, name))
                store_fixture_create(commit, name);
        else if (g_rand_int_range(scene->random, 0, 4) == 0)
                commit_add(commit, NAMESPACE_CHANGE_REMOVE, name);
        else
                commit_add(commit, NAMESPACE_CHANGE_ACCESS, name)->access = (NamespaceAccess){
                        .owner = (uint32_t) g_rand_int_range(scene->random, 4000, 4003),
                        .group = NAMESPACE_NO_GROUP,
                        .mode = NAMESPACE_MODE_STANDARD,
                };
        write_down(scene, commit);
}

static void mark_good(Scene *scene)
{
        int r = good_session_mark(&scene->f);

        /* Else something else is under way. */
        if (r != 0)
                g_assert_cmpint(r, ==, -EBUSY);
}

static void restore(Scene *scene)
{
        Commit *commit = NULL;

        g_assert_cmpint(good_session_load(&scene->f, &commit), ==, 0);
        if (commit)
                write_down(scene, commit);
}

static void open_again(Scene *scene, bool is_clean)
{
        if (is_clean)
                g_assert_cmpint(store_fixture_close(&scene->f), ==, 0);
        store_fixture_reopen(&scene->f);
        if (scene->is_bounded)
                state_set_tombstone_limits(scene->f.state, 5, 800);
}

static void reboot(Scene *scene)
{
        scene->f.boot_id.bytes[0]++;
        open_again(scene, g_rand_boolean(scene->random));
        scene->horizon = state_revision(scene->f.state);
        keep(scene);
}

static void step(Scene *scene)
{
        int what = g_rand_int_range(scene->random, 0, 100);

        if (what < 70)
                change_keys(scene);
        else if (what < 80)
                change_namespace(scene);
        else if (what < 88)
                open_again(scene, false);
        else if (what < 94)
                open_again(scene, true);
        else if (what < 96)
                mark_good(scene);
        else if (what < 98 && scene->f.status.last_good_revision > 0)
                restore(scene);
        else if (what == 99)
                reboot(scene);
        /* What is done in the background goes on. */
        for (int i = 0; i < 3; i++)
                g_assert_cmpint(sd_event_run(scene->f.event, 0), >=, 0);
}

static void play(guint32 seed, bool is_bounded, int n_steps)
{
        Scene scene = {
                .random = g_rand_new_with_seed(seed),
                .snapshots = g_ptr_array_new_with_free_func(snapshot_free),
                .touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                .is_bounded = is_bounded,
        };

        store_fixture_set_up(&scene.f, NULL);
        scene.f.release = RUNNING;
        scene.f.checkpoint_journal_bytes = 4096;
        scene.f.boot_id =
                SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
        g_assert_cmpint(store_fixture_open(&scene.f), ==, 0);
        if (is_bounded)
                state_set_tombstone_limits(scene.f.state, 5, 800);
        for (size_t i = 0; i < N_NAMESPACES; i++)
                store_fixture_add_namespace(&scene.f, names[i]);
        keep(&scene);

        for (int i = 0; i < n_steps; i++) {
                step(&scene);
                check(&scene);
        }

        g_assert_cmpuint(scene.n_known, >, (unsigned) n_steps);
        g_test_message("seed %u: %u answers, %u rightly lost", seed, scene.n_known, scene.n_lost);
        store_fixture_tear_down(&scene.f, NULL);
        g_ptr_array_unref(scene.snapshots);
        g_hash_table_unref(scene.touched);
        g_rand_free(scene.random);
}

static void test_what_is_told_leads_to_the_present(gconstpointer is_bounded)
{
        guint32 n = g_test_slow() ? 200 : 12;

        for (guint32 seed = 1; seed <= n; seed++)
                play(seed, is_bounded != NULL, 250);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_data_func("/store/history/model", NULL, test_what_is_told_leads_to_the_present);
        g_test_add_data_func("/store/history/few-tombstones", GINT_TO_POINTER(1),
                             test_what_is_told_leads_to_the_present);
        return g_test_run();
}
