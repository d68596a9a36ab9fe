/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of namespaces
 */

#include "namespace-names.h"

#define PAGE_NAMES 4096U

gboolean namespace_names_read(Bus *bus, const char *prefix, char ***ret_names, Failure **reterr)
{
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();
        g_autofree char *after = g_strdup("");
        gsize n_page = PAGE_NAMES;

        while (n_page == PAGE_NAMES) {
                g_autoptr(GVariant) reply = NULL;
                g_autoptr(GVariant) page = NULL;
                GVariant *arguments =
                        g_variant_new("(ssu)", prefix ? prefix : "", after, PAGE_NAMES);
                GVariantIter iterator;
                const char *name;

                if (!bus_call_manager(bus, "ListNamespaces", arguments, "(as)", &reply, reterr))
                        return FALSE;
                page = g_variant_get_child_value(reply, 0);
                n_page = g_variant_iter_init(&iterator, page);
                while (g_variant_iter_next(&iterator, "&s", &name)) {
                        g_strv_builder_add(names, name);
                        g_free(after);
                        after = g_strdup(name);
                }
        }
        *ret_names = g_strv_builder_end(names);
        return TRUE;
}
