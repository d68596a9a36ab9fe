/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Output
 *
 * All that regentctl prints goes through here. It knows whether it writes to a terminal, whether to
 * colour, page, and print JSON, and lets no control character of a value, a name or a message
 * through to the terminal.
 */

#include "failure.h"
#include "options.h"

#include <glib.h>
#include <json-c/json_object.h>
#include <stdbool.h>

typedef enum Style {
        STYLE_PLAIN,
        STYLE_KEY,
        STYLE_TYPE,
        STYLE_DIM,
        STYLE_ADDED,
        STYLE_REMOVED,
        STYLE_GOOD,
        STYLE_BAD,
        STYLE_ERROR
} Style;

typedef struct Output Output;

Output *output_new(const Options *options);
Output *output_free(Output *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Output, output_free)

bool output_is_terminal(const Output *output);
JsonMode output_json(const Output *output);

/* Columns of the terminal; 80 when that is not known. */
unsigned output_width(const Output *output);

/*
 * As much of a value as is worth to be made ready for a line: on a terminal more than any is wide, where the rest is
 * cut off; all of it into a pipe.
 */
unsigned output_value_columns(const Output *output);

/* From here on through a pager, if standard output is a terminal and nothing speaks against it. */
void output_begin_pager(Output *output);

/* Whether there is to be a header. */
bool output_has_legend(const Output *output);

/* Standard error is a terminal, and JSON or --quiet does not forbid to write to it. */
bool output_is_watched(const Output *output);

/* The columns that a text takes on a terminal. */
unsigned output_text_width(const char *text);

/* @text, which is escaped already, cut to so many columns with an ellipsis at its end. */
char *output_cut(const char *text, unsigned n_columns);

/* Text from outside: control characters, invalid UTF-8, C1, bidirectional overrides become escapes (\n, \x1b, \u202e). */
char *output_escape(const char *text);

/* Prints @text escaped in @style; no colour where there is to be none. */
void output_text(Output *output, Style style, const char *text);

/* The same of text that is escaped already. */
void output_escaped(Output *output, Style style, const char *escaped);

/* So many spaces. */
void output_pad(Output *output, unsigned n_columns);

/* A line that regentctl itself composed; only arguments that came from outside must be escaped first. */
G_GNUC_PRINTF(2, 3) void output_line(Output *output, const char *format, ...);

/* The end of it all: flushes, and waits for the pager. EXIT_OTHER when something could not be written. */
gboolean output_finish(Output *output, Failure **reterr);

/* As they are: what get prints into a pipe. */
void output_bytes(Output *output, const void *bytes, size_t n_bytes);

/* Writes what is buffered: after each line that somebody follows. */
void output_flush(Output *output);

/* One JSON document in the mode asked for, with a newline; flushed in JSON_SHORT, so that lines can be followed. Takes @document. */
void output_document(Output *output, json_object *document);

/* To standard error: a note for people, left out with --quiet and with JSON. */
G_GNUC_PRINTF(2, 3) void output_note(Output *output, const char *format, ...);

/* The note of a verb that finds everything as it is to be. */
void output_nothing_to_do(Output *output);

/* How far long work is, on standard error when that is a terminal; @total 0: not known. output_progress_end() wipes it. */
void output_progress(Output *output, const char *what, uint64_t done, uint64_t total);
void output_progress_end(Output *output);

/* The end of a verb that failed; as JSON on standard error in the JSON modes. */
void output_failure(Output *output, const Failure *failure);
