/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declared
 */

#include "declared.h"

#include "changes.h"

Declaration *declared_new(void)
{
        return declaration_new("FILE", "");
}

Rule *declared_add(Declaration *declaration, const char *name, const char *text)
{
        g_autoptr(GVariant) value = text ? changes_value(text) : NULL;
        Rule *rule = rule_new(name);

        if (value) {
                rule->type = g_strdup(g_variant_get_type_string(value));
                rule->fallback = entry_new(name, value, ENTRY_PERSISTENT);
        }
        declaration_add_rule(declaration, rule);
        return rule;
}

static void on_declared(void *userdata G_GNUC_UNUSED, Namespace *ns G_GNUC_UNUSED)
{
}

void declared_put(State *state, const char *name, Declaration *declaration)
{
        Declarations *declarations = declarations_new();

        declaration_complete(declaration);
        declarations_put(declarations, name, declaration);
        state_set_declarations(state, declarations, NULL, on_declared, NULL);
}
