/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl delete, reset
 *
 * Both unset keys. delete wants them to be there and does all or nothing; reset wants them to be gone
 * or at their default afterwards.
 */

#include "change.h"
#include "client/regent-names.h"
#include "entries.h"
#include "verb.h"

#include <inttypes.h>
#include <json-c/json.h>

/* As many changes as regentd takes in one commit, unless it is configured otherwise. */
#define COMMIT_KEYS 4096U

static void report(Output *output, const ChangeResult *result, const char *what, bool is_dry_run)
{
        json_object *document;

        if (output_json(output) == JSON_OFF) {
                if (result->n_removed == 0)
                        output_note(output, "Nothing to do.");
                else
                        output_note(output, "%s%" PRIu32 " %s %s, revision %" PRIu64,
                                    is_dry_run ? "Would be: " : "", result->n_removed,
                                    result->n_removed == 1 ? "key" : "keys", what,
                                    result->revision);
                return;
        }
        document = json_object_new_object();
        json_object_object_add(document, "revision", json_object_new_uint64(result->revision));
        json_object_object_add(document, "removed", json_object_new_uint64(result->n_removed));
        output_document(output, document);
}

static gboolean delete_one(
        Bus *bus, const char *ns_name, const char *key, ChangeResult *ret_result, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;

        if (!bus_call_namespace(bus, ns_name, "Delete", g_variant_new("(s)", key), "(t)", &reply,
                                reterr))
                return FALSE;
        *ret_result = (ChangeResult){ .n_removed = 1 };
        g_variant_get(reply, "(t)", &ret_result->revision);
        return TRUE;
}

int verb_delete(Context *context, char **arguments, Failure **reterr)
{
        const Options *options = context->options;
        const char *ns_name = arguments[0];
        char **keys = arguments + 1;
        bool is_plain = !keys[1] && !options->is_if_exists && !options->reason;
        ChangeResult result = {};
        gboolean is_done;
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr))
                return -1;
        is_done = is_plain ? delete_one(bus, ns_name, keys[0], &result, reterr)
                           : change_apply(bus, options, ns_name, NULL, (const char *const *) keys,
                                          options->is_if_exists ? 0 : REGENT_APPLY_CHANGE_ONLY,
                                          &result, reterr);
        if (!is_done)
                return -1;
        report(context->output, &result, "removed", false);
        return EXIT_DONE;
}

/* Many keys go in several commits, unless they are to be one. */
static gboolean reset_keys(Context *context,
                           Bus *bus,
                           const char *ns_name,
                           const char *const *keys,
                           guint n_keys,
                           ChangeResult *ret_result,
                           Failure **reterr)
{
        guint n_commit = context->options->is_atomic ? MAX(n_keys, 1) : COMMIT_KEYS;

        for (guint n_done = 0; n_done < n_keys; n_done += n_commit) {
                g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
                g_auto(GStrv) part = NULL;
                ChangeResult result = {};

                for (guint i = n_done; i < MIN(n_done + n_commit, n_keys); i++)
                        g_strv_builder_add(builder, keys[i]);
                part = g_strv_builder_end(builder);
                output_progress(context->output, "Resetting", n_done, n_keys);
                if (!change_apply(bus, context->options, ns_name, NULL, (const char *const *) part,
                                  0, &result, reterr)) {
                        if (n_done > 0)
                                failure_prefix(*reterr, "After %u of %u keys", n_done, n_keys);
                        return FALSE;
                }
                ret_result->revision = result.revision;
                ret_result->n_removed += result.n_removed;
        }
        output_progress_end(context->output);
        return TRUE;
}

int verb_reset(Context *context, char **arguments, Failure **reterr)
{
        const char *ns_name = arguments[0];
        g_autoptr(GPtrArray) listed = NULL;
        char **keys = arguments + 1;
        guint n_keys = g_strv_length(keys);
        ChangeResult result = {};
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr))
                return -1;
        if (n_keys == 0) {
                if (!entries_list(bus, ns_name, NULL, &listed, reterr))
                        return -1;
                keys = (char **) listed->pdata;
                n_keys = listed->len;
        }
        if (!reset_keys(context, bus, ns_name, (const char *const *) keys, n_keys, &result, reterr))
                return -1;
        report(context->output, &result, "reset", context->options->is_dry_run);
        return EXIT_DONE;
}
