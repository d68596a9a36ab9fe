/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sheet
 */

#include "sheet.h"

typedef struct Line {
        const char *name;
        char *text; /* escaped */
        Style style;
} Line;

struct Sheet {
        GArray *lines;
};

static void clear_line(gpointer line)
{
        g_free(((Line *) line)->text);
}

Sheet *sheet_new(void)
{
        Sheet *sheet = g_new0(Sheet, 1);

        sheet->lines = g_array_new(FALSE, FALSE, sizeof(Line));
        g_array_set_clear_func(sheet->lines, clear_line);
        return sheet;
}

Sheet *sheet_free(Sheet *sheet)
{
        if (!sheet)
                return NULL;

        g_array_unref(sheet->lines);
        g_free(sheet);
        return NULL;
}

void sheet_add_styled(Sheet *sheet, const char *name, Style style, const char *text)
{
        Line line = { .name = name, .text = output_escape(text), .style = style };

        g_array_append_val(sheet->lines, line);
}

void sheet_add(Sheet *sheet, const char *name, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        sheet_add_styled(sheet, name, STYLE_PLAIN, text);
}

void sheet_print(const Sheet *sheet, Output *output)
{
        unsigned width = 0;

        for (guint i = 0; i < sheet->lines->len; i++)
                width = MAX(width, output_text_width(g_array_index(sheet->lines, Line, i).name));
        for (guint i = 0; i < sheet->lines->len; i++) {
                const Line *line = &g_array_index(sheet->lines, Line, i);

                output_pad(output, width - output_text_width(line->name));
                output_text(output, STYLE_DIM, line->name);
                output_escaped(output, STYLE_PLAIN, ": ");
                output_escaped(output, line->style, line->text);
                output_escaped(output, STYLE_PLAIN, "\n");
        }
}
