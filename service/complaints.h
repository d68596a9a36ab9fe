/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Complaints
 *
 * What is wrong in a file, in the form "FILE:LINE: text". All of it is ASCII but for the path. So much
 * can be wrong in a file that only the first LIMIT_DECLARATION_ERRORS are kept; the others are
 * counted.
 */

#include <glib.h>

typedef struct Complaints {
        const char *path; /* borrowed; as complaints_show_path() gives it */
        GPtrArray *texts; /* borrowed: owned strings are added */
        unsigned n;       /* so many there have been */
} Complaints;

/* @line 0: it concerns no line. */
void complaints_add(Complaints *complaints, unsigned line, const char *format, ...)
        G_GNUC_PRINTF(3, 4);

/* Says how many have not been kept; to be called when the file has been read. */
void complaints_end(const Complaints *complaints);

/* @path as valid UTF-8 without control characters. */
char *complaints_show_path(const char *path);
