/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Read-only Io
 *
 * The real calls that read, and -EROFS in place of all that would change anything: what reads a
 * directory with it leaves no trace there, not even the time of access where that can be helped.
 * It follows no symbolic link in a file's place, and waits for nothing that is no file.
 */

#include "util/io.h"

const Io *read_only_io(void);

/* Opens any file to read, likewise; symbolic links are followed, for it is named by a person. */
int read_only_open(int dir_fd, const char *path, int flags);
