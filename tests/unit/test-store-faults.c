/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: every call going wrong, every place to be killed at, and power cuts
 *
 * One session of a store, opened, written to, checkpointed and closed, is run again and again, with
 * something going wrong at its first call, at its second, and so on until nothing does. Then the
 * directories are opened as they are: what was acknowledged is there, nothing is that was never
 * sent, and a crash is never taken for damage.
 */

#include "core/namespace-places.h"
#include "support/faulty-io.h"
#include "support/power-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <sys/stat.h>

#define NS          "org.example.Router"
#define OTHER_NS    "org.example.Other"
#define CALLS_MAX   2000
#define POWER_SEEDS 3u

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

/* Ends with the first thing that fails, as the service would. */
static int run_session(StoreFixture *f)
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

/* What every session finds: two generations and some commits after them. */
static void run_first_session(StoreFixture *f)
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

/* Opens what is there, twice, and looks at it; then it can be written to. */
static void check_afterwards(StoreFixture *f, bool may_be_damaged)
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

typedef struct Campaign {
        FaultKind kind;
        int error;
        bool may_be_damaged; /* a read that fails counts as damage */
        int stride;          /* with -m slow, every call */
} Campaign;

static void test_every_call(StoreFixture *unused G_GNUC_UNUSED, gconstpointer userdata)
{
        const Campaign *campaign = userdata;
        bool has_struck = true;

        for (int at = 1; has_struck; at += g_test_slow() ? 1 : campaign->stride) {
                StoreFixture f;
                FaultyIo faulty;

                g_assert_cmpint(at, <, CALLS_MAX);
                store_fixture_set_up(&f, NULL);
                run_first_session(&f);

                faulty_io_init(&faulty, io_system());
                faulty.error = campaign->error;
                faulty_io_arm(&faulty, campaign->kind, at);
                f.io = &faulty.io;
                (void) run_session(&f);
                has_struck = faulty_io_has_struck(&faulty);

                check_afterwards(&f, campaign->may_be_damaged);
                store_fixture_tear_down(&f, NULL);
        }
}

/* A start that is killed at one of its calls. */
static bool start_and_kill_at(StoreFixture *f, int at)
{
        FaultyIo faulty;

        faulty_io_init(&faulty, io_system());
        faulty_io_arm(&faulty, FAULT_CRASH, at);
        f->io = &faulty.io;
        (void) store_fixture_open(f);
        store_fixture_crash(f);
        return faulty_io_has_struck(&faulty);
}

static void test_first_start_killed_anywhere(StoreFixture *unused G_GNUC_UNUSED,
                                             gconstpointer unused_too G_GNUC_UNUSED)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++) {
                StoreFixture f;

                store_fixture_set_up(&f, NULL);
                has_struck = start_and_kill_at(&f, at);

                store_fixture_reopen(&f);
                g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
                g_assert_cmpint(f.status.loaded_from, ==,
                                has_struck ? f.status.loaded_from : LOADED_FROM_JOURNAL);
                store_fixture_tear_down(&f, NULL);
        }
}

/* What the first has left by half is not taken for damage by what follows the second. */
static void test_first_start_killed_twice(StoreFixture *unused G_GNUC_UNUSED,
                                          gconstpointer unused_too G_GNUC_UNUSED)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++) {
                bool has_struck_again = true;

                for (int then = 1 + at % 3; has_struck_again; then += g_test_slow() ? 1 : 3) {
                        StoreFixture f;

                        g_assert_cmpint(then, <, CALLS_MAX);
                        store_fixture_set_up(&f, NULL);
                        has_struck = start_and_kill_at(&f, at);
                        has_struck_again = start_and_kill_at(&f, then);

                        store_fixture_reopen(&f);
                        g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
                        store_fixture_tear_down(&f, NULL);
                }
        }
}

/* A file system that forgets, with a first session on it that it remembers. */
static PowerIo *power_up(StoreFixture *f, guint32 seed)
{
        g_autofree char *keep = g_build_filename(f->path, "keep", NULL);

        run_first_session(f);
        g_assert_cmpint(mkdir(keep, 0700), ==, 0);
        return power_io_new(keep, seed);
}

/* One session, with the power cut at one call. */
static bool cut_power_at(StoreFixture *f, int at, guint32 seed, bool is_lying)
{
        g_autoptr(PowerIo) power = power_up(f, seed);
        FaultyIo faulty;

        if (is_lying)
                power_io_lie(power);
        faulty_io_init(&faulty, power_io(power));
        faulty_io_arm(&faulty, FAULT_CRASH_TORN, at);
        f->io = &faulty.io;
        (void) run_session(f);

        power_io_cut(power);
        return faulty_io_has_struck(&faulty);
}

/* What the runtime side had is gone with the boot. */
static void forget_runtime(StoreFixture *f)
{
        GHashTableIter iter;
        gpointer place, value;

        g_hash_table_iter_init(&iter, f->acknowledged);
        while (g_hash_table_iter_next(&iter, &place, &value))
                if (g_str_has_prefix(place, OTHER_NS) || g_str_has_suffix(value, " 2"))
                        g_hash_table_iter_remove(&iter);
}

static void test_power_cut_anywhere(StoreFixture *unused G_GNUC_UNUSED,
                                    gconstpointer unused_too G_GNUC_UNUSED)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at++)
                for (guint32 seed = 0; seed < (g_test_slow() ? POWER_SEEDS : 1); seed++) {
                        StoreFixture f;

                        g_assert_cmpint(at, <, CALLS_MAX);
                        store_fixture_set_up(&f, NULL);
                        has_struck = cut_power_at(&f, at, seed + 100 * (guint32) at, false);

                        f.boot_id.bytes[0]++;
                        forget_runtime(&f);
                        check_afterwards(&f, false);
                        store_fixture_tear_down(&f, NULL);
                }
}

static gboolean note_namespace(gpointer name, gpointer value, gpointer userdata)
{
        StoreFixture *f = userdata;

        NamespacePlaces places;
        const Entry *entry;

        namespace_places_begin(&places, value, NULL);
        while ((entry = namespace_places_next(&places)))
                if (entry_is_persistent(entry))
                        g_hash_table_replace(f->acknowledged,
                                             g_strdup_printf("%s %s%s%s", (const char *) name,
                                                             entry_key(entry),
                                                             *entry_release(entry) ? "@" : "",
                                                             entry_release(entry)),
                                             g_strdup(entry_value_bytes(entry)));

        return FALSE;
}

/* A start after the session; what it shows counts as acknowledged. Then the power is cut. */
static void start_and_cut(StoreFixture *f, PowerIo *power)
{
        f->io = power_io(power);
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_check(f);
        g_hash_table_remove_all(f->acknowledged);
        g_tree_foreach(state_namespaces(f->state), note_namespace, f);
        /* Nothing later may stand in for it. */
        g_hash_table_remove_all(f->sent);
        store_fixture_crash(f);
        power_io_cut(power);
}

static void assert_shown_is_there(StoreFixture *f)
{
        GHashTableIter iter;
        gpointer place, value;

        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_hash_table_iter_init(&iter, f->acknowledged);
        while (g_hash_table_iter_next(&iter, &place, &value)) {
                g_auto(GStrv) parts = g_strsplit(place, " ", 2);

                g_assert_cmpstr(store_fixture_get(f, parts[0], parts[1]), ==, value);
        }
}

static void test_shown_after_a_kill_survives_a_power_cut(StoreFixture *unused G_GNUC_UNUSED,
                                                         gconstpointer unused_too G_GNUC_UNUSED)
{
        bool has_struck = true;

        for (int at = 1; has_struck; at += 2) {
                g_autoptr(PowerIo) power = NULL;
                StoreFixture f;
                FaultyIo faulty;

                store_fixture_set_up(&f, NULL);
                power = power_up(&f, (guint32) at);
                faulty_io_init(&faulty, power_io(power));
                faulty_io_arm(&faulty, FAULT_CRASH_TORN, at);
                f.io = &faulty.io;
                (void) run_session(&f);
                has_struck = faulty_io_has_struck(&faulty);

                start_and_cut(&f, power);
                f.boot_id.bytes[0]++;
                assert_shown_is_there(&f);
                store_fixture_tear_down(&f, NULL);
        }
}

static void test_shown_after_a_failed_sync_survives_a_power_cut(
        StoreFixture *unused G_GNUC_UNUSED, gconstpointer unused_too G_GNUC_UNUSED)
{
        for (int n = 1; n < 60; n++) {
                g_autoptr(PowerIo) power = NULL;
                StoreFixture f;

                store_fixture_set_up(&f, NULL);
                power = power_up(&f, (guint32) n);
                power_io_fail_sync(power, n);
                f.io = power_io(power);
                (void) run_session(&f);

                power_io_fail_sync(power, 0);
                start_and_cut(&f, power);
                f.boot_id.bytes[0]++;
                assert_shown_is_there(&f);
                store_fixture_tear_down(&f, NULL);
        }
}

/* The campaigns are worth something: where syncing is a lie, they find that out. */
static void test_lying_disk_is_noticed(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        if (g_test_subprocess()) {
                for (int at = 20; at < 200; at += 20) {
                        StoreFixture g;

                        store_fixture_set_up(&g, NULL);
                        (void) cut_power_at(&g, at, (guint32) at, true);
                        g.boot_id.bytes[0]++;
                        forget_runtime(&g);
                        check_afterwards(&g, false);
                        store_fixture_tear_down(&g, NULL);
                }
                return;
        }

        g_setenv("REGENT_TEST_SCRATCH", f->path, TRUE);
        g_test_trap_subprocess(NULL, 0, 0);
        g_unsetenv("REGENT_TEST_SCRATCH");
        g_test_trap_assert_failed();
}

int main(int argc, char **argv)
{
        static const Campaign campaigns[] = {
                { FAULT_ERROR, -EIO, true, 1 },  { FAULT_ERROR, -ENOSPC, true, 2 },
                { FAULT_SHORT, -EIO, true, 3 },  { FAULT_LATE_ERROR, -EIO, true, 2 },
                { FAULT_CRASH, -EIO, false, 1 }, { FAULT_CRASH_TORN, -EIO, false, 2 },
        };
        static const char *const names[] = {
                "error",      "disk-full", "short",
                "late-error", "killed",    "killed-in-the-middle-of-a-write",
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(campaigns); i++) {
                g_autofree char *path = g_strdup_printf("/store/faults/%s", names[i]);

                g_test_add(path, StoreFixture, &campaigns[i], store_fixture_set_up, test_every_call,
                           store_fixture_tear_down);
        }
        g_test_add("/store/faults/first-start-killed-anywhere", StoreFixture, NULL,
                   store_fixture_set_up, test_first_start_killed_anywhere, store_fixture_tear_down);
        g_test_add("/store/faults/first-start-killed-twice", StoreFixture, NULL,
                   store_fixture_set_up, test_first_start_killed_twice, store_fixture_tear_down);
        g_test_add("/store/faults/power-cut-anywhere", StoreFixture, NULL, store_fixture_set_up,
                   test_power_cut_anywhere, store_fixture_tear_down);
        g_test_add("/store/faults/shown-after-a-kill-survives-a-power-cut", StoreFixture, NULL,
                   store_fixture_set_up, test_shown_after_a_kill_survives_a_power_cut,
                   store_fixture_tear_down);
        g_test_add("/store/faults/shown-after-a-failed-sync-survives-a-power-cut", StoreFixture,
                   NULL, store_fixture_set_up, test_shown_after_a_failed_sync_survives_a_power_cut,
                   store_fixture_tear_down);
        g_test_add("/store/faults/lying-disk-is-noticed", StoreFixture, NULL, store_fixture_set_up,
                   test_lying_disk_is_noticed, store_fixture_tear_down);

        return g_test_run();
}
