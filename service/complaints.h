/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Complaints
 *
 * What is wrong in a file, in the form "FILE:LINE: text". All of it is ASCII but for the path.
 */

#include <glib.h>

typedef struct Complaints {
        const char *path; /* borrowed */
        GPtrArray *texts; /* borrowed: owned strings are added */
} Complaints;

/* @line 0: it concerns no line. */
void complaints_add(const Complaints *complaints, unsigned line, const char *format, ...)
        G_GNUC_PRINTF(3, 4);
