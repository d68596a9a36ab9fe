/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regentctl namespaces
 */

#include "account-names.h"
#include "client/regent-names.h"
#include "names.h"
#include "namespace-facts.h"
#include "table.h"
#include "verb.h"

#include <inttypes.h>

static void add_row(Table *table, const NamespaceFacts *facts)
{
        g_autofree char *owner = account_user_name(facts->owner);
        g_autofree char *group = account_group_name(facts->group);

        table_add(table, STYLE_KEY, facts->name);
        table_add(table, STYLE_PLAIN, owner);
        table_add(table, STYLE_PLAIN, group);
        table_add_format(table, STYLE_PLAIN, "%04o", facts->mode);
        table_add_format(table, STYLE_PLAIN, "%" PRIu64, facts->n_keys);
        table_add_format(table, STYLE_PLAIN, "%" PRIu64, facts->n_bytes);
        table_add_format(table, STYLE_PLAIN, "%" PRIu64, facts->revision);
}

static void print_table(Output *output, const GPtrArray *facts)
{
        static const char *const headers[] = { "NAMESPACE", "OWNER",  "GROUP",     "MODE",
                                               ">KEYS",     ">BYTES", ">REVISION", NULL };
        g_autoptr(Table) table = table_new(headers);

        for (guint i = 0; i < facts->len; i++)
                add_row(table, facts->pdata[i]);
        output_begin_pager(output);
        table_print(table, output);
        if (facts->len == 0)
                output_note(output, "No namespaces that you may read.");
}

static void print_document(Output *output, const GPtrArray *facts)
{
        json_object *document = json_object_new_array();

        for (guint i = 0; i < facts->len; i++)
                json_object_array_add(document, namespace_facts_document(facts->pdata[i]));
        output_document(output, document);
}

int verb_namespaces(Context *context, char **arguments, Failure **reterr)
{
        g_auto(GStrv) names = NULL;
        g_autoptr(GPtrArray) facts = NULL;
        Bus *bus = NULL;

        if (!context_bus(context, &bus, reterr) ||
            !names_read_namespaces(bus, arguments[0], &names, reterr) ||
            !namespace_facts_read_many(bus, (const char *const *) names, true, &facts, reterr))
                return -1;

        if (output_json(context->output) != JSON_OFF)
                print_document(context->output, facts);
        else
                print_table(context->output, facts);
        return EXIT_DONE;
}
