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

#define DECLARATION_ERRORS_MAX 64u

/*
 * Reads the files in @directories (NULL: /usr/lib/regent/namespaces.d, that in /etc and that in
 * /run), the last of each name. What is wrong is logged, and the first of it added to @errors as owned
 * "FILE:LINE: text". The namespace of a wrong file keeps what it has in @before, so that a slip of the
 * pen takes no lock off; without, the file of that name in an earlier directory counts. Where a
 * directory cannot be read, namespaces whose file is not found keep what they have as well, and none
 * is declared anew by an earlier directory, as this one may mask it. @before is NULL at the start.
 */
Declarations *declaration_files_load(const char *const *directories,
                                     const Limits *limits,
                                     Declarations *before,
                                     GPtrArray *errors);
