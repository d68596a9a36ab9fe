/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store session
 */

#include "store-session.h"

/* Nothing may be under way in the loop for ever. */
#define CHECKPOINT_TURNS 100000

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

static int write_single(StoreFixture *f, int n, EntryClass class)
{
        g_autofree char *key = g_strdup_printf("key/%d", n % 7);
        g_autofree char *value = g_strdup_printf("value %d %u", n, (unsigned) class);
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, key, value, class);
        return store_fixture_write_one(f, commit);
}

static void put_both(Commit *commit, const char *kept, const char *lost, const char *value)
{
        if (kept)
                store_fixture_put(commit, NS, kept, value, ENTRY_PERSISTENT);
        if (lost)
                store_fixture_put(commit, OTHER_NS, lost, value, ENTRY_RUNTIME);
}

/* Commits of one side, of the other, which was sequenced after it, of both, and of one again. */
static int write_batch(StoreFixture *f, int n)
{
        static const char *const keys[][2] = {
                { "before", NULL },
                { NULL, "after" },
                { "both/kept", "both/lost" },
                { "last", NULL },
        };
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);
        g_autofree char *value = g_strdup_printf("batch %d", n);

        for (uint64_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                Commit *commit = commit_new(state_revision(f->state) + 1 + i, 1, 4001, "a reason");

                put_both(commit, keys[i][0], keys[i][1], value);
                g_ptr_array_add(commits, commit);
        }

        return store_fixture_write(f, commits);
}

static int delete_key(StoreFixture *f, const char *key)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, key, NULL, ENTRY_PERSISTENT);
        return store_fixture_write_one(f, commit);
}

static int checkpoint(StoreFixture *f)
{
        uint64_t n = store_fixture_statistic(f, "checkpoints") +
                     store_fixture_statistic(f, "checkpoint-failures");
        int r = store_checkpoint(f->store);

        for (int i = 0; r == 0 && i < CHECKPOINT_TURNS; i++) {
                if (f->status.state == SERVICE_READ_ONLY)
                        return -EROFS;
                /* One of each side, if something was written there; the first will do. */
                if (store_fixture_statistic(f, "checkpoints") +
                            store_fixture_statistic(f, "checkpoint-failures") >
                    n)
                        return 0;
                g_assert_cmpint(sd_event_run(f->event, 1000), >=, 0);
        }

        return r;
}

/* One key has an entry of no release, of that which runs, and of another, which comes and goes. */
static int write_of_releases(StoreFixture *f, int n)
{
        Commit *commit = store_fixture_commit(f);
        g_autofree char *value = g_strdup_printf("kernel %d", n);

        store_fixture_put(commit, NS, "of/releases", value, ENTRY_PERSISTENT);
        store_fixture_put(commit, NS, "of/releases@6.1-running", value, ENTRY_PERSISTENT);
        store_fixture_put(commit, NS, "of/releases@6.2-other", n % 2 == 0 ? value : NULL,
                          ENTRY_PERSISTENT);
        return store_fixture_write_one(f, commit);
}

static int write_some(StoreFixture *f, int from)
{
        int r = 0;

        for (int i = from; i < from + 4 && r == 0; i++) {
                r = write_single(f, i, i % 3 == 0 ? ENTRY_RUNTIME : ENTRY_PERSISTENT);
                if (r == 0)
                        r = write_of_releases(f, i);
                if (r == 0)
                        r = write_batch(f, i);
        }
        return r;
}

int store_session_run(StoreFixture *f)
{
        int r;

        r = store_fixture_open(f);
        if (r != 0)
                return r;

        r = write_some(f, 100);
        if (r == 0)
                r = delete_key(f, "last");
        if (r == 0)
                r = checkpoint(f);
        if (r == 0)
                r = write_some(f, 200);
        if (r == 0)
                r = checkpoint(f);
        if (r == 0)
                r = write_some(f, 300);
        if (r == 0)
                r = store_close(f->store);
        store_fixture_crash(f);
        return r;
}

void store_session_run_first(StoreFixture *f)
{
        f->io = io_system();
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        store_fixture_add_namespace(f, OTHER_NS);
        g_assert_cmpint(write_some(f, 0), ==, 0);
        g_assert_cmpint(checkpoint(f), ==, 0);
        g_assert_cmpint(write_some(f, 10), ==, 0);
        store_fixture_crash(f);
}

static bool was_set_aside(const char *directory)
{
        g_autofree char *damaged = g_build_filename(directory, "damaged", NULL);

        return g_file_test(damaged, G_FILE_TEST_IS_DIR);
}

/* A runtime entry is there only with the persistent one it belongs to, or came after. */
static void check_pairs(StoreFixture *f)
{
        g_assert_cmpstr(store_fixture_get(f, OTHER_NS, "both/lost"), ==,
                        store_fixture_get(f, NS, "both/kept"));
        g_assert_cmpstr(store_fixture_get(f, OTHER_NS, "after"), ==,
                        store_fixture_get(f, NS, "before"));
}

void store_session_check_afterwards(StoreFixture *f, bool may_be_damaged)
{
        if (!may_be_damaged)
                store_fixture_check_manifest(f);
        for (int i = 0; i < 2; i++) {
                bool is_damaged;

                store_fixture_reopen(f);
                /* What a power cut leaves of the runtime directory, on this disk, is of no account. */
                is_damaged = was_set_aside(f->state_directory) ||
                             (sd_id128_is_null(f->boot_id) && was_set_aside(f->runtime_directory));
                if (!may_be_damaged) {
                        g_assert_false(is_damaged);
                        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
                }
                if (!is_damaged)
                        store_fixture_check(f);
                if (!is_damaged && sd_id128_is_null(f->boot_id))
                        check_pairs(f);
        }

        g_assert_cmpint(write_single(f, 1000, ENTRY_PERSISTENT), ==, 0);
        g_assert_cmpint(store_fixture_close(f), ==, 0);
}
