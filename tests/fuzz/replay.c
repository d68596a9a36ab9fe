/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replay: gives every file of a corpus to a fuzz target, once
 */

#include "fuzz.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

static int replay_file(const char *path)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *input = NULL;
        size_t n_bytes;

        if (!g_file_get_contents(path, &input, &n_bytes, &error)) {
                (void) fprintf(stderr, "%s\n", error->message);
                return -1;
        }

        (void) LLVMFuzzerTestOneInput((const uint8_t *) input, n_bytes);
        return 0;
}

int main(int argc, char *argv[])
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GDir) dir = NULL;
        const char *name;
        size_t n = 0;

        if (argc != 2) {
                (void) fprintf(stderr, "Usage: %s CORPUS\n", argv[0]);
                return EXIT_FAILURE;
        }

        dir = g_dir_open(argv[1], 0, &error);
        if (!dir) {
                (void) fprintf(stderr, "%s\n", error->message);
                return EXIT_FAILURE;
        }

        for (; (name = g_dir_read_name(dir)); n++) {
                g_autofree char *path = g_build_filename(argv[1], name, NULL);

                /* Before, so that the last line names the input that ends the program. */
                printf("%s\n", name);
                (void) fflush(stdout);
                if (replay_file(path) < 0)
                        return EXIT_FAILURE;
        }

        printf("%zu inputs\n", n);
        return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
