/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Dump: from a file
 */

#include "dump.h"

/* Reads the file of that name, "-" being standard input. Failures name it. */
gboolean dump_file_read(const char *path, Dump **ret_dump, Failure **reterr);
