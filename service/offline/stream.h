/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Stream
 *
 * regent-store's side of client/regent-store-stream.h: messages to standard output and from standard
 * input, and how a verb ends.
 */

#include <glib.h>
#include <stdbool.h>

/* A message to standard output. @body is consumed if floating. 0 or an errno. */
int stream_put(const char *name, GVariant *body);

/* All that was put goes out. 0 or an errno. */
int stream_flush(void);

enum {
        STREAM_E_END = 1, /* there is no further message */
};

/* The next message of standard input. 0, STREAM_E_END, -EBADMSG or another errno. */
int stream_get(char **ret_name, GVariant **ret_body);

/*
 * Says why nothing comes of it, and returns -EPROTO, which stands for a failure that has been told.
 * @hint may be NULL.
 */
G_GNUC_PRINTF(3, 4)
int stream_fail(const char *status, const char *hint, const char *format, ...);

/* The same of an errno, with a status that fits. @what: what it concerns. -EPROTO stays as it is. */
int stream_fail_errno(int r, const char *what);
