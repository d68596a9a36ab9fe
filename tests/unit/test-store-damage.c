/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Store: what it makes of files that are damaged, missing, or from a later version
 */

#include "store/format.h"
#include "support/store-fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define NS "org.example.Router"

#define TURNS_MAX 100000

static void take_checkpoint(StoreFixture *f)
{
        uint64_t n = store_fixture_statistic(f, "checkpoints");

        g_assert_cmpint(store_checkpoint(f->store), ==, 0);
        for (int i = 0; store_fixture_statistic(f, "checkpoints") == n; i++) {
                g_assert_cmpint(i, <, TURNS_MAX);
                g_assert_cmpint(sd_event_run(f->event, 1000000), >=, 0);
        }
}

/* Two generations: checkpoints at 3 and 5, and journals up to 7. */
static void damage_set_up(StoreFixture *f, gconstpointer unused)
{
        store_fixture_set_up(f, unused);
        g_assert_cmpint(store_fixture_open(f), ==, 0);
        store_fixture_add_namespace(f, NS);
        store_fixture_set(f, NS, "a", "2");
        store_fixture_set(f, NS, "a", "3");
        take_checkpoint(f);
        store_fixture_set(f, NS, "b", "4");
        store_fixture_set(f, NS, "b", "5");
        take_checkpoint(f);
        store_fixture_set(f, NS, "c", "6");
        store_fixture_set(f, NS, "c", "7");
        store_fixture_crash(f);
}

static char *path_of(StoreFixture *f, const char *name)
{
        return g_build_filename(f->state_directory, name, NULL);
}

static int open_file(StoreFixture *f, const char *name)
{
        g_autofree char *path = path_of(f, name);
        int fd = open(path, O_RDWR | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        return fd;
}

static void flip(StoreFixture *f, const char *name, off_t offset)
{
        int fd = open_file(f, name);
        uint8_t byte;

        g_assert_cmpint(pread(fd, &byte, 1, offset), ==, 1);
        byte ^= 0x04;
        g_assert_cmpint(pwrite(fd, &byte, 1, offset), ==, 1);
        close(fd);
}

static void remove_file(StoreFixture *f, const char *name)
{
        g_autofree char *path = path_of(f, name);

        g_assert_cmpint(unlink(path), ==, 0);
}

/* Opens it, degraded, and with what the files had in damaged/. */
static void open_damaged(StoreFixture *f, const char *reason, LoadedFrom loaded_from)
{
        g_autofree char *path = path_of(f, "damaged");
        g_autoptr(GDir) dir = NULL;
        const char *label;
        uint64_t revision;

        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_DEGRADED);
        g_assert_cmpint(f->status.loaded_from, ==, loaded_from);
        g_assert_cmpuint(state_revision(f->state), >=, 1 << 20);

        dir = g_dir_open(path, 0, NULL);
        g_assert_nonnull(dir);
        label = g_dir_read_name(dir);
        g_assert_nonnull(label);
        g_assert_nonnull(strstr(label, reason));
        g_assert_true(g_str_has_prefix(label, "20"));

        /* The next start has nothing to complain of, and goes on. */
        revision = state_revision(f->state);
        store_fixture_set(f, NS, "later", "x");
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_cmpstr(store_fixture_get(f, NS, "later"), ==, "x");
        g_assert_cmpuint(state_revision(f->state), ==, revision + 1);
}

static void test_two_generations_stay(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char *const names[] = { "checkpoint-3", "journal-3", "checkpoint-5",
                                             "journal-5" };
        g_autofree char *oldest = path_of(f, names[0]);

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path = path_of(f, names[i]);
                struct stat st;

                g_assert_cmpint(stat(path, &st), ==, 0);
                g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
        }
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.loaded_from, ==, LOADED_FROM_JOURNAL);
        store_fixture_check(f);

        store_fixture_set(f, NS, "d", "8");
        take_checkpoint(f);
        g_assert_false(g_file_test(oldest, G_FILE_TEST_EXISTS));
}

static void test_bad_checkpoint_loses_nothing(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        for (off_t offset = 0; offset < 300; offset += 7) {
                StoreFixture g;

                damage_set_up(&g, NULL);
                flip(&g, "checkpoint-5", offset);
                open_damaged(&g, "a-checkpoint-is-damaged", LOADED_FROM_PREVIOUS_CHECKPOINT);
                store_fixture_check(&g);
                store_fixture_tear_down(&g, NULL);
        }

        remove_file(f, "checkpoint-5");
        open_damaged(f, "a-checkpoint-is-damaged", LOADED_FROM_PREVIOUS_CHECKPOINT);
        store_fixture_check(f);
}

static void test_all_checkpoints_bad_starts_empty(StoreFixture *f,
                                                  gconstpointer unused G_GNUC_UNUSED)
{
        flip(f, "checkpoint-5", 200);
        flip(f, "checkpoint-3", 200);
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_DEGRADED);
        g_assert_cmpint(f->status.loaded_from, ==, LOADED_FROM_NOTHING);
        g_assert_cmpuint(state_n_keys(f->state), ==, 0);
        store_fixture_add_namespace(f, NS);
}

static void test_bad_record_keeps_the_prefix(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        flip(f, "journal-5", sizeof(FileHeader) + 20);
        open_damaged(f, "a-durable-record-is-missing", LOADED_FROM_PREFIX);
        g_assert_cmpstr(store_fixture_get(f, NS, "b"), ==, "5");
        g_assert_null(store_fixture_get(f, NS, "c"));
}

static void test_bad_journal_header_keeps_the_checkpoint(StoreFixture *f,
                                                         gconstpointer unused G_GNUC_UNUSED)
{
        flip(f, "journal-5", 40);
        open_damaged(f, "a-journal-s-header-is-bad", LOADED_FROM_PREFIX);
        g_assert_cmpstr(store_fixture_get(f, NS, "b"), ==, "5");
}

static void test_missing_journal_keeps_the_checkpoint(StoreFixture *f,
                                                      gconstpointer unused G_GNUC_UNUSED)
{
        remove_file(f, "journal-5");
        open_damaged(f, "a-journal-is-missing", LOADED_FROM_PREFIX);
        g_assert_cmpstr(store_fixture_get(f, NS, "b"), ==, "5");
}

/* The older journal, read since the newer checkpoint is gone, lacks its last record. */
static void test_gap_between_journals_is_noticed(StoreFixture *f,
                                                 gconstpointer unused G_GNUC_UNUSED)
{
        int fd = open_file(f, "journal-3");
        uint32_t length;

        g_assert_cmpint(pread(fd, &length, sizeof length, sizeof(FileHeader) + 4), ==,
                        sizeof length);
        g_assert_cmpint(ftruncate(fd, (off_t) (sizeof(FileHeader) + GUINT32_FROM_LE(length))), ==,
                        0);
        close(fd);
        remove_file(f, "checkpoint-5");
        open_damaged(f, "a-checkpoint-is-damaged", LOADED_FROM_PREFIX);
        g_assert_cmpstr(store_fixture_get(f, NS, "b"), ==, "4");
        g_assert_null(store_fixture_get(f, NS, "c"));
}

static void test_lost_manifest_loses_nothing(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        char epoch[sizeof f->status.epoch];

        memcpy(epoch, f->status.epoch, sizeof epoch);
        remove_file(f, "MANIFEST");
        open_damaged(f, "the-manifest-is-missing", LOADED_FROM_JOURNAL);
        store_fixture_check(f);
        g_assert_cmpstr(f->status.epoch, !=, epoch);
        g_assert_cmpuint(state_revision(f->state), >, UINT64_C(1) << 32);
}

static void test_bad_manifest_loses_nothing(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        for (off_t offset = 0; offset < 400; offset += 31) {
                StoreFixture g;

                damage_set_up(&g, NULL);
                flip(&g, "MANIFEST", offset);
                open_damaged(&g, "the-manifest-is-damaged", LOADED_FROM_JOURNAL);
                store_fixture_check(&g);
                store_fixture_tear_down(&g, NULL);
        }
        store_fixture_reopen(f);
}

static void test_older_manifest_is_noticed(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *path = path_of(f, "MANIFEST");
        g_autofree char *older = NULL;
        gsize n_bytes;

        g_assert_true(g_file_get_contents(path, &older, &n_bytes, NULL));
        store_fixture_reopen(f);
        store_fixture_set(f, NS, "d", "8");
        take_checkpoint(f);
        store_fixture_crash(f);

        /* Nothing was written since: what it names is everything. */
        g_assert_true(g_file_set_contents(path, older, (gssize) n_bytes, NULL));
        store_fixture_reopen(f);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        store_fixture_check(f);
        take_checkpoint(f);
        store_fixture_set(f, NS, "e", "9");
        store_fixture_crash(f);

        g_assert_true(g_file_set_contents(path, older, (gssize) n_bytes, NULL));
        open_damaged(f, "the-manifest-is-older-than-the-journals", LOADED_FROM_JOURNAL);
        store_fixture_check(f);
}

static char *contents_of(StoreFixture *f, const char *name, gsize *ret_bytes)
{
        g_autofree char *path = path_of(f, name);
        char *text;

        g_assert_true(g_file_get_contents(path, &text, ret_bytes, NULL));
        return text;
}

static void make_newer(StoreFixture *f, const char *name)
{
        int fd = open_file(f, name);
        FileHeader header;

        g_assert_cmpint(pread(fd, &header, sizeof header, 0), ==, sizeof header);
        header.incompatible_features |= GUINT64_TO_LE(1);
        header.checksum = GUINT64_TO_LE(XXH3_64bits(&header, offsetof(FileHeader, checksum)));
        g_assert_cmpint(pwrite(fd, &header, sizeof header, 0), ==, sizeof header);
        close(fd);
}

static void test_newer_format_is_left_untouched(StoreFixture *f, gconstpointer unused G_GNUC_UNUSED)
{
        static const char *const names[] = { "journal-5", "checkpoint-5" };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                StoreFixture g;
                g_autofree char *before = NULL;
                g_autofree char *after = NULL;
                gsize n_before, n_after;

                damage_set_up(&g, NULL);
                make_newer(&g, names[i]);
                before = contents_of(&g, names[i], &n_before);
                g_assert_cmpint(store_fixture_open(&g), ==, STORE_E_NEWER_FORMAT);
                after = contents_of(&g, names[i], &n_after);
                g_assert_cmpmem(before, n_before, after, n_after);
                store_fixture_tear_down(&g, NULL);
        }
        store_fixture_reopen(f);
}

static void test_failed_batch_is_never_numbered_again(StoreFixture *f,
                                                      gconstpointer unused G_GNUC_UNUSED)
{
        g_autofree char *doubt = g_build_filename(f->runtime_directory, "in-doubt", NULL);

        g_assert_true(g_file_set_contents(doubt, "", 0, NULL));
        store_fixture_reopen(f);
        g_assert_cmpuint(state_revision(f->state), ==, 1 << 20);
        g_assert_cmpint(f->status.state, ==, SERVICE_RUNNING);
        g_assert_false(g_file_test(doubt, G_FILE_TEST_EXISTS));

        store_fixture_reopen(f);
        g_assert_cmpuint(state_revision(f->state), ==, 1 << 20);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

#define DAMAGE_TEST(path, test)                                                    \
        g_test_add("/store/damage/" path, StoreFixture, NULL, damage_set_up, test, \
                   store_fixture_tear_down)
        DAMAGE_TEST("two-generations-stay", test_two_generations_stay);
        DAMAGE_TEST("bad-checkpoint-loses-nothing", test_bad_checkpoint_loses_nothing);
        DAMAGE_TEST("all-checkpoints-bad-starts-empty", test_all_checkpoints_bad_starts_empty);
        DAMAGE_TEST("bad-record-keeps-the-prefix", test_bad_record_keeps_the_prefix);
        DAMAGE_TEST("bad-journal-header-keeps-the-checkpoint",
                    test_bad_journal_header_keeps_the_checkpoint);
        DAMAGE_TEST("missing-journal-keeps-the-checkpoint",
                    test_missing_journal_keeps_the_checkpoint);
        DAMAGE_TEST("gap-between-journals-is-noticed", test_gap_between_journals_is_noticed);
        DAMAGE_TEST("lost-manifest-loses-nothing", test_lost_manifest_loses_nothing);
        DAMAGE_TEST("bad-manifest-loses-nothing", test_bad_manifest_loses_nothing);
        DAMAGE_TEST("older-manifest-is-noticed", test_older_manifest_is_noticed);
        DAMAGE_TEST("newer-format-is-left-untouched", test_newer_format_is_left_untouched);
        DAMAGE_TEST("failed-batch-is-never-numbered-again",
                    test_failed_batch_is_never_numbered_again);

        return g_test_run();
}
