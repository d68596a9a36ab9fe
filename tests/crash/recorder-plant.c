/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recorder: bugs that are planted
 */

#include "recorder.h"

#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void plant_unlink_early(int dir_fd, const char *checkpoint, PlantUnlink unlink_now)
{
        const char *revision = strchr(checkpoint, '-') + 1;
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", dir_fd);
        g_autoptr(GDir) names = g_dir_open(path, 0, NULL);
        const char *name;

        while (names && (name = g_dir_read_name(names))) {
                bool is_old =
                        (g_str_has_prefix(name, "checkpoint-") ||
                         g_str_has_prefix(name, "journal-")) &&
                        strtoull(strchr(name, '-') + 1, NULL, 10) < strtoull(revision, NULL, 10);

                if (is_old)
                        (void) unlink_now(dir_fd, name, 0);
        }
}
