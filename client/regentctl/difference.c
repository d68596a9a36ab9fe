/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Difference
 *
 * Both sides are sorted, so one walk along the two finds everything.
 */

#include "difference.h"

#include "account-names.h"
#include "value-json.h"
#include "value-text.h"

#include <inttypes.h>
#include <string.h>

static void namespace_free(void *userdata)
{
        DifferenceNamespace *ns = userdata;

        g_array_unref(ns->entries);
        g_array_unref(ns->access);
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
        return a->memory_class == b->memory_class && is_same_value(a->value, b->value);
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
        return dump_entry_compare(first, second);
}

static void clear_access(gpointer userdata)
{
        DifferenceAccess *access = userdata;

        g_free(access->old);
        g_free(access->new);
}

typedef gboolean (*FindId)(const char *text, uint32_t *ret_id, Failure **reterr);

/* One and the same may be written as a name and as a number. */
static bool is_same_id(const char *a, const char *b, FindId find)
{
        g_autoptr(Failure) first_failure = NULL;
        g_autoptr(Failure) second_failure = NULL;
        uint32_t first, second;

        return strcmp(a, b) == 0 || (find(a, &first, &first_failure) &&
                                     find(b, &second, &second_failure) && first == second);
}

/* Takes @old and @new. */
static void add_access(GArray *access, const char *what, char *old, char *new)
{
        DifferenceAccess each = { .what = what };

        each.old = old;
        each.new = new;
        g_array_append_val(access, each);
}

static char *quota_text(uint64_t quota)
{
        return quota > 0 ? g_strdup_printf("%" PRIu64, quota) : g_strdup("default");
}

static void compare_quota(GArray *access, const char *what, uint64_t old, uint64_t new)
{
        if (new > 0 && old != new)
                add_access(access, what, quota_text(old), quota_text(new));
}

static GArray *compare_access(const DumpAccess *old, const DumpAccess *new)
{
        GArray *access = g_array_new(FALSE, FALSE, sizeof(DifferenceAccess));

        g_array_set_clear_func(access, clear_access);
        if (old->owner && new->owner && !is_same_id(old->owner, new->owner, account_user_id))
                add_access(access, "owner", g_strdup(old->owner), g_strdup(new->owner));
        if (old->group && new->group && !is_same_id(old->group, new->group, account_group_id))
                add_access(access, "group", g_strdup(old->group), g_strdup(new->group));
        if (old->has_mode && new->has_mode && old->mode != new->mode)
                add_access(access, "mode", g_strdup_printf("%04o", old->mode),
                           g_strdup_printf("%04o", new->mode));
        if (old->has_mode) {
                compare_quota(access, "quota-keys", old->quota_keys, new->quota_keys);
                compare_quota(access, "quota-bytes", old->quota_bytes, new->quota_bytes);
        }
        return access;
}

void difference_add(Difference *difference,
                    const char *name,
                    const DumpNamespace *old,
                    const DumpNamespace *new,
                    bool is_keeping)
{
        g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(DifferenceEntry));
        g_autoptr(GArray) access = compare_access(&old->access, &new->access);
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

        if (entries->len == 0 && access->len == 0 && (!old->is_absent || new->is_absent))
                return;

        ns = g_new(DifferenceNamespace, 1);
        *ns = (DifferenceNamespace){
                .name = name,
                .is_created = old->is_absent && !new->is_absent,
                .entries = g_steal_pointer(&entries),
                .access = g_steal_pointer(&access),
        };
        g_ptr_array_add(difference->namespaces, ns);
}

bool difference_is_empty(const Difference *difference)
{
        return difference->namespaces->len == 0;
}

static void print_entry(const DumpEntry *entry, const char *mark, Style style, Output *output)
{
        g_autofree char *value = value_text_summarize(entry->value, output_value_columns(output));
        g_autofree char *key = output_escape(entry->key);
        g_autofree char *release = entry->release ? output_escape(entry->release) : NULL;
        g_autofree char *of = release               ? g_strdup_printf(" (kernel %s)", release)
                              : entry->memory_class ? g_strdup_printf(" (%s)", entry->memory_class)
                                                    : g_strdup("");
        g_autofree char *line = g_strdup_printf("%s %s %s %s%s", mark, key,
                                                g_variant_get_type_string(entry->value), value, of);

        output_escaped(output, style, line);
        output_line(output, "%s", "");
}

static void print_access(const DifferenceAccess *access, Output *output)
{
        g_autofree char *old = g_strdup_printf("- %s %s", access->what, access->old);
        g_autofree char *new = g_strdup_printf("+ %s %s", access->what, access->new);

        output_escaped(output, STYLE_REMOVED, old);
        output_line(output, "%s", "");
        output_escaped(output, STYLE_ADDED, new);
        output_line(output, "%s", "");
}

static void print_namespace(const DifferenceNamespace *ns, Output *output)
{
        output_text(output, STYLE_KEY, ns->name);
        output_line(output, "%s", ns->is_created ? " (new)" : "");
        for (guint i = 0; i < ns->access->len; i++)
                print_access(&g_array_index(ns->access, DifferenceAccess, i), output);
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
        if (entry->memory_class)
                json_object_object_add(object, "class",
                                       json_object_new_string(entry->memory_class));
        return object;
}

static json_object *namespace_to_json(const DifferenceNamespace *ns)
{
        json_object *object = json_object_new_object();

        for (guint i = 0; i < ns->entries->len; i++) {
                const DifferenceEntry *entry = &g_array_index(ns->entries, DifferenceEntry, i);
                const DumpEntry *either = entry->new ? entry->new : entry->old;
                g_autofree char *name =
                        either->release ? g_strdup_printf("%s@%s", either->key, either->release)
                                        : g_strdup(either->key);
                json_object *both = json_object_new_object();

                json_object_object_add(both, "old", entry_to_json(entry->old));
                json_object_object_add(both, "new", entry_to_json(entry->new));
                json_object_object_add(object, name, both);
        }

        return object;
}

static json_object *access_to_json(const DifferenceNamespace *ns)
{
        json_object *object = json_object_new_object();

        for (guint i = 0; i < ns->access->len; i++) {
                const DifferenceAccess *access = &g_array_index(ns->access, DifferenceAccess, i);
                json_object *both = json_object_new_object();

                json_object_object_add(both, "old", json_object_new_string(access->old));
                json_object_object_add(both, "new", json_object_new_string(access->new));
                json_object_object_add(object, access->what, both);
        }

        return object;
}

bool difference_has_access(const Difference *difference)
{
        for (guint i = 0; i < difference->namespaces->len; i++) {
                const DifferenceNamespace *ns = difference->namespaces->pdata[i];

                if (ns->access->len > 0)
                        return true;
        }
        return false;
}

json_object *difference_access_to_json(const Difference *difference)
{
        json_object *object = json_object_new_object();

        for (guint i = 0; i < difference->namespaces->len; i++) {
                const DifferenceNamespace *ns = difference->namespaces->pdata[i];

                if (ns->access->len > 0)
                        json_object_object_add(object, ns->name, access_to_json(ns));
        }

        return object;
}

json_object *difference_to_json(const Difference *difference)
{
        json_object *document = json_object_new_object();

        for (guint i = 0; i < difference->namespaces->len; i++) {
                const DifferenceNamespace *ns = difference->namespaces->pdata[i];

                if (ns->is_created || ns->entries->len > 0)
                        json_object_object_add(document, ns->name, namespace_to_json(ns));
        }
        if (difference_has_access(difference))
                json_object_object_add(document, "access", difference_access_to_json(difference));

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
