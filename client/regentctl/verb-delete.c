/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl delete, reset
 *
 * Both unset keys. delete wants them to be there and does all or nothing; reset wants them to be gone
 * or at their default afterwards.
 */

#include "change.h"
#include "client/regent-names.h"
#include "names.h"
#include "upload.h"
#include "verb.h"

#include <inttypes.h>
#include <json-c/json.h>

static void report(Context *context,
                   const ChangeResult *result,
                   const char *what,
                   const Vetoes *vetoes)
{
        bool is_dry_run = context->options->is_dry_run;
        Output *output = context->output;
        json_object *document;

        if (output_json(output) == JSON_OFF) {
                if (result->n_removed == 0)
                        output_nothing_to_do(output);
                else
                        output_note(output, "%s%" PRIu32 " %s %s, revision %" PRIu64,
                                    is_dry_run ? "Would be: " : "", result->n_removed,
                                    result->n_removed == 1 ? "key" : "keys", what,
                                    result->revision);
                confirmation_report(&result->confirmation, context->options, output);
                vetoes_print(vetoes, output);
                return;
        }
        document = json_object_new_object();
        json_object_object_add(document, "revision", json_object_new_uint64(result->revision));
        json_object_object_add(document, "removed", json_object_new_uint64(result->n_removed));
        confirmation_add(&result->confirmation, document);
        if (is_dry_run)
                json_object_object_add(document, "vetoes", vetoes_to_json(vetoes));
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
        bool is_plain = !keys[1] && !options->is_if_exists && !options->release &&
                        !options->reason && !options->durability && options->confirm_usec == 0;
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
        report(context, &result, "removed", NULL);
        return EXIT_DONE;
}

static gboolean reset_keys(Context *context,
                           const char *ns_name,
                           char **keys,
                           ChangeResult *ret_result,
                           Vetoes **ret_vetoes,
                           Failure **reterr)
{
        g_autoptr(Transaction) transaction = transaction_new();
        TransactionNamespace *ns = transaction_add_namespace(transaction, ns_name);
        const Upload upload = { .transaction = transaction,
                                .flags = change_flags(context->options),
                                .is_one_commit = context->options->is_atomic,
                                .what = "Resetting" };
        UploadResult result = {};

        for (; *keys; keys++)
                transaction_unset(transaction, ns, *keys);
        if (transaction->n_changes > 0 && !upload_run(context, &upload, &result, reterr))
                return FALSE;
        *ret_result = (ChangeResult){ .revision = result.revision,
                                      .n_removed = (guint32) result.n_removed };
        *ret_vetoes = result.vetoes;
        return TRUE;
}

int verb_reset(Context *context, char **arguments, Failure **reterr)
{
        const char *ns_name = arguments[0];
        g_auto(GStrv) listed = NULL;
        char **keys = arguments + 1;
        g_autoptr(Vetoes) vetoes = NULL;
        ChangeResult result = {};
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr))
                return -1;
        if (!*keys) {
                if (!names_read_keys(bus, ns_name, NULL, &listed, reterr))
                        return -1;
                keys = listed;
        }
        if (!reset_keys(context, ns_name, keys, &result, &vetoes, reterr))
                return -1;
        report(context, &result, "reset", vetoes);
        return vetoes ? EXIT_REFUSED : EXIT_DONE;
}
