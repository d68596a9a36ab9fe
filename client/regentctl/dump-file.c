/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dump: from a file
 */

#include "dump-file.h"

#include "input-file.h"

#include <string.h>

gboolean dump_file_read(const char *path, Dump **ret_dump, Failure **reterr)
{
        g_autoptr(GBytes) content = NULL;
        gsize n_bytes;
        const char *text;

        if (!input_file_read(path, INPUT_FILE_BYTES_MAX, &content, reterr))
                return false;

        text = g_bytes_get_data(content, &n_bytes);
        if (!dump_parse(text ? text : "", n_bytes, ret_dump, reterr)) {
                failure_prefix(*reterr, "%s", strcmp(path, "-") == 0 ? "Standard input" : path);
                return false;
        }
        return true;
}
