/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dump
 */

#include "dump.h"

#include <stdlib.h>
#include <string.h>

static void entry_free(void *userdata)
{
        DumpEntry *entry = userdata;

        g_free(entry->key);
        g_free(entry->release);
        g_variant_unref(entry->value);
        g_free(entry);
}

static void namespace_destroy(void *userdata)
{
        dump_namespace_free(userdata);
}

Dump *dump_new(void)
{
        Dump *dump = g_new0(Dump, 1);

        dump->namespaces = g_ptr_array_new_with_free_func(namespace_destroy);
        return dump;
}

Dump *dump_free(Dump *dump)
{
        if (!dump)
                return NULL;

        g_ptr_array_unref(dump->namespaces);
        g_free(dump);
        return NULL;
}

DumpNamespace *dump_namespace_new(const char *name)
{
        DumpNamespace *ns = g_new0(DumpNamespace, 1);

        ns->name = g_strdup(name);
        ns->entries = g_ptr_array_new_with_free_func(entry_free);
        return ns;
}

DumpNamespace *dump_namespace_free(DumpNamespace *ns)
{
        if (!ns)
                return NULL;

        g_ptr_array_unref(ns->entries);
        g_free(ns->access.owner);
        g_free(ns->access.group);
        g_free(ns->name);
        g_free(ns);
        return NULL;
}

static int compare_namespaces(const void *a, const void *b)
{
        const DumpNamespace *const *first = a, *const *second = b;

        return strcmp((*first)->name, (*second)->name);
}

void dump_add(Dump *dump, DumpNamespace *ns)
{
        g_ptr_array_add(dump->namespaces, ns);
}

void dump_sort(Dump *dump)
{
        g_ptr_array_sort(dump->namespaces, compare_namespaces);
}

/* What @compare, which is given pointers to elements, finds equal to @element. */
static void *find(const GPtrArray *array, const void *element, GCompareFunc compare)
{
        void **found = array->len > 0 ? bsearch(&element, array->pdata, array->len, sizeof(void *),
                                                compare)
                                      : NULL;

        return found ? *found : NULL;
}

DumpNamespace *dump_find(const Dump *dump, const char *name)
{
        g_autofree char *copy = g_strdup(name);
        const DumpNamespace wanted = { .name = copy };

        return find(dump->namespaces, &wanted, compare_namespaces);
}

const char *dump_memory_class(const char *name)
{
        if (strcmp(name, "runtime") == 0)
                return "runtime";
        return strcmp(name, "session") == 0 ? "session" : NULL;
}

bool dump_entry_is_session(const DumpEntry *entry)
{
        return g_strcmp0(entry->memory_class, "session") == 0;
}

DumpEntry *dump_namespace_add(DumpNamespace *ns,
                              const char *key,
                              GVariant *value,
                              const char *memory_class)
{
        DumpEntry *entry = g_new(DumpEntry, 1);

        *entry = (DumpEntry){
                .key = g_strdup(key),
                .value = g_variant_ref_sink(value),
                .memory_class = memory_class ? dump_memory_class(memory_class) : NULL,
        };
        g_ptr_array_add(ns->entries, entry);
        return entry;
}

int dump_entry_compare(const DumpEntry *a, const DumpEntry *b)
{
        int order = g_strcmp0(a->release, b->release);

        return order != 0 ? order : strcmp(a->key, b->key);
}

static int compare_entries(const void *a, const void *b)
{
        const DumpEntry *const *first = a, *const *second = b;

        return dump_entry_compare(*first, *second);
}

void dump_namespace_sort(DumpNamespace *ns)
{
        g_ptr_array_sort(ns->entries, compare_entries);
}

const DumpEntry *dump_namespace_find(const DumpNamespace *ns, const char *key)
{
        g_autofree char *copy = g_strdup(key);
        const DumpEntry wanted = { .key = copy };

        return find(ns->entries, &wanted, compare_entries);
}

static uint64_t leave_out(DumpNamespace *ns, const char *memory_class, const DumpNamespace *kept)
{
        uint64_t n_left = 0;

        for (guint i = ns->entries->len; i > 0; i--) {
                const DumpEntry *entry = ns->entries->pdata[i - 1];

                if (g_strcmp0(entry->memory_class, memory_class) != 0 ||
                    (kept && dump_namespace_find(kept, entry->key)))
                        continue;
                g_ptr_array_remove_index(ns->entries, i - 1);
                n_left++;
        }

        return n_left;
}

uint64_t dump_leave_out(Dump *dump, const char *memory_class, const Dump *kept)
{
        uint64_t n_left = 0;

        for (guint i = 0; i < dump->namespaces->len; i++) {
                DumpNamespace *ns = dump->namespaces->pdata[i];

                n_left += leave_out(ns, memory_class, kept ? dump_find(kept, ns->name) : NULL);
        }

        return n_left;
}
