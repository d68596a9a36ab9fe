/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Complaints
 */

#include "complaints.h"

#include "core/limits.h"

void complaints_add(Complaints *complaints, unsigned line, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

        if (complaints->n++ >= LIMIT_DECLARATION_ERRORS)
                return;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);

        if (line > 0)
                g_ptr_array_add(complaints->texts,
                                g_strdup_printf("%s:%u: %s", complaints->path, line, text));
        else
                g_ptr_array_add(complaints->texts,
                                g_strdup_printf("%s: %s", complaints->path, text));
}

void complaints_end(const Complaints *complaints)
{
        if (complaints->n > LIMIT_DECLARATION_ERRORS)
                g_ptr_array_add(complaints->texts,
                                g_strdup_printf("%s: %u more errors", complaints->path,
                                                complaints->n - LIMIT_DECLARATION_ERRORS));
}

char *complaints_show_path(const char *path)
{
        g_autofree char *valid = g_utf8_make_valid(path, -1);
        GString *shown = g_string_new(NULL);

        for (char *p = valid; *p; p = g_utf8_next_char(p)) {
                gunichar character = g_utf8_get_char(p);

                if (g_unichar_isprint(character))
                        g_string_append_unichar(shown, character);
                else
                        g_string_append_printf(shown, "\\u%04x", character);
        }
        return g_string_free(shown, FALSE);
}
