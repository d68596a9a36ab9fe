/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint file
 *
 * While it grows, each piece is written out soon, and verified when it has been: one sync of everything at
 * the end would hold up the journal's on the same disk, and what is read back is in the cache still.
 */

#include "store/checkpoint-file.h"

#include "store/record-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NEW_NAME      "checkpoint"
#define PIECE_BYTES   ((uint64_t) 1 << 20)
#define UNSETTLED_MAX ((uint64_t) 8 << 20)

/* Of any machine. */
#define PAGE_BYTES_MAX ((uint64_t) 64 << 10)

struct CheckpointFile {
        const StoreDirectory *directory;
        int fd;
        uint64_t revision;
        uint64_t now_usec;
        RecordPosition position;
        uint64_t begun_offset;   /* up to there it is being written out */
        uint64_t settled_offset; /* up to there it has been */
        RecordReader *reader;    /* that verifies it; NULL: not yet */
        CheckpointCounts counts; /* of what was verified */
};

int checkpoint_file_create(CheckpointFile **ret_file,
                           const StoreDirectory *directory,
                           uint64_t revision,
                           sd_id128_t boot_id,
                           uint64_t now_usec)
{
        g_autoptr(CheckpointFile) file = g_new(CheckpointFile, 1);
        FileHeader header, written;
        sd_id128_t uuid;
        int r;

        *file = (CheckpointFile){
                .directory = directory,
                .fd = -1,
                .revision = revision,
                .now_usec = now_usec,
        };
        r = sd_id128_randomize(&uuid);
        if (r < 0)
                return r;
        file->fd = directory_create(directory, NEW_NAME);
        if (file->fd < 0)
                return file->fd;

        file_header_make(&header, FORMAT_MAGIC_CHECKPOINT, uuid, boot_id, revision, 0, now_usec);
        r = io_pwrite_once(directory->io, file->fd, &header, sizeof header, 0);
        if (r < 0)
                return r;

        r = file_header_read(&written, FORMAT_MAGIC_CHECKPOINT, &header, sizeof header);
        g_assert(r == 0);
        file->position = file_header_position(&written);
        *ret_file = g_steal_pointer(&file);
        return 0;
}

CheckpointFile *checkpoint_file_free(CheckpointFile *file)
{
        if (!file)
                return NULL;

        record_reader_free(file->reader);
        if (file->fd >= 0)
                close(file->fd);
        g_free(file);
        return NULL;
}

ManifestFile checkpoint_file_identity(const CheckpointFile *file)
{
        return (ManifestFile){ file->revision, file->position.uuid };
}

uint64_t checkpoint_file_bytes(const CheckpointFile *file)
{
        return file->position.offset;
}

/* A file that was written in part is given up, but why, only the rest of it tells: a full disk, say. */
static int write_once(const CheckpointFile *file, const CodecBuffer *record, uint64_t offset)
{
        const Io *io = file->directory->io;
        ssize_t n = io_pwrite(io, file->fd, record->bytes, record->n_bytes, offset);

        if (n >= 0 && (size_t) n < record->n_bytes) {
                size_t rest = record->n_bytes - (size_t) n;

                n = io_pwrite(io, file->fd, record->bytes + n, rest, offset + (uint64_t) n);
                return n < 0 ? (int) n : -EIO;
        }
        return n < 0 ? (int) n : 0;
}

static bool header_is_expected(const FileHeader *header, const ManifestFile *expected)
{
        return memcmp(header->uuid, &expected->uuid, sizeof header->uuid) == 0 &&
               header->base_revision == expected->revision;
}

enum {
        READ_E_UNFINISHED = CHECKPOINT_E_NEWER + 1, /* no END is among what was read */
};

/* Reads up to the END, which nothing may follow. 0, CHECKPOINT_E_NEWER, or READ_E_UNFINISHED: call it again. */
static int read_records(RecordReader *reader, const CheckpointSink *sink, CheckpointCounts *counts)
{
        for (;;) {
                Record record;
                int r;

                r = record_reader_next(reader, &record);
                if (r == RECORD_E_NEWER)
                        return CHECKPOINT_E_NEWER;
                if (r != 0)
                        return r < 0 ? r : READ_E_UNFINISHED;
                if (record.header.revision != record_reader_header(reader)->base_revision)
                        return -EBADMSG;

                r = checkpoint_codec_get(&record, sink, counts);
                if (r == CHECKPOINT_CODEC_E_NEWER)
                        return CHECKPOINT_E_NEWER;
                if (r < 0)
                        return r;
                if (r == CHECKPOINT_CODEC_E_END)
                        return record_reader_position(reader).offset ==
                                               record_reader_file_bytes(reader)
                                       ? 0
                                       : -EBADMSG;
        }
}

static int open_reader(RecordReader **ret_reader,
                       const Io *io,
                       int fd,
                       const ManifestFile *expected)
{
        g_autoptr(RecordReader) reader = NULL;
        int r;

        r = record_reader_new(&reader, io, fd, FORMAT_MAGIC_CHECKPOINT);
        if (r == RECORD_E_NEWER)
                return CHECKPOINT_E_NEWER;
        if (r != 0)
                return r < 0 ? r : -EBADMSG;
        if (!header_is_expected(record_reader_header(reader), expected))
                return -EBADMSG;

        *ret_reader = g_steal_pointer(&reader);
        return 0;
}

int checkpoint_read_open(const Io *io,
                         int fd,
                         const ManifestFile *expected,
                         const CheckpointSink *sink)
{
        g_autoptr(RecordReader) reader = NULL;
        CheckpointCounts counts = { 0 };
        int r;

        r = open_reader(&reader, io, fd, expected);
        if (r != 0)
                return r;
        r = read_records(reader, sink, &counts);
        return r == READ_E_UNFINISHED ? -EBADMSG : r;
}

int checkpoint_read(const StoreDirectory *directory,
                    const ManifestFile *expected,
                    const CheckpointSink *sink)
{
        g_autofree char *name = manifest_checkpoint_name(expected->revision);
        int fd, r;

        fd = directory_open_file(directory, name);
        if (fd < 0)
                return io_is_refusal(fd) ? fd : -EBADMSG;

        r = checkpoint_read_open(directory->io, fd, expected, sink);
        close(fd);
        return r < 0 && !io_is_refusal(r) ? -EBADMSG : r;
}

static int ignore_namespace(void *userdata G_GNUC_UNUSED,
                            const char *name G_GNUC_UNUSED,
                            const NamespaceAccess *access G_GNUC_UNUSED,
                            uint64_t created_revision G_GNUC_UNUSED,
                            uint64_t revision G_GNUC_UNUSED)
{
        return 0;
}

static int ignore_group(void *userdata G_GNUC_UNUSED, const char *name G_GNUC_UNUSED)
{
        return 0;
}

static int ignore_entry(void *userdata G_GNUC_UNUSED,
                        const EntryView *view G_GNUC_UNUSED,
                        uint64_t revision G_GNUC_UNUSED,
                        uint64_t time_usec G_GNUC_UNUSED,
                        uint32_t writer_uid G_GNUC_UNUSED)
{
        return 0;
}

static const CheckpointSink ignoring_sink = { ignore_namespace, ignore_group, ignore_entry, NULL,
                                              NULL };

int checkpoint_verify(const StoreDirectory *directory, const ManifestFile *expected)
{
        return checkpoint_read(directory, expected, &ignoring_sink);
}

/* Reads back what comes next, up to @offset. 0 at the END, READ_E_UNFINISHED or an errno. */
static int verify_up_to(CheckpointFile *file, uint64_t offset)
{
        ManifestFile identity = checkpoint_file_identity(file);
        int r;

        if (!file->reader) {
                r = open_reader(&file->reader, file->directory->io, file->fd, &identity);
                if (r != 0)
                        return r < 0 ? r : -EBADMSG;
        }
        record_reader_set_file_bytes(file->reader, offset);
        r = read_records(file->reader, &ignoring_sink, &file->counts);
        return r == CHECKPOINT_E_NEWER ? -EBADMSG : r;
}

/*
 * Has the last piece written out, and makes sure of an earlier one. What is written next goes on in the
 * last page: were that being written out, ext4 would lock the file for it against what ends a write-out.
 */
static int settle(CheckpointFile *file)
{
        const Io *io = file->directory->io;
        uint64_t whole = file->position.offset & ~(PAGE_BYTES_MAX - 1);
        uint64_t begun = file->begun_offset, settled = file->settled_offset;
        int r;

        if (whole < begun + PIECE_BYTES)
                return 0;
        file->begun_offset = whole;
        r = io_write_out(io, file->fd, begun, file->begun_offset - begun, false);
        if (r < 0 || begun - settled < UNSETTLED_MAX)
                return r;

        file->settled_offset = settled + UNSETTLED_MAX / 2;
        r = io_write_out(io, file->fd, settled, UNSETTLED_MAX / 2, true);
        if (r < 0)
                return r;
        r = verify_up_to(file, file->settled_offset);
        return MIN(r, 0);
}

int checkpoint_file_append(CheckpointFile *file, RecordKind kind, CodecBuffer *record)
{
        RecordHeader header = {
                .kind = (uint16_t) kind,
                .revision = file->revision,
                .time_usec = file->now_usec,
        };
        uint64_t offset = file->position.offset;
        int r;

        record_seal(record, 0, &header, &file->position);
        r = write_once(file, record, offset);
        if (r < 0)
                return r;

        return settle(file);
}

static int append_end(CheckpointFile *file, const CheckpointCounts *counts)
{
        g_auto(CodecBuffer) record = { 0 };

        record_begin(&record);
        checkpoint_codec_begin(&record);
        checkpoint_codec_put_end(&record, counts->n_namespaces, counts->n_entries);
        return checkpoint_file_append(file, RECORD_END, &record);
}

/* Writes what is missing, and finds all of it on the disk. */
static int complete(CheckpointFile *file, const CheckpointCounts *counts)
{
        uint64_t n_bytes;
        int r;

        r = append_end(file, counts);
        if (r < 0)
                return r;
        r = directory_sync_file(file->directory, file->fd);
        if (r < 0)
                return r;
        r = io_size(file->directory->io, file->fd, &n_bytes);
        if (r < 0)
                return r;
        r = verify_up_to(file, n_bytes);
        return r > 0 ? -EBADMSG : r;
}

int checkpoint_file_finish(CheckpointFile *file, const CheckpointCounts *counts)
{
        g_autofree char *name = manifest_checkpoint_name(file->revision);
        int r;

        r = complete(file, counts);
        if (r < 0)
                return r;
        r = directory_put_in_place(file->directory, NEW_NAME, name);
        return r > 0 ? -EIO : r;
}

int checkpoint_file_finish_unnamed(CheckpointFile *file,
                                   const CheckpointCounts *counts,
                                   UnnamedCheckpoint *ret_unnamed)
{
        const StoreDirectory *directory = file->directory;
        int fd, r;

        r = complete(file, counts);
        if (r < 0)
                return r;
        fd = io_openat(directory->io, directory->tmp_fd, NEW_NAME, O_RDONLY, 0);
        if (fd < 0)
                return fd;
        r = io_unlinkat(directory->io, directory->tmp_fd, NEW_NAME);
        if (r < 0) {
                close(fd);
                return r;
        }

        *ret_unnamed = (UnnamedCheckpoint){ fd, file->fd };
        file->fd = -1;
        return 0;
}
