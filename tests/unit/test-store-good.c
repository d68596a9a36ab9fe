/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: the last known good state
 *
 * One session marks the state good, takes it back, and does both again over several generations of
 * files. What the state is after each of its steps is found out once; then the session is killed, or
 * the power cut, at its first call, at its second, and so on. What is there afterwards is what was
 * there after the last step that was done, or after the one that was under way.
 */

#include "support/faulty-io.h"
#include "support/power-io.h"
#include "unit/good-session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CALLS_MAX 3000

static gboolean describe_namespace(gpointer name, gpointer value, gpointer userdata)
{
        GString *text = userdata;

        g_string_append_printf(text, "%s:", (const char *) name);
        for (GTreeNode *node = namespace_first(value, "", ""); node;
             node = namespace_next(node, "")) {
                const Entry *entry = namespace_node_entry(node);

                g_string_append_printf(text, " %s=%s", entry_key(entry),
                                       (const char *) entry_value_bytes(entry));
        }
        g_string_append_c(text, '\n');
        return FALSE;
}

static char *describe(StoreFixture *f)
{
        GString *text = g_string_new(NULL);

        g_tree_foreach(state_namespaces(f->state), describe_namespace, text);
        return g_string_free(text, FALSE);
}

typedef struct Expected {
        char *states[GOOD_SESSION_N_STEPS + 1]; /* after so many steps */
        char *good[GOOD_SESSION_N_STEPS + 1];   /* what was marked by then */
} Expected;

static void expect(Expected *expected)
{
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        expected->states[0] = g_strdup("");
        expected->good[0] = g_strdup("");
        for (unsigned i = 0; i < GOOD_SESSION_N_STEPS; i++) {
                g_assert_cmpint(good_session_step(&f, i), ==, 0);
                expected->states[i + 1] = describe(&f);
                expected->good[i + 1] =
                        g_strdup(i == 4 || i == 10 ? expected->states[i + 1] : expected->good[i]);
        }
        g_assert_cmpint(store_fixture_close(&f), ==, 0);
        store_fixture_tear_down(&f, NULL);
}

static void expected_clear(Expected *expected)
{
        for (unsigned i = 0; i <= GOOD_SESSION_N_STEPS; i++) {
                g_free(expected->states[i]);
                g_free(expected->good[i]);
        }
}

static unsigned run_session(StoreFixture *f)
{
        unsigned n_done = 0;

        while (n_done < GOOD_SESSION_N_STEPS && good_session_step(f, n_done) == 0)
                n_done++;
        if (n_done == GOOD_SESSION_N_STEPS)
                (void) store_close(f->store);
        store_fixture_crash(f);
        return n_done;
}

static void assert_is_either(const char *found, const char *one, const char *other)
{
        if (strcmp(found, one) != 0)
                g_assert_cmpstr(found, ==, other);
}

/* Twice, and then what is marked good is what was, too. */
static void check_afterwards(StoreFixture *f, const Expected *expected, unsigned n_done)
{
        unsigned next = MIN(n_done + 1, GOOD_SESSION_N_STEPS);
        g_autofree char *good = NULL;

        for (int i = 0; i < 2; i++) {
                g_autofree char *found = NULL;

                store_fixture_reopen(f);
                g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
                found = describe(f);
                assert_is_either(found, expected->states[n_done], expected->states[next]);
        }

        if (f->status.last_good_revision == 0) {
                g_assert_cmpstr(expected->good[n_done], ==, "");
                return;
        }
        g_assert_cmpint(good_session_restore(f), ==, 0);
        good = describe(f);
        assert_is_either(good, expected->good[n_done], expected->good[next]);
        store_fixture_reopen(f);
        g_free(good);
        good = describe(f);
        assert_is_either(good, expected->good[n_done], expected->good[next]);
}

static void test_killed_anywhere(void)
{
        bool has_struck = true;
        Expected expected;

        expect(&expected);
        for (int at = 1; has_struck; at++) {
                StoreFixture f;
                FaultyIo faulty;
                unsigned n_done;

                g_assert_cmpint(at, <, CALLS_MAX);
                store_fixture_set_up(&f, NULL);
                faulty_io_init(&faulty, io_system());
                faulty_io_arm(&faulty, FAULT_CRASH_TORN, at);
                f.io = &faulty.io;
                n_done = run_session(&f);
                has_struck = faulty_io_has_struck(&faulty);

                check_afterwards(&f, &expected, n_done);
                store_fixture_tear_down(&f, NULL);
        }
        expected_clear(&expected);
}

static void test_power_cut_anywhere(void)
{
        bool has_struck = true;
        Expected expected;

        expect(&expected);
        for (int at = 1; has_struck; at++) {
                g_autoptr(PowerIo) power = NULL;
                g_autofree char *keep = NULL;
                StoreFixture f;
                FaultyIo faulty;
                unsigned n_done;

                g_assert_cmpint(at, <, CALLS_MAX);
                store_fixture_set_up(&f, NULL);
                keep = g_build_filename(f.path, "keep", NULL);
                g_assert_cmpint(mkdir(keep, 0700), ==, 0);
                power = power_io_new(keep, (guint32) at);
                faulty_io_init(&faulty, power_io(power));
                faulty_io_arm(&faulty, FAULT_CRASH_TORN, at);
                f.io = &faulty.io;
                n_done = run_session(&f);
                has_struck = faulty_io_has_struck(&faulty);

                power_io_cut(power);
                f.boot_id.bytes[0]++;
                check_afterwards(&f, &expected, n_done);
                store_fixture_tear_down(&f, NULL);
        }
        expected_clear(&expected);
}

/* Runtime entries stay, unless their key or their namespace has to go. */
static void test_runtime_entries_stay(void)
{
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        good_session_run(&f, 8);
        g_assert_cmpint(good_session_put(&f, NS, "lost", "1", ENTRY_RUNTIME), ==, 0);
        g_assert_cmpint(good_session_put(&f, OTHER_NS, "lost", "1", ENTRY_RUNTIME), ==, 0);
        g_assert_cmpint(good_session_put(&f, NS, "kept", NULL, ENTRY_PERSISTENT), ==, 0);
        g_assert_cmpint(good_session_put(&f, NS, "kept", "lost", ENTRY_RUNTIME), ==, 0);
        g_assert_cmpint(good_session_restore(&f), ==, 0);
        for (int i = 0; i < 3; i++) {
                g_assert_cmpstr(store_fixture_get(&f, NS, "lost"), ==, "1");
                g_assert_cmpstr(store_fixture_get(&f, NS, "kept"), ==, "1");
                g_assert_null(state_lookup(f.state, OTHER_NS));
                store_fixture_reopen(&f);
        }
        /* The other class's entry is gone for good. */
        f.boot_id.bytes[0]++;
        store_fixture_reopen(&f);
        g_assert_null(store_fixture_get(&f, NS, "lost"));
        g_assert_cmpstr(store_fixture_get(&f, NS, "kept"), ==, "1");
        store_fixture_tear_down(&f, NULL);
}

static void flip(const char *path, goffset offset)
{
        FILE *file = fopen(path, "r+e");
        int byte;

        g_assert_nonnull(file);
        g_assert_cmpint(fseek(file, offset, SEEK_SET), ==, 0);
        byte = fgetc(file);
        g_assert_cmpint(fseek(file, offset, SEEK_SET), ==, 0);
        g_assert_cmpint(fputc(byte ^ 4, file), !=, EOF);
        g_assert_cmpint(fclose(file), ==, 0);
}

static void test_damaged_copy_is_never_used(void)
{
        struct stat st = { .st_size = 1 };

        for (goffset offset = 0; offset < st.st_size; offset++) {
                g_autofree char *path = NULL;
                StoreFixture f;

                store_fixture_set_up(&f, NULL);
                good_session_run(&f, 6);
                path = good_session_copy_path(&f);
                g_assert_cmpint(stat(path, &st), ==, 0);
                flip(path, offset);

                g_assert_cmpint(good_session_restore(&f), ==, -EBADMSG);
                store_fixture_reopen(&f);
                g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
                g_assert_cmpuint(f.status.last_good_revision, ==, 0);
                g_assert_cmpstr(store_fixture_get(&f, NS, "changed"), ==, "2");
                g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
                store_fixture_tear_down(&f, NULL);
        }
}

/* A copy that is gone, though a journal says that it was restored, is damage like any other. */
static void test_missing_copy_is_noticed(void)
{
        g_autofree char *path = NULL;
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        good_session_run(&f, 10);
        path = good_session_copy_path(&f);
        store_fixture_crash(&f);
        g_assert_cmpint(remove(path), ==, 0);
        store_fixture_reopen(&f);
        g_assert_cmpint(f.status.state, ==, SERVICE_DEGRADED);
        g_assert_cmpint(f.status.loaded_from, ==, LOADED_FROM_PREFIX);
        g_assert_nonnull(f.status.loaded_reason);
        g_assert_cmpstr(store_fixture_get(&f, OTHER_NS, "added"), ==, "1");
        store_fixture_tear_down(&f, NULL);
}

static void test_failure_ends_the_marking(void)
{
        StoreFixture f;
        FaultyIo faulty;
        uint64_t good;

        store_fixture_set_up(&f, NULL);
        faulty_io_init(&faulty, io_system());
        f.io = &faulty.io;
        good_session_run(&f, 6);
        good = f.status.last_good_revision;

        faulty.error = -ENOSPC;
        faulty_io_arm(&faulty, FAULT_ERRORS, 1);
        g_assert_cmpint(good_session_mark(&f), ==, -ENOSPC);
        g_assert_cmpuint(f.status.last_good_revision, ==, good);
        g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
        faulty_io_arm(&faulty, FAULT_NONE, 1);
        g_assert_cmpint(good_session_mark(&f), ==, 0);
        g_assert_cmpint(good_session_mark(&f), ==, 0);
        store_fixture_tear_down(&f, NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/store/good/killed-anywhere", test_killed_anywhere);
        g_test_add_func("/store/good/power-cut-anywhere", test_power_cut_anywhere);
        g_test_add_func("/store/good/runtime-entries-stay", test_runtime_entries_stay);
        g_test_add_func("/store/good/damaged-copy-is-never-used", test_damaged_copy_is_never_used);
        g_test_add_func("/store/good/missing-copy-is-noticed", test_missing_copy_is_noticed);
        g_test_add_func("/store/good/failure-ends-the-marking", test_failure_ends_the_marking);

        return g_test_run();
}
