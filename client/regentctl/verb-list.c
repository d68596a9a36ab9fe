/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl list
 */

#include "entries.h"
#include "names.h"
#include "verb.h"

#include <json-c/json.h>

static gboolean add_key(const char *key, GVariant *value, void *userdata, Failure **reterr)
{
        (void) value;
        (void) reterr;
        g_ptr_array_add(userdata, g_strdup(key));
        return TRUE;
}

static gboolean list_changed(
        Bus *bus, const char *ns_name, const char *prefix, char ***ret_keys, Failure **reterr)
{
        const EntriesQuery query = { .ns_name = ns_name, .prefix = prefix, .only = "changed" };
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

static void print_document(Output *output, char **keys)
{
        json_object *document = json_object_new_array();

        for (char **key = keys; *key; key++)
                json_object_array_add(document, json_object_new_string(*key));
        output_document(output, document);
}

int verb_list(Context *context, char **arguments, Failure **reterr)
{
        const Options *options = context->options;
        g_auto(GStrv) keys = NULL;
        gboolean is_read;
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr))
                return -1;
        is_read = options->is_changed
                          ? list_changed(bus, arguments[0], options->prefix, &keys, reterr)
                          : names_read_keys(bus, arguments[0], options->prefix, &keys, reterr);
        if (!is_read)
                return -1;

        if (output_json(context->output) != JSON_OFF)
                print_document(context->output, keys);
        else
                print_keys(context->output, keys);
        return EXIT_DONE;
}
