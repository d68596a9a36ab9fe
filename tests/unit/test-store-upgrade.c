/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: a start on files of an older format, with something going wrong at its first call, at its
 * second, and so on
 *
 * What is there afterwards is what was there, and in the present format. The files are those of
 * tests/old-stores; power cuts are the explorer's, in tests/crash.
 */

#include "store/format.h"
#include "support/faulty-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <string.h>

#define CALLS_MAX 2000

/* What cannot be read is damaged, which is another matter. */
#define CHANGING_CALLS \
        (FAULTY_WRITE | FAULTY_SYNC | FAULTY_RENAME | FAULTY_LINK | FAULTY_UNLINK | FAULTY_ALLOCATE)

/* Of make.py. */
#define OLD_BOOT          "0123456789abcdef0123456789abcdef"
#define OLD_GOOD_REVISION 64u

static const char *const names[] = { "killed", "stopped" };

/* An archive, and a part of what is in it. */
typedef struct OldFormat {
        const char *archive, *entry;
} OldFormat;

static const OldFormat formats[] = {
        { OLD_STORES "/format-1.tar.xz", "last='written before the end'@78" },
        { OLD_STORES "/format-2.tar.xz", "last='written before the end'@81" },
};

static void run(const char *const *argv)
{
        g_autoptr(GError) error = NULL;
        int status = -1;

        g_assert_true(g_spawn_sync(NULL, (char **) (uintptr_t) argv, NULL, G_SPAWN_SEARCH_PATH,
                                   NULL, NULL, NULL, NULL, &status, &error));
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 0);
}

/* Once; the rest are copies. */
static char *unpack(const OldFormat *format)
{
        char *path = g_dir_make_tmp("regent-old-XXXXXX", NULL);
        const char *const argv[] = { "tar", "-xJf", format->archive, "-C", path, "--no-same-owner",
                                     NULL };

        g_assert_nonnull(path);
        run(argv);
        return path;
}

static void put_in_place(const char *from, const char *part, const char *to)
{
        g_autofree char *source = g_build_filename(from, part, ".", NULL);
        const char *const argv[] = { "cp", "-a", source, to, NULL };

        g_assert_true(g_mkdir_with_parents(to, 0700) == 0);
        run(argv);
}

static void set_up(StoreFixture *f, const char *unpacked, const char *name)
{
        g_autofree char *from = g_build_filename(unpacked, name, NULL);

        store_fixture_set_up(f, NULL);
        put_in_place(from, "state", f->state_directory);
        put_in_place(from, "runtime", f->runtime_directory);
        g_assert_cmpint(sd_id128_from_string(OLD_BOOT, &f->boot_id), ==, 0);
}

static gboolean describe_namespace(gpointer name, gpointer value, gpointer userdata)
{
        GString *text = userdata;

        g_string_append_printf(text, "%s:", (const char *) name);
        for (GTreeNode *node = namespace_first(value, "", ""); node;
             node = namespace_next(node, "")) {
                Entry *entry = namespace_node_entry(node);
                g_autoptr(GVariant) thing = entry_value(entry);
                g_autofree char *printed = g_variant_print(thing, TRUE);

                g_string_append_printf(text, " %s=%s@%" G_GUINT64_FORMAT, entry_key(entry), printed,
                                       entry->revision);
        }
        g_string_append_c(text, '\n');
        return FALSE;
}

static char *describe(const StoreFixture *f)
{
        GString *text = g_string_new(NULL);

        g_tree_foreach(state_namespaces(f->state), describe_namespace, text);
        return g_string_free(text, FALSE);
}

static uint32_t newest_version(const char *directory)
{
        g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
        uint64_t newest = 0;
        uint32_t version = 0;
        const char *name;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(directory, name, NULL);
                g_autofree char *bytes = NULL;
                gsize n_bytes;

                if (!g_str_has_prefix(name, "journal-") ||
                    g_ascii_strtoull(name + strlen("journal-"), NULL, 10) < newest)
                        continue;
                newest = g_ascii_strtoull(name + strlen("journal-"), NULL, 10);
                g_assert_true(g_file_get_contents(path, &bytes, &n_bytes, NULL));
                g_assert_cmpuint(n_bytes, >=, sizeof(FileHeader));
                memcpy(&version, bytes + offsetof(FileHeader, version), sizeof version);
        }
        return GUINT32_FROM_LE(version);
}

/* A start that nothing happens to, and one more. */
static void check(StoreFixture *f, const char *expected)
{
        for (int i = 0; i < 2; i++) {
                g_autofree char *found = NULL;

                store_fixture_reopen(f);
                g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
                g_assert_cmpint(f->status.loaded_from, ==, LOADED_FROM_JOURNAL);
                g_assert_cmpuint(f->status.last_good_revision, ==, OLD_GOOD_REVISION);
                found = describe(f);
                g_assert_cmpstr(found, ==, expected);
                g_assert_cmpuint(newest_version(f->state_directory), ==, FORMAT_VERSION);
                g_assert_cmpuint(newest_version(f->runtime_directory), ==, FORMAT_VERSION);
                store_fixture_check_manifest(f);
        }
}

static char *expect(const OldFormat *format, const char *unpacked, const char *name)
{
        StoreFixture f;
        char *expected;

        set_up(&f, unpacked, name);
        store_fixture_reopen(&f);
        expected = describe(&f);
        g_assert_nonnull(strstr(expected, format->entry));
        check(&f, expected);
        store_fixture_tear_down(&f, NULL);
        return expected;
}

typedef struct Mishap {
        FaultKind kind;
        int error; /* 0: of all calls, and nothing works afterwards */
} Mishap;

/* Whether it has happened: there was a call to happen to. */
static bool start_with(
        const Mishap *mishap, int at, const char *unpacked, const char *name, const char *expected)
{
        StoreFixture f;
        FaultyIo faulty;
        int r;

        set_up(&f, unpacked, name);
        faulty_io_init(&faulty, io_system());
        faulty.error = mishap->error;
        faulty.calls = mishap->error < 0 ? CHANGING_CALLS : 0;
        faulty_io_arm(&faulty, mishap->kind, at);
        f.io = &faulty.io;
        r = store_fixture_open(&f);
        /* It starts, or says why not; what it shows is right, unless it is dead and can read nothing. */
        g_assert_cmpint(r, <=, 0);
        if (r == 0 && mishap->error < 0) {
                g_autofree char *found = describe(&f);

                g_assert_cmpstr(found, ==, expected);
        }
        store_fixture_crash(&f);
        check(&f, expected);
        store_fixture_tear_down(&f, NULL);
        return faulty_io_has_struck(&faulty);
}

static void try(const Mishap *mishap, const OldFormat *format)
{
        g_autofree char *unpacked = unpack(format);

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *expected = expect(format, unpacked, names[i]);
                int at = 1;

                while (start_with(mishap, at, unpacked, names[i], expected))
                        g_assert_cmpint(++at, <, CALLS_MAX);
                g_test_message("%s: %d calls", names[i], at - 1);
                g_assert_cmpint(at, >, 20);
        }
        run((const char *const[]){ "rm", "-r", unpacked, NULL });
}

static void test_whatever_goes_wrong(gconstpointer mishap)
{
        for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
                try(mishap, &formats[i]);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *path;
                Mishap mishap;
        } cases[] = {
                { "killed", { FAULT_CRASH_TORN, 0 } },
                { "fails-once", { FAULT_ERROR, -EIO } },
                { "full-once", { FAULT_ERROR, -ENOSPC } },
                { "full-from-then-on", { FAULT_ERRORS, -ENOSPC } },
                { "short-once", { FAULT_SHORT, -EIO } },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strconcat("/store/upgrade/", cases[i].path, NULL);

                g_test_add_data_func(path, &cases[i].mishap, test_whatever_goes_wrong);
        }
        return g_test_run();
}
