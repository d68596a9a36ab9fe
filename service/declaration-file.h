/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Declaration file
 *
 * Reads what a file of namespaces.d, such as org.example.Router.conf, says of the namespace that it
 * is named after. One that is wrong anywhere is of no use as a whole: half a set of rules would let
 * through what the other half was to stop. But a user or group that is not known is left out alone, as
 * that is no fault of the file, and comes and goes with what knows the users.
 */

#include "core/declaration.h"
#include "core/limits.h"

#include <glib.h>

enum {
        DECLARATION_FILE_E_WRONG = 1, /* every error in it has been added to the complaints */
        DECLARATION_FILE_E_MASKED,    /* it is /dev/null */
};

/*
 * 0 with the namespace's name, or an outcome above; @complaints gets owned "FILE:LINE: text", with 0
 * too, of users and groups.
 */
int declaration_file_load(const char *path,
                          const Limits *limits,
                          GPtrArray *complaints,
                          char **ret_name,
                          Declaration **ret_declaration);

/* The namespace that a file called @path is about; NULL when there can be none of that name. */
char *declaration_file_name(const char *path);
