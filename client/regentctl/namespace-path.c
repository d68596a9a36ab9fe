/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace path
 */

#include "namespace-path.h"

#include "client/regent-names.h"

#include <stdbool.h>
#include <string.h>

#define NS_NAME_BYTES_MAX 200

static bool is_label(const char *label)
{
        return *label && !g_ascii_isdigit(*label) &&
               strspn(label, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_") == strlen(label);
}

gboolean namespace_path_of(const char *ns_name, char **ret_path, Failure **reterr)
{
        g_auto(GStrv) labels = g_strsplit(ns_name, ".", -1);
        g_autofree char *below = NULL;
        bool is_valid = g_strv_length(labels) >= 2 && strlen(ns_name) <= NS_NAME_BYTES_MAX;

        for (char **label = labels; *label; label++)
                is_valid = is_valid && is_label(*label);
        if (!is_valid) {
                failure_set(reterr, EXIT_INVALID, "'%s' is not the name of a namespace", ns_name);
                (*reterr)->error_name = g_strdup(REGENT_ERROR_INVALID_NAME);
                failure_set_hint(*reterr, "It has two or more labels joined by dots, like "
                                          "org.example.Router.");
                return FALSE;
        }
        below = g_strjoinv("/", labels);
        *ret_path = g_strconcat(REGENT_NAMESPACES_PATH "/", below, NULL);
        return TRUE;
}
