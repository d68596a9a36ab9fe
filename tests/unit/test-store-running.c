/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: what goes on beside the writing: checkpoints, filling ahead, the reserve
 */

#include "support/faulty-io.h"
#include "support/gate-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define NS        "org.example.Router"
#define TURNS_MAX 100000

static void open_with_namespace(StoreFixture *f)
{
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
}

static void set_number(StoreFixture *f, unsigned n, size_t value_bytes)
{
        g_autofree char *key = g_strdup_printf("key/%u", n);
        g_autofree char *value = g_strnfill(value_bytes, (gchar) ('a' + n % 26));

        store_fixture_set(f, NS, key, value);
}

static uint64_t n_ended(StoreFixture *f)
{
        return store_fixture_statistic(f, "checkpoints") +
               store_fixture_statistic(f, "checkpoint-failures");
}

static void wait_until_ended(StoreFixture *f, uint64_t n)
{
        for (int i = 0; n_ended(f) < n; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
}

/* Writes all the while, every turn of the loop, until the checkpoint is there. */
static void test_writes_go_on_during_a_checkpoint(StoreFixture *f,
                                                  gconstpointer unused G_GNUC_UNUSED)
{
        unsigned n = 0;

        f->checkpoint_journal_bytes = UINT64_MAX;
        open_with_namespace(f);
        for (; n < 3000; n++)
                set_number(f, n % 2000, 100);

        g_assert_cmpint(store_checkpoint(f->store), ==, 0);
        for (; n_ended(f) == 0; n++) {
                g_assert_cmpint(n, <, TURNS_MAX);
                set_number(f, (n * 7) % 2000, 100);
                g_assert_cmpint(sd_event_run(f->event, 0), >=, 0);
        }
        g_assert_cmpuint(store_fixture_statistic(f, "checkpoints"), ==, 1);
        g_assert_cmpuint(store_fixture_statistic(f, "journal-bytes"), <,
                         store_fixture_statistic(f, "journal-bytes-written"));

        store_fixture_reopen(f);
        g_assert_cmpint(f->status.loaded_from, ==, LOADED_FROM_JOURNAL);
        store_fixture_check(f);
        g_assert_cmpuint(state_n_keys(f->state), ==, 2000);
        g_assert_cmpuint(state_revision(f->state), ==, f->acknowledged_revision);
}

static void test_journal_that_outgrows_is_checkpointed(StoreFixture *f,
                                                       gconstpointer unused G_GNUC_UNUSED)
{
        f->checkpoint_journal_bytes = 64 << 10;
        open_with_namespace(f);
        /* However slow the thread is that takes them: only what is written makes a checkpoint due. */
        for (unsigned n = 0; n < 4000 || store_fixture_statistic(f, "checkpoints") < 2; n++) {
                g_assert_cmpuint(n, <, 1000000);
                set_number(f, n % 10, 100);
                g_assert_cmpint(sd_event_run(f->event, 0), >=, 0);
        }
        g_assert_cmpuint(store_fixture_statistic(f, "journal-bytes"), <,
                         store_fixture_statistic(f, "journal-bytes-written"));

        store_fixture_reopen(f);
        store_fixture_check(f);
}

/* Faster than it can be filled ahead, and in larger pieces than are filled at once. */
static void test_writer_outruns_the_filler(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        f->checkpoint_journal_bytes = UINT64_MAX;
        open_with_namespace(f);
        for (unsigned n = 0; n < 60; n++)
                set_number(f, n, (size_t) (n % 7 + 1) * (200u << 10));

        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        store_fixture_check(f);
        g_assert_cmpuint(state_n_keys(f->state), ==, 60);
}

/* The batch lies where zeros are just being written: it waits, and they do not wipe it out. */
static void test_batch_waits_for_the_filler(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *value = g_strnfill(700u << 10, 'x');
        g_autoptr(GPtrArray) commits = g_ptr_array_new();
        g_autoptr(Commit) commit = NULL;
        GateIo gate;

        gate_io_init_for_writes(&gate, 1 << 20);
        f->io = &gate.io;
        f->checkpoint_journal_bytes = UINT64_MAX;
        open_with_namespace(f);
        gate_io_set(&gate, true);
        set_number(f, 1, 600u << 10);
        gate_io_wait_for_one(&gate);

        commit = store_fixture_commit(f);
        store_fixture_put(commit, NS, "large", value, ENTRY_PERSISTENT);
        g_ptr_array_add(commits, commit);
        f->is_settled = false;
        g_assert_cmpint(store_write(f->store, commits), ==, 0);
        for (int i = 0; i < 10; i++)
                g_assert_cmpint(sd_event_run(f->event, 1000), >=, 0);

        gate_io_set(&gate, false);
        while (!f->is_settled)
                g_assert_cmpint(sd_event_run(f->event, UINT64_MAX), >=, 0);
        g_assert_cmpint(f->result, ==, 0);
        state_apply(f->state, commit);
        store_applied(f->store);

        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_cmpstr(store_fixture_get(f, NS, "large"), ==, value);
}

/* The walk stops when the thread does not get on, and goes on with it. */
static void test_walk_waits_for_the_disk(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        GateIo gate;

        gate_io_init_for_writes(&gate, 32 << 10);
        f->io = &gate.io;
        f->checkpoint_journal_bytes = UINT64_MAX;
        open_with_namespace(f);
        for (unsigned n = 0; n < 2000; n++)
                set_number(f, n, 10000);
        /* Or until there is nothing to fill any more, if the writer has outrun the filler. */
        while (store_fixture_statistic(f, "journal-bytes-filled") < 20u << 20 &&
               sd_event_run(f->event, 1000000) > 0)
                ;

        g_assert_cmpint(store_checkpoint(f->store), ==, 0);
        while (store_fixture_statistic(f, "checkpoint-queue-worst-bytes") == 0)
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        gate_io_set(&gate, true);
        for (int i = 0; i < 1000; i++)
                g_assert_cmpint(sd_event_run(f->event, 0), >=, 0);
        gate_io_set(&gate, false);
        wait_until_ended(f, 1);
        g_assert_cmpuint(store_fixture_statistic(f, "checkpoint-queue-worst-bytes"), <, 6u << 20);
        g_assert_cmpuint(store_fixture_statistic(f, "checkpoint-queue-worst-bytes"), >, 3u << 20);

        store_fixture_reopen(f);
        store_fixture_check(f);
}

static void test_reserve_is_extended(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t first_limit;

        open_with_namespace(f);
        first_limit = store_revision_limit(f->store);
        g_assert_cmpuint(first_limit, ==, 1 << 20);

        state_set_revision(f->state, (1 << 19) - 2);
        set_number(f, 1, 10);
        g_assert_cmpuint(f->n_limit_calls, ==, 0);
        set_number(f, 2, 10);
        for (int i = 0; f->n_limit_calls == 0; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        g_assert_cmpuint(store_revision_limit(f->store), ==, (1 << 19) + (1 << 20));

        f->boot_id.bytes[0]++;
        store_fixture_reopen(f);
        g_assert_cmpuint(state_revision(f->state), ==, (1 << 19) + (1 << 20));
}

/* Once nothing is left nobody commits anything, so it is not the next commit that tries again. */
static void test_reserve_used_up_is_renewed(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        FaultyIo faulty;
        uint64_t limit;

        faulty_io_init(&faulty, io_system());
        faulty.error = -ENOSPC;
        faulty.calls = FAULTY_RENAME;
        f->io = &faulty.io;
        f->retry_usec = 500;
        open_with_namespace(f);
        limit = store_revision_limit(f->store);
        state_set_revision(f->state, limit - 2);

        faulty_io_arm(&faulty, FAULT_ERRORS, 1);
        set_number(f, 1, 10);
        for (int i = 0; f->status.state != SERVICE_READ_ONLY; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        /* What waits is told of it, and refused. */
        g_assert_cmpuint(f->n_limit_calls, ==, 1);
        g_assert_cmpuint(store_revision_limit(f->store), ==, UINT64_MAX);

        faulty_io_arm(&faulty, FAULT_NONE, 1);
        for (int i = 0; f->status.state == SERVICE_READ_ONLY; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        g_assert_cmpuint(store_revision_limit(f->store), >, limit);
        set_number(f, 2, 10);
        store_fixture_reopen(f);
        store_fixture_check(f);
}

static void test_reserve_that_cannot_be_extended_holds(StoreFixture *f,
                                                       gconstpointer unused G_GNUC_UNUSED)
{
        FaultyIo faulty;

        faulty_io_init(&faulty, io_system());
        faulty.error = -ENOSPC;
        f->io = &faulty.io;
        open_with_namespace(f);
        state_set_revision(f->state, 1 << 19);

        /* The write and the sync of the batch; then the manifest. */
        faulty_io_arm(&faulty, FAULT_ERROR, 3);
        set_number(f, 1, 10);
        for (int i = 0; i < 100; i++)
                g_assert_cmpint(sd_event_run(f->event, 1000), >=, 0);
        g_assert_cmpuint(store_revision_limit(f->store), ==, 1 << 20);
        g_assert_cmpuint(f->n_limit_calls, ==, 0);

        /* The next batch tries again. */
        set_number(f, 2, 10);
        for (int i = 0; f->n_limit_calls == 0; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
        g_assert_cmpuint(store_revision_limit(f->store), >, 1 << 20);
}

/* Without its newest checkpoint, the store has everything still. */
static void check_older_generation(StoreFixture *f)
{
        uint64_t newest = 0;
        g_autoptr(GDir) dir = g_dir_open(f->state_directory, 0, NULL);
        g_autofree char *path = NULL;
        const char *name;

        while ((name = g_dir_read_name(dir)))
                if (g_str_has_prefix(name, "checkpoint-"))
                        newest = MAX(newest, g_ascii_strtoull(strchr(name, '-') + 1, NULL, 10));

        path = g_strdup_printf("%s/checkpoint-%" G_GUINT64_FORMAT, f->state_directory, newest);
        g_assert_cmpint(truncate(path, 100), ==, 0);
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.loaded_from, ==, LOADED_FROM_PREVIOUS_CHECKPOINT);
        store_fixture_check(f);
}

/* Fails with every call of a checkpoint in turn; the next one, with nothing changed, works. */
static void test_failed_checkpoint_is_repeated(StoreFixture *unused G_GNUC_UNUSED,
                                               gconstpointer unused_too G_GNUC_UNUSED)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++) {
                StoreFixture f;
                FaultyIo faulty;

                store_fixture_set_up(&f, NULL);
                faulty_io_init(&faulty, io_system());
                f.io = &faulty.io;
                open_with_namespace(&f);
                set_number(&f, 1, 10);
                g_assert_cmpint(store_checkpoint(f.store), ==, 0);
                wait_until_ended(&f, 1);
                set_number(&f, 2, 10);

                faulty.error = -ENOSPC;
                faulty_io_arm(&faulty, FAULT_ERROR, at);
                g_assert_cmpint(store_checkpoint(f.store), ==, 0);
                if (f.status.state != SERVICE_READ_ONLY)
                        wait_until_ended(&f, 2);
                has_struck = faulty_io_has_struck(&faulty);
                faulty_io_arm(&faulty, FAULT_NONE, 0);
                store_fixture_check_manifest(&f);

                if (f.status.state != SERVICE_READ_ONLY) {
                        uint64_t n = n_ended(&f);

                        g_assert_cmpint(store_checkpoint(f.store), ==, 0);
                        if (n == 2 && store_fixture_statistic(&f, "checkpoint-failures") == 1)
                                wait_until_ended(&f, 3);
                        set_number(&f, 3, 10);
                }
                store_fixture_reopen(&f);
                g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
                store_fixture_check(&f);
                check_older_generation(&f);
                store_fixture_tear_down(&f, NULL);
        }
}

static void test_failed_write_is_the_last(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        FaultyIo faulty;
        Commit *commit;

        faulty_io_init(&faulty, io_system());
        f->io = &faulty.io;
        open_with_namespace(f);
        set_number(f, 1, 10);

        faulty_io_arm(&faulty, FAULT_LATE_ERROR, 2); /* the sync, done but failed */
        commit = store_fixture_commit(f);
        store_fixture_put(commit, NS, "key/1", "unknown", ENTRY_PERSISTENT);
        g_assert_cmpint(store_fixture_write_one(f, commit), ==, -EIO);
        g_assert_cmpint(f->status.state, ==, SERVICE_READ_ONLY);
        g_assert_cmpuint(f->n_status_calls, ==, 1);
        g_assert_cmpuint(f->status.durable_revision, ==, 2);

        commit = store_fixture_commit(f);
        store_fixture_put(commit, NS, "key/1", "never", ENTRY_PERSISTENT);
        g_assert_cmpint(store_fixture_write_one(f, commit), ==, -EROFS);
        g_assert_cmpint(store_checkpoint(f->store), ==, -EROFS);
        g_assert_cmpint(store_fixture_close(f), ==, -EROFS);

        /* It may be there, and if so under its own revision; no other ever gets that. */
        store_fixture_reopen(f);
        store_fixture_check(f);
        g_assert_cmpstr(store_fixture_get(f, NS, "key/1"), ==, "unknown");
        g_assert_cmpuint(state_revision(f->state), ==, 1 << 20);
}

static void test_clean_stop_takes_a_checkpoint(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *path = g_build_filename(f->state_directory, "checkpoint-11", NULL);

        open_with_namespace(f);
        for (unsigned n = 0; n < 10; n++)
                set_number(f, n, 10);
        g_assert_cmpint(store_fixture_close(f), ==, 0);
        g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));

        /* With nothing to write, none. */
        store_fixture_reopen(f);
        g_assert_cmpint(store_fixture_close(f), ==, 0);
        store_fixture_reopen(f);
        store_fixture_check(f);
        g_assert_cmpuint(state_revision(f->state), ==, 11);
}

static void test_stop_during_a_checkpoint(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        for (int turns = 0; turns < 12; turns++) {
                StoreFixture g;

                store_fixture_set_up(&g, NULL);
                open_with_namespace(&g);
                for (unsigned n = 0; n < 200; n++)
                        set_number(&g, n, 1000);
                g_assert_cmpint(store_checkpoint(g.store), ==, 0);
                for (int i = 0; i < turns; i++)
                        g_assert_cmpint(sd_event_run(g.event, 1000), >=, 0);
                if (turns % 2 == 0)
                        set_number(&g, 1, 20);
                g_assert_cmpint(store_fixture_close(&g), ==, 0);

                store_fixture_reopen(&g);
                g_assert_cmpint(g.status.loaded_from, ==, LOADED_FROM_JOURNAL);
                store_fixture_check(&g);
                store_fixture_tear_down(&g, NULL);
        }
        g_assert_cmpint(store_fixture_open(f), ==, 0);
}

static void test_runtime_checkpoint_survives_a_restart(StoreFixture *f,
                                                       gconstpointer unused G_GNUC_UNUSED)
{
        Commit *commit;

        open_with_namespace(f);
        for (int i = 0; i < 50; i++) {
                g_autofree char *key = g_strdup_printf("run/%d", i);

                commit = store_fixture_commit(f);
                store_fixture_put(commit, NS, key, "value", ENTRY_RUNTIME);
                g_assert_cmpint(store_fixture_write_one(f, commit), ==, 0);
        }
        g_assert_cmpuint(store_fixture_statistic(f, "flushes"), ==, 1);
        g_assert_cmpint(store_checkpoint(f->store), ==, 0);
        wait_until_ended(f, 2);

        /* What a removed namespace had does not come back with a new one of its name. */
        commit = store_fixture_commit(f);
        commit_add(commit, NAMESPACE_CHANGE_REMOVE, NS);
        g_assert_cmpint(store_fixture_write_one(f, commit), ==, 0);
        g_hash_table_remove_all(f->acknowledged);
        store_fixture_add_namespace(f, NS);
        store_fixture_reopen(f);
        g_assert_cmpuint(state_n_keys(f->state), ==, 0);

        commit = store_fixture_commit(f);
        store_fixture_put(commit, NS, "run/1", "again", ENTRY_RUNTIME);
        g_assert_cmpint(store_fixture_write_one(f, commit), ==, 0);
        g_assert_cmpint(store_fixture_close(f), ==, 0);
        store_fixture_reopen(f);
        g_assert_cmpstr(store_fixture_get(f, NS, "run/1"), ==, "again");
        g_assert_cmpuint(state_n_keys(f->state), ==, 1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

#define RUNNING_TEST(path, test)                                                           \
        g_test_add("/store/running/" path, StoreFixture, NULL, store_fixture_set_up, test, \
                   store_fixture_tear_down)
        RUNNING_TEST("writes-go-on-during-a-checkpoint", test_writes_go_on_during_a_checkpoint);
        RUNNING_TEST("journal-that-outgrows-is-checkpointed",
                     test_journal_that_outgrows_is_checkpointed);
        RUNNING_TEST("writer-outruns-the-filler", test_writer_outruns_the_filler);
        RUNNING_TEST("batch-waits-for-the-filler", test_batch_waits_for_the_filler);
        RUNNING_TEST("walk-waits-for-the-disk", test_walk_waits_for_the_disk);
        RUNNING_TEST("reserve-is-extended", test_reserve_is_extended);
        RUNNING_TEST("reserve-that-cannot-be-extended-holds",
                     test_reserve_that_cannot_be_extended_holds);
        RUNNING_TEST("reserve-used-up-is-renewed", test_reserve_used_up_is_renewed);
        RUNNING_TEST("failed-checkpoint-is-repeated", test_failed_checkpoint_is_repeated);
        RUNNING_TEST("failed-write-is-the-last", test_failed_write_is_the_last);
        RUNNING_TEST("clean-stop-takes-a-checkpoint", test_clean_stop_takes_a_checkpoint);
        RUNNING_TEST("stop-during-a-checkpoint", test_stop_during_a_checkpoint);
        RUNNING_TEST("runtime-checkpoint-survives-a-restart",
                     test_runtime_checkpoint_survives_a_restart);

        return g_test_run();
}
