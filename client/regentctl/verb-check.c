/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl check
 *
 * regentd itself reads the files, as it would at its start. What it says is the result, so it goes to
 * standard output.
 */

#include "child.h"
#include "verb.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_BYTES_MAX (4U << 20)

/* Reads to the end, whatever it is; what is beyond the bound is dropped. */
static gboolean read_text(int fd, const Interrupt *interrupt, GString *text, Failure **reterr)
{
        struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
                                { .fd = interrupt_fd(interrupt), .events = POLLIN } };
        gboolean is_done = FALSE;

        while (!is_done && !interrupt_came(interrupt)) {
                char chunk[4096];
                ssize_t n_read;

                if (poll(fds, 2, -1) < 0 || !fds[0].revents)
                        continue;
                n_read = read(fd, chunk, sizeof chunk);
                if (n_read > 0 && text->len < TEXT_BYTES_MAX)
                        g_string_append_len(text, chunk, n_read);
                is_done = n_read == 0 || (n_read < 0 && errno != EINTR);
        }
        return is_done || failure_set(reterr, EXIT_INTERRUPTED, "Interrupted");
}

/* Adds the errors of one file to @lines. */
static gboolean check_file(
        Context *context, const char *path, GPtrArray *lines, bool *ret_is_right, Failure **reterr)
{
        const char *regentd = getenv("REGENTD");
        g_autofree char *option = g_strconcat("--check-namespace=", path, NULL);
        const char *argv[] = { regentd ? regentd : REGENTD_PATH, option, NULL };
        g_autoptr(GString) text = g_string_new(NULL);
        g_auto(GStrv) split = NULL;
        ChildSpec spec = CHILD_SPEC_INIT;
        gboolean is_started, is_read = FALSE;
        pid_t pid = 0;
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return failure_set(reterr, EXIT_OTHER, "pipe: %s", g_strerror(errno));
        spec.argv = argv;
        spec.stderr_fd = ends[1];
        spec.is_bound = true;
        is_started = child_start(&spec, &pid, reterr);
        close(ends[1]);
        if (is_started) {
                is_read = read_text(ends[0], context->interrupt, text, reterr);
                if (is_read)
                        *ret_is_right = child_wait(pid) == 0;
                else
                        child_end(pid);
        }
        close(ends[0]);

        split = g_strsplit(text->str, "\n", -1);
        for (char **line = split; *line; line++)
                if (**line)
                        g_ptr_array_add(lines, g_strdup(*line));
        return is_read;
}

static void print_result(Output *output, const GPtrArray *lines)
{
        json_object *document, *array;

        if (output_json(output) == JSON_OFF) {
                for (guint i = 0; i < lines->len; i++) {
                        output_text(output, STYLE_PLAIN, lines->pdata[i]);
                        output_escaped(output, STYLE_PLAIN, "\n");
                }
                return;
        }
        document = json_object_new_object();
        array = json_object_new_array();
        for (guint i = 0; i < lines->len; i++) {
                g_autofree char *valid = g_utf8_make_valid(lines->pdata[i], -1);

                json_object_array_add(array, json_object_new_string(valid));
        }
        json_object_object_add(document, "errors", array);
        output_document(output, document);
}

int verb_check(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        bool are_right = true;

        for (char **path = arguments; *path; path++) {
                bool is_right = false;

                if (!check_file(context, *path, lines, &is_right, reterr))
                        return -1;
                are_right = are_right && is_right;
        }
        print_result(context->output, lines);
        if (are_right)
                output_note(context->output, "Nothing is wrong.");
        return are_right ? EXIT_DONE : EXIT_INVALID;
}
