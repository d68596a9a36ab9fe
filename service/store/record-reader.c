/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Record reader
 */

#include "store/record-reader.h"

#include <errno.h>
#include <string.h>

#define WINDOW_BYTES ((size_t) 1 << 20)

struct RecordReader {
        const Io *io;
        int fd;
        uint64_t file_bytes;
        FileHeader header;
        RecordPosition position;
        uint8_t *window;
        size_t window_allocated;
        size_t window_bytes;
        uint64_t window_offset;
};

/* Makes the window hold the file's bytes from @offset on, @n_bytes of them or up to its end. */
static int load_window(RecordReader *reader, uint64_t offset, size_t n_bytes)
{
        size_t wanted = MAX(n_bytes, WINDOW_BYTES);
        ssize_t n;

        if (wanted > reader->window_allocated) {
                reader->window = g_realloc(reader->window, wanted);
                reader->window_allocated = wanted;
        }

        reader->window_bytes = 0;
        wanted = (size_t) MIN(wanted, reader->file_bytes - offset);
        n = io_pread_full(reader->io, reader->fd, reader->window, wanted, offset);
        if (n < 0)
                return (int) n;

        reader->window_offset = offset;
        reader->window_bytes = (size_t) n;
        return 0;
}

/* Ends in @n_bytes of the file at @offset, or RECORD_E_NONE when it is shorter. */
static int peek(RecordReader *reader, uint64_t offset, size_t n_bytes, const uint8_t **ret_bytes)
{
        if (offset > reader->file_bytes || n_bytes > reader->file_bytes - offset)
                return RECORD_E_NONE;

        if (offset < reader->window_offset ||
            offset + n_bytes > reader->window_offset + reader->window_bytes) {
                int r = load_window(reader, offset, n_bytes);

                if (r < 0)
                        return r;
                if (reader->window_bytes < n_bytes)
                        return -EIO;
        }

        *ret_bytes = reader->window + (offset - reader->window_offset);
        return 0;
}

int record_reader_new(RecordReader **ret_reader, const Io *io, int fd, const char *magic)
{
        g_autoptr(RecordReader) reader = g_new0(RecordReader, 1);
        int r;

        reader->io = io;
        reader->fd = fd;
        r = io_size(io, fd, &reader->file_bytes);
        if (r < 0)
                return r;
        r = load_window(reader, 0, WINDOW_BYTES);
        if (r < 0)
                return r;
        r = file_header_read(&reader->header, magic, reader->window, reader->window_bytes);
        if (r != 0)
                return r;

        reader->position = file_header_position(&reader->header);
        *ret_reader = g_steal_pointer(&reader);
        return 0;
}

RecordReader *record_reader_free(RecordReader *reader)
{
        if (!reader)
                return NULL;

        g_free(reader->window);
        g_free(reader);
        return NULL;
}

const FileHeader *record_reader_header(const RecordReader *reader)
{
        return &reader->header;
}

uint64_t record_reader_file_bytes(const RecordReader *reader)
{
        return reader->file_bytes;
}

void record_reader_set_file_bytes(RecordReader *reader, uint64_t n_bytes)
{
        g_assert(n_bytes >= reader->position.offset);

        reader->file_bytes = n_bytes;
}

RecordPosition record_reader_position(const RecordReader *reader)
{
        return reader->position;
}

static int record_at(RecordReader *reader, uint64_t offset, Record *ret_record)
{
        const uint8_t *bytes;
        size_t length;
        int r;

        r = peek(reader, offset, sizeof(RecordHeader), &bytes);
        if (r != 0)
                return r;
        length = record_length(bytes, reader->position.uuid, offset);
        if (length == 0)
                return RECORD_E_NONE;
        r = peek(reader, offset, length, &bytes);
        if (r != 0)
                return r;

        return record_verify(ret_record, bytes, reader->position.uuid, offset);
}

int record_reader_next(RecordReader *reader, Record *ret_record)
{
        Record record;
        int r;

        r = record_at(reader, reader->position.offset, &record);
        if (r != 0)
                return r;
        if (record.header.previous != reader->position.previous)
                return RECORD_E_NONE;
        if (record.header.flags & ~FORMAT_RECORD_FLAGS)
                return RECORD_E_NEWER;

        reader->position.offset += record.header.length;
        reader->position.previous = record.checksum;
        *ret_record = record;
        return 0;
}

/* Ends in the bytes from @offset on, as many as are looked at in one go, if any are left. */
static int peek_some(RecordReader *reader,
                     uint64_t offset,
                     const uint8_t **ret_bytes,
                     size_t *ret_n)
{
        size_t n = (size_t) MIN(WINDOW_BYTES / 2, reader->file_bytes - offset);

        *ret_n = n;
        return peek(reader, offset, n, ret_bytes);
}

/* How many of @n_bytes there are up to the last that is not zero. */
static size_t without_zeros(const uint8_t *bytes, size_t n_bytes)
{
        static const uint8_t zeros[64];

        while (n_bytes >= sizeof zeros &&
               memcmp(bytes + n_bytes - sizeof zeros, zeros, sizeof zeros) == 0)
                n_bytes -= sizeof zeros;
        while (n_bytes > 0 && bytes[n_bytes - 1] == 0)
                n_bytes--;
        return n_bytes;
}

/*
 * Where to look on behind @n_bytes at @offset. Behind zeros a hole is passed over, however long a file says
 * that it is; elsewhere the disk is not asked, which has none in what was written.
 */
static uint64_t look_on(const RecordReader *reader, uint64_t offset, size_t n_bytes, bool is_zeros)
{
        uint64_t next = offset + n_bytes, data;

        if (!is_zeros)
                return next;
        /* Records begin at multiples of eight. */
        data = io_next_data(reader->io, reader->fd, next) & ~UINT64_C(7);
        return MIN(MAX(next, data), reader->file_bytes);
}

/* Where the first word at @offset or after it is that may begin a record, or the end of the file. */
static int find_magic(RecordReader *reader, uint64_t offset, uint64_t *ret_offset)
{
        const uint32_t magic = GUINT32_TO_LE(FORMAT_RECORD_MAGIC);

        while (offset < reader->file_bytes) {
                const uint8_t *bytes;
                size_t n;
                int r;

                r = peek_some(reader, offset, &bytes, &n);
                if (r < 0)
                        return r;
                for (size_t i = 0; i + sizeof magic <= n; i += 8)
                        if (memcmp(bytes + i, &magic, sizeof magic) == 0) {
                                *ret_offset = offset + i;
                                return 0;
                        }
                offset = look_on(reader, offset, n, without_zeros(bytes, n) == 0);
        }

        *ret_offset = reader->file_bytes;
        return 0;
}

int record_reader_find(RecordReader *reader, uint64_t offset, Record *ret_record)
{
        g_assert(offset % 8 == 0);

        for (; offset < reader->file_bytes; offset += 8) {
                int r;

                r = find_magic(reader, offset, &offset);
                if (r < 0)
                        return r;
                r = record_at(reader, offset, ret_record);
                if (r != RECORD_E_NONE)
                        return r;
        }

        return RECORD_E_NONE;
}

int record_reader_zeros_from(RecordReader *reader, uint64_t offset, uint64_t *ret_offset)
{
        uint64_t zeros_from = offset;

        while (offset < reader->file_bytes) {
                const uint8_t *bytes;
                size_t n, n_dirty;
                int r;

                r = peek_some(reader, offset, &bytes, &n);
                if (r < 0)
                        return r;
                n_dirty = without_zeros(bytes, n);
                if (n_dirty > 0)
                        zeros_from = offset + n_dirty;
                offset = look_on(reader, offset, n, n_dirty == 0);
        }

        *ret_offset = zeros_from;
        return 0;
}
