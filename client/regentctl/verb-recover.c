/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl recover
 */

#include "client/regent-store-stream.h"
#include "offline.h"
#include "verb.h"

#include <inttypes.h>

static void print_result(Context *context, GVariant *done)
{
        Output *output = context->output;
        guint64 source = 0, revision = 0, n_namespaces = 0, n_keys = 0, n_pending = 0;
        const char *set_aside = NULL, *damage = NULL;

        if (output_json(output) != JSON_OFF) {
                output_document(output, offline_facts_to_json(done));
                return;
        }
        g_variant_lookup(done, "source-revision", "t", &source);
        g_variant_lookup(done, "revision", "t", &revision);
        g_variant_lookup(done, "namespaces", "t", &n_namespaces);
        g_variant_lookup(done, "keys", "t", &n_keys);
        if (g_variant_lookup(done, "damage", "&s", &damage)) {
                g_autofree char *escaped = output_escape(damage);

                output_note(output, "The source is not whole: %s", escaped);
        }
        output_line(output,
                    "%s the state of revision %" PRIu64 ": %" PRIu64 " namespaces, %" PRIu64
                    " keys. It goes on at revision %" PRIu64 ".",
                    context->options->is_dry_run ? "Would put in place" : "In place is", source,
                    n_namespaces, n_keys, revision);
        if (g_variant_lookup(done, "pending-changes", "t", &n_pending))
                output_line(output,
                            "Changes in it that were never confirmed, which the next start undoes: "
                            "%" PRIu64 ".",
                            n_pending);
        if (g_variant_lookup(done, "set-aside", "&s", &set_aside)) {
                g_autofree char *escaped = output_escape(set_aside);

                output_line(output, "What was there is kept in %s", escaped);
        }
}

int verb_recover(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(Offline) offline = NULL;
        g_autoptr(GVariant) done = NULL;
        g_autofree char *from = NULL;
        const char *words[] = { NULL, NULL, NULL };

        (void) arguments;
        if (!context->options->from) {
                failure_set(reterr, EXIT_USAGE, "'recover' takes --from=SOURCE");
                failure_set_hint(*reterr, "SOURCE is a file of 'regentctl backup', a directory, or "
                                          "last-known-good.");
                return -1;
        }

        from = g_strconcat("--from=", context->options->from, NULL);
        words[0] = from;
        words[1] = context->options->is_dry_run ? "--dry-run" : NULL;
        if (!offline_start(context, "recover", words, &offline, reterr) ||
            !offline_get_one(offline, REGENT_STORE_DONE, REGENT_STORE_DONE_TYPE, &done, reterr))
                return -1;

        print_result(context, done);
        return EXIT_DONE;
}
