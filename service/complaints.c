/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Complaints
 */

#include "complaints.h"

void complaints_add(const Complaints *complaints, unsigned line, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

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
