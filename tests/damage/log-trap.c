/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log trap
 */

#include "log-trap.h"

#include "util/log.h"

#include <stdarg.h>
#include <string.h>

static GMutex mutex;
static GPtrArray *records;

static void record_free(gpointer userdata)
{
        LogTrapRecord *record = userdata;

        g_free(record->message);
        g_free(record->message_id);
        g_free(record->file);
        g_free(record);
}

static GPtrArray *records_new(void)
{
        return g_ptr_array_new_with_free_func(record_free);
}

void __wrap_log_record(int level, const LogField *fields, const char *format, ...)
        G_GNUC_PRINTF(3, 4);

void __wrap_log_record(int level G_GNUC_UNUSED, const LogField *fields, const char *format, ...)
{
        LogTrapRecord *record = g_new(LogTrapRecord, 1);
        va_list arguments;

        *record = (LogTrapRecord){ .offset = -1 };
        va_start(arguments, format);
        record->message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        for (; fields && fields->name; fields++) {
                if (strcmp(fields->name, "MESSAGE_ID") == 0)
                        record->message_id = g_strdup(fields->text);
                else if (strcmp(fields->name, "FILE") == 0)
                        record->file = g_strdup(fields->text);
                else if (strcmp(fields->name, "OFFSET") == 0)
                        record->offset = fields->number;
        }

        g_mutex_lock(&mutex);
        if (!records)
                records = records_new();
        g_ptr_array_add(records, record);
        g_mutex_unlock(&mutex);
}

GPtrArray *log_trap_take(void)
{
        GPtrArray *taken;

        g_mutex_lock(&mutex);
        taken = records ? g_steal_pointer(&records) : records_new();
        g_mutex_unlock(&mutex);
        return taken;
}
