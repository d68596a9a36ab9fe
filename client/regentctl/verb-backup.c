/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl backup
 *
 * The file gets its name last, once it is on the disk, read back and found whole: what has the name
 * is a backup.
 */

#include "client/regent-store-stream.h"
#include "namespace-facts.h"
#include "offline.h"
#include "reply.h"
#include "verb.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES     ((size_t) 1 << 20)
#define PROGRESS_BYTES ((uint64_t) 16 << 20) /* fewer are written in no time */

typedef struct Backup {
        Context *context;
        const char *path;
        char *new_path; /* of the file until it gets its name; NULL: there is none */
        int from_fd, to_fd;
        uint64_t revision, n_namespaces, n_keys, n_bytes;
} Backup;

static void backup_clear(Backup *backup)
{
        if (backup->new_path)
                (void) unlink(backup->new_path);
        g_clear_pointer(&backup->new_path, g_free);
        if (backup->from_fd >= 0)
                close(backup->from_fd);
        if (backup->to_fd >= 0)
                close(backup->to_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Backup, backup_clear)

static gboolean fail_file(const char *path, int error_number, Failure **reterr)
{
        ExitStatus status = EXIT_OTHER;

        if (error_number == ENOENT || error_number == ENOTDIR)
                status = EXIT_NOT_FOUND;
        else if (error_number == EACCES || error_number == EPERM)
                status = EXIT_DENIED;
        else if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG ||
                 error_number == EROFS)
                status = EXIT_REFUSED;
        return failure_set(reterr, status, "%s: %s", path, g_strerror(error_number));
}

static gboolean fail_exists(const Backup *backup, Failure **reterr)
{
        failure_set(reterr, EXIT_CONFLICT, "%s: it is there already", backup->path);
        failure_set_hint(*reterr, "--force replaces it.");
        return FALSE;
}

/* What is no file, a device for one, is never replaced. */
static gboolean check_place(const Backup *backup, Failure **reterr)
{
        struct stat st;

        if (strcmp(backup->path, "-") == 0)
                return failure_set(reterr, EXIT_USAGE,
                                   "A backup goes into a file, not to standard output");
        if (lstat(backup->path, &st) < 0)
                return TRUE;
        if (!backup->context->options->is_force)
                return fail_exists(backup, reterr);
        return S_ISREG(st.st_mode) ||
               failure_set(reterr, EXIT_CONFLICT, "%s: it is no file, and is not replaced",
                           backup->path);
}

/* Beside the place it is to get, so that a rename will do. */
static gboolean create_file(Backup *backup, Failure **reterr)
{
        g_autofree char *directory = g_path_get_dirname(backup->path);
        g_autofree char *name = g_path_get_basename(backup->path);
        g_autofree char *new_name = g_strdup_printf(".%.200s.XXXXXX", name);
        g_autofree char *new_path = g_build_filename(directory, new_name, NULL);

        if (!check_place(backup, reterr))
                return FALSE;
        backup->to_fd = g_mkstemp_full(new_path, O_RDWR | O_CLOEXEC, 0600);
        if (backup->to_fd < 0)
                return fail_file(backup->path, errno, reterr);

        backup->new_path = g_steal_pointer(&new_path);
        return TRUE;
}

static gboolean receive(Backup *backup, Failure **reterr)
{
        const Options *options = backup->context->options;
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) info = NULL;
        Bus *bus;

        if (options->host)
                return failure_set(reterr, EXIT_USAGE,
                                   "A descriptor does not come over ssh: run 'regentctl backup' "
                                   "there");
        if (!context_bus(backup->context, &bus, reterr) ||
            !bus_call_manager_for_fd(bus, "Backup",
                                     g_variant_new("(@a{sv})", g_variant_builder_end(&builder)),
                                     "(ha{sv})", &reply, &backup->from_fd, reterr))
                return FALSE;

        info = g_variant_get_child_value(reply, 1);
        g_variant_lookup(info, "revision", "t", &backup->revision);
        g_variant_lookup(info, "namespaces", "t", &backup->n_namespaces);
        g_variant_lookup(info, "keys", "t", &backup->n_keys);
        g_variant_lookup(info, "bytes", "t", &backup->n_bytes);
        return TRUE;
}

static gboolean write_piece(const Backup *backup, const guint8 *bytes, size_t n, Failure **reterr)
{
        while (n > 0) {
                ssize_t n_written = write(backup->to_fd, bytes, n);

                if (n_written < 0 && errno != EINTR)
                        return fail_file(backup->path, errno, reterr);
                if (n_written > 0) {
                        bytes += n_written;
                        n -= (size_t) n_written;
                }
        }
        return TRUE;
}

static gboolean copy(const Backup *backup, Failure **reterr)
{
        Output *output = backup->context->output;
        g_autofree guint8 *bytes = g_malloc(COPY_BYTES);
        uint64_t n_copied = 0;

        for (;;) {
                ssize_t n = pread(backup->from_fd, bytes, COPY_BYTES, (off_t) n_copied);

                if (interrupt_came(backup->context->interrupt))
                        return failure_set(reterr, EXIT_INTERRUPTED, "Interrupted");
                if (n < 0 && errno != EINTR)
                        return failure_set(reterr, EXIT_OTHER, "What regentd wrote: %s",
                                           g_strerror(errno));
                if (n == 0)
                        break;
                if (n < 0)
                        continue;
                if (!write_piece(backup, bytes, (size_t) n, reterr))
                        return FALSE;
                n_copied += (uint64_t) n;
                if (backup->n_bytes >= PROGRESS_BYTES)
                        output_progress(output, "Writing", n_copied, backup->n_bytes);
        }
        output_progress_end(output);
        return fsync(backup->to_fd) == 0 || fail_file(backup->path, errno, reterr);
}

/* By the program that would read it when it is needed. */
static gboolean verify(const Backup *backup, Failure **reterr)
{
        const char *const words[] = { "--", backup->new_path, NULL };
        g_autoptr(Offline) offline = NULL;
        g_autoptr(GVariant) file = NULL;
        const char *kind = "", *verdict = "";
        uint64_t revision = 0, n_keys = 0;

        if (!offline_start(backup->context, "verify", words, &offline, reterr) ||
            !offline_get_one(offline, REGENT_STORE_FILE, REGENT_STORE_FILE_TYPE, &file, reterr))
                return FALSE;

        g_variant_lookup(file, "kind", "&s", &kind);
        g_variant_lookup(file, "verdict", "&s", &verdict);
        g_variant_lookup(file, "last-revision", "t", &revision);
        g_variant_lookup(file, "entries", "t", &n_keys);
        if (strcmp(kind, "checkpoint") == 0 && strcmp(verdict, REGENT_STORE_WHOLE) == 0 &&
            revision == backup->revision && n_keys == backup->n_keys)
                return TRUE;
        failure_set(reterr, EXIT_INVALID, "%s: what was written reads back otherwise",
                    backup->path);
        failure_set_hint(*reterr, "There is no backup.");
        return FALSE;
}

static gboolean sync_directory(const Backup *backup, Failure **reterr)
{
        g_autofree char *directory = g_path_get_dirname(backup->path);
        int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        gboolean is_synced = fd >= 0 && fsync(fd) == 0;
        int error_number = errno;

        if (fd >= 0)
                close(fd);
        return is_synced || fail_file(directory, error_number, reterr);
}

static gboolean put_in_place(Backup *backup, Failure **reterr)
{
        unsigned flags = backup->context->options->is_force ? 0 : RENAME_NOREPLACE;
        int r = renameat2(AT_FDCWD, backup->new_path, AT_FDCWD, backup->path, flags);

        /* Not every file system knows the flag. */
        if (r < 0 && errno == EINVAL && flags != 0 && access(backup->path, F_OK) < 0)
                r = rename(backup->new_path, backup->path);
        if (r < 0 && errno == EEXIST)
                return fail_exists(backup, reterr);
        if (r < 0)
                return fail_file(backup->path, errno, reterr);

        g_clear_pointer(&backup->new_path, g_free);
        return sync_directory(backup, reterr);
}

static void report(const Backup *backup)
{
        Output *output = backup->context->output;
        g_autofree char *path = output_escape(backup->path);
        g_autofree char *size = namespace_facts_size(backup->n_bytes);
        json_object *document;

        if (output_json(output) == JSON_OFF) {
                output_note(output,
                            "%s: revision %" PRIu64 ", %" PRIu64 " namespaces, %" PRIu64
                            " keys, %s; verified",
                            path, backup->revision, backup->n_namespaces, backup->n_keys, size);
                return;
        }
        document = json_object_new_object();
        json_object_object_add(document, "bytes", json_object_new_uint64(backup->n_bytes));
        json_object_object_add(document, "keys", json_object_new_uint64(backup->n_keys));
        json_object_object_add(document, "namespaces",
                               json_object_new_uint64(backup->n_namespaces));
        json_object_object_add(document, "revision", json_object_new_uint64(backup->revision));
        output_document(output, document);
}

int verb_backup(Context *context, char **arguments, Failure **reterr)
{
        g_auto(Backup) backup = {
                .context = context,
                .path = arguments[0],
                .from_fd = -1,
                .to_fd = -1,
        };

        if (!create_file(&backup, reterr) || !receive(&backup, reterr) || !copy(&backup, reterr) ||
            !verify(&backup, reterr) || !put_in_place(&backup, reterr))
                return -1;
        report(&backup);
        return EXIT_DONE;
}
