/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dump: taken from a state directory
 */

#include "dump-offline.h"

#include "client/regent-store-stream.h"
#include "dump-take.h"
#include "reply.h"

#include <string.h>

typedef struct Taking {
        Dump *dump;
        GHashTable *wanted; /* names, borrowed; NULL: all */
        DumpNamespace *ns;  /* that entries come of; NULL: they are not wanted */
        uint64_t revision;
} Taking;

static gboolean take_namespace(Taking *taking, GVariant *body)
{
        NamespaceFacts facts = {};
        const char *name;

        g_variant_get(body, "(&suuutt)", &name, &facts.owner, &facts.group, &facts.mode,
                      &facts.quota_keys, &facts.quota_bytes);
        taking->ns = NULL;
        if (taking->wanted && !g_hash_table_contains(taking->wanted, name))
                return TRUE;

        taking->ns = dump_namespace_new(name);
        dump_take_finish(taking->ns, &facts);
        dump_add(taking->dump, taking->ns);
        return TRUE;
}

static gboolean take_entry(Taking *taking, GVariant *body, Failure **reterr)
{
        g_autoptr(GVariant) value = NULL;
        const char *key, *class, *release;
        uint64_t revision;
        DumpEntry *entry;

        if (!taking->ns)
                return TRUE;
        g_variant_get(body, "(&sv&s&st)", &key, &value, &class, &release, &revision);
        if (!reply_check_value(value, reterr))
                return FALSE;
        entry = dump_namespace_add(taking->ns, key, value, dump_memory_class(class));
        entry->release = *release ? g_strdup(release) : NULL;
        entry->revision = revision;
        return TRUE;
}

static gboolean take(Taking *taking, const char *name, GVariant *body, Failure **reterr)
{
        if (strcmp(name, REGENT_STORE_NAMESPACE) == 0 &&
            g_variant_is_of_type(body, G_VARIANT_TYPE(REGENT_STORE_NAMESPACE_TYPE)))
                return take_namespace(taking, body);
        if (strcmp(name, REGENT_STORE_ENTRY) == 0 &&
            g_variant_is_of_type(body, G_VARIANT_TYPE(REGENT_STORE_ENTRY_TYPE)))
                return take_entry(taking, body, reterr);
        return reply_fail(reterr);
}

static gboolean take_all(Offline *offline, Taking *taking, Failure **reterr)
{
        for (;;) {
                g_autofree char *name = NULL;
                g_autoptr(GVariant) body = NULL;

                if (!offline_get(offline, &name, &body, reterr))
                        return FALSE;
                if (strcmp(name, REGENT_STORE_LOADED) == 0 &&
                    g_variant_is_of_type(body, G_VARIANT_TYPE_VARDICT)) {
                        g_variant_lookup(body, "revision", "t", &taking->revision);
                        return TRUE;
                }
                if (!take(taking, name, body, reterr))
                        return FALSE;
        }
}

static gboolean add_absent(Taking *taking, char **names, bool is_lenient, Failure **reterr)
{
        g_autoptr(GPtrArray) absent = g_ptr_array_new();

        for (; *names; names++) {
                if (dump_find(taking->dump, *names) || !g_hash_table_remove(taking->wanted, *names))
                        continue;
                if (!is_lenient)
                        return failure_set(reterr, EXIT_NOT_FOUND, "There is no namespace '%s'",
                                           *names);
                g_ptr_array_add(absent, *names);
        }
        for (guint i = 0; i < absent->len; i++) {
                DumpNamespace *ns = dump_namespace_new(absent->pdata[i]);

                ns->is_absent = true;
                dump_add(taking->dump, ns);
        }
        dump_sort(taking->dump);
        return TRUE;
}

gboolean dump_offline_take(
        Offline *offline, char **names, bool is_lenient, Dump **ret_dump, Failure **reterr)
{
        g_autoptr(Dump) dump = dump_new();
        g_autoptr(GHashTable) wanted = *names ? g_hash_table_new(g_str_hash, g_str_equal) : NULL;
        Taking taking = { .dump = dump, .wanted = wanted };

        for (char **name = names; *name; name++)
                g_hash_table_add(wanted, *name);
        if (!take_all(offline, &taking, reterr))
                return FALSE;

        dump_sort(dump);
        if (!add_absent(&taking, names, is_lenient, reterr))
                return FALSE;
        for (guint i = 0; i < dump->namespaces->len; i++) {
                DumpNamespace *ns = dump->namespaces->pdata[i];

                dump_namespace_sort(ns);
                ns->revision = taking.revision;
        }
        dump->revision = dump->namespaces->len > 0 ? taking.revision : 0;
        *ret_dump = g_steal_pointer(&dump);
        return TRUE;
}
