/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: how much room it takes
 *
 * However often the same is written, what is on disk is bounded by what there is to keep.
 */

#include "support/store-fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#define NS           "org.example.Router"
#define BATCH        500u
#define N_OVERWRITES 1000000u
#define BYTES_MAX    ((uint64_t) 8 << 20)
#define TURNS_MAX    10000

#define JOURNAL_BYTES_MAX ((uint64_t) 3 << 19)

static uint64_t n_bytes_found;

static int add_size(const char *path G_GNUC_UNUSED,
                    const struct stat *st,
                    int type,
                    struct FTW *walk G_GNUC_UNUSED)
{
        if (type == FTW_F)
                n_bytes_found += MAX((uint64_t) st->st_size, (uint64_t) st->st_blocks * 512);
        return 0;
}

static uint64_t directory_bytes(const char *path)
{
        n_bytes_found = 0;
        (void) nftw(path, add_size, 16, FTW_PHYS);
        return n_bytes_found;
}

static void commit_destroy(gpointer commit)
{
        commit_free(commit);
}

/* Set, or deleted and set again, as often as a batch takes. */
static void write_batch(StoreFixture *f, unsigned number, EntryClass class, bool deletes)
{
        g_autoptr(GPtrArray) commits = g_ptr_array_new_with_free_func(commit_destroy);
        uint64_t revision = state_revision(f->state);

        for (unsigned i = 0; i < BATCH; i++) {
                Commit *commit = commit_new(++revision, 1, 4001, NULL);
                g_autofree char *value = g_strdup_printf("value %u", number + i);
                g_autofree char *key =
                        deletes ? g_strdup_printf("key/%u", (number + i) / 2) : g_strdup("key");

                store_fixture_put(commit, NS, key, deletes && i % 2 == 1 ? NULL : value, class);
                g_ptr_array_add(commits, commit);
        }
        g_assert_cmpint(store_fixture_write(f, commits), ==, 0);
}

/* As fast as the checkpoints are taken that make room: the thread that does may have to wait. */
static void keep_pace(StoreFixture *f, EntryClass class)
{
        const char *statistic = class == ENTRY_RUNTIME ? "runtime-journal-bytes" : "journal-bytes";

        while (sd_event_run(f->event, 0) > 0)
                ;
        for (int i = 0; store_fixture_statistic(f, statistic) > JOURNAL_BYTES_MAX; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 10000), >=, 0);
        }
}

static uint64_t overwrite(StoreFixture *f, EntryClass class, bool deletes)
{
        unsigned n = g_test_slow() ? N_OVERWRITES : N_OVERWRITES / 5;
        const char *path = class == ENTRY_RUNTIME ? f->runtime_directory : f->state_directory;
        uint64_t worst = 0;

        for (unsigned i = 0; i < n; i += BATCH) {
                write_batch(f, i, class, deletes);
                keep_pace(f, class);
                worst = MAX(worst, directory_bytes(path));
                g_hash_table_remove_all(f->sent);
        }
        return worst;
}

typedef struct Kind {
        const char *name;
        EntryClass class;
        bool deletes;
} Kind;

static void test_size_is_bounded(StoreFixture *f, gconstpointer userdata)
{
        const Kind *kind = userdata;
        uint64_t worst, last;

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        worst = overwrite(f, kind->class, kind->deletes);
        g_assert_cmpint(store_fixture_close(f), ==, 0);
        last = directory_bytes(kind->class == ENTRY_RUNTIME ? f->runtime_directory
                                                            : f->state_directory);
        g_test_message("%s: at most %" G_GUINT64_FORMAT " KiB, in the end %" G_GUINT64_FORMAT
                       " KiB",
                       kind->name, worst >> 10, last >> 10);
        g_assert_cmpuint(worst, <=, BYTES_MAX);

        store_fixture_reopen(f);
        g_assert_cmpuint(state_n_keys(f->state), <=, 1);
}

int main(int argc, char **argv)
{
        static const Kind kinds[] = {
                { "persistent", ENTRY_PERSISTENT, false },
                { "runtime", ENTRY_RUNTIME, false },
                { "deleted", ENTRY_PERSISTENT, true },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *path = g_strdup_printf("/store/size/%s", kinds[i].name);

                g_test_add(path, StoreFixture, &kinds[i], store_fixture_set_up,
                           test_size_is_bounded, store_fixture_tear_down);
        }
        return g_test_run();
}
