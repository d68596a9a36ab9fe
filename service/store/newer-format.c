/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Newer format
 */

#include "store/newer-format.h"

#include "store/record.h"
#include "util/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES_MAX 4096u

/* What a file asks for, if this version has not got it; owned. */
static char *wants_of_header(const StoreDirectory *directory, const char *name, const char *magic)
{
        char bytes[HEADER_BYTES_MAX];
        FileHeader header;
        ssize_t n;
        int fd;

        fd = directory_open_file(directory, name);
        if (fd < 0)
                return NULL;
        n = io_pread_full(directory->io, fd, bytes, sizeof bytes, 0);
        close(fd);
        if (n < 0 || file_header_read(&header, magic, bytes, (size_t) n) != RECORD_E_NEWER)
                return NULL;

        if (header.version > FORMAT_VERSION || header.version < FORMAT_VERSION_OLDEST)
                return g_strdup_printf("is in format %" G_GUINT32_FORMAT, header.version);
        return g_strdup_printf("has the unknown features 0x%" G_GINT64_MODIFIER "x",
                               header.incompatible_features & ~FORMAT_INCOMPATIBLE);
}

static char *wants_of_manifest(const StoreDirectory *directory)
{
        g_autofree char *text = NULL;
        g_autofree char *features = NULL;
        uint64_t format;
        size_t n_bytes;

        if (directory_read(directory, MANIFEST_NAME, MANIFEST_BYTES_MAX, &text, &n_bytes) != 0)
                return NULL;
        if (manifest_format(text, n_bytes, &format, &features) < 0)
                return NULL;
        if (format > FORMAT_VERSION || format < FORMAT_VERSION_OLDEST)
                return g_strdup_printf("is in format %" G_GUINT64_FORMAT, format);
        return features && *features ? g_strdup_printf("has the unknown features %.200s", features)
                                     : NULL;
}

static char *wants_of(const StoreDirectory *directory, const char *name)
{
        if (g_str_has_prefix(name, "journal-"))
                return wants_of_header(directory, name, FORMAT_MAGIC_JOURNAL);
        if (g_str_has_prefix(name, "checkpoint-"))
                return wants_of_header(directory, name, FORMAT_MAGIC_CHECKPOINT);
        return strcmp(name, MANIFEST_NAME) == 0 ? wants_of_manifest(directory) : NULL;
}

static bool log_file(const StoreDirectory *directory)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

        if (!directory || io_list(directory->io, directory->fd, names) < 0)
                return false;

        for (guint i = 0; i < names->len; i++) {
                g_autofree char *wants = wants_of(directory, names->pdata[i]);
                g_autofree char *path = g_build_filename(directory->path, names->pdata[i], NULL);

                if (!wants)
                        continue;
                log_record(
                        LOG_ERR, LOG_FIELDS(LOG_FILE(path)),
                        "%s: %s, by a later version of regentd; this one knows formats up to %u. "
                        "Nothing is changed",
                        path, wants, FORMAT_VERSION);
                return true;
        }
        return false;
}

void newer_format_log(const Side *sides, size_t n_sides)
{
        for (size_t i = 0; i < n_sides; i++)
                if (log_file(sides[i].directory) || log_file(sides[i].good_directory))
                        return;

        log_error("%s: there are records by a later version of regentd; nothing is changed",
                  sides[0].directory->path);
}
