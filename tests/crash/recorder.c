/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recorder
 *
 * Preloaded into regentd, it writes a trace of what goes through the calls of util/io.c on the two
 * directories, and of the messages on the bus. Nothing is synced for real: what a sync has to
 * achieve is for the explorer to say.
 *
 *     REGENT_RECORD            the trace, appended to
 *     REGENT_RECORD_STATE      the state directory
 *     REGENT_RECORD_RUNTIME    the runtime directory
 *     REGENT_RECORD_SYNC_USEC  how long a sync takes
 *     REGENT_RECORD_FAIL       the number of the batch whose sync fails
 *     REGENT_RECORD_KILL       the number of the event, messages not counted, that is the last
 *     REGENT_RECORD_PLANT      a bug to plant, of those in plant_names
 *
 * Without the first it records nothing. With REGENT_BOOT regentd takes that for the boot it runs in.
 */

#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define FDS_MAX 4096

static const char *const plant_names[] = {
        "none",       "reply-before-sync", "no-directory-sync", "early-unlink",
        "retry-sync", "swap-writes",       "flush-before-sync",
};

static struct {
        GMutex mutex;
        int fd; /* the trace; -1: nothing is recorded */
        char *names[2], *parents[2];
        unsigned n_events, last_event;
        unsigned n_sent; /* messages */
        RecorderSettings settings;
        Descriptor descriptors[FDS_MAX];
} recorder = { .fd = -1 };

void *recorder_next(const char *name)
{
        void *found = dlsym(RTLD_NEXT, name);

        if (!found)
                abort();
        return found;
}

Descriptor *recorder_descriptor(int fd)
{
        static Descriptor none;

        return recorder.fd >= 0 && fd >= 0 && fd < FDS_MAX ? &recorder.descriptors[fd] : &none;
}

const RecorderSettings *recorder_settings(void)
{
        return &recorder.settings;
}

void recorder_lock(void)
{
        g_mutex_lock(&recorder.mutex);
}

void recorder_unlock(void)
{
        g_mutex_unlock(&recorder.mutex);
}

unsigned recorder_n_sent(void)
{
        return recorder.n_sent;
}

void recorder_put_event(TraceEvent event, const void *payload, size_t n_bytes)
{
        struct iovec parts[] = { { &event, sizeof event },
                                 { (void *) (uintptr_t) payload, n_bytes } };

        event.payload_bytes = n_bytes;
        if (writev(recorder.fd, parts, n_bytes > 0 ? 2 : 1) != (ssize_t) (sizeof event + n_bytes))
                abort();
        if (event.kind <= TRACE_SYNC_END && ++recorder.n_events == recorder.last_event)
                kill(getpid(), SIGKILL);
}

void recorder_put(TraceKind kind, const void *payload, size_t n_bytes)
{
        if (recorder.fd < 0)
                return;
        recorder_lock();
        recorder.n_sent += kind == TRACE_SENT;
        recorder_put_event((TraceEvent){ .kind = kind }, payload, n_bytes);
        recorder_unlock();
}

static void put_names(TraceEvent event, const char *name, const char *new_name)
{
        g_autoptr(GByteArray) payload = g_byte_array_new();

        g_byte_array_append(payload, (const guint8 *) name, (guint) strlen(name));
        if (new_name)
                g_byte_array_append(payload, (const guint8 *) "", 1);
        if (new_name)
                g_byte_array_append(payload, (const guint8 *) new_name, (guint) strlen(new_name));
        recorder_put_event(event, payload->data, payload->len);
}

INTERPOSE int sd_id128_get_boot(sd_id128_t *ret_boot_id)
{
        const char *text = getenv("REGENT_BOOT");

        return text ? sd_id128_from_string(text, ret_boot_id)
                    : NEXT(sd_id128_get_boot)(ret_boot_id);
}

INTERPOSE int uname(struct utsname *names)
{
        const char *release = getenv("REGENT_RELEASE");
        int r = NEXT(uname)(names);

        if (r == 0 && release)
                (void) g_strlcpy(names->release, release, sizeof names->release);
        return r;
}

static Plant plant_of(const char *name)
{
        for (size_t i = 0; name && i < G_N_ELEMENTS(plant_names); i++)
                if (strcmp(name, plant_names[i]) == 0)
                        return (Plant) i;
        if (name)
                abort();
        return PLANT_NONE;
}

static unsigned number_of(const char *variable)
{
        const char *text = getenv(variable);

        return text ? (unsigned) strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
        static const char *const variables[] = { "REGENT_RECORD_STATE", "REGENT_RECORD_RUNTIME" };
        const char *path = getenv("REGENT_RECORD");
        char boot[SD_ID128_STRING_MAX];
        sd_id128_t boot_id;
        bool is_first;

        if (!path)
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
                recorder.parents[i] = g_path_get_dirname(getenv(variables[i]));
                recorder.names[i] = g_path_get_basename(getenv(variables[i]));
        }
        recorder.settings.sync_usec = number_of("REGENT_RECORD_SYNC_USEC");
        recorder.settings.failing_sync = number_of("REGENT_RECORD_FAIL");
        recorder.settings.plant = plant_of(getenv("REGENT_RECORD_PLANT"));
        if (sd_id128_get_boot(&boot_id) < 0)
                abort();
        recorder.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (recorder.fd < 0)
                abort();
        sd_id128_to_string(boot_id, boot);
        is_first = lseek(recorder.fd, 0, SEEK_END) == 0;
        recorder_put_event((TraceEvent){ .kind = TRACE_START }, boot, strlen(boot));
        if (is_first)
                recorder_give(getenv(variables[0]), getenv(variables[1]));
        recorder.n_events = 0;
        recorder.last_event = number_of("REGENT_RECORD_KILL");
}

static TraceNode node_of(int fd)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                abort();
        return (TraceNode){ st.st_dev, st.st_ino };
}

/* What a name is called in the trace. */
static const char *name_in(const Descriptor *directory, const char *name)
{
        if (!directory->is_root)
                return name;
        return strcmp(name, recorder.names[0]) == 0 ? TRACE_STATE_NAME : TRACE_RUNTIME_NAME;
}

static bool is_in_root(const char *name)
{
        return strcmp(name, recorder.names[0]) == 0 || strcmp(name, recorder.names[1]) == 0;
}

/* Of a path opened without a directory: it counts when it is where one of the two is. */
static void note_parent(int fd, const char *path)
{
        Descriptor *opened = recorder_descriptor(fd);

        *opened = (Descriptor){ 0 };
        opened->is_root = opened->is_watched =
                strcmp(path, recorder.parents[0]) == 0 || strcmp(path, recorder.parents[1]) == 0;
}

static void note_opened(int fd, const Descriptor *directory, const char *path, bool is_new)
{
        Descriptor *opened = recorder_descriptor(fd);
        bool is_watched = directory->is_watched && (!directory->is_root || is_in_root(path));

        *opened = (Descriptor){ .is_watched = is_watched };
        if (!is_watched)
                return;
        opened->node = strcmp(path, ".") == 0 ? directory->node : node_of(fd);
        if (is_new)
                put_names((TraceEvent){ .kind = TRACE_CREATE,
                                        .node = directory->node,
                                        .other = opened->node },
                          name_in(directory, path), NULL);
}

INTERPOSE int openat64(int dir_fd, const char *path, int flags, ...)
{
        mode_t mode = 0600; /* all that regentd creates */
        Descriptor *directory = recorder_descriptor(dir_fd);
        bool is_new = false;
        int fd, error;

        if (recorder.fd < 0)
                return NEXT(openat64)(dir_fd, path, flags, mode);

        recorder_lock();
        if (directory->is_watched && (flags & O_CREAT))
                is_new = faccessat(dir_fd, path, F_OK, 0) < 0;
        fd = NEXT(openat64)(dir_fd, path, flags, mode);
        error = errno;
        if (fd >= 0 && dir_fd == AT_FDCWD)
                note_parent(fd, path);
        else if (fd >= 0)
                note_opened(fd, directory, path, is_new);
        recorder_unlock();
        errno = error;
        return fd;
}

INTERPOSE int close(int fd)
{
        int r;

        if (recorder.fd < 0 || fd == recorder.fd)
                return NEXT(close)(fd);
        recorder_lock();
        recorder_descriptor(fd)->is_watched = false;
        recorder_bus_closed(fd);
        r = NEXT(close)(fd);
        recorder_unlock();
        return r;
}

static int unlink_now(int dir_fd, const char *path, int flags)
{
        Descriptor *directory = recorder_descriptor(dir_fd);
        int r;

        r = NEXT(unlinkat)(dir_fd, path, flags);
        if (r == 0)
                put_names((TraceEvent){ .kind = TRACE_UNLINK, .node = directory->node }, path,
                          NULL);
        return r;
}

INTERPOSE int unlinkat(int dir_fd, const char *path, int flags)
{
        int r, error;

        if (!recorder_descriptor(dir_fd)->is_watched)
                return NEXT(unlinkat)(dir_fd, path, flags);

        recorder_lock();
        r = unlink_now(dir_fd, path, flags);
        error = errno;
        recorder_unlock();
        errno = error;
        return r;
}

/* Of two names, once a call has come back with @r: whatever comes of that leaves its errno. */
static int put_two_names(TraceKind kind,
                         const Descriptor *const directories[2],
                         const char *from,
                         const char *to,
                         int r)
{
        int error = errno;

        if (r == 0)
                put_names((TraceEvent){ .kind = kind,
                                        .node = directories[0]->node,
                                        .other = directories[1]->node },
                          from, to);
        errno = error;
        return r;
}

INTERPOSE int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
        const Descriptor *directories[] = { recorder_descriptor(from_fd),
                                            recorder_descriptor(to_fd) };
        int r;

        if (!directories[0]->is_watched)
                return NEXT(renameat)(from_fd, from, to_fd, to);

        recorder_lock();
        r = put_two_names(TRACE_RENAME, directories, from, to,
                          NEXT(renameat)(from_fd, from, to_fd, to));
        if (r == 0 && recorder.settings.plant == PLANT_EARLY_UNLINK &&
            g_str_has_prefix(to, "checkpoint-"))
                plant_unlink_early(to_fd, to, unlink_now);
        recorder_unlock();
        return r;
}

INTERPOSE int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
        const Descriptor *directories[] = { recorder_descriptor(from_fd),
                                            recorder_descriptor(to_fd) };
        int r;

        if (!directories[0]->is_watched)
                return NEXT(linkat)(from_fd, from, to_fd, to, flags);

        recorder_lock();
        r = put_two_names(TRACE_LINK, directories, from, to,
                          NEXT(linkat)(from_fd, from, to_fd, to, flags));
        recorder_unlock();
        return r;
}

INTERPOSE int mkdirat(int dir_fd, const char *path, mode_t mode)
{
        Descriptor *directory = recorder_descriptor(dir_fd);
        struct stat st;
        int r, error;

        if (!directory->is_watched || (directory->is_root && !is_in_root(path)))
                return NEXT(mkdirat)(dir_fd, path, mode);

        recorder_lock();
        r = NEXT(mkdirat)(dir_fd, path, mode);
        error = errno;
        if (r == 0 && fstatat(dir_fd, path, &st, 0) == 0)
                put_names((TraceEvent){ .kind = TRACE_MKDIR,
                                        .node = directory->node,
                                        .other = { st.st_dev, st.st_ino } },
                          name_in(directory, path), NULL);
        recorder_unlock();
        errno = error;
        return r;
}
