/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lazy store
 */

#include "lazy-store.h"

#define TURNS_MAX 100000

void lazy_store_open(StoreFixture *f)
{
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_set_sync_interval(f->store, HOUR_USEC);
        store_fixture_add_namespace(f, NS);
}

int lazy_store_set_as(
        StoreFixture *f, const char *key, const char *value, EntryClass class, bool lazy)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, NS, key, value, class);
        commit->is_lazy = lazy;
        return store_fixture_write_one(f, commit);
}

void lazy_store_set(StoreFixture *f, const char *key, const char *value)
{
        g_assert_cmpint(lazy_store_set_as(f, key, value, ENTRY_PERSISTENT, true), ==, 0);
}

bool lazy_store_is_dirty(StoreFixture *f)
{
        bool is_behind = f->status.durable_revision < state_revision(f->state);

        g_assert_cmpint(is_behind, ==, store_fixture_statistic(f, "unsynced-bytes") > 0);
        return is_behind;
}

bool lazy_store_has_note(StoreFixture *f)
{
        g_autofree char *path = g_build_filename(f->runtime_directory, "in-doubt", NULL);

        return g_file_test(path, G_FILE_TEST_EXISTS);
}

int lazy_store_flush(StoreFixture *f)
{
        int r;

        f->is_settled = false;
        r = store_flush(f->store);
        for (int i = 0; r == 0 && !f->is_settled; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        return r == 0 ? f->result : r == STORE_E_WRITTEN ? 0 : r;
}
