/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl mark-good, restore
 */

#include "client/regent-names.h"
#include "verb.h"

#include <inttypes.h>
#include <string.h>

/* Both answer with a revision, which @note tells people. */
static int call(Context *context,
                const char *method,
                GVariant *parameters,
                const char *note,
                Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        json_object *document;
        guint64 revision = 0;
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr) ||
            !bus_call_manager(bus, method, parameters, "(t)", &reply, reterr))
                return -1;

        g_variant_get(reply, "(t)", &revision);
        if (output_json(context->output) == JSON_OFF) {
                output_note(context->output, "%s revision %" PRIu64 ".", note, revision);
                return EXIT_DONE;
        }
        document = json_object_new_object();
        json_object_object_add(document, "revision", json_object_new_uint64(revision));
        output_document(context->output, document);
        return EXIT_DONE;
}

int verb_mark_good(Context *context, char **arguments G_GNUC_UNUSED, Failure **reterr)
{
        return call(context, "MarkGood", g_variant_new("()"),
                    "The last known good state is the one of", reterr);
}

int verb_restore(Context *context, char **arguments, Failure **reterr)
{
        const char *source = arguments[0] ? arguments[0] : REGENT_SOURCE_LAST_KNOWN_GOOD;

        if (strcmp(source, REGENT_SOURCE_LAST_KNOWN_GOOD) != 0) {
                failure_set(reterr, EXIT_USAGE, "There is no source '%s'", source);
                failure_set_hint(*reterr, "The only one is " REGENT_SOURCE_LAST_KNOWN_GOOD ".");
                return -1;
        }
        return call(context, "Restore", g_variant_new("(st)", source, UINT64_C(0)),
                    "Everything is what was marked good, as of", reterr);
}
