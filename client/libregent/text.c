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

/* Copies the label to @path: how long it is, or 0 for one that is none. */
static size_t copy_label(const char *label, char *path, size_t n_max)
{
        size_t n = 0;

        if (g_ascii_isdigit(*label))
                return 0;
        for (; g_ascii_isalnum(label[n]) || label[n] == '_'; n++) {
                if (n == n_max)
                        return 0;
                path[n] = label[n];
        }

        return n;
}

/* Two labels or more, joined by dots; in a path by slashes. */
static bool copy_name(const char *ns_name, char *path)
{
        size_t left = NAMESPACE_NAME_BYTES_MAX;
        bool has_dot = false;

        for (;;) {
                size_t n = copy_label(ns_name, path, left);

                if (n == 0)
                        return false;
                if (ns_name[n] == '\0') {
                        path[n] = '\0';
                        return has_dot;
                }
                if (ns_name[n] != '.' || n == left)
                        return false;

                path[n] = '/';
                has_dot = true;
                ns_name += n + 1;
                path += n + 1;
                left -= n + 1;
        }
}

int text_namespace_path(Regent *regent,
                        const char *ns_name,
                        char ret_path[static NAMESPACE_PATH_SIZE])
{
        g_autofree char *escaped = NULL;

        memcpy(ret_path, REGENT_NAMESPACES_PATH "/", sizeof(REGENT_NAMESPACES_PATH));
        if (ns_name && copy_name(ns_name, ret_path + sizeof(REGENT_NAMESPACES_PATH)))
                return 0;

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
