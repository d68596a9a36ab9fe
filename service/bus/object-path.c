/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Object paths
 */

#include "bus/object-path.h"

#include "client/regent-names.h"

#include <glib.h>
#include <string.h>

char *object_path_of_namespace(const char *name)
{
        char *path = g_strconcat(REGENT_NAMESPACES_PATH "/", name, NULL);

        g_strdelimit(path + strlen(REGENT_NAMESPACES_PATH "/"), ".", '/');
        return path;
}

char *object_path_to_name(const char *path)
{
        if (!g_str_has_prefix(path, REGENT_NAMESPACES_PATH))
                return NULL;

        path += strlen(REGENT_NAMESPACES_PATH);
        if (*path == '\0')
                return g_strdup("");
        if (*path != '/')
                return NULL;

        return g_strdelimit(g_strdup(path + 1), "/", '.');
}
