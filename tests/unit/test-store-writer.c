/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writer and flush meter: who writes, in what order, and that the first failure is the last word
 */

#include "support/faulty-io.h"
#include "support/store-fixture.h"

#include "store/writer.h"

#include <errno.h>
#include <unistd.h>

typedef struct Scene {
        StoreFixture store; /* for its directories */
        FaultyIo faulty;
        StoreDirectory *directory;
        Journal *journal;
        Writer *writer;
        gint clock_usec; /* each look at it takes this long */
        gint flush_usec;
        int results[8];
        unsigned n_results;
} Scene;

static void on_written(void *userdata, const JournalBatch *batch G_GNUC_UNUSED, int r)
{
        Scene *scene = userdata;

        scene->results[scene->n_results++] = r;
}

/* Two looks are one flush: a disk as quick or as slow as the case wants it. */
static int64_t scene_now(void *userdata)
{
        Scene *scene = userdata;

        return g_atomic_int_add(&scene->clock_usec, g_atomic_int_get(&scene->flush_usec));
}

static void scene_set_up(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        *scene = (Scene){ 0 };
        store_fixture_set_up(&scene->store, NULL);
        faulty_io_init(&scene->faulty, io_system());
        g_assert_cmpint(directory_open(&scene->directory, &scene->faulty.io,
                                       scene->store.state_directory, true),
                        ==, 0);
        g_assert_cmpint(journal_prepare(&scene->journal, scene->directory, 1 << 20), ==, 0);
        g_assert_cmpint(journal_begin(scene->journal, 0, 0, SD_ID128_NULL, 1), ==, 0);
        g_assert_cmpint(writer_new(&scene->writer, scene->store.event, on_written, scene), ==, 0);
        writer_set_clock(scene->writer, scene_now, scene);
}

static void scene_tear_down(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        writer_free(scene->writer);
        journal_free(scene->journal);
        directory_free(scene->directory);
        store_fixture_tear_down(&scene->store, NULL);
}

static int write_one(Scene *scene, uint64_t revision, bool may_block)
{
        g_autoptr(Commit) commit = commit_new(revision, 1, 0, NULL);
        g_auto(JournalBatch) batch = { 0 };

        store_fixture_put(commit, "org.example.A", "key", "value", ENTRY_PERSISTENT);
        journal_lay_out(scene->journal, &batch, commit, COMMIT_PERSISTENT, 0);
        return writer_write(scene->writer, scene->journal, &batch, may_block);
}

static void test_thread_first_then_the_loop(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t revision = 0;

        scene->flush_usec = 90;
        for (int i = 0; i < 16; i++) {
                g_assert_cmpint(write_one(scene, ++revision, true), ==, 0);
                writer_drain(scene->writer);
                scene->n_results = 0;
        }
        g_assert_cmpint(write_one(scene, ++revision, true), ==, WRITER_E_WRITTEN);
        g_assert_cmpuint(writer_statistics(scene->writer)->n_flushes_in_loop, ==, 1);

        /* Not while the disk is busy, nor past what is under way. */
        g_assert_cmpint(write_one(scene, ++revision, false), ==, 0);
        g_assert_cmpint(write_one(scene, ++revision, true), ==, 0);
        writer_drain(scene->writer);
        g_assert_cmpuint(scene->n_results, ==, 2);
}

/* Waiting for a disk that has stalled once would hold up everybody. */
static void test_slow_disk_is_left_to_the_thread(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t revision = 0;

        scene->flush_usec = 90;
        for (int i = 0; i < 16; i++) {
                g_assert_cmpint(write_one(scene, ++revision, true), ==, 0);
                writer_drain(scene->writer);
                scene->n_results = 0;
        }
        scene->flush_usec = 25000;
        g_assert_cmpint(write_one(scene, ++revision, true), ==, WRITER_E_WRITTEN);
        g_assert_cmpuint(writer_statistics(scene->writer)->worst_usec, ==, 25000);

        g_assert_cmpint(write_one(scene, ++revision, true), ==, 0);
        writer_drain(scene->writer);
        g_assert_cmpuint(scene->n_results, ==, 1);
        g_assert_cmpuint(writer_statistics(scene->writer)->n_flushes_in_loop, ==, 1);
}

static void test_what_follows_a_failure_fails_unwritten(Scene *scene,
                                                        gconstpointer unused G_GNUC_UNUSED)
{
        uint64_t second_offset;
        uint8_t byte;

        faulty_io_arm(&scene->faulty, FAULT_ERROR, 2); /* the first sync */
        g_assert_cmpint(write_one(scene, 1, false), ==, 0);
        second_offset = scene->journal->position.offset;
        g_assert_cmpint(write_one(scene, 2, false), ==, 0);
        writer_drain(scene->writer);
        g_assert_cmpuint(scene->n_results, ==, 2);
        g_assert_cmpint(scene->results[0], ==, -EIO);
        g_assert_cmpint(scene->results[1], ==, -EIO);
        g_assert_cmpint(pread(scene->journal->fd, &byte, 1, (off_t) second_offset), ==, 1);
        g_assert_cmpuint(byte, ==, 0);
        g_assert_cmpint(write_one(scene, 3, false), ==, 0);
        writer_drain(scene->writer);
        g_assert_cmpint(scene->results[2], ==, -EIO);
}

static void add(FlushMeter *meter, unsigned n, uint64_t usec)
{
        for (unsigned i = 0; i < n; i++)
                flush_meter_add(meter, usec);
}

static void test_meter_goes_by_mean_and_worst(void)
{
        FlushMeter meter = { 0 };

        add(&meter, 15, 50);
        g_assert_false(flush_meter_is_quick(&meter));
        add(&meter, FLUSH_METER_SAMPLES, 50);
        g_assert_true(flush_meter_is_quick(&meter));
        g_assert_cmpuint((unsigned) flush_meter_mean_usec(&meter), ==, 50);

        /* One in a hundred may be slow. */
        add(&meter, 10, 2000);
        g_assert_true(flush_meter_is_quick(&meter));
        add(&meter, 1, 2000);
        g_assert_false(flush_meter_is_quick(&meter));
        add(&meter, FLUSH_METER_SAMPLES, 50);
        g_assert_true(flush_meter_is_quick(&meter));

        /* One that stalls counts as long as it is remembered. */
        add(&meter, 1, 20000);
        add(&meter, FLUSH_METER_SAMPLES - 1, 50);
        g_assert_false(flush_meter_is_quick(&meter));
        add(&meter, 1, 50);
        g_assert_true(flush_meter_is_quick(&meter));

        add(&meter, FLUSH_METER_SAMPLES, 400);
        g_assert_false(flush_meter_is_quick(&meter));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add("/store/writer/thread-first-then-the-loop", Scene, NULL, scene_set_up,
                   test_thread_first_then_the_loop, scene_tear_down);
        g_test_add("/store/writer/slow-disk-is-left-to-the-thread", Scene, NULL, scene_set_up,
                   test_slow_disk_is_left_to_the_thread, scene_tear_down);
        g_test_add("/store/writer/what-follows-a-failure-fails-unwritten", Scene, NULL,
                   scene_set_up, test_what_follows_a_failure_fails_unwritten, scene_tear_down);
        g_test_add_func("/store/writer/meter-goes-by-mean-and-worst",
                        test_meter_goes_by_mean_and_worst);

        return g_test_run();
}
