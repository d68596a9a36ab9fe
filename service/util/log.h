/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Log
 *
 * Structured records on top of GLib's, with syslog's levels: to the journal with their fields, or
 * as lines to stderr when that is not the journal's. GLib's own warnings take the same way. Control
 * characters in messages are escaped, so hostile text cannot forge lines.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* What a record concerns, beside its text. */
typedef struct LogField {
        const char *name; /* NULL ends the list */
        const char *text; /* NULL: the number */
        int64_t number;
} LogField;

#define LOG_FIELDS(...)      ((const LogField[]){ __VA_ARGS__, { NULL, NULL, 0 } })
#define LOG_NAMESPACE(name)  log_text("NAMESPACE", name)
#define LOG_KEY(key)         log_text("KEY", key)
#define LOG_FILE(path)       log_text("FILE", path)
#define LOG_MESSAGE_ID(id)   log_text("MESSAGE_ID", id)
#define LOG_REVISION(number) log_number("REVISION", (int64_t) (number))
#define LOG_OFFSET(number)   log_number("OFFSET", (int64_t) (number))
#define LOG_UID(number)      log_number("UID", (int64_t) (number))
#define LOG_ERRNO(r)         log_number("ERRNO", (r) < 0 ? -(int64_t) (r) : (int64_t) (r))

static inline LogField log_text(const char *name, const char *text)
{
        return (LogField){ .name = name, .text = text ? text : "" };
}

static inline LogField log_number(const char *name, int64_t number)
{
        return (LogField){ .name = name, .number = number };
}

/* Takes over GLib's log writer, for good. @level: LOG_EMERG to LOG_DEBUG. */
void log_open(int level);

/* From now on, records up to @level. */
void log_set_level(int level);

int log_level(void);

/* "err", "warning" and so on, as in syslog.conf; or -EINVAL. */
int log_level_from_name(const char *name);
const char *log_level_name(int level);

/* Whether records go to the journal, with their fields, and not as lines to stderr. */
bool log_is_to_journal(void);

/* One record. @fields: LOG_FIELDS(...), or NULL for none. */
void log_record(int level, const LogField *fields, const char *format, ...) G_GNUC_PRINTF(3, 4);

#define log_error(...)   log_record(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_record(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)  log_record(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)    log_record(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)   log_record(LOG_DEBUG, NULL, __VA_ARGS__)

/* @text with control characters, and bytes that are no UTF-8, written as \xNN. */
char *log_escape(const char *text);
