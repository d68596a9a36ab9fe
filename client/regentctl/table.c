/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Table
 */

#include "table.h"

#include <string.h>

typedef struct Cell {
        char *text;         /* escaped */
        const char *header; /* in place of it, borrowed */
        unsigned width;
        Style style;
} Cell;

struct Table {
        const char *const *headers;
        guint n_columns;
        GArray *cells;
};

static void clear_cell(gpointer cell)
{
        g_free(((Cell *) cell)->text);
}

Table *table_new(const char *const *headers)
{
        Table *table = g_new0(Table, 1);

        table->headers = headers;
        while (headers[table->n_columns])
                table->n_columns++;
        table->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
        g_array_set_clear_func(table->cells, clear_cell);
        return table;
}

Table *table_free(Table *table)
{
        if (!table)
                return NULL;

        g_array_unref(table->cells);
        g_free(table);
        return NULL;
}

void table_add_escaped(Table *table, Style style, char *text)
{
        Cell cell = { .text = text, .width = output_text_width(text), .style = style };

        g_array_append_val(table->cells, cell);
}

void table_add(Table *table, Style style, const char *text)
{
        table_add_escaped(table, style, *text ? output_escape(text) : g_strdup("-"));
}

void table_add_format(Table *table, Style style, const char *format, ...)
{
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        table_add(table, style, text);
}

static bool is_number(const Table *table, guint column)
{
        return table->headers[column][0] == '>';
}

static const char *header_of(const Table *table, guint column)
{
        return table->headers[column] + (is_number(table, column) ? 1 : 0);
}

static void measure(const Table *table, bool has_legend, unsigned *widths)
{
        for (guint column = 0; column < table->n_columns; column++)
                widths[column] = has_legend ? (unsigned) strlen(header_of(table, column)) : 0;
        for (guint i = 0; i < table->cells->len; i++) {
                const Cell *cell = &g_array_index(table->cells, Cell, i);
                guint column = i % table->n_columns;

                widths[column] = MAX(widths[column], cell->width);
        }
}

/* What a terminal has left for the last column; all it wants when that is little or this is no terminal. */
static unsigned room_for_last(const Table *table, const unsigned *widths, const Output *output)
{
        unsigned taken = 0, width = output_width(output), last = table->n_columns - 1;

        for (guint column = 0; column < last; column++)
                taken += widths[column] + 1;
        if (!output_is_terminal(output) || taken + strlen(header_of(table, last)) + 8 > width)
                return G_MAXUINT;
        return width - taken;
}

static void print_cell(const Table *table,
                       Output *output,
                       guint column,
                       const Cell *cell,
                       const unsigned *widths,
                       unsigned room)
{
        bool is_last = column + 1 == table->n_columns;
        const char *text = cell->header ? cell->header : cell->text;
        unsigned gap = widths[column] > cell->width ? widths[column] - cell->width : 0;

        if (column > 0)
                output_pad(output, 1);
        if (is_number(table, column))
                output_pad(output, gap);
        if (is_last && cell->width > room) {
                g_autofree char *cut = output_cut(text, room);

                output_escaped(output, cell->style, cut);
        } else {
                output_escaped(output, cell->style, text);
        }
        if (!is_number(table, column) && !is_last)
                output_pad(output, gap);
        if (is_last)
                output_escaped(output, STYLE_PLAIN, "\n");
}

void table_print(const Table *table, Output *output)
{
        bool has_legend = output_has_legend(output) && table->cells->len > 0;
        g_autofree unsigned *widths = g_new0(unsigned, table->n_columns);
        unsigned room;

        measure(table, has_legend, widths);
        room = room_for_last(table, widths, output);
        if (has_legend)
                for (guint column = 0; column < table->n_columns; column++) {
                        const char *header = header_of(table, column);
                        const Cell cell = { .header = header,
                                            .width = (unsigned) strlen(header),
                                            .style = STYLE_DIM };

                        print_cell(table, output, column, &cell, widths, room);
                }
        for (guint i = 0; i < table->cells->len; i++)
                print_cell(table, output, i % table->n_columns,
                           &g_array_index(table->cells, Cell, i), widths, room);
}
