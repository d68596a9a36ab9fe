/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Kernel release
 *
 * Which kernel runs, as `uname -r` says it.
 */

/* Owned; NULL when it is no valid release: then there are no entries of class kernel to be seen. */
char *kernel_release_running(void);
