/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl set
 *
 * Which type the value took, and how it came to it, is told, so that a guess surprises nobody.
 */

#include "argument-value.h"
#include "change.h"
#include "input-file.h"
#include "value-json.h"
#include "value-text.h"
#include "verb.h"

#include <inttypes.h>
#include <string.h>

/* More than the largest value that a configuration of regentd can allow. */
#define FILE_BYTES_MAX   (16U << 20)
#define NOTE_COLUMNS_MAX 60U

/* Bytes become an ay, or a string where the type says so. */
static gboolean value_from_file(const char *path,
                                const char *type,
                                GVariant **ret_value,
                                Failure **reterr)
{
        g_autoptr(GBytes) bytes = NULL;
        const char *text;
        gsize n_bytes = 0;

        if (type && strcmp(type, "ay") != 0 && strcmp(type, "s") != 0)
                return failure_set(reterr, EXIT_INVALID,
                                   "--from-file= gives bytes (ay) or a string (s), not a value of "
                                   "type '%s'",
                                   type);
        if (!input_file_read(path, FILE_BYTES_MAX, &bytes, reterr))
                return FALSE;
        if (!type || strcmp(type, "ay") == 0) {
                *ret_value = g_variant_ref_sink(
                        g_variant_new_from_bytes(G_VARIANT_TYPE_BYTESTRING, bytes, TRUE));
                return TRUE;
        }
        text = g_bytes_get_data(bytes, &n_bytes);
        if (!g_utf8_validate_len(text ? text : "", n_bytes, NULL))
                return failure_set(reterr, EXIT_INVALID, "%s: not UTF-8, so no string", path);
        *ret_value =
                g_variant_ref_sink(g_variant_new_take_string(g_strndup(text ? text : "", n_bytes)));
        return TRUE;
}

static gboolean send(Context *context,
                     Bus *bus,
                     const char *ns_name,
                     const char *key,
                     GVariant *value,
                     ChangeResult *ret_result,
                     Failure **reterr)
{
        const Options *options = context->options;
        bool is_plain = !options->entry_class && !options->release && !options->reason &&
                        !options->durability && options->confirm_usec == 0 &&
                        change_flags(options) == 0;
        g_autoptr(GVariant) reply = NULL;
        GVariantBuilder set = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        if (is_plain) {
                if (!bus_call_namespace(bus, ns_name, "Set", g_variant_new("(sv)", key, value),
                                        "(t)", &reply, reterr))
                        return FALSE;
                g_variant_get(reply, "(t)", &ret_result->revision);
                return TRUE;
        }
        g_variant_builder_add(&set, "{sv}", key, value);
        return change_apply(bus, options, ns_name, g_variant_builder_end(&set), NULL, 0, ret_result,
                            reterr);
}

static void report(Context *context,
                   const char *key,
                   GVariant *value,
                   const char *how,
                   const ChangeResult *result)
{
        Output *output = context->output;
        g_autofree char *summary = NULL;
        g_autofree char *name = NULL;
        json_object *document;

        if (output_json(output) == JSON_OFF) {
                summary = value_text_summarize(value, NOTE_COLUMNS_MAX);
                name = output_escape(key);
                output_note(output, "%s = %s %s%s, revision %" PRIu64, name,
                            g_variant_get_type_string(value), summary, how, result->revision);
                confirmation_report(&result->confirmation, context->options, output);
                return;
        }
        document = json_object_new_object();
        json_object_object_add(document, "revision", json_object_new_uint64(result->revision));
        json_object_object_add(document, "key", json_object_new_string(key));
        json_object_object_add(document, "value", value_json_from_variant(value));
        confirmation_add(&result->confirmation, document);
        output_document(output, document);
}

static gboolean check(const Options *options, char **arguments, Failure **reterr)
{
        if (!options->from_file && !arguments[2]) {
                failure_set(reterr, EXIT_USAGE, "'set' takes a VALUE");
                failure_set_hint(*reterr, "Or --from-file=FILE, for bytes. An empty string is ''.");
                return FALSE;
        }
        if (options->from_file && arguments[2])
                return failure_set(reterr, EXIT_USAGE, "VALUE and --from-file= exclude each other");
        return TRUE;
}

int verb_set(Context *context, char **arguments, Failure **reterr)
{
        const Options *options = context->options;
        const char *ns_name = arguments[0], *key = arguments[1];
        g_autoptr(GPtrArray) types = NULL;
        g_autoptr(GVariant) value = NULL;
        const ArgumentType *type;
        ChangeResult result = {};
        gboolean is_made;
        Bus *bus = NULL;

        if (!check(options, arguments, reterr) || !context_bus(context, &bus, reterr) ||
            !argument_types_find(bus, options, ns_name, &key, 1, &types, reterr))
                return -1;

        type = types->pdata[0];
        is_made = options->from_file
                          ? value_from_file(options->from_file, type->signature, &value, reterr)
                          : argument_value_parse(type, key, arguments[2], &value, reterr);
        if (!is_made || !send(context, bus, ns_name, key, value, &result, reterr))
                return -1;
        report(context, key, value, options->from_file ? "" : type->how, &result);
        return EXIT_DONE;
}
