/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log
 *
 * GLib knows fewer levels than syslog, so every record of ours carries its PRIORITY, and the writer
 * goes by that. The level, and where the log goes, are the only state, read by all threads.
 */

#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELDS_MAX 12

static gint log_level_max = LOG_INFO;
static gint log_to_journal = FALSE;

static const char *const level_names[] = {
        [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
        [LOG_ERR] = "err",     [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

int log_level_from_name(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(level_names); i++)
                if (strcmp(level_names[i], name) == 0)
                        return (int) i;

        return -EINVAL;
}

void log_set_level(int level)
{
        g_atomic_int_set(&log_level_max, level);
}

int log_level(void)
{
        return g_atomic_int_get(&log_level_max);
}

const char *log_level_name(int level)
{
        g_assert(level >= LOG_EMERG && level <= LOG_DEBUG);
        return level_names[level];
}

bool log_is_to_journal(void)
{
        return g_atomic_int_get(&log_to_journal);
}

/* Not what breaks lines, moves the cursor, or turns the direction of text. */
static gboolean is_harmless(gunichar c)
{
        GUnicodeType type = g_unichar_type(c);

        return g_unichar_isprint(c) && type != G_UNICODE_FORMAT &&
               type != G_UNICODE_LINE_SEPARATOR && type != G_UNICODE_PARAGRAPH_SEPARATOR;
}

char *log_escape(const char *text)
{
        GString *escaped = g_string_sized_new(strlen(text) + 1);
        const char *p = text;

        while (*p) {
                gunichar c = g_utf8_get_char_validated(p, -1);
                gboolean is_whole = c < (gunichar) -2;
                const char *next = p + (is_whole ? g_utf8_skip[(unsigned char) *p] : 1);

                if (is_whole && is_harmless(c))
                        g_string_append_len(escaped, p, next - p);
                else
                        for (; p < next; p++)
                                g_string_append_printf(escaped, "\\x%02x", (unsigned char) *p);
                p = next;
        }

        return g_string_free(escaped, FALSE);
}

static GLogLevelFlags glib_level(int level)
{
        if (level <= LOG_ERR)
                return G_LOG_LEVEL_CRITICAL;
        if (level == LOG_WARNING)
                return G_LOG_LEVEL_WARNING;
        if (level == LOG_NOTICE)
                return G_LOG_LEVEL_MESSAGE;
        return level == LOG_INFO ? G_LOG_LEVEL_INFO : G_LOG_LEVEL_DEBUG;
}

static int syslog_level(GLogLevelFlags level)
{
        if (level & G_LOG_LEVEL_ERROR)
                return LOG_CRIT;
        if (level & G_LOG_LEVEL_CRITICAL)
                return LOG_ERR;
        if (level & G_LOG_LEVEL_WARNING)
                return LOG_WARNING;
        if (level & G_LOG_LEVEL_MESSAGE)
                return LOG_NOTICE;
        return level & G_LOG_LEVEL_INFO ? LOG_INFO : LOG_DEBUG;
}

static const char *field_text(const GLogField *fields, gsize n_fields, const char *key)
{
        for (gsize i = 0; i < n_fields; i++)
                if (strcmp(fields[i].key, key) == 0 && fields[i].length < 0)
                        return fields[i].value;

        return NULL;
}

static void write_line(int level, const char *message)
{
        g_autofree char *line = NULL;
        g_autofree char *escaped = log_escape(message ? message : "");

        line = g_strdup_printf("regentd: %s: %s\n", level_names[level], escaped);
        (void) fputs(line, stderr);
        (void) fflush(stderr);
}

/* Nobody reads what goes to /dev/null; the journal may be there all the same. */
static gboolean stderr_is_nothing(void)
{
        struct stat err, null;

        return fstat(STDERR_FILENO, &err) < 0 ||
               (stat("/dev/null", &null) == 0 && S_ISCHR(err.st_mode) &&
                err.st_rdev == null.st_rdev);
}

static GLogWriterOutput on_record(GLogLevelFlags level,
                                  const GLogField *fields,
                                  gsize n_fields,
                                  gpointer userdata G_GNUC_UNUSED)
{
        const char *priority = field_text(fields, n_fields, "PRIORITY");
        int syslog = priority && *priority >= '0' && *priority <= '7' ? *priority - '0'
                                                                      : syslog_level(level);

        if (syslog > g_atomic_int_get(&log_level_max))
                return G_LOG_WRITER_HANDLED;

        if (log_is_to_journal() &&
            g_log_writer_journald(level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
                return G_LOG_WRITER_HANDLED;

        write_line(syslog, field_text(fields, n_fields, "MESSAGE"));
        return G_LOG_WRITER_HANDLED;
}

void log_open(int level)
{
        static gsize is_open;
        gboolean to_journal = !isatty(STDERR_FILENO) &&
                              (g_log_writer_is_journald(STDERR_FILENO) || stderr_is_nothing());

        log_set_level(level);
        g_atomic_int_set(&log_to_journal, to_journal);
        /* GLib takes a writer only once in a process. */
        if (g_once_init_enter(&is_open)) {
                g_log_set_writer_func(on_record, NULL, NULL);
                g_once_init_leave(&is_open, 1);
        }
}

void log_record(int level, const LogField *fields, const char *format, ...)
{
        char priority[2] = { (char) ('0' + level), '\0' };
        char numbers[FIELDS_MAX][24];
        GLogField records[FIELDS_MAX + 3];
        g_autofree char *message = NULL;
        g_autofree char *escaped = NULL;
        gsize n = 0;
        va_list arguments;

        if (level > g_atomic_int_get(&log_level_max))
                return;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        escaped = log_escape(message);

        records[n++] = (GLogField){ "PRIORITY", priority, -1 };
        records[n++] = (GLogField){ "MESSAGE", escaped, -1 };
        records[n++] = (GLogField){ "SYSLOG_IDENTIFIER", "regentd", -1 };
        for (size_t i = 0; fields && fields[i].name && i < FIELDS_MAX; i++) {
                const char *text = fields[i].text;

                if (!text) {
                        (void) g_snprintf(numbers[i], sizeof numbers[i], "%" G_GINT64_FORMAT,
                                          fields[i].number);
                        text = numbers[i];
                }
                records[n++] = (GLogField){ fields[i].name, text, -1 };
        }

        g_log_structured_array(glib_level(level), records, n);
}
