/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declarations
 */

#include "core/declarations.h"

#include <string.h>

struct Declarations {
        GTree *by_name; /* owned name -> owned Declaration */
};

static int compare_names(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static void declaration_destroy(gpointer declaration)
{
        declaration_unref(declaration);
}

Declarations *declarations_new(void)
{
        Declarations *declarations = g_new(Declarations, 1);

        declarations->by_name = g_tree_new_full(compare_names, NULL, g_free, declaration_destroy);
        return declarations;
}

Declarations *declarations_free(Declarations *declarations)
{
        if (!declarations)
                return NULL;

        g_tree_unref(declarations->by_name);
        g_free(declarations);
        return NULL;
}

void declarations_put(Declarations *declarations, const char *name, Declaration *declaration)
{
        g_tree_replace(declarations->by_name, g_strdup(name), declaration);
}

Declaration *declarations_lookup(const Declarations *declarations, const char *name)
{
        return g_tree_lookup(declarations->by_name, name);
}

guint declarations_count(const Declarations *declarations)
{
        return (guint) g_tree_nnodes(declarations->by_name);
}

GTree *declarations_all(Declarations *declarations)
{
        return declarations->by_name;
}
