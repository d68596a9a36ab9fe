/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal maker
 *
 * Syncs are left out, for nothing is to be kept; and so is the state, for nobody reads it.
 */

#include "journal-maker.h"

#include "entry-text.h"

#include <errno.h>
#include <string.h>

#define NS_NAME               "bench.entries"
#define REVISIONS_A_BATCH_MAX 65536u
#define BATCH_BYTES           (UINT64_C(1) << 20)
#define CHANGE_BYTES          64u /* about what a change takes beside its value */
#define SHUFFLE_PRIME         982451653u

typedef struct Maker {
        const JournalShape *shape;
        sd_event *event;
        Store *store;
        uint64_t revision;
        State *state; /* of that revision, and empty otherwise */
        uint32_t next;
        bool is_written;
        int result;
        JournalMade made;
} Maker;

static const JournalShape shapes[] = {
        { "small", 100000, 1, 33, false },    { "scattered", 100000, 1, 33, true },
        { "million", 1000000, 1, 33, true },  { "batches", 1000000, 4000, 33, true },
        { "large", 1000, 1, 64 << 10, true },
};

const JournalShape *journal_shape(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++)
                if (strcmp(shapes[i].name, name) == 0)
                        return &shapes[i];

        return NULL;
}

StoreOptions journal_maker_options(const char *state_directory, const char *runtime_directory)
{
        return (StoreOptions){
                .state_directory = state_directory,
                .runtime_directory = runtime_directory,
                .checkpoint_journal_bytes = UINT64_C(1) << 40,
        };
}

static int sync_nothing(void *userdata G_GNUC_UNUSED, int fd G_GNUC_UNUSED)
{
        return 0;
}

static void on_written(void *userdata, int r)
{
        Maker *maker = userdata;

        maker->is_written = true;
        maker->result = r;
}

static void on_nothing(void *userdata G_GNUC_UNUSED)
{
}

/* A prime that divides no number of keys, so each key comes once a turn. */
static uint32_t next_key(Maker *maker)
{
        uint64_t turn = maker->next++ % maker->shape->n_keys;

        return (uint32_t) (maker->shape->is_shuffled ? turn * SHUFFLE_PRIME % maker->shape->n_keys
                                                     : turn);
}

static void add_change(Maker *maker, Commit *commit, NamespaceChange *change)
{
        g_autofree char *text = g_strnfill(maker->shape->value_bytes - 1, 'v');
        g_autoptr(GVariant) value = NULL;
        char key[ENTRY_TEXT_KEY_SIZE];

        entry_text_key(key, next_key(maker));
        if (maker->shape->value_bytes >= ENTRY_TEXT_VALUE_SIZE) {
                char numbers[ENTRY_TEXT_VALUE_SIZE];

                entry_text_value(numbers, maker->revision, maker->next);
                memcpy(text, numbers, sizeof numbers - 1);
        }
        value = g_variant_ref_sink(g_variant_new_take_string(g_steal_pointer(&text)));
        commit_add_entry(commit, change, entry_new(key, value, ENTRY_PERSISTENT));
        maker->made.n_changes++;
}

static Commit *next_commit(Maker *maker)
{
        Commit *commit = commit_new(++maker->revision, (uint64_t) g_get_real_time(), 0, NULL);
        NamespaceChange *change;

        if (maker->revision == 1) {
                change = commit_add(commit, NAMESPACE_CHANGE_CREATE, NS_NAME);
                change->access.mode = NAMESPACE_MODE_STANDARD;
                return commit;
        }

        change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, NS_NAME);
        for (uint32_t i = 0; i < maker->shape->n_changes; i++)
                add_change(maker, commit, change);
        return commit;
}

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

static int write_batch(Maker *maker)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);
        uint64_t begin = maker->made.n_changes;
        int r;

        do
                g_ptr_array_add(commits, next_commit(maker));
        while ((maker->made.n_changes - begin) * (CHANGE_BYTES + maker->shape->value_bytes) <
               BATCH_BYTES);
        maker->made.n_records += commits->len;

        maker->is_written = false;
        r = store_write(maker->store, commits);
        while (r == 0 && !maker->is_written) {
                r = sd_event_run(maker->event, UINT64_MAX);
                r = MIN(r, 0);
        }
        if (r < 0 || (r == 0 && maker->result < 0))
                return r < 0 ? r : maker->result;

        state_set_revision(maker->state, maker->revision);
        store_applied(maker->store);
        return 0;
}

static uint64_t journal_bytes(const Maker *maker)
{
        g_autoptr(GVariant) statistics = g_variant_ref_sink(store_statistics(maker->store));
        guint64 n_bytes = 0;

        (void) g_variant_lookup(statistics, "journal-bytes", "t", &n_bytes);
        return n_bytes;
}

/* Revisions are reserved ahead in the background, and a batch takes far fewer than are left then. */
static int wait_for_revisions(Maker *maker)
{
        int r = 0;

        while (r == 0 &&
               maker->revision + REVISIONS_A_BATCH_MAX >= store_revision_limit(maker->store)) {
                r = sd_event_run(maker->event, UINT64_MAX);
                r = MIN(r, 0);
        }
        return r;
}

static int make(Maker *maker, uint64_t n_bytes)
{
        int r = 0;

        while (r == 0 && journal_bytes(maker) < n_bytes) {
                r = wait_for_revisions(maker);
                if (r == 0)
                        r = write_batch(maker);
        }
        maker->made.n_bytes = journal_bytes(maker);
        return r;
}

int journal_maker_run(const char *state_directory,
                      const char *runtime_directory,
                      const JournalShape *shape,
                      uint64_t n_bytes,
                      JournalMade *ret_made)
{
        StoreOptions options = journal_maker_options(state_directory, runtime_directory);
        Maker maker = { .shape = shape };
        StoreCallbacks callbacks = { on_written, on_nothing, on_nothing, &maker };
        g_autoptr(State) state = state_new();
        ServiceStatus status = { 0 };
        Io io = *io_system();
        int r;

        io.fdatasync = io.fsync = sync_nothing;
        maker.state = state;
        r = sd_event_new(&maker.event);
        if (r < 0)
                return r;
        r = store_open(&maker.store, &io, &options, maker.event, state, &status, &callbacks);
        if (r == 0)
                r = make(&maker, n_bytes);
        store_free(maker.store);
        sd_event_unref(maker.event);
        if (r != 0)
                return r < 0 ? r : -EEXIST;

        *ret_made = maker.made;
        return 0;
}
