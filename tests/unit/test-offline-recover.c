/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recover: ended at any call, it leaves the old state or the new one, and all that was there
 */

#include "offline/recover.h"
#include "support/faulty-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NS        "org.example.Router"
#define CALLS_MAX 500

static char *checksum_of(const char *path)
{
        g_autofree char *content = NULL;
        size_t n_bytes;

        g_assert_true(g_file_get_contents(path, &content, &n_bytes, NULL));
        return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guint8 *) content, n_bytes);
}

/* Files by what is in them, not by what they are called: second names are links, else copies. */
static void list_files(GHashTable *found, const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *below = g_build_filename(path, name, NULL);
                struct stat st;

                g_assert_cmpint(lstat(below, &st), ==, 0);
                if (S_ISDIR(st.st_mode) && strcmp(name, "tmp") != 0)
                        list_files(found, below);
                else if (strcmp(name, "MANIFEST") == 0 || g_str_has_prefix(name, "journal-") ||
                         g_str_has_prefix(name, "checkpoint-"))
                        g_hash_table_add(found, checksum_of(below));
        }
}

static GHashTable *files_below(const char *path)
{
        GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        list_files(found, path);
        return found;
}

static void fill(StoreFixture *f, const char *value)
{
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        store_fixture_set(f, NS, "a", value);
        store_fixture_set(f, NS, value, "b");
        g_assert_cmpint(store_fixture_close(f), ==, 0);
}

/* What it says goes to standard output, where the results of tests are. */
static int recover_quietly(const RecoverOptions *options)
{
        int saved = dup(STDOUT_FILENO), nothing = open("/dev/null", O_WRONLY | O_CLOEXEC), r;

        g_assert_cmpint(fflush(stdout), ==, 0);
        g_assert_cmpint(dup2(nothing, STDOUT_FILENO), >=, 0);
        r = recover_directory(options);
        g_assert_cmpint(fflush(stdout), ==, 0);
        g_assert_cmpint(dup2(saved, STDOUT_FILENO), >=, 0);
        close(nothing);
        close(saved);
        return r;
}

/* Opens @f anew, as a start, and finds which of both it has. */
static bool is_recovered(StoreFixture *f)
{
        const char *value;
        bool is_new;

        g_assert_cmpint(store_fixture_open(f), ==, 0);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_null(f->status.loaded_reason);
        value = store_fixture_get(f, NS, "a");
        is_new = g_strcmp0(value, "new") == 0;
        g_assert_cmpstr(value, ==, is_new ? "new" : "old");
        g_assert_cmpstr(store_fixture_get(f, NS, value), ==, "b");
        g_assert_null(store_fixture_get(f, NS, is_new ? "old" : "new"));
        return is_new;
}

/* One attempt that goes wrong at call @at. Whether it did. */
static bool try(const StoreFixture *source, FaultKind kind, int at)
{
        StoreFixture f;
        FaultyIo io;
        RecoverOptions options = { .io = &io.io, .from = source->state_directory };
        g_autoptr(GHashTable) before = NULL;
        g_autoptr(GHashTable) after = NULL;
        GHashTableIter iter;
        gpointer file;
        uint64_t revision;
        bool has_struck;
        int r;

        store_fixture_set_up(&f, NULL);
        fill(&f, "old");
        revision = f.acknowledged_revision;
        before = files_below(f.state_directory);
        options.directories.state_directory = f.state_directory;
        options.directories.runtime_directory = f.runtime_directory;

        faulty_io_init(&io, io_system());
        faulty_io_arm(&io, kind, at);
        r = recover_quietly(&options);
        has_struck = faulty_io_has_struck(&io);
        g_assert_true(r == 0 || has_struck);

        after = files_below(f.state_directory);
        g_hash_table_iter_init(&iter, before);
        while (g_hash_table_iter_next(&iter, &file, NULL))
                g_assert_true(g_hash_table_contains(after, file));

        if (r == 0)
                g_assert_true(is_recovered(&f));
        else
                (void) is_recovered(&f);
        g_assert_cmpuint(state_revision(f.state), >=, revision);
        store_fixture_tear_down(&f, NULL);
        return has_struck;
}

static void test_ended_anywhere(gconstpointer kind)
{
        StoreFixture source;
        int at = 1;

        store_fixture_set_up(&source, NULL);
        fill(&source, "new");
        while (try(&source, (FaultKind) GPOINTER_TO_INT(kind), at)) {
                at++;
                g_assert_cmpint(at, <, CALLS_MAX);
        }
        g_assert_cmpint(at, >, 20);
        store_fixture_tear_down(&source, NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_data_func("/offline/recover/killed-anywhere", GINT_TO_POINTER(FAULT_CRASH),
                             test_ended_anywhere);
        g_test_add_data_func("/offline/recover/killed-anywhere-torn",
                             GINT_TO_POINTER(FAULT_CRASH_TORN), test_ended_anywhere);
        g_test_add_data_func("/offline/recover/any-call-fails", GINT_TO_POINTER(FAULT_ERROR),
                             test_ended_anywhere);
        g_test_add_data_func("/offline/recover/all-calls-fail", GINT_TO_POINTER(FAULT_ERRORS),
                             test_ended_anywhere);
        return g_test_run();
}
