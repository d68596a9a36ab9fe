/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ini
 */

#include "util/ini.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static void parse_setting(const IniReader *reader, unsigned line, char *text)
{
        char *value = strchr(text, '=');

        if (!value || value == text) {
                reader->on_fault(reader->userdata, line, text,
                                 "is not a section, a setting or a comment");
                return;
        }

        *value++ = '\0';
        g_strchomp(text);
        g_strchug(value);
        reader->on_setting(reader->userdata, line, text, value);
}

static void parse_line(const IniReader *reader, unsigned line, const char *bytes, size_t n_bytes)
{
        g_autofree char *text = NULL;

        if (n_bytes > reader->line_bytes_max) {
                text = g_strdup_printf("the line is longer than %zu bytes", reader->line_bytes_max);
                reader->on_fault(reader->userdata, line, NULL, text);
                return;
        }
        if (memchr(bytes, '\0', n_bytes)) {
                reader->on_fault(reader->userdata, line, NULL, "the line holds a zero byte");
                return;
        }

        text = g_strstrip(g_strndup(bytes, n_bytes));
        if (*text == '\0' || *text == '#' || *text == ';')
                return;
        if (*text == '[')
                reader->on_section(reader->userdata, line, text);
        else
                parse_setting(reader, line, text);
}

void ini_parse(const IniReader *reader, const char *text, size_t n_bytes)
{
        unsigned line = 0;

        for (size_t start = 0; start < n_bytes;) {
                const char *newline = memchr(text + start, '\n', n_bytes - start);
                size_t end = newline ? (size_t) (newline - text) : n_bytes;

                parse_line(reader, ++line, text + start, end - start);
                start = end + 1;
        }
}

int ini_parse_size(const char *text, uint64_t *ret_size)
{
        static const char units[] = "KMG";
        const char *unit;
        unsigned shift = 0;
        uint64_t size;
        char *end;

        if (!g_ascii_isdigit(*text))
                return -EINVAL;

        errno = 0;
        size = g_ascii_strtoull(text, &end, 10);
        if (errno != 0)
                return -ERANGE;

        unit = *end != '\0' ? strchr(units, *end) : NULL;
        if (unit) {
                shift = 10 * (unsigned) (unit - units + 1);
                end++;
        }
        if (*end != '\0')
                return -EINVAL;
        if (size > UINT64_MAX >> shift)
                return -ERANGE;

        *ret_size = size << shift;
        return 0;
}
