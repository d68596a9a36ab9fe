/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Difference
 *
 * Both sides are sorted, so one walk along the two finds everything.
 */

#include "difference.h"

#include "value-json.h"
#include "value-text.h"

#include <string.h>

/* No terminal is wider. */
#define TERMINAL_COLUMNS_MAX 1024u

static void namespace_free(void *userdata)
{
        DifferenceNamespace *ns = userdata;

        g_array_unref(ns->entries);
        g_free(ns);
}

Difference *difference_new(void)
{
        Difference *difference = g_new0(Difference, 1);

        difference->namespaces = g_ptr_array_new_with_free_func(namespace_free);
        return difference;
}

Difference *difference_free(Difference *difference)
{
        if (!difference)
                return NULL;

        g_ptr_array_unref(difference->namespaces);
        g_free(difference);
        return NULL;
}

/* By their bytes: g_variant_equal() takes a NaN for no other, and 0.0 for -0.0. */
static bool is_same_value(GVariant *a, GVariant *b)
{
        g_autoptr(GVariant) first = NULL;
        g_autoptr(GVariant) second = NULL;

        if (!g_variant_type_equal(g_variant_get_type(a), g_variant_get_type(b)))
                return false;

        first = g_variant_get_normal_form(a);
        second = g_variant_get_normal_form(b);
        return g_variant_get_size(first) == g_variant_get_size(second) &&
               (g_variant_get_size(first) == 0 ||
                memcmp(g_variant_get_data(first), g_variant_get_data(second),
                       g_variant_get_size(first)) == 0);
}

static bool is_same(const DumpEntry *a, const DumpEntry *b)
{
        return a->is_runtime == b->is_runtime && is_same_value(a->value, b->value);
}

static void add_entry(Difference *difference,
                      GArray *entries,
                      const DumpEntry *old,
                      const DumpEntry *new)
{
        const DifferenceEntry entry = { .old = old, .new = new };

        g_array_append_val(entries, entry);
        if (new)
                difference->n_set++;
        else
                difference->n_unset++;
}

/* The order of what is at @i and @j, the end being after everything. */
static int compare_at(const DumpNamespace *a, guint i, const DumpNamespace *b, guint j)
{
        const DumpEntry *first, *second;

        if (i >= a->entries->len)
                return 1;
        if (j >= b->entries->len)
                return -1;

        first = a->entries->pdata[i];
        second = b->entries->pdata[j];
        return strcmp(first->key, second->key);
}

void difference_add(Difference *difference,
                    const char *name,
                    const DumpNamespace *old,
                    const DumpNamespace *new,
                    bool is_keeping)
{
        g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(DifferenceEntry));
        DifferenceNamespace *ns;
        guint i = 0, j = 0;

        while (i < old->entries->len || j < new->entries->len) {
                int order = compare_at(old, i, new, j);
                const DumpEntry *from = order <= 0 ? old->entries->pdata[i++] : NULL;
                const DumpEntry *to = order >= 0 ? new->entries->pdata[j++] : NULL;

                if ((!to && is_keeping) || (from && to && is_same(from, to)))
                        continue;
                add_entry(difference, entries, from, to);
        }

        if (entries->len == 0 && (!old->is_absent || new->is_absent))
                return;

        ns = g_new(DifferenceNamespace, 1);
        *ns = (DifferenceNamespace){
                .name = name,
                .is_created = old->is_absent && !new->is_absent,
                .entries = g_steal_pointer(&entries),
        };
        g_ptr_array_add(difference->namespaces, ns);
}

bool difference_is_empty(const Difference *difference)
{
        return difference->namespaces->len == 0;
}

static void print_entry(const DumpEntry *entry, const char *mark, Style style, Output *output)
{
        unsigned n_columns = output_is_terminal(output) ? TERMINAL_COLUMNS_MAX : G_MAXUINT;
        g_autofree char *value = value_text_summarize(entry->value, n_columns);
        g_autofree char *key = output_escape(entry->key);
        g_autofree char *line =
                g_strdup_printf("%s %s %s %s%s", mark, key, g_variant_get_type_string(entry->value),
                                value, entry->is_runtime ? " (runtime)" : "");

        output_escaped(output, style, line);
        output_line(output, "%s", "");
}

static void print_namespace(const DifferenceNamespace *ns, Output *output)
{
        output_text(output, STYLE_KEY, ns->name);
        output_line(output, "%s", ns->is_created ? " (new)" : "");
        for (guint i = 0; i < ns->entries->len; i++) {
                const DifferenceEntry *entry = &g_array_index(ns->entries, DifferenceEntry, i);

                if (entry->old)
                        print_entry(entry->old, "-", STYLE_REMOVED, output);
                if (entry->new)
                        print_entry(entry->new, "+", STYLE_ADDED, output);
        }
}

static json_object *entry_to_json(const DumpEntry *entry)
{
        json_object *object;

        if (!entry)
                return NULL;

        object = value_json_from_variant(entry->value);
        if (entry->is_runtime)
                json_object_object_add(object, "class", json_object_new_string("runtime"));
        return object;
}

static json_object *namespace_to_json(const DifferenceNamespace *ns)
{
        json_object *object = json_object_new_object();

        for (guint i = 0; i < ns->entries->len; i++) {
                const DifferenceEntry *entry = &g_array_index(ns->entries, DifferenceEntry, i);
                json_object *both = json_object_new_object();

                json_object_object_add(both, "old", entry_to_json(entry->old));
                json_object_object_add(both, "new", entry_to_json(entry->new));
                json_object_object_add(object, entry->new ? entry->new->key : entry->old->key,
                                       both);
        }

        return object;
}

json_object *difference_to_json(const Difference *difference)
{
        json_object *document = json_object_new_object();

        for (guint i = 0; i < difference->namespaces->len; i++) {
                const DifferenceNamespace *ns = difference->namespaces->pdata[i];

                json_object_object_add(document, ns->name, namespace_to_json(ns));
        }

        return document;
}

void difference_print(const Difference *difference, Output *output)
{
        if (output_json(output) != JSON_OFF) {
                output_document(output, difference_to_json(difference));
                return;
        }

        for (guint i = 0; i < difference->namespaces->len; i++) {
                if (i > 0)
                        output_line(output, "%s", "");
                print_namespace(difference->namespaces->pdata[i], output);
        }
}
