/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl reload, flush, statistics
 */

#include "table.h"
#include "value-json.h"
#include "value-text.h"
#include "verb.h"

#include <inttypes.h>
#include <string.h>

int verb_reload(Context *context, char **arguments, Failure **reterr)
{
        json_object *document;
        Bus *bus = NULL;

        (void) arguments;
        if (!context_bus(context, &bus, reterr) ||
            !bus_call_manager(bus, "Reload", NULL, "()", NULL, reterr))
                return -1;

        if (output_json(context->output) == JSON_OFF) {
                output_note(context->output,
                            "Configuration and declared namespaces were read again.");
                return EXIT_DONE;
        }
        document = json_object_new_object();
        json_object_object_add(document, "reloaded", json_object_new_boolean(TRUE));
        output_document(context->output, document);
        return EXIT_DONE;
}

int verb_flush(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        json_object *document;
        guint64 revision = 0;
        Bus *bus = NULL;

        (void) arguments;
        if (!context_bus(context, &bus, reterr) ||
            !bus_call_manager(bus, "Flush", NULL, "(t)", &reply, reterr))
                return -1;

        g_variant_get(reply, "(t)", &revision);
        if (output_json(context->output) == JSON_OFF) {
                output_note(context->output, "On disk up to revision %" PRIu64 ".", revision);
                return EXIT_DONE;
        }
        document = json_object_new_object();
        json_object_object_add(document, "revision", json_object_new_uint64(revision));
        output_document(context->output, document);
        return EXIT_DONE;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The bus has them in no order. Borrowed from @statistics. */
static GArray *sort_names(GVariant *statistics)
{
        GArray *names = g_array_new(FALSE, FALSE, sizeof(char *));
        GVariantIter iterator;
        const char *name;

        g_variant_iter_init(&iterator, statistics);
        while (g_variant_iter_next(&iterator, "{&s*}", &name, NULL))
                g_array_append_val(names, name);
        g_array_sort(names, compare_names);
        return names;
}

static void print_table(Output *output, GVariant *statistics, const GArray *names)
{
        static const char *const headers[] = { "NAME", ">VALUE", NULL };
        g_autoptr(Table) table = table_new(headers);

        for (guint i = 0; i < names->len; i++) {
                const char *name = g_array_index(names, const char *, i);
                g_autoptr(GVariant) value = g_variant_lookup_value(statistics, name, NULL);
                g_autofree char *text = value_text_print(value);

                table_add(table, STYLE_KEY, name);
                table_add(table, STYLE_PLAIN, text);
        }
        output_begin_pager(output);
        table_print(table, output);
}

static void print_document(Output *output, GVariant *statistics, const GArray *names)
{
        json_object *document = json_object_new_object();

        for (guint i = 0; i < names->len; i++) {
                const char *name = g_array_index(names, const char *, i);
                g_autoptr(GVariant) value = g_variant_lookup_value(statistics, name, NULL);

                json_object_object_add(document, name, value_json_data(value));
        }
        output_document(output, document);
}

int verb_statistics(Context *context, char **arguments, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) statistics = NULL;
        g_autoptr(GArray) names = NULL;
        Bus *bus = NULL;

        (void) arguments;
        if (!context_bus(context, &bus, reterr) ||
            !bus_call_manager(bus, "GetStatistics", g_variant_new("(t)", UINT64_C(0)), "(a{sv})",
                              &reply, reterr))
                return -1;

        statistics = g_variant_get_child_value(reply, 0);
        names = sort_names(statistics);
        if (output_json(context->output) != JSON_OFF)
                print_document(context->output, statistics, names);
        else
                print_table(context->output, statistics, names);
        return EXIT_DONE;
}
