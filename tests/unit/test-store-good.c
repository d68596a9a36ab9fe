/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: the last known good state
 *
 * One session marks the state good, takes it back, and does both again over several generations of
 * files. What the state is after each of its steps is found out once; then the session is killed, or
 * the power cut, at its first call, at its second, and so on. What is there afterwards is what was
 * there after the last step that was done, or after the one that was under way.
 */

#include "core/restore.h"
#include "support/faulty-io.h"
#include "support/power-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NS        "org.example.Router"
#define OTHER_NS  "org.example.Other"
#define CALLS_MAX 3000
#define TURNS_MAX 100000

/* What came of something that is done in the background. */
typedef struct Done {
        bool is_done;
        int r;
        State *source;
        CommitSource identity;
} Done;

static void on_marked(void *userdata, int r)
{
        Done *done = userdata;

        done->is_done = true;
        done->r = r;
}

static void on_loaded(void *userdata, int r, State *source, const CommitSource *identity)
{
        Done *done = userdata;

        done->source = source;
        done->identity = *identity;
        on_marked(done, r);
}

static int wait_until_done(StoreFixture *f, const Done *done)
{
        for (int i = 0; !done->is_done; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 10000), >=, 0);
        }
        return done->r;
}

static int mark_good(StoreFixture *f)
{
        Done done = { 0 };
        int r = store_mark_good(f->store, on_marked, &done);

        if (r != 0)
                return MIN(r, 0);
        r = wait_until_done(f, &done);
        if (r == 0)
                g_assert_cmpuint(f->status.last_good_revision, ==, state_revision(f->state));
        return r;
}

static int restore(StoreFixture *f)
{
        Commit *commit = store_fixture_commit(f);
        Done done = { 0 };
        int r;

        store_load_good(f->store, on_loaded, &done);
        r = wait_until_done(f, &done);
        if (r == 0) {
                restore_fill(commit, f->state, done.source);
                commit->source = done.identity;
                state_free(done.source);
        }
        if (r == 0 && commit->changes->len > 0)
                return store_fixture_write_one(f, commit);
        commit_free(commit);
        return r;
}

static int put(
        StoreFixture *f, const char *ns, const char *key, const char *value, EntryClass class)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_put(commit, ns, key, value, class);
        return store_fixture_write_one(f, commit);
}

static int create(StoreFixture *f, const char *ns)
{
        Commit *commit = store_fixture_commit(f);

        store_fixture_create(commit, ns);
        return store_fixture_write_one(f, commit);
}

static int remove_namespace(StoreFixture *f, const char *ns)
{
        Commit *commit = store_fixture_commit(f);

        commit_add(commit, NAMESPACE_CHANGE_REMOVE, ns);
        return store_fixture_write_one(f, commit);
}

static int checkpoint(StoreFixture *f)
{
        uint64_t n = store_fixture_statistic(f, "checkpoints") +
                     store_fixture_statistic(f, "checkpoint-failures");
        int r = store_checkpoint(f->store);

        for (int i = 0; r == 0; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                if (store_fixture_statistic(f, "checkpoints") +
                            store_fixture_statistic(f, "checkpoint-failures") >
                    n)
                        return 0;
                if (f->status.state == SERVICE_READ_ONLY)
                        return -EROFS;
                g_assert_cmpint(sd_event_run(f->event, 1000), >=, 0);
        }
        return r;
}

static int step(StoreFixture *f, unsigned number)
{
        switch (number) {
        case 0:
                return store_fixture_open(f);
        case 1:
                return create(f, NS);
        case 2:
                return put(f, NS, "kept", "1", ENTRY_PERSISTENT);
        case 3:
                return put(f, NS, "changed", "1", ENTRY_PERSISTENT);
        case 4:
        case 10: /* while the journal still names the copy of before */
                return mark_good(f);
        case 5:
        case 11:
        case 15:
                return put(f, NS, "changed",
                           number == 5    ? "2"
                           : number == 11 ? "3"
                                          : "4",
                           ENTRY_PERSISTENT);
        case 6:
                return create(f, OTHER_NS);
        case 7:
                return put(f, OTHER_NS, "added", "1", ENTRY_PERSISTENT);
        case 8:
        case 16:
                return restore(f);
        case 9:
                return put(f, NS, "after", "1", ENTRY_PERSISTENT);
        case 12:
        case 14:
        case 17:
                return checkpoint(f);
        case 13:
                return put(f, NS, "kept", NULL, ENTRY_PERSISTENT);
        case 18:
                return remove_namespace(f, NS);
        case 19:
                return restore(f);
        case 20:
                return put(f, NS, "last", "1", ENTRY_PERSISTENT);
        default:
                g_assert_not_reached();
        }
}

#define N_STEPS 21u

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
        char *states[N_STEPS + 1]; /* after so many steps */
        char *good[N_STEPS + 1];   /* what was marked by then */
} Expected;

static void expect(Expected *expected)
{
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        expected->states[0] = g_strdup("");
        expected->good[0] = g_strdup("");
        for (unsigned i = 0; i < N_STEPS; i++) {
                g_assert_cmpint(step(&f, i), ==, 0);
                expected->states[i + 1] = describe(&f);
                expected->good[i + 1] =
                        g_strdup(i == 4 || i == 10 ? expected->states[i + 1] : expected->good[i]);
        }
        g_assert_cmpint(store_fixture_close(&f), ==, 0);
        store_fixture_tear_down(&f, NULL);
}

static void expected_clear(Expected *expected)
{
        for (unsigned i = 0; i <= N_STEPS; i++) {
                g_free(expected->states[i]);
                g_free(expected->good[i]);
        }
}

static unsigned run_session(StoreFixture *f)
{
        unsigned n_done = 0;

        while (n_done < N_STEPS && step(f, n_done) == 0)
                n_done++;
        if (n_done == N_STEPS)
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
        unsigned next = MIN(n_done + 1, N_STEPS);
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
        g_assert_cmpint(restore(f), ==, 0);
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

static void run_steps(StoreFixture *f, unsigned n_steps)
{
        for (unsigned i = 0; i < n_steps; i++)
                g_assert_cmpint(step(f, i), ==, 0);
}

/* Runtime entries stay, unless their key or their namespace has to go. */
static void test_runtime_entries_stay(void)
{
        StoreFixture f;

        store_fixture_set_up(&f, NULL);
        run_steps(&f, 8);
        g_assert_cmpint(put(&f, NS, "lost", "1", ENTRY_RUNTIME), ==, 0);
        g_assert_cmpint(put(&f, OTHER_NS, "lost", "1", ENTRY_RUNTIME), ==, 0);
        g_assert_cmpint(put(&f, NS, "kept", NULL, ENTRY_PERSISTENT), ==, 0);
        g_assert_cmpint(put(&f, NS, "kept", "lost", ENTRY_RUNTIME), ==, 0);
        g_assert_cmpint(restore(&f), ==, 0);
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

static char *path_of_copy(StoreFixture *f)
{
        g_autofree char *name =
                g_strdup_printf("checkpoint-%" G_GUINT64_FORMAT, f->status.last_good_revision);

        return g_build_filename(f->state_directory, "last-known-good", name, NULL);
}

static void test_damaged_copy_is_never_used(void)
{
        struct stat st = { .st_size = 1 };

        for (goffset offset = 0; offset < st.st_size; offset++) {
                g_autofree char *path = NULL;
                StoreFixture f;
                Done done = { 0 };

                store_fixture_set_up(&f, NULL);
                run_steps(&f, 6);
                path = path_of_copy(&f);
                g_assert_cmpint(stat(path, &st), ==, 0);
                flip(path, offset);

                store_load_good(f.store, on_loaded, &done);
                g_assert_cmpint(wait_until_done(&f, &done), ==, -EBADMSG);
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
        run_steps(&f, 10);
        path = path_of_copy(&f);
        store_fixture_crash(&f);
        g_assert_cmpint(remove(path), ==, 0);
        store_fixture_reopen(&f);
        g_assert_cmpint(f.status.state, ==, SERVICE_DEGRADED);
        g_assert_cmpint(f.status.loaded_from, ==, LOADED_FROM_PREFIX);
        g_assert_nonnull(f.status.loaded_reason);
        g_assert_cmpstr(store_fixture_get(&f, OTHER_NS, "added"), ==, "1");
        store_fixture_tear_down(&f, NULL);
}

static void test_failure_ends_the_marking(gconstpointer error)
{
        StoreFixture f;
        FaultyIo faulty;
        uint64_t good;

        store_fixture_set_up(&f, NULL);
        faulty_io_init(&faulty, io_system());
        f.io = &faulty.io;
        run_steps(&f, 6);
        good = f.status.last_good_revision;

        faulty.error = GPOINTER_TO_INT(error);
        faulty_io_arm(&faulty, FAULT_ERRORS, 1);
        g_assert_cmpint(mark_good(&f), ==, GPOINTER_TO_INT(error));
        g_assert_cmpuint(f.status.last_good_revision, ==, good);
        g_assert_cmpint(f.status.state, ==, SERVICE_RUNNING);
        faulty_io_arm(&faulty, FAULT_NONE, 1);
        g_assert_cmpint(mark_good(&f), ==, 0);
        g_assert_cmpint(mark_good(&f), ==, 0);
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
        g_test_add_data_func("/store/good/full-disk-ends-the-marking", GINT_TO_POINTER(-ENOSPC),
                             test_failure_ends_the_marking);
        g_test_add_data_func("/store/good/full-quota-ends-the-marking", GINT_TO_POINTER(-EDQUOT),
                             test_failure_ends_the_marking);

        return g_test_run();
}
