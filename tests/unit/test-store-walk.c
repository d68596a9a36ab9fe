/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint walk: whatever happens to the state meanwhile, the checkpoint is the state at the
 * revision where the walk began
 */

#include "core/namespace-places.h"
#include "store/checkpoint-walk.h"

#include <stdio.h>
#include <string.h>

#define RUNNING "k-release"

#define N_SEEDS      200u
#define N_NAMESPACES 6
#define N_KEYS       400

typedef struct Scene {
        GRand *random;
        State *state;
} Scene;

static const char *name_of(int n)
{
        static const char *const names[N_NAMESPACES] = {
                "org.example.A",   "org.example.AA", "org.example.B",
                "org.example.B.C", "org.example.Z",  "org.example._",
        };

        return names[n];
}

static Commit *next_commit(Scene *scene)
{
        return commit_new(state_revision(scene->state) + 1, 1, 4001, NULL);
}

static void apply(Scene *scene, Commit *commit)
{
        state_apply(scene->state, commit);
        commit_free(commit);
}

static void create(Scene *scene, int n)
{
        Commit *commit = next_commit(scene);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_CREATE, name_of(n));

        change->access.mode = 0644;
        change->access.owner = (uint32_t) g_rand_int_range(scene->random, 0, 5);
        apply(scene, commit);
}

static void remove_namespace(Scene *scene, int n)
{
        Commit *commit = next_commit(scene);

        commit_add(commit, NAMESPACE_CHANGE_REMOVE, name_of(n));
        apply(scene, commit);
}

/* Half of them become entries of a kernel release; takes @entry. */
static Entry *place(Scene *scene, Entry *entry)
{
        static const char *const releases[] = { RUNNING, "a-release", "z-release" };
        guint n = g_rand_int_range(scene->random, 0, 2 * G_N_ELEMENTS(releases));
        Entry *placed;

        if (n >= G_N_ELEMENTS(releases))
                return entry;
        placed = entry_new_of_release(entry, releases[n]);
        entry_unref(entry);
        return placed;
}

static void change_keys(Scene *scene, int n, int n_keys)
{
        Commit *commit = next_commit(scene);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, name_of(n));

        for (int i = 0; i < n_keys; i++) {
                g_autoptr(GVariant) value =
                        g_variant_ref_sink(g_variant_new_uint32(g_rand_int(scene->random)));
                int number = g_rand_int_range(scene->random, 0, N_KEYS);
                EntryClass class = number % 5 == 0 ? ENTRY_RUNTIME : ENTRY_PERSISTENT;
                char key[16];

                (void) snprintf(key, sizeof key, "k/%d", number);
                commit_add_entry(commit, change,
                                 place(scene, g_rand_int_range(scene->random, 0, 3) == 0
                                                      ? entry_new_tombstone(key, class)
                                                      : entry_new(key, value, class)));
        }
        apply(scene, commit);
}

static void change_something(Scene *scene)
{
        int n = g_rand_int_range(scene->random, 0, N_NAMESPACES);
        bool is_there = state_lookup(scene->state, name_of(n)) != NULL;

        if (!is_there)
                create(scene, n);
        else if (g_rand_int_range(scene->random, 0, 30) == 0)
                remove_namespace(scene, n);
        else
                change_keys(scene, n, g_rand_int_range(scene->random, 1, 20));
}

static gboolean print_namespace(gpointer name, gpointer value, gpointer text)
{
        const Namespace *ns = value;
        NamespacePlaces places;
        Entry *entry;

        g_string_append_printf(text, "%s %u %o %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
                               (const char *) name, ns->access.owner, ns->access.mode,
                               ns->created_revision, ns->revision);
        namespace_places_begin_by_release(&places, ns);
        while ((entry = namespace_places_next(&places))) {
                uint32_t number;

                memcpy(&number, entry_value_bytes(entry), sizeof number);
                if (entry_is_persistent(entry))
                        g_string_append_printf(text, " %s@%s %u %" G_GUINT64_FORMAT "\n",
                                               entry_key(entry), entry_release(entry), number,
                                               entry->revision);
        }
        return FALSE;
}

static char *print_state(State *state)
{
        GString *text = g_string_new(NULL);

        g_tree_foreach(state_namespaces(state), print_namespace, text);
        return g_string_free(text, FALSE);
}

typedef struct Loader {
        State *state;
        Namespace *ns;
} Loader;

static int load_namespace(void *userdata,
                          const char *name,
                          const NamespaceAccess *access,
                          uint64_t created_revision,
                          uint64_t revision)
{
        Loader *loader = userdata;

        g_assert_null(state_lookup(loader->state, name));
        state_load_namespace(loader->state, name, access, created_revision, revision);
        return 0;
}

static int load_group(void *userdata, const char *name)
{
        Loader *loader = userdata;

        loader->ns = state_lookup(loader->state, name);
        g_assert_nonnull(loader->ns);
        return 0;
}

static int load_entry(void *userdata,
                      const EntryView *view,
                      uint64_t revision,
                      uint64_t time_usec,
                      uint32_t writer_uid)
{
        Loader *loader = userdata;
        Entry *entry;

        g_assert_cmpint(entry_codec_make(&entry, NULL, view), ==, 0);
        g_assert_null(namespace_lookup_at(loader->ns, entry_key(entry), entry_release(entry)));
        entry->revision = revision;
        entry->time_usec = time_usec;
        entry->writer_uid = writer_uid;
        state_load_entry(loader->state, loader->ns, entry);
        return 0;
}

/* Walks with changes between the slices, and loads what comes of it. */
static State *take_checkpoint(Scene *scene)
{
        g_autoptr(CheckpointWalk) walk =
                checkpoint_walk_new(scene->state, COMMIT_PERSISTENT, state_revision(scene->state));
        g_auto(CodecBuffer) buffer = { 0 };
        Loader loader = { .state = state_new() };
        CheckpointSink sink = { load_namespace, load_group, load_entry, &loader };
        CheckpointCounts counts = { 0 }, expected;

        for (;;) {
                RecordKind kind;
                Record record;

                if (checkpoint_walk_step(walk, 0, &buffer, &kind) == CHECKPOINT_WALK_E_END)
                        break;
                for (int i = g_rand_int_range(scene->random, 0, 4); i > 0; i--)
                        change_something(scene);
                if (buffer.n_bytes == 0)
                        continue;

                record = (Record){
                        .header = {
                                .kind = (uint16_t) kind,
                                .revision = checkpoint_walk_revision(walk),
                                .payload_bytes = (uint32_t) (buffer.n_bytes - sizeof(RecordHeader)),
                        },
                        .payload = buffer.bytes + sizeof(RecordHeader),
                };
                g_assert_cmpint(checkpoint_codec_get(&record, &sink, &counts), ==, 0);
        }

        expected = checkpoint_walk_counts(walk);
        g_assert_cmpuint(counts.n_entries, ==, expected.n_entries);
        g_assert_cmpuint(counts.n_namespaces, ==, expected.n_namespaces);
        return loader.state;
}

static void test_changes_behind_and_ahead(void)
{
        for (guint32 seed = 0; seed < N_SEEDS; seed++) {
                Scene scene = { g_rand_new_with_seed(seed), state_new() };
                g_autoptr(State) loaded = NULL;
                g_autofree char *before = NULL;
                g_autofree char *after = NULL;

                state_set_release(scene.state, RUNNING);
                for (int i = 0; i < 100; i++)
                        change_something(&scene);
                before = print_state(scene.state);
                loaded = take_checkpoint(&scene);
                after = print_state(loaded);
                g_assert_cmpstr(after, ==, before);

                state_free(scene.state);
                g_rand_free(scene.random);
        }
}

static void test_empty_state(void)
{
        g_autoptr(State) state = state_new();
        g_autoptr(CheckpointWalk) walk =
                checkpoint_walk_new(state, COMMIT_PERSISTENT, state_revision(state));
        g_auto(CodecBuffer) buffer = { 0 };
        RecordKind kind;

        g_assert_cmpint(checkpoint_walk_step(walk, 1000, &buffer, &kind), ==,
                        CHECKPOINT_WALK_E_END);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/store/walk/changes-behind-and-ahead", test_changes_behind_and_ahead);
        g_test_add_func("/store/walk/empty-state", test_empty_state);

        return g_test_run();
}
