/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl dump
 *
 * What it prints is a file for load, diff and edit; JSON in any case, so --json= only says whether on
 * one line.
 */

#include "dump-take.h"
#include "verb.h"

#include <string.h>

int verb_dump(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(Dump) dump = NULL;
        g_autofree char *text = NULL;

        if (!dump_take(context, arguments, &dump, reterr))
                return -1;

        text = dump_print(dump, output_json(context->output) == JSON_SHORT);
        output_begin_pager(context->output);
        output_bytes(context->output, text, strlen(text));
        return EXIT_DONE;
}
