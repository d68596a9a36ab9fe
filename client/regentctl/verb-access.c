/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl create, remove, access
 */

#include "account-names.h"
#include "client/regent-names.h"
#include "namespace-facts.h"
#include "namespace-path.h"
#include "sheet.h"
#include "verb.h"

#include <stdlib.h>
#include <string.h>

#define MODE_DIGITS_MAX 4

static gboolean parse_mode(const char *text, guint32 *ret_mode, Failure **reterr)
{
        size_t n_digits = strlen(text);

        if (n_digits == 0 || n_digits > MODE_DIGITS_MAX || strspn(text, "01234567") != n_digits)
                return failure_set(reterr, EXIT_INVALID,
                                   "--mode= takes an octal number like 0644, not '%s'", text);
        *ret_mode = (guint32) strtoul(text, NULL, 8);
        return TRUE;
}

/* A number, with K, M or G for powers of 1024 where @has_units. */
static gboolean parse_quota(
        const char *option, const char *text, bool has_units, guint64 *ret_number, Failure **reterr)
{
        static const char units[] = "KMG";
        size_t n_digits = strspn(text, "0123456789");
        const char *unit = has_units && text[n_digits] ? strchr(units, text[n_digits]) : NULL;
        g_autofree char *digits = g_strndup(text, n_digits);
        guint shift = unit ? (guint) (unit - units + 1) * 10 : 0;
        guint64 number = 0;

        if (text[n_digits + (unit ? 1 : 0)] != '\0' ||
            !g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64 >> shift, &number, NULL))
                return failure_set(reterr, EXIT_INVALID, "--%s= takes a number%s, not '%s'", option,
                                   has_units ? ", with K, M or G" : "", text);
        *ret_number = number << shift;
        return TRUE;
}

static void add_option(GVariantBuilder *builder, const char *name, GVariant *value)
{
        g_variant_builder_add(builder, "{sv}", name, value);
}

static gboolean add_access(const Options *options, GVariantBuilder *builder, Failure **reterr)
{
        guint32 number = 0;
        guint64 quota = 0;

        if (options->owner) {
                if (!account_user_id(options->owner, &number, reterr))
                        return FALSE;
                add_option(builder, "owner", g_variant_new_uint32(number));
        }
        if (options->group) {
                if (!account_group_id(options->group, &number, reterr))
                        return FALSE;
                add_option(builder, "group", g_variant_new_uint32(number));
        }
        if (options->mode) {
                if (!parse_mode(options->mode, &number, reterr))
                        return FALSE;
                add_option(builder, "mode", g_variant_new_uint32(number));
        }
        if (options->quota_keys) {
                if (!parse_quota("quota-keys", options->quota_keys, false, &quota, reterr))
                        return FALSE;
                add_option(builder, "quota-keys", g_variant_new_uint64(quota));
        }
        if (options->quota_bytes) {
                if (!parse_quota("quota-bytes", options->quota_bytes, true, &quota, reterr))
                        return FALSE;
                add_option(builder, "quota-bytes", g_variant_new_uint64(quota));
        }
        return TRUE;
}

/* An a{sv}, floating. */
static gboolean make_access(const Options *options, GVariant **ret_access, Failure **reterr)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        if (!add_access(options, &builder, reterr)) {
                g_variant_builder_clear(&builder);
                return FALSE;
        }
        *ret_access = g_variant_builder_end(&builder);
        return TRUE;
}

/* As it is now. */
static gboolean show(Context *context, Bus *bus, const char *ns_name, Failure **reterr)
{
        g_autoptr(NamespaceFacts) facts = NULL;
        g_autoptr(Sheet) sheet = sheet_new();

        if (!namespace_facts_read(bus, ns_name, &facts, reterr))
                return FALSE;
        if (output_json(context->output) != JSON_OFF) {
                output_document(context->output, namespace_facts_document(facts));
                return TRUE;
        }
        namespace_facts_add_access(facts, sheet);
        sheet_print(sheet, context->output);
        return TRUE;
}

static void print_name(Output *output, const char *name, const char *ns_name)
{
        json_object *document = json_object_new_object();

        json_object_object_add(document, name, ns_name ? json_object_new_string(ns_name) : NULL);
        output_document(output, document);
}

/* Names that are invalid are found here, before they would break a message. */
static gboolean check_name(const char *ns_name, Failure **reterr)
{
        g_autofree char *path = NULL;

        return namespace_path_of(ns_name, &path, reterr);
}

int verb_create(Context *context, char **arguments, Failure **reterr)
{
        const char *ns_name = arguments[0];
        GVariant *access = NULL;
        Bus *bus = NULL;

        if (!check_name(ns_name, reterr) || !context_bus(context, &bus, reterr) ||
            !make_access(context->options, &access, reterr) ||
            !bus_call_manager(bus, "CreateNamespace", g_variant_new("(s@a{sv})", ns_name, access),
                              "(o)", NULL, reterr))
                return -1;

        if (output_json(context->output) != JSON_OFF)
                print_name(context->output, "created", ns_name);
        else
                output_note(context->output, "Made %s.", ns_name);
        return EXIT_DONE;
}

int verb_remove(Context *context, char **arguments, Failure **reterr)
{
        const Options *options = context->options;
        guint64 flags = options->is_force ? REGENT_REMOVE_NOT_EMPTY : 0;
        const char *ns_name = arguments[0];
        Failure *failure = NULL;
        bool is_removed = true;
        Bus *bus = NULL;

        if (!check_name(ns_name, reterr) || !context_bus(context, &bus, reterr))
                return -1;
        if (!bus_call_manager(bus, "RemoveNamespace", g_variant_new("(st)", ns_name, flags), "()",
                              NULL, &failure)) {
                if (!options->is_if_exists || failure->status != EXIT_NOT_FOUND) {
                        *reterr = failure;
                        return -1;
                }
                failure_free(failure);
                is_removed = false;
        }
        if (output_json(context->output) != JSON_OFF)
                print_name(context->output, "removed", is_removed ? ns_name : NULL);
        else if (is_removed)
                output_note(context->output, "Removed %s.", ns_name);
        else
                output_nothing_to_do(context->output);
        return EXIT_DONE;
}

int verb_access(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(GVariant) access = NULL;
        const char *ns_name = arguments[0];
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr) || !make_access(context->options, &access, reterr))
                return -1;
        g_variant_ref_sink(access);
        if (g_variant_n_children(access) == 0)
                return show(context, bus, ns_name, reterr) ? EXIT_DONE : -1;

        if (!bus_call_namespace(bus, ns_name, "SetAccess", g_variant_new("(@a{sv})", access), "()",
                                NULL, reterr))
                return -1;
        if (output_json(context->output) != JSON_OFF && !show(context, bus, ns_name, reterr))
                return -1;
        output_note(context->output, "Changed the access of %s.", ns_name);
        return EXIT_DONE;
}
