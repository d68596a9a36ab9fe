/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl confirm, cancel
 */

#include "verb.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_BYTES_MAX 256u

/*
 * One line, and nothing behind it: what follows may be meant for another program. Everybody may read a
 * command line, and whoever has the token needs no other right.
 */
static gboolean read_token(char **ret_token, Failure **reterr)
{
        g_autoptr(GString) line = g_string_new(NULL);

        while (line->len <= TOKEN_BYTES_MAX) {
                char byte;
                ssize_t n = read(STDIN_FILENO, &byte, 1);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return failure_set(reterr, EXIT_OTHER, "Standard input: %s",
                                           g_strerror(errno));
                if (n == 0 || byte == '\n')
                        break;
                g_string_append_c(line, byte);
        }
        if (line->len == 0 || line->len > TOKEN_BYTES_MAX ||
            !g_utf8_validate(line->str, (gssize) line->len, NULL))
                return failure_set(reterr, EXIT_INVALID,
                                   "Standard input: its first line is no token");

        *ret_token = g_string_free(g_steal_pointer(&line), FALSE);
        return TRUE;
}

static int settle(Context *context,
                  const char *method,
                  const char *argument,
                  const char *done,
                  Failure **reterr)
{
        g_autofree char *token = g_strdup(argument);
        g_autoptr(GVariant) reply = NULL;
        json_object *document;
        guint64 revision = 0;
        Bus *bus = NULL;

        if (strcmp(argument, "-") == 0) {
                g_clear_pointer(&token, g_free);
                if (!read_token(&token, reterr))
                        return -1;
        }
        if (!context_bus(context, &bus, reterr) ||
            !bus_call_manager(bus, method, g_variant_new("(s)", token), "(t)", &reply, reterr))
                return -1;

        g_variant_get(reply, "(t)", &revision);
        if (output_json(context->output) == JSON_OFF) {
                output_note(context->output, "%s, revision %" PRIu64, done, revision);
                return EXIT_DONE;
        }
        document = json_object_new_object();
        json_object_object_add(document, "revision", json_object_new_uint64(revision));
        output_document(context->output, document);
        return EXIT_DONE;
}

int verb_confirm(Context *context, char **arguments, Failure **reterr)
{
        return settle(context, "ConfirmChange", arguments[0], "Confirmed", reterr);
}

int verb_cancel(Context *context, char **arguments, Failure **reterr)
{
        return settle(context, "CancelChange", arguments[0], "Undone", reterr);
}
