/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declaration
 */

#include "core/declaration.h"

#include <string.h>

static void rule_destroy(gpointer rule)
{
        rule_free(rule);
}

Declaration *declaration_new(const char *path, const char *checksum)
{
        Declaration *declaration = g_new(Declaration, 1);

        *declaration = (Declaration){
                .n_refs = 1,
                .path = g_strdup(path),
                .checksum = g_strdup(checksum),
                .access = access_standard,
                .rules = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, rule_destroy),
                .patterns = g_ptr_array_new_with_free_func(rule_destroy),
                .fallbacks = g_ptr_array_new(),
        };
        return declaration;
}

Declaration *declaration_ref(Declaration *declaration)
{
        declaration->n_refs++;
        return declaration;
}

Declaration *declaration_unref(Declaration *declaration)
{
        if (!declaration || --declaration->n_refs > 0)
                return NULL;

        g_ptr_array_unref(declaration->fallbacks);
        g_ptr_array_unref(declaration->patterns);
        g_hash_table_unref(declaration->rules);
        g_free(declaration->checksum);
        g_free(declaration->path);
        g_free(declaration);
        return NULL;
}

void declaration_add_rule(Declaration *declaration, Rule *rule)
{
        g_assert(!declaration_rule_named(declaration, rule->name));

        if (rule_is_pattern(rule)) {
                g_ptr_array_add(declaration->patterns, rule);
                return;
        }

        g_hash_table_insert(declaration->rules, rule->name, rule);
        if (rule->fallback)
                g_ptr_array_add(declaration->fallbacks, rule->fallback);
}

const Rule *declaration_rule_named(const Declaration *declaration, const char *name)
{
        for (guint i = 0; i < declaration->patterns->len; i++) {
                const Rule *rule = declaration->patterns->pdata[i];

                if (strcmp(rule->name, name) == 0)
                        return rule;
        }

        return g_hash_table_lookup(declaration->rules, name);
}

static int compare_entries(gconstpointer a, gconstpointer b)
{
        return strcmp(entry_key(*(Entry *const *) a), entry_key(*(Entry *const *) b));
}

void declaration_complete(Declaration *declaration)
{
        g_ptr_array_sort(declaration->fallbacks, compare_entries);
}

const Rule *declaration_rule(const Declaration *declaration, const char *key)
{
        const Rule *rule = g_hash_table_lookup(declaration->rules, key);

        for (guint i = 0; i < declaration->patterns->len && !rule; i++)
                if (rule_matches(declaration->patterns->pdata[i], key))
                        rule = declaration->patterns->pdata[i];

        return rule;
}

Entry *declaration_fallback(const Declaration *declaration, const char *key)
{
        const Rule *rule = g_hash_table_lookup(declaration->rules, key);

        return rule ? rule->fallback : NULL;
}

guint declaration_first_fallback(const Declaration *declaration, const char *key, bool is_after)
{
        guint low = 0, high = declaration->fallbacks->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;
                int order = strcmp(entry_key(declaration->fallbacks->pdata[middle]), key);

                if (order < 0 || (order == 0 && is_after))
                        low = middle + 1;
                else
                        high = middle;
        }

        return low;
}

char *declaration_fallbacks_checksum(const Declaration *declaration)
{
        g_autoptr(GChecksum) checksum = NULL;

        if (!declaration || declaration->fallbacks->len == 0)
                return g_strdup("-");

        checksum = g_checksum_new(G_CHECKSUM_SHA256);
        for (guint i = 0; i < declaration->fallbacks->len; i++) {
                const Entry *entry = declaration->fallbacks->pdata[i];

                /* With their final NULs, and the size of what has none. */
                g_checksum_update(checksum, (const guchar *) entry_key(entry),
                                  entry->key_bytes + 1);
                g_checksum_update(checksum, (const guchar *) entry_type(entry),
                                  entry->type_bytes + 1);
                g_checksum_update(checksum, (const guchar *) &entry->value_bytes,
                                  sizeof entry->value_bytes);
                g_checksum_update(checksum, entry_value_bytes(entry), entry->value_bytes);
        }
        return g_strdup(g_checksum_get_string(checksum));
}

bool declaration_has_access(const Declaration *declaration, const NamespaceAccess *access)
{
        return !(access_compare(&declaration->access, access) & declaration->access_fields);
}

bool declaration_equal(const Declaration *a, const Declaration *b)
{
        return strcmp(a->path, b->path) == 0 && strcmp(a->checksum, b->checksum) == 0 &&
               a->access_fields == b->access_fields && access_compare(&a->access, &b->access) == 0;
}
