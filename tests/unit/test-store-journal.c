/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journal: which ends are torn, which are damage, and what going on makes of them
 *
 * Every case is the same journal, spoilt in one way: three batches of one commit, one of three, and
 * at times a mark. Revisions 1, 2, 3 and 4 to 6; the last batch says that 3 was durable.
 */

#include "store/journal-reader.h"

#include "support/store-fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILLED    (UINT64_C(64) << 10)
#define N_COMMITS 6u

typedef struct Scene {
        StoreFixture store; /* for its directories */
        StoreDirectory *directory;
        Journal *journal;
        ManifestFile file;
        uint64_t offsets[N_COMMITS + 3]; /* of commit n: [n - 1]; then of the mark, and the end */
        unsigned n_applied;
        bool is_marked;
} Scene;

static void lay_out(Scene *scene, JournalBatch *batch, uint64_t revision)
{
        g_autoptr(Commit) commit = commit_new(revision, 1, 0, NULL);

        store_fixture_put(commit, "org.example.A", "key", "value", ENTRY_PERSISTENT);
        scene->offsets[revision - 1] = scene->journal->position.offset;
        journal_lay_out(scene->journal, batch, commit, COMMIT_PERSISTENT, 0);
}

static void write_batch(Scene *scene, uint64_t first, uint64_t last)
{
        g_auto(JournalBatch) batch = { 0 };

        for (uint64_t revision = first; revision <= last; revision++)
                lay_out(scene, &batch, revision);
        g_assert_cmpint(journal_write(scene->journal, &batch), ==, 0);
        journal_written(scene->journal, &batch);
}

static void write_mark(Scene *scene)
{
        g_auto(JournalBatch) batch = { 0 };

        journal_lay_out_mark(scene->journal, &batch, 1, false);
        g_assert_cmpint(journal_write(scene->journal, &batch), ==, 0);
        scene->is_marked = true;
}

static void scene_set_up(Scene *scene, gconstpointer is_marked)
{
        *scene = (Scene){ 0 };
        store_fixture_set_up(&scene->store, NULL);
        g_assert_cmpint(
                directory_open(&scene->directory, io_system(), scene->store.state_directory, true),
                ==, 0);
        g_assert_cmpint(journal_prepare(&scene->journal, scene->directory, FILLED), ==, 0);
        g_assert_cmpint(journal_begin(scene->journal, 0, 0, SD_ID128_NULL, 1), ==, 0);
        scene->file = (ManifestFile){ 0, scene->journal->position.uuid };

        write_batch(scene, 1, 1);
        write_batch(scene, 2, 2);
        write_batch(scene, 3, 3);
        write_batch(scene, 4, N_COMMITS);
        scene->offsets[N_COMMITS] = scene->journal->position.offset;
        if (is_marked)
                write_mark(scene);
        scene->offsets[N_COMMITS + 1] = scene->journal->position.offset;
}

static void scene_tear_down(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        journal_free(scene->journal);
        directory_free(scene->directory);
        store_fixture_tear_down(&scene->store, NULL);
}

static int count_commit(void *userdata, const Record *record)
{
        Scene *scene = userdata;

        g_assert_cmpuint(record->header.revision, ==, ++scene->n_applied);
        return 0;
}

static JournalFindings read_with(Scene *scene, JournalExpectation expectation)
{
        JournalFindings findings;

        expectation.file = scene->file;
        scene->n_applied = 0;
        g_assert_cmpint(
                journal_read(scene->directory, &expectation, count_commit, scene, &findings), ==,
                0);
        return findings;
}

static JournalFindings read_newest(Scene *scene)
{
        return read_with(scene, (JournalExpectation){ .is_newest = true });
}

static uint64_t offset_of(const Scene *scene, uint64_t revision)
{
        return scene->offsets[revision - 1];
}

static void flip(Scene *scene, uint64_t offset)
{
        uint8_t byte;

        g_assert_cmpint(pread(scene->journal->fd, &byte, 1, (off_t) offset), ==, 1);
        byte ^= 0x10;
        g_assert_cmpint(pwrite(scene->journal->fd, &byte, 1, (off_t) offset), ==, 1);
}

static void zero(Scene *scene, uint64_t from, uint64_t to)
{
        g_autofree uint8_t *zeros = g_malloc0(to - from);

        g_assert_cmpint(pwrite(scene->journal->fd, zeros, to - from, (off_t) from), ==,
                        (ssize_t) (to - from));
}

static void copy(Scene *scene, uint64_t from, uint64_t to, size_t n_bytes)
{
        g_autofree uint8_t *bytes = g_malloc(n_bytes);

        g_assert_cmpint(pread(scene->journal->fd, bytes, n_bytes, (off_t) from), ==,
                        (ssize_t) n_bytes);
        g_assert_cmpint(pwrite(scene->journal->fd, bytes, n_bytes, (off_t) to), ==,
                        (ssize_t) n_bytes);
}

static void assert_ends(const JournalFindings *findings, JournalEnd end, uint64_t revision)
{
        g_assert_cmpint(findings->end, ==, end);
        g_assert_cmpuint(findings->revision, ==, revision);
}

static void assert_read(Scene *scene, JournalEnd end, uint64_t revision)
{
        JournalFindings findings = read_newest(scene);

        assert_ends(&findings, end, revision);
        g_assert_cmpuint(scene->n_applied, ==, revision);
}

static void test_whole(Scene *scene, gconstpointer is_marked)
{
        JournalFindings findings = read_newest(scene);

        assert_ends(&findings, JOURNAL_WHOLE, N_COMMITS);
        g_assert_cmpuint(findings.position.offset, ==, scene->offsets[N_COMMITS + 1]);
        g_assert_cmpuint(findings.durable, ==, is_marked ? N_COMMITS : 3);
        g_assert_cmpuint(findings.unsure_offset, ==,
                         is_marked ? scene->offsets[N_COMMITS] : offset_of(scene, 4));
}

/* Each byte of the last batch, gone bad, is a tear: nothing says that it was ever durable. */
static void test_last_batch_is_torn_anywhere(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        for (uint64_t offset = offset_of(scene, 4); offset < scene->offsets[N_COMMITS];
             offset += 5) {
                uint64_t survivors = offset < offset_of(scene, 5)   ? 3
                                     : offset < offset_of(scene, 6) ? 4
                                                                    : 5;

                flip(scene, offset);
                assert_read(scene, JOURNAL_TORN, survivors);
                flip(scene, offset);
        }
}

static void test_marked_batch_is_damaged(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        for (uint64_t offset = offset_of(scene, 4); offset < scene->offsets[N_COMMITS];
             offset += 5) {
                flip(scene, offset);
                g_assert_cmpint(read_newest(scene).end, ==, JOURNAL_DAMAGED);
                flip(scene, offset);
        }
}

static void test_torn_mark_loses_nothing(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        flip(scene, scene->offsets[N_COMMITS] + 20);
        assert_read(scene, JOURNAL_TORN, N_COMMITS);
}

static void test_earlier_batch_is_damaged(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        for (uint64_t offset = offset_of(scene, 1); offset < offset_of(scene, 4); offset += 5) {
                uint64_t survivors = offset < offset_of(scene, 2)   ? 0
                                     : offset < offset_of(scene, 3) ? 1
                                                                    : 2;

                flip(scene, offset);
                assert_read(scene, JOURNAL_DAMAGED, survivors);
                flip(scene, offset);
        }
}

static void test_zeroed_middle_is_damaged(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        zero(scene, offset_of(scene, 2), offset_of(scene, 3));
        assert_read(scene, JOURNAL_DAMAGED, 1);
}

static void test_zeroed_last_batch_is_the_end(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        zero(scene, offset_of(scene, 4), scene->offsets[N_COMMITS]);
        assert_read(scene, JOURNAL_WHOLE, 3);
}

static void test_zeroed_tail_the_manifest_knows_is_damaged(Scene *scene,
                                                           gconstpointer unused G_GNUC_UNUSED)
{
        JournalFindings findings;

        zero(scene, offset_of(scene, 3), scene->offsets[N_COMMITS]);
        assert_read(scene, JOURNAL_WHOLE, 2);
        findings = read_with(scene, (JournalExpectation){ .is_newest = true, .committed = 3 });
        assert_ends(&findings, JOURNAL_DAMAGED, 2);
}

static void test_cut_short_is_torn_or_the_end(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        g_assert_cmpint(ftruncate(scene->journal->fd, (off_t) offset_of(scene, 6) + 21), ==, 0);
        assert_read(scene, JOURNAL_TORN, 5);
        g_assert_cmpint(ftruncate(scene->journal->fd, (off_t) offset_of(scene, 6)), ==, 0);
        assert_read(scene, JOURNAL_WHOLE, 5);
}

static void test_lost_first_of_batch_cuts_the_rest(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        JournalFindings findings;
        Journal *reopened;

        zero(scene, offset_of(scene, 4), offset_of(scene, 5));
        findings = read_newest(scene);
        assert_ends(&findings, JOURNAL_TORN, 3);
        g_assert_cmpuint(findings.position.offset, ==, offset_of(scene, 4));
        g_assert_cmpuint(findings.dirty_end, >, offset_of(scene, 6));

        g_assert_cmpint(journal_reopen(&reopened, scene->directory, &scene->file, &findings), ==,
                        0);
        g_assert_cmpuint(reopened->position.offset, ==, offset_of(scene, 4));
        g_assert_cmpuint(reopened->revision, ==, 3);
        g_assert_cmpuint(reopened->filled, ==, FILLED);
        journal_free(reopened);
        assert_read(scene, JOURNAL_WHOLE, 3);
}

static void test_record_elsewhere_never_counts(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        size_t n_bytes = (size_t) (offset_of(scene, 3) - offset_of(scene, 2));

        /* Twice. */
        copy(scene, offset_of(scene, 6), scene->offsets[N_COMMITS],
             (size_t) (scene->offsets[N_COMMITS] - offset_of(scene, 6)));
        assert_read(scene, JOURNAL_TORN, N_COMMITS);
        zero(scene, scene->offsets[N_COMMITS], FILLED);

        /* In another's place. */
        copy(scene, offset_of(scene, 2), offset_of(scene, 3), n_bytes);
        assert_read(scene, JOURNAL_DAMAGED, 2);
}

static void test_stale_bytes_behind_the_end_are_cut(Scene *scene,
                                                    gconstpointer unused G_GNUC_UNUSED)
{
        static const uint8_t junk[] = "RGRC and what was on the disk before";
        JournalFindings findings;
        Journal *reopened;

        g_assert_cmpint(pwrite(scene->journal->fd, junk, sizeof junk, 40000), ==, sizeof junk);
        findings = read_newest(scene);
        assert_ends(&findings, JOURNAL_TORN, N_COMMITS);
        g_assert_cmpint(journal_reopen(&reopened, scene->directory, &scene->file, &findings), ==,
                        0);
        journal_free(reopened);
        assert_read(scene, JOURNAL_WHOLE, N_COMMITS);
}

static void test_bad_header_is_damaged(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        for (uint64_t offset = 0; offset < sizeof(FileHeader); offset++) {
                flip(scene, offset);
                assert_read(scene, JOURNAL_DAMAGED, 0);
                flip(scene, offset);
        }
}

static void test_other_file_is_damaged(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        scene->file.uuid.bytes[3] ^= 1;
        assert_read(scene, JOURNAL_DAMAGED, 0);
}

static void test_missing_file_is_damaged(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        g_assert_cmpint(unlinkat(scene->directory->fd, scene->journal->name, 0), ==, 0);
        assert_read(scene, JOURNAL_DAMAGED, 0);
}

/* Whether all of it is there its successor knows. */
static void test_older_journal_may_end_uncleanly(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        JournalFindings findings;

        flip(scene, offset_of(scene, 6));
        findings = read_with(scene, (JournalExpectation){ .is_newest = false });
        assert_ends(&findings, JOURNAL_UNCLEAN, 5);
}

static void test_chain_goes_on_across_files(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        JournalFindings findings;

        findings = read_with(scene, (JournalExpectation){ .is_newest = true,
                                                          .has_predecessor = true,
                                                          .predecessor = 0 });
        assert_ends(&findings, JOURNAL_WHOLE, N_COMMITS);
        findings = read_with(scene, (JournalExpectation){ .is_newest = true,
                                                          .has_predecessor = true,
                                                          .predecessor = 1 });
        assert_ends(&findings, JOURNAL_DAMAGED, 0);
}

/* Hostile values may look like records; without the file's UUID none verifies, or takes long. */
static void test_records_inside_values_are_not_found(Scene *scene,
                                                     gconstpointer unused G_GNUC_UNUSED)
{
        uint32_t fake[] = { FORMAT_RECORD_MAGIC, FORMAT_RECORD_BYTES_MAX };
        int64_t begin;

        g_assert_cmpint(ftruncate(scene->journal->fd, 16 << 20), ==, 0);
        for (off_t offset = 1 << 20; offset < 8 << 20; offset += 64)
                g_assert_cmpint(pwrite(scene->journal->fd, fake, sizeof fake, offset), ==,
                                sizeof fake);
        begin = g_get_monotonic_time();
        assert_read(scene, JOURNAL_TORN, N_COMMITS);
        g_assert_cmpint(g_get_monotonic_time() - begin, <, (gint64) 10 * G_USEC_PER_SEC);
}

static void test_going_on_can_be_killed_and_repeated(Scene *scene,
                                                     gconstpointer unused G_GNUC_UNUSED)
{
        JournalFindings findings;

        flip(scene, offset_of(scene, 4));
        findings = read_newest(scene);
        assert_ends(&findings, JOURNAL_TORN, 3);

        /* As far as it came: some of the tail is zeros, front or back. */
        zero(scene, offset_of(scene, 4), offset_of(scene, 5) + 16);
        assert_read(scene, JOURNAL_TORN, 3);
        zero(scene, offset_of(scene, 6), scene->offsets[N_COMMITS]);
        assert_read(scene, JOURNAL_TORN, 3);
}

static uint64_t n_bytes_read;

static ssize_t pread_counted(
        void *unused G_GNUC_UNUSED, int fd, void *buffer, size_t n_bytes, uint64_t offset)
{
        n_bytes_read += n_bytes;
        return io_pread(io_system(), fd, buffer, n_bytes, offset);
}

/* Whoever gave it that size: no start waits until terabytes of nothing have been read. */
static void test_holes_are_not_read(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        RecordHeader header = { .kind = RECORD_MARK, .revision = 99, .durable = 99 };
        const uint64_t far_offset = (UINT64_C(7) << 37) + 64;
        RecordPosition far = scene->journal->position;
        g_auto(CodecBuffer) buffer = { 0 };
        JournalFindings findings;
        Io io = *io_system();

        io.pread = pread_counted;
        scene->directory->io = &io;
        g_assert_cmpint(ftruncate(scene->journal->fd, INT64_C(1) << 40), ==, 0);
        assert_read(scene, JOURNAL_WHOLE, N_COMMITS);

        g_assert_cmpint(pwrite(scene->journal->fd, "junk", 4, INT64_C(5) << 37), ==, 4);
        findings = read_newest(scene);
        assert_ends(&findings, JOURNAL_TORN, N_COMMITS);
        g_assert_cmpuint(findings.dirty_end, ==, (UINT64_C(5) << 37) + 4);

        far.offset = far_offset;
        record_begin(&buffer);
        record_seal(&buffer, 0, &header, &far);
        g_assert_cmpint(
                pwrite(scene->journal->fd, buffer.bytes, buffer.n_bytes, (off_t) far_offset), ==,
                (ssize_t) buffer.n_bytes);
        assert_read(scene, JOURNAL_DAMAGED, N_COMMITS);
        g_assert_cmpuint(n_bytes_read, <, 64 << 20);
        scene->directory->io = io_system();
}

/* An older record in its very place, as from a write the disk has lost, breaks the chain. */
static void test_older_record_in_place_is_damaged(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        RecordHeader header = { .kind = RECORD_COMMIT, .revision = N_COMMITS + 1 };
        uint64_t offset = scene->journal->position.offset;
        RecordPosition older = scene->journal->position;
        g_auto(CodecBuffer) buffer = { 0 };

        write_batch(scene, N_COMMITS + 1, N_COMMITS + 1);
        write_batch(scene, N_COMMITS + 2, N_COMMITS + 2);
        assert_read(scene, JOURNAL_WHOLE, N_COMMITS + 2);

        /* As long as the one it stands for, so that what follows is in place, too. */
        record_begin(&buffer);
        while (buffer.n_bytes + sizeof(uint64_t) <
               scene->offsets[N_COMMITS + 1] - scene->offsets[N_COMMITS])
                codec_put_byte(&buffer, 1);
        record_seal(&buffer, 0, &header, &older);
        g_assert_cmpuint(offset + buffer.n_bytes, ==, scene->offsets[N_COMMITS + 1]);
        g_assert_cmpint(pwrite(scene->journal->fd, buffer.bytes, buffer.n_bytes, (off_t) offset),
                        ==, (ssize_t) buffer.n_bytes);
        assert_read(scene, JOURNAL_DAMAGED, N_COMMITS + 1);
}

/* Linked and whole, but its revision has been. */
static void test_revision_that_goes_back_is_damaged(Scene *scene,
                                                    gconstpointer unused G_GNUC_UNUSED)
{
        RecordHeader header = { .kind = RECORD_COMMIT, .revision = N_COMMITS };
        uint64_t offset = scene->journal->position.offset;
        g_auto(CodecBuffer) buffer = { 0 };

        record_begin(&buffer);
        record_seal(&buffer, 0, &header, &scene->journal->position);
        g_assert_cmpint(pwrite(scene->journal->fd, buffer.bytes, buffer.n_bytes, (off_t) offset),
                        ==, (ssize_t) buffer.n_bytes);
        assert_read(scene, JOURNAL_DAMAGED, N_COMMITS);
}

int main(int argc, char **argv)
{
        static const int marked = 1;

        g_test_init(&argc, &argv, NULL);

#define JOURNAL_TEST(path, mark, test) \
        g_test_add("/store/journal/" path, Scene, mark, scene_set_up, test, scene_tear_down)
        JOURNAL_TEST("whole", NULL, test_whole);
        JOURNAL_TEST("whole-and-marked", &marked, test_whole);
        JOURNAL_TEST("last-batch-is-torn-anywhere", NULL, test_last_batch_is_torn_anywhere);
        JOURNAL_TEST("marked-batch-is-damaged", &marked, test_marked_batch_is_damaged);
        JOURNAL_TEST("torn-mark-loses-nothing", &marked, test_torn_mark_loses_nothing);
        JOURNAL_TEST("earlier-batch-is-damaged", NULL, test_earlier_batch_is_damaged);
        JOURNAL_TEST("zeroed-middle-is-damaged", NULL, test_zeroed_middle_is_damaged);
        JOURNAL_TEST("zeroed-last-batch-is-the-end", NULL, test_zeroed_last_batch_is_the_end);
        JOURNAL_TEST("zeroed-tail-the-manifest-knows-is-damaged", NULL,
                     test_zeroed_tail_the_manifest_knows_is_damaged);
        JOURNAL_TEST("cut-short-is-torn-or-the-end", NULL, test_cut_short_is_torn_or_the_end);
        JOURNAL_TEST("lost-first-of-batch-cuts-the-rest", NULL,
                     test_lost_first_of_batch_cuts_the_rest);
        JOURNAL_TEST("record-elsewhere-never-counts", NULL, test_record_elsewhere_never_counts);
        JOURNAL_TEST("stale-bytes-behind-the-end-are-cut", NULL,
                     test_stale_bytes_behind_the_end_are_cut);
        JOURNAL_TEST("bad-header-is-damaged", NULL, test_bad_header_is_damaged);
        JOURNAL_TEST("other-file-is-damaged", NULL, test_other_file_is_damaged);
        JOURNAL_TEST("missing-file-is-damaged", NULL, test_missing_file_is_damaged);
        JOURNAL_TEST("older-journal-may-end-uncleanly", NULL, test_older_journal_may_end_uncleanly);
        JOURNAL_TEST("chain-goes-on-across-files", NULL, test_chain_goes_on_across_files);
        JOURNAL_TEST("records-inside-values-are-not-found", NULL,
                     test_records_inside_values_are_not_found);
        JOURNAL_TEST("going-on-can-be-killed-and-repeated", NULL,
                     test_going_on_can_be_killed_and_repeated);

        JOURNAL_TEST("holes-are-not-read", NULL, test_holes_are_not_read);
        JOURNAL_TEST("older-record-in-place-is-damaged", NULL,
                     test_older_record_in_place_is_damaged);
        JOURNAL_TEST("revision-that-goes-back-is-damaged", NULL,
                     test_revision_that_goes_back_is_damaged);

        return g_test_run();
}
