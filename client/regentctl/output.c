/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output
 *
 * Standard output is written through one stream, which may be a pager's. What could not be written
 * is noticed once, at the end: a stream keeps its error.
 */

#include "output.h"

#include "child.h"
#include "pager.h"
#include "value-json.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT        80
#define VALUE_COLUMNS_MAX    1024U
#define PROGRESS_PERIOD_USEC 100000

struct Output {
        FILE *stream;
        Pager *pager;
        JsonMode json;
        bool is_terminal;
        bool is_error_terminal;
        bool is_colored;
        bool is_error_colored;
        bool has_legend;
        bool is_quiet;
        bool may_page;
        bool has_failed; /* something could not be written, @error_number says why */
        int error_number;
        bool shows_progress;
        int64_t progress_shown_usec;
};

static const char *const style_codes[] = {
        [STYLE_PLAIN] = "",        [STYLE_KEY] = "\033[1m",    [STYLE_TYPE] = "\033[36m",
        [STYLE_DIM] = "\033[2m",   [STYLE_ADDED] = "\033[32m", [STYLE_REMOVED] = "\033[31m",
        [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m",   [STYLE_ERROR] = "\033[1;31m",
};
#define STYLE_END "\033[0m"

/* $SYSTEMD_COLORS as systemd's own programs take it, then NO_COLOR (no-color.org), then the terminal. */
static bool may_color(bool is_terminal)
{
        const char *colors = getenv("SYSTEMD_COLORS");
        const char *no_color = getenv("NO_COLOR");
        const char *term = getenv("TERM");

        if (!is_terminal || !term || strcmp(term, "dumb") == 0)
                return false;
        if (colors && (strcmp(colors, "0") == 0 || strcmp(colors, "no") == 0 ||
                       strcmp(colors, "false") == 0 || strcmp(colors, "off") == 0))
                return false;
        return !no_color || *no_color == '\0';
}

Output *output_new(const Options *options)
{
        Output *output = g_new0(Output, 1);

        output->stream = stdout;
        output->json = options->json;
        output->is_terminal = isatty(STDOUT_FILENO);
        output->is_error_terminal = isatty(STDERR_FILENO);
        output->is_colored = may_color(output->is_terminal);
        output->is_error_colored = may_color(output->is_error_terminal);
        output->has_legend = !options->is_without_legend;
        output->is_quiet = options->is_quiet;
        output->may_page = output->is_terminal && !options->is_without_pager;
        return output;
}

Output *output_free(Output *output)
{
        if (!output)
                return NULL;

        pager_free(output->pager);
        g_free(output);
        return NULL;
}

bool output_is_terminal(const Output *output)
{
        return output->is_terminal;
}

bool output_has_legend(const Output *output)
{
        return output->has_legend;
}

JsonMode output_json(const Output *output)
{
        return output->json;
}

bool output_is_watched(const Output *output)
{
        return output->is_error_terminal && output->json == JSON_OFF && !output->is_quiet;
}

unsigned output_width(const Output *output)
{
        const char *columns = getenv("COLUMNS");
        struct winsize size = {};
        guint64 width = 0;

        if (columns && g_ascii_string_to_unsigned(columns, 10, 20, 10000, &width, NULL))
                return (unsigned) width;
        if (output->is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                return size.ws_col;
        return WIDTH_DEFAULT;
}

unsigned output_value_columns(const Output *output)
{
        return output->is_terminal ? VALUE_COLUMNS_MAX : G_MAXUINT;
}

void output_begin_pager(Output *output)
{
        if (!output->may_page || output->pager)
                return;

        output->pager = pager_start();
        if (output->pager)
                output->stream = pager_stream(output->pager);
}

/* GIO passes SIGPIPE over, but who no longer reads wants no message either. */
static void end_by_sigpipe(void)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGPIPE);
        signal(SIGPIPE, SIG_DFL);
        pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
        raise(SIGPIPE);
}

static void note_result(Output *output, bool is_written)
{
        if (is_written || output->has_failed)
                return;
        if (errno == EPIPE && !output->pager)
                end_by_sigpipe();
        output->has_failed = true;
        output->error_number = errno;
}

static void print(Output *output, const char *text)
{
        note_result(output, fputs(text, output->stream) >= 0);
}

void output_text(Output *output, Style style, const char *text)
{
        g_autofree char *escaped = output_escape(text);

        output_escaped(output, style, escaped);
}

void output_escaped(Output *output, Style style, const char *escaped)
{
        bool is_styled = output->is_colored && style != STYLE_PLAIN && *escaped;

        if (is_styled)
                print(output, style_codes[style]);
        print(output, escaped);
        if (is_styled)
                print(output, STYLE_END);
}

void output_pad(Output *output, unsigned n_columns)
{
        for (unsigned i = 0; i < n_columns; i++)
                output_escaped(output, STYLE_PLAIN, " ");
}

void output_line(Output *output, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        note_result(output, vfprintf(output->stream, format, arguments) >= 0);
        va_end(arguments);
        note_result(output, putc('\n', output->stream) != EOF);
}

void output_bytes(Output *output, const void *bytes, size_t n_bytes)
{
        note_result(output, fwrite(bytes, 1, n_bytes, output->stream) == n_bytes);
}

void output_flush(Output *output)
{
        note_result(output, fflush(output->stream) == 0);
}

void output_document(Output *output, json_object *document)
{
        g_autofree char *text = value_json_print(document, output->json == JSON_PRETTY);

        json_object_put(document);
        print(output, text);
        print(output, "\n");
        if (output->json == JSON_SHORT)
                output_flush(output);
}

gboolean output_finish(Output *output, Failure **reterr)
{
        output_flush(output);
        if (output->pager) {
                output->stream = stdout;
                pager_finish(output->pager);
                output->pager = NULL;
                return TRUE;
        }
        if (output->has_failed)
                return failure_set(reterr, EXIT_OTHER, "Standard output: %s",
                                   g_strerror(output->error_number));
        return TRUE;
}

void output_note(Output *output, const char *format, ...)
{
        va_list arguments;

        if (output->is_quiet || output->json != JSON_OFF)
                return;
        output_progress_end(output);
        fflush(output->stream);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
}

void output_nothing_to_do(Output *output)
{
        output_note(output, "nothing to do");
}

void output_progress(Output *output, const char *what, uint64_t done, uint64_t total)
{
        int64_t now_usec = g_get_monotonic_time();

        if (!output_is_watched(output) ||
            (output->shows_progress && done != total &&
             now_usec - output->progress_shown_usec < PROGRESS_PERIOD_USEC))
                return;

        output->shows_progress = true;
        output->progress_shown_usec = now_usec;
        if (total > 0)
                fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " (%" PRIu64 " %%)\033[K", what,
                        done, total, done * 100 / total);
        else
                fprintf(stderr, "\r%s: %" PRIu64 "\033[K", what, done);
        fflush(stderr);
}

void output_progress_end(Output *output)
{
        if (!output->shows_progress)
                return;

        output->shows_progress = false;
        fputs("\r\033[K", stderr);
        fflush(stderr);
}

static void add_string(json_object *object, const char *name, const char *text)
{
        g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

        json_object_object_add(object, name, valid ? json_object_new_string(valid) : NULL);
}

static void print_failure_document(const Output *output, const Failure *failure)
{
        json_object *document = json_object_new_object();
        json_object *error = json_object_new_object();
        g_autofree char *text = NULL;

        add_string(error, "name", failure->error_name);
        add_string(error, "status", failure_status_name(failure->status));
        add_string(error, "text", failure->text);
        add_string(error, "hint", failure->hint);
        json_object_object_add(document, "error", error);
        text = value_json_print(document, output->json == JSON_PRETTY);
        json_object_put(document);
        fprintf(stderr, "%s\n", text);
}

/* A hint is regentctl's own and has lines; names from outside within it are escaped line by line. */
static void print_hint(const char *hint)
{
        g_auto(GStrv) lines = g_strsplit(hint, "\n", -1);

        for (char **line = lines; *line; line++) {
                g_autofree char *escaped = output_escape(*line);

                fprintf(stderr, "%s\n", escaped);
        }
}

void output_failure(Output *output, const Failure *failure)
{
        g_autofree char *text = output_escape(failure->text);

        output_progress_end(output);
        if (output->json != JSON_OFF) {
                print_failure_document(output, failure);
                return;
        }
        fprintf(stderr, "%sregentctl: %s%s\n",
                output->is_error_colored ? style_codes[STYLE_ERROR] : "", text,
                output->is_error_colored ? STYLE_END : "");
        if (failure->hint)
                print_hint(failure->hint);
}
