/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl apply
 *
 * Many changes in one commit, from arguments or from a file.
 */

#include "argument-value.h"
#include "change.h"
#include "difference.h"
#include "dump-take.h"
#include "input-file.h"
#include "upload.h"
#include "value-text.h"
#include "verb.h"

#include <json-c/json.h>
#include <string.h>

#define NOTE_COLUMNS_MAX 60u

typedef struct Applying {
        Context *context;
        Transaction *transaction;
        GPtrArray *notes; /* what became of each argument, escaped */
} Applying;

static void applying_clear(Applying *applying)
{
        transaction_free(applying->transaction);
        g_clear_pointer(&applying->notes, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Applying, applying_clear)

/* KEY=REVISION, as --expect= takes it. */
static bool add_expectation(TransactionNamespace *ns, const char *text, Failure **reterr)
{
        const char *equals = strrchr(text, '=');
        g_autofree char *key = equals ? g_strndup(text, (size_t) (equals - text)) : NULL;
        guint64 revision;

        if (!key || !*key ||
            !g_ascii_string_to_unsigned(equals + 1, 10, 0, G_MAXUINT64, &revision, NULL))
                return failure_set(reterr, EXIT_USAGE, "--expect=%s: expected KEY=REVISION", text);

        transaction_expect(ns, key, revision);
        return true;
}

/* The keys of KEY=VALUE…; others are no use. */
static bool read_keys(char **arguments, GPtrArray *keys, Failure **reterr)
{
        for (; *arguments; arguments++) {
                const char *equals = strchr(*arguments, '=');

                if (!equals || equals == *arguments)
                        return failure_set(reterr, EXIT_USAGE, "'%s': expected KEY=VALUE",
                                           *arguments);
                g_ptr_array_add(keys, g_strndup(*arguments, (size_t) (equals - *arguments)));
        }

        return true;
}

/* Sets @keys to what the arguments say, and notes what that is. */
static bool add_values(Applying *applying,
                       TransactionNamespace *ns,
                       const GPtrArray *keys,
                       char **arguments,
                       Failure **reterr)
{
        g_autoptr(GPtrArray) types = NULL;
        Bus *bus = NULL;

        if (!context_bus(applying->context, &bus, reterr) ||
            !argument_types_find(bus, applying->context->options, ns->name,
                                 (const char *const *) keys->pdata, keys->len, &types, reterr))
                return false;

        for (guint i = 0; i < keys->len; i++) {
                const char *key = keys->pdata[i];
                const ArgumentType *type = types->pdata[i];
                g_autoptr(GVariant) value = NULL;
                g_autofree char *escaped = output_escape(key);
                g_autofree char *summary = NULL;

                if (!argument_value_parse(type, key, arguments[i] + strlen(key) + 1, &value,
                                          reterr)) {
                        failure_prefix(*reterr, "%s", key);
                        return false;
                }
                transaction_set(applying->transaction, ns, key, value, NULL);
                summary = value_text_summarize(value, NOTE_COLUMNS_MAX);
                g_ptr_array_add(applying->notes, g_strdup_printf("%s = %s %s%s", escaped,
                                                                 g_variant_get_type_string(value),
                                                                 summary, type->how));
        }

        return true;
}

static bool read_arguments(Applying *applying, char **arguments, Failure **reterr)
{
        const Options *options = applying->context->options;
        g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
        TransactionNamespace *ns;

        if (!arguments[0])
                return failure_set(reterr, EXIT_USAGE, "'apply' takes a NAMESPACE, or --file=FILE");
        if (!read_keys(arguments + 1, keys, reterr))
                return false;
        if (keys->len == 0 && !options->unset && !options->expect)
                return failure_set(reterr, EXIT_USAGE, "Nothing to apply: expected KEY=VALUE");

        applying->transaction = transaction_new();
        ns = transaction_add_namespace(applying->transaction, arguments[0]);
        ns->release = g_strdup(options->release);
        for (char **text = options->expect; text && *text; text++)
                if (!add_expectation(ns, *text, reterr))
                        return false;
        if (!add_values(applying, ns, keys, arguments + 1, reterr))
                return false;
        for (char **key = options->unset; key && *key; key++)
                transaction_unset(applying->transaction, ns, *key);
        return true;
}

static bool read_file(Context *context, char **arguments, Transaction **ret, Failure **reterr)
{
        const Options *options = context->options;
        g_autoptr(GBytes) content = NULL;
        const char *text;
        gsize n_bytes;

        if (arguments[0] || options->type || options->unset || options->expect || options->release)
                return failure_set(
                        reterr, EXIT_USAGE,
                        "With --file= the file says everything: no NAMESPACE, KEY=VALUE, "
                        "--type=, --unset=, --expect= or --release=");
        if (!input_file_read(options->file, INPUT_FILE_BYTES_MAX, &content, reterr))
                return false;

        text = g_bytes_get_data(content, &n_bytes);
        if (!transaction_parse(text ? text : "", n_bytes, ret, reterr)) {
                failure_prefix(*reterr, "%s",
                               strcmp(options->file, "-") == 0 ? "Standard input" : options->file);
                return false;
        }
        return true;
}

static const char *memory_class(const Options *options,
                                const TransactionNamespace *ns,
                                const TransactionChange *change)
{
        const char *entry_class = change->entry_class ? change->entry_class
                                  : ns->entry_class   ? ns->entry_class
                                                      : options->entry_class;

        return entry_class ? dump_memory_class(entry_class) : NULL;
}

/* What the keys of @ns hold, and what they would. */
static bool compare(Context *context,
                    const TransactionNamespace *ns,
                    Dump *sides,
                    Difference *difference,
                    Failure **reterr)
{
        g_autoptr(GPtrArray) keys = g_ptr_array_new();
        DumpNamespace *wanted = dump_namespace_new(ns->name);
        DumpNamespace *present;

        dump_add(sides, wanted);
        for (guint i = 0; i < ns->changes->len; i++) {
                const TransactionChange *change = ns->changes->pdata[i];

                g_ptr_array_add(keys, change->key);
                if (change->value)
                        dump_namespace_add(wanted, change->key, change->value,
                                           memory_class(context->options, ns, change));
        }
        dump_namespace_sort(wanted);

        if (keys->len == 0)
                return true;
        if (!dump_take_keys(context, ns->name, ns->release, keys, &present, reterr))
                return false;
        dump_add(sides, present);
        difference_add(difference, ns->name, present, wanted, false);
        return true;
}

static bool show_dry_run(Context *context,
                         const Transaction *transaction,
                         const UploadResult *result,
                         Failure **reterr)
{
        g_autoptr(Difference) difference = difference_new();
        g_autoptr(Dump) sides = dump_new();
        Output *output = context->output;
        json_object *document;

        for (guint i = 0; i < transaction->namespaces->len; i++)
                if (!compare(context, transaction->namespaces->pdata[i], sides, difference, reterr))
                        return false;

        if (output_json(output) != JSON_OFF) {
                document = json_object_new_object();
                json_object_object_add(document, "revision",
                                       json_object_new_uint64(result->revision));
                json_object_object_add(document, "changes", difference_to_json(difference));
                json_object_object_add(document, "vetoes", vetoes_to_json(result->vetoes));
                output_document(output, document);
        } else if (difference_is_empty(difference)) {
                output_nothing_to_do(output);
        } else {
                difference_print(difference, output);
        }
        if (output_json(output) == JSON_OFF)
                vetoes_print(result->vetoes, output);
        return true;
}

static void report(const Applying *applying, const UploadResult *result)
{
        Output *output = applying->context->output;
        json_object *document;

        if (output_json(output) == JSON_OFF) {
                for (guint i = 0; i < applying->notes->len; i++)
                        output_note(output, "%s", (const char *) applying->notes->pdata[i]);
                output_note(output,
                            "%" G_GUINT64_FORMAT " changed, %" G_GUINT64_FORMAT
                            " removed, revision %" G_GUINT64_FORMAT,
                            result->n_changed, result->n_removed, result->revision);
                confirmation_report(&result->confirmation, applying->context->options, output);
                return;
        }

        document = json_object_new_object();
        json_object_object_add(document, "revision", json_object_new_uint64(result->revision));
        json_object_object_add(document, "changed", json_object_new_uint64(result->n_changed));
        json_object_object_add(document, "removed", json_object_new_uint64(result->n_removed));
        confirmation_add(&result->confirmation, document);
        output_document(output, document);
}

int verb_apply(Context *context, char **arguments, Failure **reterr)
{
        const Options *options = context->options;
        g_auto(Applying) applying = {
                .context = context,
                .notes = g_ptr_array_new_with_free_func(g_free),
        };
        Upload upload = { .flags = change_flags(options), .is_one_commit = true };
        g_autoptr(Vetoes) vetoes = NULL;
        UploadResult result = {};

        if (options->file ? !read_file(context, arguments, &applying.transaction, reterr)
                          : !read_arguments(&applying, arguments, reterr))
                return -1;

        g_assert(applying.transaction);
        upload.transaction = applying.transaction;
        if (!upload_run(context, &upload, &result, reterr))
                return -1;
        vetoes = result.vetoes;
        if (!options->is_dry_run)
                report(&applying, &result);
        else if (!show_dry_run(context, applying.transaction, &result, reterr))
                return -1;
        return vetoes ? EXIT_REFUSED : EXIT_DONE;
}
