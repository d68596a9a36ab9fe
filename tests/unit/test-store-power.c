/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: power cuts
 *
 * The power is cut at the first call of a session, at the second, and so on until the session is over.
 * What was acknowledged is there then, nothing is that was never sent, and it is not taken for damage.
 * What a start has shown is there after a power cut, too.
 */

#include "core/namespace-places.h"
#include "store-session.h"
#include "support/faulty-io.h"
#include "support/power-io.h"

#include <sys/stat.h>

#define CALLS_MAX   2000
#define POWER_SEEDS 3u

/* A file system that forgets, with a first session on it that it remembers. */
static PowerIo *power_up(StoreFixture *f, guint32 seed)
{
        g_autofree char *keep = g_build_filename(f->path, "keep", NULL);

        store_session_run_first(f);
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
        (void) store_session_run(f);

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
                        store_session_check_afterwards(&f, false);
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
                (void) store_session_run(&f);
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
                (void) store_session_run(&f);

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
                        store_session_check_afterwards(&g, false);
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
        g_test_init(&argc, &argv, NULL);

#define POWER_TEST(path, test)                                                           \
        g_test_add("/store/power/" path, StoreFixture, NULL, store_fixture_set_up, test, \
                   store_fixture_tear_down)
        POWER_TEST("power-cut-anywhere", test_power_cut_anywhere);
        POWER_TEST("shown-after-a-kill-survives-a-power-cut",
                   test_shown_after_a_kill_survives_a_power_cut);
        POWER_TEST("shown-after-a-failed-sync-survives-a-power-cut",
                   test_shown_after_a_failed_sync_survives_a_power_cut);
        POWER_TEST("lying-disk-is-noticed", test_lying_disk_is_noticed);

        return g_test_run();
}
