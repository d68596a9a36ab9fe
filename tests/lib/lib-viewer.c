/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib-viewer LOOP [FLAG…]   Does with a view what it reads: one command a line, as lib-client.
 *
 * LOOP "none": nothing is processed. FLAG: bus-only, address=ADDRESS.
 */

#include "loop.h"
#include "view-load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Program {
        Regent *regent;
        RegentView *view;
        GString *input;
} Program;

typedef struct Request {
        RegentView *view;
        char **words; /* behind the command */
        GVariant *reply;
} Request;

static const char *word(const Request *request, unsigned i)
{
        const char *text = i < g_strv_length(request->words) ? request->words[i] : "-";

        return strcmp(text, "-") == 0 ? NULL : text;
}

static uint64_t number(const Request *request, unsigned i)
{
        const char *text = word(request, i);

        return text ? g_ascii_strtoull(text, NULL, 10) : UINT64_MAX;
}

static int put(Request *request, int r, GVariant *reply)
{
        g_autoptr(GVariant) owned = g_variant_ref_sink(reply);

        if (r >= 0)
                request->reply = g_steal_pointer(&owned);
        return r;
}

static int do_get(Request *request)
{
        GVariant *value = NULL;
        int r = regent_view_get(request->view, word(request, 0), &value);

        request->reply = value;
        return r;
}

#define DO_GET(kind, type, letter)                                                       \
        static int do_get_##kind(Request *request)                                       \
        {                                                                                \
                type value = 0;                                                          \
                int r = regent_view_get_##kind(request->view, word(request, 0), &value); \
                                                                                         \
                return put(request, r, g_variant_new(letter, value));                    \
        }

DO_GET(boolean, bool, "b")
DO_GET(byte, uint8_t, "y")
DO_GET(int16, int16_t, "n")
DO_GET(uint16, uint16_t, "q")
DO_GET(int32, int32_t, "i")
DO_GET(uint32, uint32_t, "u")
DO_GET(int64, int64_t, "x")
DO_GET(uint64, uint64_t, "t")
DO_GET(double, double, "d")

static int do_get_string(Request *request)
{
        const char *text = "";
        int r = regent_view_get_string(request->view, word(request, 0), &text);

        return put(request, r, g_variant_new_string(text));
}

/* (key, type, value, revision, time, writer) */
static GVariant *entry_text(const RegentViewEntry *entry)
{
        g_autoptr(GBytes) bytes = g_bytes_new(entry->bytes, entry->n_bytes);

        return g_variant_new("(ssvttu)", entry->key, entry->type,
                             g_variant_new_from_bytes(G_VARIANT_TYPE(entry->type), bytes, FALSE),
                             entry->revision, entry->time_usec, entry->writer_uid);
}

static int do_peek(Request *request)
{
        RegentViewEntry entry;
        int r = regent_view_peek(request->view, word(request, 0), &entry);

        return r < 0 ? r : put(request, r, entry_text(&entry));
}

static int do_next(Request *request)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ssvttu)"));
        RegentViewEntry entry;
        uint64_t cursor = 0;
        int r;

        while ((r = regent_view_next(request->view, &cursor, &entry)) >= 0)
                g_variant_builder_add_value(&builder, entry_text(&entry));
        return r == -ENOENT ? put(request, 0, g_variant_builder_end(&builder)) : r;
}

static int do_snapshot(Request *request)
{
        g_auto(GStrv) keys = word(request, 0) ? g_strsplit(word(request, 0), " ", -1) : NULL;
        g_autoptr(GVariant) values = NULL;
        uint64_t revision;
        int r = regent_view_snapshot(request->view, (const char *const *) keys, word(request, 1),
                                     &values, &revision);

        return r < 0 ? r : put(request, r, g_variant_new("(@a{sv}t)", values, revision));
}

static int do_revision(Request *request)
{
        return put(request, 0, g_variant_new_uint64(regent_view_revision(request->view)));
}

static int do_is_stale(Request *request)
{
        return put(request, 0, g_variant_new_boolean(regent_view_is_stale(request->view)));
}

static int do_refresh(Request *request)
{
        return put(request, regent_view_refresh(request->view), g_variant_new_boolean(TRUE));
}

static int do_wait(Request *request)
{
        uint64_t revision = 0;
        int r = regent_view_wait(request->view, number(request, 0), number(request, 1), &revision);

        return put(request, r, g_variant_new_uint64(revision));
}

/* How often the typed getter of an unsigned number allocated in so many reads; a system call ends it. */
static int do_read_quietly(Request *request)
{
        return put(request, view_load_quietly(request->view, word(request, 0), number(request, 1)),
                   g_variant_new_boolean(TRUE));
}

/* Threads that read while this one sleeps: how many reads; they object to what goes back. */
static int do_read_by_threads(Request *request)
{
        uint64_t n_reads = 0;
        int r = view_load_by_threads(request->view, word(request, 0), number(request, 1),
                                     number(request, 2), &n_reads);

        return put(request, r, g_variant_new_uint64(n_reads));
}

/* Reads for so long, with nothing else called: the numbers of reads and of values, the last value. */
static int do_follow(Request *request)
{
        ViewFollowed followed;
        int r = view_load_follow(request->view, word(request, 0), number(request, 1),
                                 number(request, 2), word(request, 3) ? number(request, 3) : 0,
                                 &followed);

        return put(request, r,
                   g_variant_new("(ttt)", followed.n_reads, followed.n_values, followed.last));
}

static const struct Command {
        const char *name;
        int (*function)(Request *request);
} commands[] = {
        { "get", do_get },
        { "get_boolean", do_get_boolean },
        { "get_byte", do_get_byte },
        { "get_int16", do_get_int16 },
        { "get_uint16", do_get_uint16 },
        { "get_int32", do_get_int32 },
        { "get_uint32", do_get_uint32 },
        { "get_int64", do_get_int64 },
        { "get_uint64", do_get_uint64 },
        { "get_double", do_get_double },
        { "get_string", do_get_string },
        { "peek", do_peek },
        { "next", do_next },
        { "snapshot", do_snapshot },
        { "revision", do_revision },
        { "is_stale", do_is_stale },
        { "refresh", do_refresh },
        { "wait", do_wait },
        { "read_quietly", do_read_quietly },
        { "read_by_threads", do_read_by_threads },
        { "follow", do_follow },
};

static void print_result(const Program *program, const char *name, int r, GVariant *reply)
{
        g_autofree char *text = r >= 0 && reply ? g_variant_print(reply, TRUE) : g_strdup("-");
        const char *error = r < 0 && program->regent ? regent_error_name(program->regent) : NULL;

        printf("reply %s %d %s %s\n", name, r, error ? error : "-", text);
        fflush(stdout);
}

static void run_line(Program *program, const char *line)
{
        g_auto(GStrv) words = g_strsplit(line, "\t", -1);
        Request request = { program->view, words + 1, NULL };
        int r = -ENOSYS;

        if (strcmp(words[0], "open") == 0) {
                program->view = regent_view_free(program->view);
                r = regent_view_open(program->regent, words[1], &program->view);
        } else if (strcmp(words[0], "free") == 0) {
                program->view = regent_view_free(program->view);
                r = 0;
        } else if (strcmp(words[0], "set") == 0) {
                r = regent_set(
                        program->regent, words[1], words[2],
                        g_variant_new_uint32((uint32_t) g_ascii_strtoull(words[3], NULL, 10)),
                        NULL);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
                if (strcmp(words[0], commands[i].name) == 0)
                        r = commands[i].function(&request);

        print_result(program, words[0], r, request.reply);
        g_clear_pointer(&request.reply, g_variant_unref);
}

static bool on_input(void *userdata)
{
        Program *program = userdata;
        char buffer[65536], *end;
        ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));

        if (n <= 0)
                return false;

        g_string_append_len(program->input, buffer, n);
        while ((end = memchr(program->input->str, '\n', program->input->len))) {
                g_autofree char *line =
                        g_strndup(program->input->str, (size_t) (end - program->input->str));

                g_string_erase(program->input, 0, end - program->input->str + 1);
                if (strcmp(line, "end") == 0)
                        return false;
                run_line(program, line);
        }

        return true;
}

int main(int argc, char **argv)
{
        Program program = { .regent = regent_new(), .input = g_string_new(NULL) };
        Loop loop = { program.regent, STDIN_FILENO, on_input, &program };
        int r;

        for (int i = 2; i < argc; i++)
                if (strcmp(argv[i], "bus-only") == 0)
                        regent_set_flags(program.regent, REGENT_BUS_ONLY);

        r = regent_open(program.regent);
        printf("open %d %s\n", r, r < 0 ? regent_error_name(program.regent) : "-");
        fflush(stdout);
        if (r >= 0)
                r = loop_run(argv[1], &loop);

        /* What there was can be read behind the end of the Regent. */
        program.regent = regent_free(program.regent);
        if (program.view) {
                Request request = { program.view, (char *[]){ NULL }, NULL };

                int result = do_snapshot(&request);

                print_result(&program, "after", result, request.reply);
                g_clear_pointer(&request.reply, g_variant_unref);
        }
        regent_view_free(program.view);
        g_string_free(program.input, TRUE);
        printf("ended %d\n", r);
        return r < 0;
}
