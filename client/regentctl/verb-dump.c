/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl dump
 *
 * What it prints is a file for load, diff and edit; JSON in any case, so --json= only says whether on
 * one line.
 */

#include "dump-offline.h"
#include "dump-take.h"
#include "verb.h"

#include <string.h>

static gboolean take(Context *context, char **names, Dump **ret_dump, Failure **reterr)
{
        g_autoptr(Offline) offline = NULL;

        if (!context->options->state_dir)
                return dump_take(context, names, ret_dump, reterr);
        return offline_start(context, "dump", NULL, &offline, reterr) &&
               dump_offline_take(offline, names, false, ret_dump, reterr);
}

int verb_dump(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(Dump) dump = NULL;
        g_autofree char *text = NULL;

        if (!take(context, arguments, &dump, reterr))
                return -1;

        text = dump_print(dump, output_json(context->output) == JSON_SHORT);
        output_begin_pager(context->output);
        output_bytes(context->output, text, strlen(text));
        return EXIT_DONE;
}
