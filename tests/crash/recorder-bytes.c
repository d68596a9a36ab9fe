/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recorder: what is in files
 *
 * Writes and syncs, those that fail, and the planted bugs that do them too late.
 */

#include "recorder.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

/* The beginning of a record in a journal: magic, and further on its kind. */
#define RECORD_MAGIC       "RGRC"
#define RECORD_KIND_OFFSET 24
#define RECORD_KIND_MARK   2
#define RECORD_KIND_OTHERS 16 /* from here on, those of checkpoints */

/* The write that is put off. */
static struct {
        int fd;
        TraceEvent event;
        void *bytes; /* NULL: none */
} late;

static uint64_t last_serial;
static unsigned n_batch_syncs;

static bool is_batch(const char *bytes, size_t n_bytes)
{
        return n_bytes > RECORD_KIND_OFFSET && memcmp(bytes, RECORD_MAGIC, 4) == 0 &&
               bytes[RECORD_KIND_OFFSET] != RECORD_KIND_MARK &&
               bytes[RECORD_KIND_OFFSET] < RECORD_KIND_OTHERS;
}

static bool is_zeros(const char *bytes, size_t n_bytes)
{
        return n_bytes > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, n_bytes - 1) == 0;
}

static void write_now(int fd, TraceEvent event, const void *bytes)
{
        if (NEXT(pwrite64)(fd, bytes, event.n_bytes, (off64_t) event.offset) !=
            (ssize_t) event.n_bytes)
                abort();
        recorder_put_event(event, bytes, is_zeros(bytes, event.n_bytes) ? 0 : event.n_bytes);
}

/* The batch that swap-writes has put off. */
static void write_late(void)
{
        if (late.bytes)
                write_now(late.fd, late.event, late.bytes);
        g_clear_pointer(&late.bytes, g_free);
}

/* Every second batch comes after the next one, if no sync comes before that. */
static void write_swapped(int fd, TraceEvent event, const void *bytes, bool has_batch)
{
        if (has_batch && !late.bytes) {
                late.fd = fd;
                late.event = event;
                late.bytes = g_memdup2(bytes, event.n_bytes);
                return;
        }
        write_now(fd, event, bytes);
        write_late();
}

INTERPOSE ssize_t pwrite64(int fd, const void *bytes, size_t n_bytes, off64_t offset)
{
        Descriptor *file = recorder_descriptor(fd);
        TraceEvent event = { .kind = TRACE_WRITE, .offset = (uint64_t) offset, .n_bytes = n_bytes };

        if (!file->is_watched)
                return NEXT(pwrite64)(fd, bytes, n_bytes, offset);

        recorder_lock();
        file->has_batch = is_batch(bytes, n_bytes);
        file->n_sent = recorder_n_sent();
        event.node = file->node;
        if (recorder_settings()->plant == PLANT_SWAP_WRITES)
                write_swapped(fd, event, bytes, file->has_batch);
        else
                write_now(fd, event, bytes);
        recorder_unlock();
        return (ssize_t) n_bytes;
}

static void put_sync(TraceKind kind, const Descriptor *file, uint64_t serial, int result)
{
        recorder_lock();
        recorder_put_event(
                (TraceEvent){
                        .kind = kind, .node = file->node, .serial = serial, .result = result },
                NULL, 0);
        recorder_unlock();
}

static uint64_t begin_sync(const Descriptor *file)
{
        uint64_t serial = __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);

        put_sync(TRACE_SYNC_BEGIN, file, serial, 0);
        return serial;
}

static int sync_once(const Descriptor *file, int result)
{
        uint64_t serial = begin_sync(file);

        if (recorder_settings()->sync_usec > 0)
                g_usleep(recorder_settings()->sync_usec);
        put_sync(TRACE_SYNC_END, file, serial, result);
        if (result == 0)
                return 0;
        errno = -result;
        return -1;
}

/* Says that it is done, and has it done when the next one is asked for. */
static int sync_late(Descriptor *file)
{
        if (file->late_serial > 0)
                put_sync(TRACE_SYNC_END, file, file->late_serial, 0);
        file->late_serial = begin_sync(file);
        return 0;
}

/* Of a batch that was written with it, or of what has been answered since it was written. */
static bool is_to_be_late(const Descriptor *file)
{
        return file->has_batch && (recorder_settings()->plant == PLANT_REPLY_BEFORE_SYNC ||
                                   (recorder_settings()->plant == PLANT_FLUSH_BEFORE_SYNC &&
                                    recorder_n_sent() != file->n_sent));
}

INTERPOSE int fdatasync(int fd)
{
        Descriptor *file = recorder_descriptor(fd);
        bool fails;

        if (!file->is_watched)
                return NEXT(fdatasync)(fd);

        recorder_lock();
        write_late();
        recorder_unlock();
        if (is_to_be_late(file))
                return sync_late(file);
        fails = file->has_batch && ++n_batch_syncs == recorder_settings()->failing_sync;
        if (fails && recorder_settings()->plant == PLANT_RETRY_SYNC)
                (void) sync_once(file, -EIO);
        return sync_once(file, fails && recorder_settings()->plant != PLANT_RETRY_SYNC ? -EIO : 0);
}

INTERPOSE int fsync(int fd)
{
        const Descriptor *directory = recorder_descriptor(fd);

        if (!directory->is_watched)
                return NEXT(fsync)(fd);
        return recorder_settings()->plant == PLANT_NO_DIRECTORY_SYNC ? 0 : sync_once(directory, 0);
}
