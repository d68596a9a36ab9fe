/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzz: a journal with bytes changed
 *
 * The input is a row of edits, six bytes each, to a good journal of eight commits in four batches:
 * where (3 bytes), how many bytes (1), what to add to each (1), and 1 to cut the file there instead.
 * Whatever they are, what is read is a prefix of what was written; and as long as nothing was changed
 * before the last batch, all but that.
 */

#include "fuzz.h"
#include "store/journal-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_BYTES ((size_t) 8192)
#define N_BATCHES  4u
#define EDIT_BYTES 6u

typedef struct Scene {
        uint8_t good[FILE_BYTES];
        uint64_t last_batch_offset;
        ManifestFile file;
        int fd;
        uint64_t n_commits; /* as read */
} Scene;

static int open_memory(void *userdata,
                       int dir_fd G_GNUC_UNUSED,
                       const char *path G_GNUC_UNUSED,
                       int flags G_GNUC_UNUSED,
                       mode_t mode G_GNUC_UNUSED)
{
        Scene *scene = userdata;

        return fcntl(scene->fd, F_DUPFD_CLOEXEC, 3);
}

static void put_batch(CodecBuffer *buffer, RecordPosition *position, uint64_t number)
{
        for (uint64_t i = 1; i <= 2; i++) {
                RecordHeader header = {
                        .kind = RECORD_COMMIT,
                        .revision = 2 * number + i,
                        .durable = 2 * number,
                };
                size_t begin = record_begin(buffer);

                codec_put_number(buffer, header.revision);
                record_seal(buffer, begin, &header, position);
        }
}

static void make_good(Scene *scene)
{
        sd_id128_t uuid =
                SD_ID128_MAKE(f0, 22, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 01);
        g_auto(CodecBuffer) buffer = { 0 };
        RecordPosition position;
        FileHeader header, read;

        file_header_make(&header, FORMAT_MAGIC_JOURNAL, uuid, uuid, 0, 0, 1);
        g_assert_cmpint(file_header_read(&read, FORMAT_MAGIC_JOURNAL, &header, sizeof header), ==,
                        0);
        codec_put_bytes(&buffer, &header, sizeof header);
        position = file_header_position(&read);
        for (uint64_t i = 0; i < N_BATCHES; i++) {
                scene->last_batch_offset = position.offset;
                put_batch(&buffer, &position, i);
        }

        g_assert_cmpuint(buffer.n_bytes, <=, sizeof scene->good);
        memcpy(scene->good, buffer.bytes, buffer.n_bytes);
        scene->file = (ManifestFile){ 0, uuid };
        scene->fd = memfd_create("journal", MFD_CLOEXEC);
        g_assert_cmpint(scene->fd, >=, 0);
}

/* Edits the file as the input says; ends in where the first edit is. */
static uint64_t spoil(Scene *scene, const uint8_t *input, size_t n_bytes)
{
        uint8_t bytes[FILE_BYTES];
        uint64_t first = FILE_BYTES;
        size_t size = FILE_BYTES;

        memcpy(bytes, scene->good, sizeof bytes);
        for (; n_bytes >= EDIT_BYTES; input += EDIT_BYTES, n_bytes -= EDIT_BYTES) {
                size_t offset = (size_t) (input[0] | input[1] << 8 | input[2] << 16) % FILE_BYTES;

                first = MIN(first, offset);
                if (input[5] == 1)
                        size = MIN(size, offset);
                else
                        for (size_t i = offset; i < MIN(FILE_BYTES, offset + input[3]); i++)
                                bytes[i] = (uint8_t) (bytes[i] + input[4]);
        }

        g_assert_cmpint(ftruncate(scene->fd, 0), ==, 0);
        g_assert_cmpint(pwrite(scene->fd, bytes, size, 0), ==, (ssize_t) size);
        return first;
}

static int take_commit(void *userdata, const Record *record)
{
        Scene *scene = userdata;

        g_assert_cmpuint(record->header.revision, ==, ++scene->n_commits);
        g_assert_cmpuint(record->payload[0], ==, scene->n_commits);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
{
        static Scene scene;
        Io io = *io_system();
        StoreDirectory directory = { .io = &io, .fd = -1 };
        JournalExpectation expectation = { .is_newest = true };
        JournalFindings findings;
        uint64_t first;

        if (scene.fd == 0)
                make_good(&scene);
        io.openat = open_memory;
        io.userdata = &scene;
        expectation.file = scene.file;
        scene.n_commits = 0;

        first = spoil(&scene, input, n_bytes);
        g_assert_cmpint(journal_read(&directory, &expectation, take_commit, &scene, &findings), ==,
                        0);
        g_assert_cmpuint(findings.revision, ==, scene.n_commits);
        if (first >= scene.last_batch_offset) {
                g_assert(findings.end != JOURNAL_DAMAGED);
                g_assert_cmpuint(scene.n_commits, >=, 2 * (N_BATCHES - 1));
        }
        return 0;
}
