/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl get
 *
 * One key is printed for a person (type and value, escaped) or for a program (the bare value); many
 * are a table.
 */

#include "client/regent-names.h"
#include "entries.h"
#include "table.h"
#include "value-json.h"
#include "value-text.h"
#include "verb.h"

#include <string.h>

static void print_raw(Output *output, GVariant *value)
{
        g_autofree char *text = NULL;

        if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING)) {
                gsize n_bytes = 0;
                const void *bytes = g_variant_get_fixed_array(value, &n_bytes, 1);

                output_bytes(output, bytes, n_bytes);
                return;
        }
        text = value_text_print(value);
        output_bytes(output, text, strlen(text));
}

static void print_one(Context *context, GVariant *value)
{
        Output *output = context->output;
        g_autofree char *text = NULL;

        if (output_json(output) != JSON_OFF) {
                output_document(output, value_json_from_variant(value));
                return;
        }
        if (context->options->is_raw) {
                print_raw(output, value);
                return;
        }
        text = value_text_print(value);
        if (output_is_terminal(output)) {
                output_begin_pager(output);
                output_text(output, STYLE_TYPE, g_variant_get_type_string(value));
                output_text(output, STYLE_PLAIN, " ");
                output_text(output, STYLE_PLAIN, text);
        } else {
                output_bytes(output, text, strlen(text));
        }
        output_bytes(output, "\n", 1);
}

/* Whether --default= stands in. What one may not read looks to most callers as what is not there. */
static bool may_default(const Options *options, const Failure *failure)
{
        return options->default_value &&
               (failure->status == EXIT_NOT_FOUND || failure->status == EXIT_DENIED);
}

static GVariant *default_value(const Options *options)
{
        return g_variant_ref_sink(g_variant_new_string(options->default_value));
}

static gboolean fail_missing(const char *ns_name, const char *key, Failure **reterr)
{
        failure_set(reterr, EXIT_NOT_FOUND, "'%s' has no key '%s'", ns_name, key);
        (*reterr)->error_name = g_strdup(REGENT_ERROR_NO_SUCH_KEY);
        failure_set_hint(*reterr, "'regentctl list %s' shows the keys that there are.", ns_name);
        return FALSE;
}

static GVariant *get_many_options(const Options *options)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        if (options->release)
                g_variant_builder_add(&builder, "{sv}", "release",
                                      g_variant_new_string(options->release));
        return g_variant_builder_end(&builder);
}

static gboolean read_of_release(Bus *bus,
                                const Options *options,
                                const char *ns_name,
                                const char *key,
                                GVariant **ret_value,
                                Failure **reterr)
{
        const char *const keys[] = { key, NULL };
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) values = NULL;

        if (!bus_call_namespace(bus, ns_name, "GetMany",
                                g_variant_new("(^as@a{sv})", keys, get_many_options(options)),
                                "(a{sv}t)", &reply, reterr))
                return FALSE;

        g_variant_get(reply, "(@a{sv}t)", &values, NULL);
        *ret_value = g_variant_lookup_value(values, key, NULL);
        return *ret_value || fail_missing(ns_name, key, reterr);
}

static gboolean read_one(Bus *bus,
                         const Options *options,
                         const char *ns_name,
                         const char *key,
                         GVariant **ret_value,
                         Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;

        if (options->release)
                return read_of_release(bus, options, ns_name, key, ret_value, reterr);
        if (!bus_call_namespace(bus, ns_name, "Get", g_variant_new("(s)", key), "(v)", &reply,
                                reterr))
                return FALSE;

        g_variant_get(reply, "(v)", ret_value);
        return TRUE;
}

static gboolean get_one(
        Context *context, Bus *bus, const char *ns_name, const char *key, Failure **reterr)
{
        g_autoptr(GVariant) value = NULL;
        Failure *failure = NULL;

        if (read_one(bus, context->options, ns_name, key, &value, &failure)) {
                g_assert(value);
        } else if (may_default(context->options, failure)) {
                failure_free(failure);
                value = default_value(context->options);
        } else {
                *reterr = failure;
                return FALSE;
        }
        print_one(context, value);
        return TRUE;
}

/* Where the rows of several keys go. */
typedef struct Listing {
        Context *context;
        Table *table;
        json_object *document; /* in the JSON modes, in place of the table */
        guint n_entries;
} Listing;

static gboolean add_entry(const char *key, GVariant *value, void *userdata, Failure **reterr)
{
        Listing *listing = userdata;
        Output *output = listing->context->output;

        (void) reterr;
        listing->n_entries++;
        if (listing->document) {
                json_object_object_add(listing->document, key, value_json_from_variant(value));
                return TRUE;
        }
        table_add(listing->table, STYLE_KEY, key);
        table_add(listing->table, STYLE_TYPE, g_variant_get_type_string(value));
        table_add_escaped(listing->table, STYLE_PLAIN,
                          value_text_summarize(value, output_value_columns(output)));
        return TRUE;
}

static gboolean get_some(
        Listing *listing, Bus *bus, const char *ns_name, char **keys, Failure **reterr)
{
        const Options *options = listing->context->options;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) values = NULL;
        g_autoptr(Failure) failure = NULL;
        GVariant *arguments = g_variant_new("(^as@a{sv})", keys, get_many_options(options));

        if (bus_call_namespace(bus, ns_name, "GetMany", arguments, "(a{sv}t)", &reply, &failure)) {
                g_variant_get(reply, "(@a{sv}t)", &values, NULL);
        } else if (may_default(options, failure)) {
                values = g_variant_ref_sink(g_variant_new("a{sv}", NULL));
        } else {
                *reterr = g_steal_pointer(&failure);
                return FALSE;
        }
        for (char **key = keys; *key; key++) {
                g_autoptr(GVariant) value = g_variant_lookup_value(values, *key, NULL);

                if (!value && options->default_value)
                        value = default_value(options);
                if (!value)
                        return fail_missing(ns_name, *key, reterr);
                if (!add_entry(*key, value, listing, reterr))
                        return FALSE;
        }
        return TRUE;
}

static gboolean get_all(Listing *listing, Bus *bus, const char *ns_name, Failure **reterr)
{
        const Options *options = listing->context->options;
        const EntriesQuery query = { .ns_name = ns_name,
                                     .prefix = options->prefix,
                                     .only = options->is_changed ? "changed" : NULL,
                                     .release = options->release };

        return entries_read(bus, &query, add_entry, listing, NULL, NULL, reterr);
}

static gboolean get_many(
        Context *context, Bus *bus, const char *ns_name, char **keys, Failure **reterr)
{
        static const char *const headers[] = { "KEY", "TYPE", "VALUE", NULL };
        bool is_json = output_json(context->output) != JSON_OFF;
        g_autoptr(Table) table = table_new(headers);
        Listing listing = { .context = context,
                            .table = table,
                            .document = is_json ? json_object_new_object() : NULL };
        gboolean is_done = *keys ? get_some(&listing, bus, ns_name, keys, reterr)
                                 : get_all(&listing, bus, ns_name, reterr);

        if (!is_done) {
                json_object_put(listing.document);
                return FALSE;
        }
        if (is_json) {
                output_document(context->output, listing.document);
                return TRUE;
        }
        output_begin_pager(context->output);
        table_print(table, context->output);
        if (listing.n_entries == 0)
                output_note(context->output, "No keys.");
        return TRUE;
}

static gboolean check_options(const Options *options, guint n_keys, Failure **reterr)
{
        if (options->is_raw && n_keys != 1)
                return failure_set(reterr, EXIT_USAGE, "--raw takes one KEY");
        if (options->is_raw && options->json != JSON_OFF)
                return failure_set(reterr, EXIT_USAGE, "--raw and --json= exclude each other");
        if (n_keys > 0 && (options->prefix || options->is_changed))
                return failure_set(reterr, EXIT_USAGE,
                                   "--prefix= and --changed do not go with a KEY");
        if (n_keys == 0 && options->default_value)
                return failure_set(reterr, EXIT_USAGE, "--default= takes a KEY");
        return TRUE;
}

int verb_get(Context *context, char **arguments, Failure **reterr)
{
        const char *ns_name = arguments[0];
        char **keys = arguments + 1;
        guint n_keys = g_strv_length(keys);
        gboolean is_done;
        Bus *bus = NULL;

        if (n_keys == 0)
                context->bus_use = BUS_MANY_CALLS;
        if (!check_options(context->options, n_keys, reterr) || !context_bus(context, &bus, reterr))
                return -1;

        is_done = n_keys == 1 ? get_one(context, bus, ns_name, keys[0], reterr)
                              : get_many(context, bus, ns_name, keys, reterr);
        return is_done ? EXIT_DONE : -1;
}
