/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names
 */

#include "names.h"

#include "reply.h"

/* Of at most 255 bytes each */
#define PAGE_NAMES 4096U

/* @ns_name: NULL for names of namespaces. */
static gboolean read_page(Bus *bus,
                          const char *ns_name,
                          const char *prefix,
                          const char *after,
                          GVariant **ret_page,
                          Failure **reterr)
{
        GVariant *arguments = g_variant_new("(ssu)", prefix ? prefix : "", after, PAGE_NAMES);
        g_autoptr(GVariant) reply = NULL;
        gboolean is_read = ns_name ? bus_call_namespace(bus, ns_name, "List", arguments, "(ast)",
                                                        &reply, reterr)
                                   : bus_call_manager(bus, "ListNamespaces", arguments, "(as)",
                                                      &reply, reterr);

        if (is_read)
                *ret_page = g_variant_get_child_value(reply, 0);
        return is_read;
}

static gboolean read_names(
        Bus *bus, const char *ns_name, const char *prefix, char ***ret_names, Failure **reterr)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        gsize n_page = PAGE_NAMES;

        while (n_page == PAGE_NAMES) {
                const char *after = names->len > 0 ? names->pdata[names->len - 1] : "";
                g_autoptr(GVariant) page = NULL;
                GVariantIter iterator;
                const char *name;

                if (!read_page(bus, ns_name, prefix, after, &page, reterr))
                        return FALSE;
                n_page = g_variant_iter_init(&iterator, page);
                while (g_variant_iter_next(&iterator, "&s", &name)) {
                        if (!reply_check_order(after, name, names->len, reterr))
                                return FALSE;
                        g_ptr_array_add(names, g_strdup(name));
                        after = names->pdata[names->len - 1];
                }
        }
        g_ptr_array_add(names, NULL);
        *ret_names = (char **) g_ptr_array_steal(names, NULL);
        return TRUE;
}

gboolean names_read_namespaces(Bus *bus, const char *prefix, char ***ret_names, Failure **reterr)
{
        return read_names(bus, NULL, prefix, ret_names, reterr);
}

gboolean names_read_keys(
        Bus *bus, const char *ns_name, const char *prefix, char ***ret_names, Failure **reterr)
{
        return read_names(bus, ns_name, prefix, ret_names, reterr);
}
