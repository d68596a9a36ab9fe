/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl list
 */

#include "entries.h"
#include "names.h"
#include "namespace-facts.h"
#include "table.h"
#include "verb.h"

#include <json-c/json.h>

static gboolean add_key(const char *key, GVariant *value, void *userdata, Failure **reterr)
{
        (void) value;
        (void) reterr;
        g_ptr_array_add(userdata, g_strdup(key));
        return TRUE;
}

/* With --changed, or of @release. */
static gboolean list_entries(Bus *bus,
                             const char *ns_name,
                             const char *prefix,
                             const char *release,
                             char ***ret_keys,
                             Failure **reterr)
{
        const EntriesQuery query = {
                .ns_name = ns_name,
                .prefix = prefix,
                .only = release ? NULL : "changed",
                .release = release,
        };
        g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);

        if (!entries_read(bus, &query, add_key, keys, NULL, NULL, reterr))
                return FALSE;
        g_ptr_array_add(keys, NULL);
        *ret_keys = (char **) g_ptr_array_steal(keys, NULL);
        return TRUE;
}

static void print_keys(Output *output, char **keys)
{
        output_begin_pager(output);
        for (char **key = keys; *key; key++) {
                output_text(output, STYLE_KEY, *key);
                output_escaped(output, STYLE_PLAIN, "\n");
        }
        if (!*keys)
                output_note(output, "No keys.");
}

static json_object *keys_to_json(char **keys)
{
        json_object *array = json_object_new_array();

        for (char **key = keys; *key; key++)
                json_object_array_add(array, json_object_new_string(*key));
        return array;
}

/* Where the keys of each release go. */
typedef struct Listing {
        Table *table;
        json_object *document; /* in the JSON modes, in place of the table */
        guint n_keys;
} Listing;

static void add_release(Listing *listing, const char *release, char **keys)
{
        listing->n_keys += g_strv_length(keys);
        if (listing->document) {
                json_object_object_add(listing->document, release, keys_to_json(keys));
                return;
        }
        for (char **key = keys; *key; key++) {
                table_add(listing->table, STYLE_DIM, release);
                table_add(listing->table, STYLE_KEY, *key);
        }
}

static gboolean list_release(Listing *listing,
                             Bus *bus,
                             const Options *options,
                             const char *ns_name,
                             const char *release,
                             Failure **reterr)
{
        g_auto(GStrv) keys = NULL;

        if (!list_entries(bus, ns_name, options->prefix, release, &keys, reterr))
                return FALSE;
        add_release(listing, release, keys);
        return TRUE;
}

static gboolean list_all_releases(Context *context, Bus *bus, const char *ns_name, Failure **reterr)
{
        static const char *const headers[] = { "KERNEL", "KEY", NULL };
        bool is_json = output_json(context->output) != JSON_OFF;
        g_autoptr(NamespaceFacts) facts = NULL;
        g_autoptr(Table) table = table_new(headers);
        Listing listing = { .table = table };
        gboolean is_read;

        if (!namespace_facts_read(bus, ns_name, &facts, reterr))
                return FALSE;

        listing.document = is_json ? json_object_new_object() : NULL;
        is_read = list_release(&listing, bus, context->options, ns_name, "", reterr);
        for (char **release = facts->releases; *release && is_read; release++)
                is_read = list_release(&listing, bus, context->options, ns_name, *release, reterr);
        if (!is_read) {
                json_object_put(listing.document);
                return FALSE;
        }

        if (is_json) {
                output_document(context->output, listing.document);
                return TRUE;
        }
        output_begin_pager(context->output);
        table_print(table, context->output);
        if (listing.n_keys == 0)
                output_note(context->output, "No keys.");
        return TRUE;
}

int verb_list(Context *context, char **arguments, Failure **reterr)
{
        const Options *options = context->options;
        g_auto(GStrv) keys = NULL;
        gboolean is_read;
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr))
                return -1;
        if (options->is_all_releases)
                return list_all_releases(context, bus, arguments[0], reterr) ? EXIT_DONE : -1;

        is_read = options->is_changed || options->release
                          ? list_entries(bus, arguments[0], options->prefix, options->release,
                                         &keys, reterr)
                          : names_read_keys(bus, arguments[0], options->prefix, &keys, reterr);
        if (!is_read)
                return -1;

        if (output_json(context->output) != JSON_OFF)
                output_document(context->output, keys_to_json(keys));
        else
                print_keys(context->output, keys);
        return EXIT_DONE;
}
