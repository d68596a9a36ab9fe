/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl confirm, cancel
 */

#include "verb.h"

#include <inttypes.h>
#include <json-c/json.h>

static int settle(
        Context *context, const char *method, const char *token, const char *done, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        json_object *document;
        guint64 revision = 0;
        Bus *bus = NULL;

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
