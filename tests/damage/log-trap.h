/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Log trap
 *
 * In a program linked with --wrap=log_record, what the service logs is kept instead.
 */

#include <glib.h>

typedef struct LogTrapRecord {
        char *message;
        char *message_id; /* NULL: none */
        char *file;       /* NULL: none */
        gint64 offset;    /* -1: none */
} LogTrapRecord;

/* What has been logged since the last time. Owned LogTrapRecord. */
GPtrArray *log_trap_take(void);
