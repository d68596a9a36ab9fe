/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Declaration files
 *
 * All the files of namespaces.d, from the directories of packages, of the administrator and of the
 * running system.
 */

#include "core/declarations.h"
#include "core/limits.h"

#include <glib.h>

/*
 * Reads the files in @directories (NULL: /usr/lib/regent/namespaces.d, that in /etc and that in
 * /run), the last of each name. What is wrong is logged, and added to @errors as owned
 * "FILE:LINE: text". The namespace of a wrong file keeps what it has in @before, so that a slip of
 * the pen takes no lock off; and so do all whose file is not found, where a directory cannot be read.
 */
Declarations *declaration_files_load(const char *const *directories,
                                     const Limits *limits,
                                     Declarations *before,
                                     GPtrArray *errors);
