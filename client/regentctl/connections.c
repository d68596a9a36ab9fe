/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connections
 */

#include "connections.h"

#include "account-names.h"
#include "client/regent-names.h"
#include "connection-watches.h"
#include "namespace-facts.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

typedef struct Connection {
        char *name;
        GVariant *facts;
} Connection;

static const char *const numbers[] = {
        "sent-bytes",    "unread-bytes",  "unread-descriptors", "receipts-waiting",
        "calls-waiting", "calls-refused", "calls-unanswered",
};

static void connection_clear(gpointer userdata)
{
        Connection *connection = userdata;

        g_free(connection->name);
        g_variant_unref(connection->facts);
}

static uint64_t number_of(const Connection *connection, const char *name)
{
        uint64_t number = 0;

        g_variant_lookup(connection->facts, name, "t", &number);
        return number;
}

/*
 * Who leaves most unread comes first; else in the order in which they connected, and behind each its
 * channels, which have its name and a number (":1.42/7").
 */
static gint compare(gconstpointer a, gconstpointer b)
{
        uint64_t unread_a = number_of(a, "unread-bytes"), unread_b = number_of(b, "unread-bytes");

        if (unread_a != unread_b)
                return unread_a > unread_b ? -1 : 1;
        return strverscmp(((const Connection *) a)->name, ((const Connection *) b)->name);
}

static gboolean read_connections(Bus *bus, GArray *connections, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL, statistics = NULL, all = NULL;
        GVariantIter iterator;
        Connection connection;

        if (!bus_call_manager(bus, "GetStatistics",
                              g_variant_new("(t)", (guint64) REGENT_STATISTICS_CONNECTIONS),
                              "(a{sv})", &reply, reterr))
                return FALSE;

        statistics = g_variant_get_child_value(reply, 0);
        all = g_variant_lookup_value(statistics, "connections", G_VARIANT_TYPE("a{sv}"));
        if (!all)
                return failure_set(reterr, EXIT_OTHER, "regentd does not tell of connections");

        g_variant_iter_init(&iterator, all);
        while (g_variant_iter_next(&iterator, "{sv}", &connection.name, &connection.facts))
                g_array_append_val(connections, connection);
        g_array_sort(connections, compare);
        return TRUE;
}

static void add_row(Table *table, const Connection *connection)
{
        g_autofree char *unread = namespace_facts_size(number_of(connection, "unread-bytes"));
        g_autofree char *user = NULL;
        uint32_t uid = 0;

        if (g_variant_lookup(connection->facts, "uid", "u", &uid))
                user = account_user_name(uid);

        table_add(table, STYLE_KEY, connection->name);
        table_add(table, STYLE_PLAIN, user ? user : "");
        table_add(table, STYLE_PLAIN, unread);
        for (size_t i = 2; i < G_N_ELEMENTS(numbers); i++)
                table_add_format(table, STYLE_PLAIN, "%" PRIu64, number_of(connection, numbers[i]));
        table_add_format(table, STYLE_PLAIN, "%u", connection_watches_count(connection->facts));
}

static void print_table(Output *output, const GArray *connections)
{
        static const char *const headers[] = { "CONNECTION", "USER",     ">UNREAD",  ">FDS",
                                               ">RECEIPT",   ">WAITING", ">REFUSED", ">DROPPED",
                                               ">WATCHES",   NULL };
        g_autoptr(Table) table = table_new(headers), watches = connection_watches_table();
        guint n_watches = 0;

        for (guint i = 0; i < connections->len; i++) {
                const Connection *connection = &g_array_index(connections, Connection, i);

                add_row(table, connection);
                n_watches += connection_watches_add(watches, connection->name, connection->facts);
        }
        output_begin_pager(output);
        table_print(table, output);
        if (n_watches == 0)
                return;
        output_escaped(output, STYLE_PLAIN, "\n");
        table_print(watches, output);
}

static void print_document(Output *output, const GArray *connections)
{
        json_object *document = json_object_new_array();

        for (guint i = 0; i < connections->len; i++) {
                const Connection *connection = &g_array_index(connections, Connection, i);
                json_object *entry = json_object_new_object();
                uint32_t uid = 0;

                json_object_object_add(entry, "connection",
                                       json_object_new_string(connection->name));
                if (g_variant_lookup(connection->facts, "uid", "u", &uid))
                        json_object_object_add(entry, "uid", json_object_new_uint64(uid));
                for (size_t n = 0; n < G_N_ELEMENTS(numbers); n++)
                        json_object_object_add(
                                entry, numbers[n],
                                json_object_new_uint64(number_of(connection, numbers[n])));
                json_object_object_add(entry, "watches",
                                       connection_watches_json(connection->facts));
                json_object_array_add(document, entry);
        }
        output_document(output, document);
}

gboolean connections_show(Context *context, Bus *bus, Failure **reterr)
{
        g_autoptr(GArray) connections = g_array_new(FALSE, FALSE, sizeof(Connection));

        g_array_set_clear_func(connections, connection_clear);
        if (!read_connections(bus, connections, reterr))
                return FALSE;

        if (output_json(context->output) != JSON_OFF)
                print_document(context->output, connections);
        else
                print_table(context->output, connections);
        return TRUE;
}
