/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dump: many namespaces
 *
 * One page holds all of most namespaces. So for each a page and the properties are asked for at
 * once, and for several namespaces at a time; regentd answers in this order. Where that was not
 * enough, or anything went wrong, the namespace is read by itself.
 */

#include "dump-take.h"

#include "names.h"

#define PAGE_KEYS          256u
#define NAMESPACES_A_TIME  16u
#define PROGRESS_NAMES_MIN 200u /* fewer are read in no time */

/* Calls under way for one namespace. */
typedef struct Fetch {
        BusCall *page;
        BusCall *properties;
} Fetch;

static BusCall *start_page(Bus *bus, const char *name)
{
        GVariantBuilder options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        g_variant_builder_add(&options, "{sv}", "limit", g_variant_new_uint32(PAGE_KEYS));
        g_variant_builder_add(&options, "{sv}", "only", g_variant_new_string("set"));
        g_variant_builder_add(&options, "{sv}", "form", g_variant_new_string("entries"));
        return bus_start_namespace(bus, name, "GetMany",
                                   g_variant_new("(@as@a{sv})", g_variant_new_strv(NULL, 0),
                                                 g_variant_builder_end(&options)),
                                   "(a{sv}t)");
}

static Fetch *fetch_start(Bus *bus, const char *name)
{
        Fetch *fetch = g_new0(Fetch, 1);

        fetch->page = start_page(bus, name);
        fetch->properties = bus_start_get_properties(bus, name);
        return fetch;
}

static void fetch_free(void *userdata)
{
        Fetch *fetch = userdata;

        if (!fetch)
                return;

        bus_call_drop(fetch->page);
        bus_call_drop(fetch->properties);
        g_free(fetch);
}

/* NULL when it has to be read by itself; an absent one when there is none. */
static DumpNamespace *fetch_finish(Fetch *fetch, const char *name)
{
        g_autoptr(DumpNamespace) ns = dump_namespace_new(name);
        g_autoptr(Failure) failure = NULL;
        g_autoptr(GVariant) page = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(NamespaceFacts) facts = NULL;
        size_t n_entries = 0;

        if (!bus_finish(g_steal_pointer(&fetch->page), &page, &failure) ||
            !bus_finish(g_steal_pointer(&fetch->properties), &reply, &failure))
                return dump_take_absent(name, failure);
        if (!dump_take_page(ns, page, &n_entries, &failure) || n_entries >= PAGE_KEYS)
                return NULL;

        properties = g_variant_get_child_value(reply, 0);
        facts = namespace_facts_new(name, properties);
        if (facts->revision > ns->revision || *facts->releases)
                return NULL;

        dump_take_finish(ns, facts);
        return g_steal_pointer(&ns);
}

static void start_some(Bus *bus, char **names, guint n_names, GPtrArray *fetches, guint n)
{
        while (fetches->len < MIN(n, n_names))
                g_ptr_array_add(fetches, fetch_start(bus, names[fetches->len]));
}

/* Namespaces that are not there are taken for absent when @is_lenient. */
static bool take_all(Context *context, char **names, bool is_lenient, Dump *dump, Failure **reterr)
{
        guint n_names = g_strv_length(names);
        g_autoptr(GPtrArray) fetches = g_ptr_array_new_with_free_func(fetch_free);
        Bus *bus;

        if (!context_bus(context, &bus, reterr))
                return false;

        for (guint i = 0; i < n_names; i++) {
                DumpNamespace *ns;

                /* One alone is mostly large, or not there, and then this would be in vain. */
                if (n_names > 1)
                        start_some(bus, names, n_names, fetches, i + NAMESPACES_A_TIME);
                ns = n_names > 1 ? fetch_finish(fetches->pdata[i], names[i]) : NULL;
                if (ns && ns->is_absent && !is_lenient)
                        ns = dump_namespace_free(ns); /* for its failure */
                if (!ns && (is_lenient ? !dump_take_if_there(context, names[i], &ns, reterr)
                                       : !dump_take_namespace(context, names[i], &ns, reterr)))
                        return false;

                dump->revision = MAX(dump->revision, ns->revision);
                dump_add(dump, ns);
                if (n_names >= PROGRESS_NAMES_MIN)
                        output_progress(context->output, "Reading namespaces", i + 1, n_names);
        }

        output_progress_end(context->output);
        dump_sort(dump);
        return true;
}

/* Each once, in the order in which they come first. */
static char **without_doubles(char **names)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        GPtrArray *once = g_ptr_array_new();

        for (; *names; names++)
                if (g_hash_table_add(seen, *names))
                        g_ptr_array_add(once, g_strdup(*names));
        g_ptr_array_add(once, NULL);
        return (char **) g_ptr_array_free(once, FALSE);
}

/* Namespaces that went while they were being read are none of all. */
static void remove_absent(Dump *dump)
{
        for (guint i = dump->namespaces->len; i > 0; i--) {
                const DumpNamespace *ns = dump->namespaces->pdata[i - 1];

                if (ns->is_absent)
                        g_ptr_array_remove_index(dump->namespaces, i - 1);
        }
}

gboolean dump_take(Context *context, char **names, Dump **ret_dump, Failure **reterr)
{
        g_autoptr(Dump) dump = dump_new();
        g_auto(GStrv) wanted = NULL;
        bool is_of_all = !*names;
        Bus *bus;

        if (!context_bus(context, &bus, reterr))
                return false;
        if (!is_of_all)
                wanted = without_doubles(names);
        else if (!names_read_namespaces(bus, NULL, &wanted, reterr))
                return false;
        if (!take_all(context, wanted, is_of_all, dump, reterr))
                return false;

        remove_absent(dump);
        *ret_dump = g_steal_pointer(&dump);
        return true;
}

gboolean dump_take_present(Context *context, char **names, Dump **ret_dump, Failure **reterr)
{
        g_autoptr(Dump) dump = dump_new();
        g_auto(GStrv) wanted = without_doubles(names);

        if (!take_all(context, wanted, true, dump, reterr))
                return false;

        *ret_dump = g_steal_pointer(&dump);
        return true;
}
