/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts that are given, before they are sent
 *
 * What D-Bus cannot carry must not get as far as a message; all else is for regentd to judge.
 */

#include "private.h"

#include <errno.h>
#include <string.h>

int text_check(Regent *regent, const char *text, const char *what)
{
        if (text && g_utf8_validate(text, -1, NULL))
                return 0;

        return error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS, "%s %s", what,
                         text ? "is not UTF-8" : "is missing");
}

/* The element of a path that a label is: its end, or NULL. */
static const char *label_end(const char *label)
{
        size_t n = strspn(label, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_");

        return n == 0 || g_ascii_isdigit(*label) ? NULL : label + n;
}

static bool is_namespace_name(const char *name)
{
        unsigned n_labels = 0;

        if (strnlen(name, NAMESPACE_NAME_BYTES_MAX + 1) > NAMESPACE_NAME_BYTES_MAX)
                return false;

        for (;;) {
                name = label_end(name);
                if (!name)
                        return false;
                n_labels++;
                if (*name == '\0')
                        return n_labels >= 2;
                if (*name++ != '.')
                        return false;
        }
}

int text_namespace_path(Regent *regent,
                        const char *ns_name,
                        char ret_path[static NAMESPACE_PATH_SIZE])
{
        char *below = stpcpy(ret_path, REGENT_NAMESPACES_PATH "/");
        g_autofree char *escaped = NULL;

        if (ns_name && is_namespace_name(ns_name)) {
                strcpy(below, ns_name);
                g_strdelimit(below, ".", '/');
                return 0;
        }

        escaped = ns_name ? g_strescape(ns_name, NULL) : g_strdup("");
        return error_set(regent, -EINVAL, REGENT_ERROR_INVALID_NAME,
                         "'%.256s' is not the name of a namespace", escaped);
}

int regent_namespace_path(Regent *regent, const char *ns_name, char **ret_path)
{
        char path[NAMESPACE_PATH_SIZE];
        int r;

        r = text_namespace_path(regent, ns_name, path);
        if (r < 0)
                return r;

        if (ret_path)
                *ret_path = g_strdup(path);
        return 0;
}

int text_options(Regent *regent, GVariant *options, GVariant **ret_options)
{
        g_autoptr(GVariant) owned = options ? g_variant_ref_sink(options) : NULL;

        if (owned && !g_variant_is_of_type(owned, G_VARIANT_TYPE_VARDICT))
                return error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS,
                                 "The options are no a{sv}");

        *ret_options =
                owned ? g_steal_pointer(&owned) : g_variant_ref_sink(g_variant_new("a{sv}", NULL));
        return 0;
}
