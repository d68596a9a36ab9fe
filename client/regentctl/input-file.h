/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Input file
 *
 * Reads files that were named on the command line, "-" being standard input.
 */

#include "failure.h"

#include <glib.h>
#include <stdint.h>

/* Nobody means to load more; what is read is held in memory. */
#define INPUT_FILE_BYTES_MAX (G_GUINT64_CONSTANT(1) << 30)

/* The whole file; a zero byte follows it. EXIT_NOT_FOUND, EXIT_DENIED, or EXIT_INVALID when it is too large. */
gboolean input_file_read(const char *path,
                         uint64_t n_bytes_max,
                         GBytes **ret_content,
                         Failure **reterr);

/* The same of what is open as @fd; @path is for messages. */
gboolean input_file_read_fd(
        int fd, const char *path, uint64_t n_bytes_max, GBytes **ret_content, Failure **reterr);
