/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input file
 */

#include "input-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES (256u << 10)

static gboolean fail(const char *path, int error_number, Failure **reterr)
{
        ExitStatus status = error_number == ENOENT                            ? EXIT_NOT_FOUND
                            : error_number == EACCES || error_number == EPERM ? EXIT_DENIED
                                                                              : EXIT_OTHER;

        return failure_set(reterr, status, "%s: %s", path, g_strerror(error_number));
}

static gboolean read_all(
        int fd, const char *path, uint64_t n_bytes_max, GByteArray *content, Failure **reterr)
{
        for (;;) {
                guint n_before = content->len;
                ssize_t n;

                g_byte_array_set_size(content, n_before + CHUNK_BYTES);
                n = read(fd, content->data + n_before, CHUNK_BYTES);
                if (n < 0 && errno == EINTR)
                        n = 0;
                else if (n < 0)
                        return fail(path, errno, reterr);
                else if (n == 0)
                        break;
                g_byte_array_set_size(content, n_before + (guint) n);
                if (content->len > n_bytes_max)
                        return failure_set(reterr, EXIT_INVALID,
                                           "%s: more than %" G_GUINT64_FORMAT " bytes", path,
                                           n_bytes_max);
        }

        g_byte_array_set_size(content, content->len - CHUNK_BYTES);
        g_byte_array_append(content, (const uint8_t *) "", 1);
        return true;
}

gboolean input_file_read_fd(
        int fd, const char *path, uint64_t n_bytes_max, GBytes **ret_content, Failure **reterr)
{
        g_autoptr(GByteArray) content = g_byte_array_new();
        g_autoptr(GBytes) whole = NULL;

        if (!read_all(fd, path, n_bytes_max, content, reterr))
                return false;

        whole = g_byte_array_free_to_bytes(g_steal_pointer(&content));
        *ret_content = g_bytes_new_from_bytes(whole, 0, g_bytes_get_size(whole) - 1);
        return true;
}

gboolean input_file_read(const char *path,
                         uint64_t n_bytes_max,
                         GBytes **ret_content,
                         Failure **reterr)
{
        bool is_stdin = strcmp(path, "-") == 0;
        gboolean is_read;
        int fd;

        fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return fail(path, errno, reterr);

        is_read = input_file_read_fd(fd, is_stdin ? "Standard input" : path, n_bytes_max,
                                     ret_content, reterr);
        if (!is_stdin)
                close(fd);
        return is_read;
}
