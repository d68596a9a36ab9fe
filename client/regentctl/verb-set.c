/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl set
 *
 * The type of the value: what --type= says, else what the key has or is declared to have, else what
 * the text looks like. Which it was is told, so that a guess surprises nobody.
 */

#include "change.h"
#include "client/regent-names.h"
#include "input-file.h"
#include "value-json.h"
#include "value-text.h"
#include "value-type.h"
#include "verb.h"

#include <inttypes.h>
#include <string.h>

/* More than the largest value that a configuration of regentd can allow. */
#define FILE_BYTES_MAX   (16U << 20)
#define NOTE_COLUMNS_MAX 60U

/* The type that the key has, or is declared to have; NULL when there is none, or one may not know it. */
static gboolean find_type(
        Bus *bus, const char *ns_name, const char *key, char **ret_type, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) facts = NULL;
        g_autoptr(Failure) failure = NULL;

        *ret_type = NULL;
        if (!bus_call_namespace(bus, ns_name, "Describe", g_variant_new("(s)", key), "(a{sv})",
                                &reply, &failure)) {
                if (failure->status == EXIT_DENIED ||
                    (failure->error_name &&
                     strcmp(failure->error_name, REGENT_ERROR_NO_SUCH_KEY) == 0))
                        return TRUE;
                *reterr = g_steal_pointer(&failure);
                return FALSE;
        }
        facts = g_variant_get_child_value(reply, 0);
        if (!g_variant_lookup(facts, "declared-type", "s", ret_type))
                g_variant_lookup(facts, "type", "s", ret_type);
        return TRUE;
}

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

static gboolean make_value(const Options *options,
                           const char *text,
                           const char *type,
                           GVariant **ret_value,
                           Failure **reterr)
{
        const GVariantType *parsed = NULL;

        if (type && !value_type_parse(type, &parsed, reterr))
                return FALSE;
        if (options->from_file)
                return value_from_file(options->from_file, type, ret_value, reterr);
        if (!type)
                return value_text_guess(text, ret_value, reterr);
        return value_text_parse(text, parsed, ret_value, reterr);
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
        bool is_plain = !options->entry_class && !options->reason && change_flags(options) == 0;
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

static void report(Output *output,
                   const char *key,
                   GVariant *value,
                   const char *how,
                   const ChangeResult *result)
{
        g_autofree char *summary = NULL;
        g_autofree char *name = NULL;
        json_object *document;

        if (output_json(output) == JSON_OFF) {
                summary = value_text_summarize(value, NOTE_COLUMNS_MAX);
                name = output_escape(key);
                output_note(output, "%s = %s %s%s, revision %" PRIu64, name,
                            g_variant_get_type_string(value), summary, how, result->revision);
                return;
        }
        document = json_object_new_object();
        json_object_object_add(document, "revision", json_object_new_uint64(result->revision));
        json_object_object_add(document, "key", json_object_new_string(key));
        json_object_object_add(document, "value", value_json_from_variant(value));
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
        const char *ns_name = arguments[0], *key = arguments[1], *how = "";
        g_autofree char *kept_type = NULL;
        g_autoptr(GVariant) value = NULL;
        ChangeResult result = {};
        Bus *bus = NULL;

        if (!check(options, arguments, reterr) || !context_bus(context, &bus, reterr))
                return -1;
        if (!options->type) {
                if (!find_type(bus, ns_name, key, &kept_type, reterr))
                        return -1;
                how = kept_type ? " (kept its type)" : " (guessed its type)";
        }
        if (!make_value(options, arguments[2], options->type ? options->type : kept_type, &value,
                        reterr)) {
                if (kept_type && !(*reterr)->hint)
                        failure_set_hint(*reterr, "'%s' has the type %s; --type= changes it.", key,
                                         kept_type);
                return -1;
        }
        if (!send(context, bus, ns_name, key, value, &result, reterr))
                return -1;
        report(context->output, key, value, options->from_file ? "" : how, &result);
        return EXIT_DONE;
}
