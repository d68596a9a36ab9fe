/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint file, of many pieces: each is written out and verified while others are written, and
 * whatever goes wrong with one, the file gets no name
 */

#include "core/entry.h"
#include "store/checkpoint-file.h"
#include "support/faulty-io.h"
#include "support/store-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define N_RECORDS    90
#define RECORD_BYTES ((size_t) 200 << 10)
#define REVISION     7

typedef struct Scene {
        StoreFixture store; /* for its directories */
        FaultyIo faulty;
        StoreDirectory *directory;
} Scene;

static void set_up(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        *scene = (Scene){ 0 };
        store_fixture_set_up(&scene->store, NULL);
        faulty_io_init(&scene->faulty, io_system());
        g_assert_cmpint(directory_open(&scene->directory, &scene->faulty.io,
                                       scene->store.state_directory, true),
                        ==, 0);
}

static void tear_down(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        directory_free(scene->directory);
        store_fixture_tear_down(&scene->store, NULL);
}

static int append_entry(CheckpointFile *file, int number)
{
        g_auto(CodecBuffer) record = { 0 };
        g_autofree char *key = g_strdup_printf("k%d", number);
        g_autoptr(GVariant) value = g_variant_ref_sink(
                g_variant_new_take_string(g_strnfill(RECORD_BYTES, (char) ('a' + number % 26))));
        g_autoptr(Entry) entry = entry_new(key, value, ENTRY_PERSISTENT);
        char name[] = "a.b";
        Namespace ns = { .name = name };
        CheckpointGroup group = { 0 };

        entry->revision = REVISION;
        record_begin(&record);
        checkpoint_codec_begin(&record);
        checkpoint_codec_put_entry(&record, &group, &ns, entry);
        return checkpoint_file_append(file, RECORD_ENTRIES, &record);
}

/* Overwrites a byte of the file, as if something else did, once so many records are written. */
static void spoil(const Scene *scene, uint64_t offset)
{
        int fd = openat(scene->directory->tmp_fd, "checkpoint", O_WRONLY | O_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(pwrite(fd, "!", 1, (off_t) offset), ==, 1);
        close(fd);
}

typedef struct Spoiling {
        int at; /* the number of records then; 0: never */
        uint64_t offset;
} Spoiling;

static int write_file(Scene *scene, Spoiling spoiling, ManifestFile *ret_identity)
{
        g_autoptr(CheckpointFile) file = NULL;
        const CheckpointCounts counts = { .n_entries = N_RECORDS };
        int r;

        r = checkpoint_file_create(&file, scene->directory, REVISION, SD_ID128_NULL, 1);
        for (int i = 1; i <= N_RECORDS && r == 0; i++) {
                r = append_entry(file, i);
                if (i == spoiling.at)
                        spoil(scene, spoiling.offset);
        }
        if (r == 0)
                r = checkpoint_file_finish(file, &counts);
        if (r == 0)
                *ret_identity = checkpoint_file_identity(file);
        return r;
}

static void assert_no_name(const Scene *scene)
{
        g_autofree char *name = manifest_checkpoint_name(REVISION);

        g_assert_cmpint(faccessat(scene->directory->fd, name, F_OK, 0), ==, -1);
        g_assert_cmpint(directory_empty_tmp(scene->directory), ==, 0);
}

static void test_many_pieces_are_one_file(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        ManifestFile identity;

        g_assert_cmpint(write_file(scene, (Spoiling){ 0 }, &identity), ==, 0);
        g_assert_cmpint(checkpoint_verify(scene->directory, &identity), ==, 0);
}

static void test_what_is_not_read_back_is_refused(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        static const Spoiling spoilings[] = {
                { 1, 100 },
                { 1, RECORD_BYTES / 2 },
                { 50, UINT64_C(5000000) },
                { N_RECORDS, UINT64_C(6000000) * 3 },
                { N_RECORDS, UINT64_C(1) << 30 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(spoilings); i++) {
                ManifestFile identity;

                g_assert_cmpint(write_file(scene, spoilings[i], &identity), ==, -EBADMSG);
                assert_no_name(scene);
        }
}

static void test_a_failing_call_is_told(Scene *scene, gconstpointer unused G_GNUC_UNUSED)
{
        scene->faulty.calls = FAULTY_WRITE_OUT | FAULTY_SYNC;
        for (int at = 1;; at++) {
                ManifestFile identity;
                int r;

                faulty_io_arm(&scene->faulty, FAULT_ERROR, at);
                r = write_file(scene, (Spoiling){ 0 }, &identity);
                if (!faulty_io_has_struck(&scene->faulty)) {
                        g_assert_cmpint(r, ==, 0);
                        g_assert_cmpint(at, >, 20);
                        break;
                }
                g_assert_cmpint(r, !=, 0);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add("/store-checkpoint-file/many-pieces-are-one-file", Scene, NULL, set_up,
                   test_many_pieces_are_one_file, tear_down);
        g_test_add("/store-checkpoint-file/what-is-not-read-back-is-refused", Scene, NULL, set_up,
                   test_what_is_not_read_back_is_refused, tear_down);
        g_test_add("/store-checkpoint-file/a-failing-call-is-told", Scene, NULL, set_up,
                   test_a_failing_call_is_told, tear_down);

        return g_test_run();
}
