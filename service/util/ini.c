/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ini
 */

#include "util/ini.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* What a double counts exactly. */
#define TIMESPAN_USEC_MAX (UINT64_C(1) << 53)

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

/* The unit at @text, of @n_bytes, in microseconds; 0: there is none of that name. */
static uint64_t unit_usec(const char *text, size_t n_bytes)
{
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                { "us", 1 },
                { "usec", 1 },
                { "ms", 1000 },
                { "msec", 1000 },
                { "", G_USEC_PER_SEC },
                { "s", G_USEC_PER_SEC },
                { "sec", G_USEC_PER_SEC },
                { "min", UINT64_C(60) * G_USEC_PER_SEC },
                { "m", UINT64_C(60) * G_USEC_PER_SEC },
                { "h", UINT64_C(3600) * G_USEC_PER_SEC },
                { "d", UINT64_C(86400) * G_USEC_PER_SEC },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
                if (strlen(units[i].name) == n_bytes && strncmp(units[i].name, text, n_bytes) == 0)
                        return units[i].usec;

        return 0;
}

/* The number at @text, digits with one point among them at most, and where it ends. */
static int parse_number(const char *text, const char **ret_end, double *ret_number)
{
        size_t n_bytes = strspn(text, "0123456789.");
        g_autofree char *digits = g_strndup(text, n_bytes);

        if (!g_ascii_isdigit(*digits) || strchr(digits, '.') != strrchr(digits, '.'))
                return -EINVAL;

        *ret_number = g_ascii_strtod(digits, NULL);
        *ret_end = text + n_bytes;
        return 0;
}

int ini_parse_timespan(const char *text, uint64_t *ret_usec)
{
        double sum_usec = 0;

        do {
                size_t n_bytes;
                uint64_t usec;
                double number;

                if (parse_number(text, &text, &number) < 0)
                        return -EINVAL;
                text += strspn(text, " ");
                n_bytes = strspn(text, "abcdefghijklmnopqrstuvwxyz");
                usec = unit_usec(text, n_bytes);
                if (usec == 0)
                        return -EINVAL;
                sum_usec += number * (double) usec;
                text += n_bytes;
                text += strspn(text, " ");
        } while (*text != '\0');

        if (sum_usec > (double) TIMESPAN_USEC_MAX)
                return -ERANGE;
        *ret_usec = (uint64_t) sum_usec;
        return 0;
}
