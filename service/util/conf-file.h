/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Configuration files
 *
 * Finds and reads what administrators and packages lay into several directories: of two files with
 * one name only the one in the later directory counts, so a link to /dev/null masks.
 */

#include <glib.h>

enum {
        CONF_FILE_E_MASKED = 1, /* the file is /dev/null */
};

/*
 * Reads @path, a regular file of at most @bytes_max bytes. 0, CONF_FILE_E_MASKED, -EFBIG, or another
 * negative errno.
 */
int conf_file_read(const char *path, size_t bytes_max, GByteArray **ret_bytes);

/*
 * The names of the files of @directory that are called *.conf and are not hidden, in order. 0 or a
 * negative errno; a directory that is not there has no files.
 */
int conf_files_list(const char *directory, GPtrArray **ret_names);

/* name -> path, in the order of names. */
GTree *conf_files_new(void);

/*
 * Adds what conf_files_list() gives, in place of those of the same name. -E2BIG when there are more
 * than @n_max in all: those beyond are left out.
 */
int conf_files_add(GTree *files, const char *directory, guint n_max);
