/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches of a connection
 */

#include "connection-watches.h"

#include <inttypes.h>

typedef struct ConnectionWatch {
        guint64 number;
        GVariant *facts;
} ConnectionWatch;

static const char *const texts[] = { "ns-name", "ns-prefix", "prefix", "state" };
static const char *const numbers[] = { "revision",       "sent",           "withheld",
                                       "resynchronized", "unacknowledged", "unacknowledged-bytes" };

static void watch_clear(gpointer userdata)
{
        g_variant_unref(((ConnectionWatch *) userdata)->facts);
}

static gint compare(gconstpointer a, gconstpointer b)
{
        guint64 first = ((const ConnectionWatch *) a)->number;
        guint64 second = ((const ConnectionWatch *) b)->number;

        return first < second ? -1 : first > second;
}

static GArray *read_watches(GVariant *facts)
{
        GArray *watches = g_array_new(FALSE, FALSE, sizeof(ConnectionWatch));
        g_autoptr(GVariant) all = g_variant_lookup_value(facts, "watches", G_VARIANT_TYPE("a{sv}"));
        GVariantIter iterator;
        const char *number;
        GVariant *of_watch;

        g_array_set_clear_func(watches, watch_clear);
        if (!all)
                return watches;

        g_variant_iter_init(&iterator, all);
        while (g_variant_iter_next(&iterator, "{&sv}", &number, &of_watch)) {
                ConnectionWatch watch = { g_ascii_strtoull(number, NULL, 10), of_watch };

                g_array_append_val(watches, watch);
        }
        g_array_sort(watches, compare);
        return watches;
}

static const char *text_of(GVariant *facts, const char *name)
{
        const char *text = NULL;

        return g_variant_lookup(facts, name, "&s", &text) ? text : NULL;
}

static void add_number(Table *table, GVariant *facts, const char *name)
{
        guint64 number;

        if (g_variant_lookup(facts, name, "t", &number))
                table_add_format(table, STYLE_PLAIN, "%" PRIu64, number);
        else
                table_add(table, STYLE_PLAIN, "");
}

Table *connection_watches_table(void)
{
        static const char *const headers[] = { "CONNECTION",      ">WATCH", "NAMESPACE", "PREFIX",
                                               "STATE",           ">SENT",  ">WITHHELD", ">RESYNC",
                                               ">UNACKNOWLEDGED", NULL };

        return table_new(headers);
}

static void add_row(Table *table, const char *name, const ConnectionWatch *watch)
{
        const char *ns_name = text_of(watch->facts, "ns-name");
        const char *ns_prefix = text_of(watch->facts, "ns-prefix");
        const char *prefix = text_of(watch->facts, "prefix"),
                   *state = text_of(watch->facts, "state");

        table_add(table, STYLE_KEY, name);
        table_add_format(table, STYLE_PLAIN, "%" PRIu64, (uint64_t) watch->number);
        if (ns_name)
                table_add(table, STYLE_PLAIN, ns_name);
        else
                table_add_format(table, STYLE_PLAIN, "%s*", ns_prefix ? ns_prefix : "");
        table_add(table, STYLE_PLAIN, prefix ? prefix : "");
        table_add(table, STYLE_PLAIN, state ? state : "");
        add_number(table, watch->facts, "sent");
        add_number(table, watch->facts, "withheld");
        add_number(table, watch->facts, "resynchronized");
        add_number(table, watch->facts, "unacknowledged");
}

guint connection_watches_add(Table *table, const char *name, GVariant *facts)
{
        g_autoptr(GArray) watches = read_watches(facts);

        for (guint i = 0; i < watches->len; i++)
                add_row(table, name, &g_array_index(watches, ConnectionWatch, i));
        return watches->len;
}

guint connection_watches_count(GVariant *facts)
{
        g_autoptr(GVariant) all = g_variant_lookup_value(facts, "watches", G_VARIANT_TYPE("a{sv}"));

        return all ? (guint) g_variant_n_children(all) : 0;
}

json_object *connection_watches_json(GVariant *facts)
{
        g_autoptr(GArray) watches = read_watches(facts);
        json_object *array = json_object_new_array();

        for (guint i = 0; i < watches->len; i++) {
                const ConnectionWatch *watch = &g_array_index(watches, ConnectionWatch, i);
                json_object *entry = json_object_new_object();
                guint64 number;

                json_object_object_add(entry, "watch", json_object_new_uint64(watch->number));
                for (size_t n = 0; n < G_N_ELEMENTS(texts); n++) {
                        const char *text = text_of(watch->facts, texts[n]);

                        if (text)
                                json_object_object_add(entry, texts[n],
                                                       json_object_new_string(text));
                }
                for (size_t n = 0; n < G_N_ELEMENTS(numbers); n++)
                        if (g_variant_lookup(watch->facts, numbers[n], "t", &number))
                                json_object_object_add(entry, numbers[n],
                                                       json_object_new_uint64(number));
                json_object_array_add(array, entry);
        }
        return array;
}
