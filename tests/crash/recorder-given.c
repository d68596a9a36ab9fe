/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recorder: what is there before the first start
 *
 * It is written down as if it had been made then, and called given: a crash comes after that only.
 */

#include "recorder.h"

#include <glib.h>
#include <stdlib.h>
#include <sys/stat.h>

static TraceNode node_of(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                abort();
        return (TraceNode){ st.st_dev, st.st_ino };
}

static void give_file(const char *path, TraceNode directory, const char *name)
{
        TraceNode node = node_of(path);
        g_autofree char *bytes = NULL;
        gsize n_bytes;

        if (!g_file_get_contents(path, &bytes, &n_bytes, NULL))
                abort();
        recorder_put_event((TraceEvent){ .kind = TRACE_CREATE, .node = directory, .other = node },
                           name, strlen(name));
        if (n_bytes > 0)
                recorder_put_event(
                        (TraceEvent){ .kind = TRACE_WRITE, .node = node, .n_bytes = n_bytes },
                        bytes, n_bytes);
}

static void give_directory(const char *path, TraceNode parent, const char *name)
{
        TraceNode node = node_of(path);
        g_autoptr(GDir) names = g_dir_open(path, 0, NULL);
        const char *inner;

        if (!names)
                abort();
        recorder_put_event((TraceEvent){ .kind = TRACE_MKDIR, .node = parent, .other = node }, name,
                           strlen(name));
        while ((inner = g_dir_read_name(names))) {
                g_autofree char *inner_path = g_build_filename(path, inner, NULL);

                if (g_file_test(inner_path, G_FILE_TEST_IS_DIR))
                        give_directory(inner_path, node, inner);
                else
                        give_file(inner_path, node, inner);
        }
}

void recorder_give(const char *state_path, const char *runtime_path)
{
        TraceNode root = { 0 };

        if (!g_file_test(state_path, G_FILE_TEST_IS_DIR))
                return;
        give_directory(state_path, root, TRACE_STATE_NAME);
        give_directory(runtime_path, root, TRACE_RUNTIME_NAME);
        recorder_put_event((TraceEvent){ .kind = TRACE_GIVEN }, NULL, 0);
}
