/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts of a namespace
 */

#include "namespace-facts.h"

#include "account-names.h"
#include "client/regent-names.h"

#include <inttypes.h>

/* regentd takes more of one connection, but others may share it. */
#define CALLS_UNDER_WAY 16U

NamespaceFacts *namespace_facts_new(const char *ns_name, GVariant *properties)
{
        NamespaceFacts *facts = g_new0(NamespaceFacts, 1);

        facts->name = g_strdup(ns_name);
        facts->group = REGENT_NO_GROUP;
        g_variant_lookup(properties, "Owner", "u", &facts->owner);
        g_variant_lookup(properties, "Group", "u", &facts->group);
        g_variant_lookup(properties, "Mode", "u", &facts->mode);
        g_variant_lookup(properties, "Revision", "t", &facts->revision);
        g_variant_lookup(properties, "Keys", "t", &facts->n_keys);
        g_variant_lookup(properties, "HiddenKeys", "t", &facts->n_hidden);
        if (!g_variant_lookup(properties, "KernelReleases", "^as", &facts->releases))
                facts->releases = g_new0(char *, 1);
        g_variant_lookup(properties, "Usage", "t", &facts->n_bytes);
        g_variant_lookup(properties, "QuotaKeys", "t", &facts->quota_keys);
        g_variant_lookup(properties, "QuotaBytes", "t", &facts->quota_bytes);
        if (!g_variant_lookup(properties, "Declaration", "s", &facts->declaration))
                facts->declaration = g_strdup("");
        return facts;
}

NamespaceFacts *namespace_facts_free(NamespaceFacts *facts)
{
        if (!facts)
                return NULL;

        g_free(facts->name);
        g_free(facts->declaration);
        g_strfreev(facts->releases);
        g_free(facts);
        return NULL;
}

gboolean namespace_facts_read(Bus *bus,
                              const char *ns_name,
                              NamespaceFacts **ret_facts,
                              Failure **reterr)
{
        g_autoptr(GVariant) properties = NULL;

        if (!bus_get_properties(bus, ns_name, &properties, reterr))
                return FALSE;
        *ret_facts = namespace_facts_new(ns_name, properties);
        return TRUE;
}

static void drop_call(gpointer call)
{
        bus_call_drop(call);
}

static void free_facts(gpointer facts)
{
        namespace_facts_free(facts);
}

/* Takes one reply. */
static gboolean finish_one(
        BusCall *call, const char *ns_name, bool is_lenient, GPtrArray *facts, Failure **reterr)
{
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GVariant) properties = NULL;
        g_autoptr(Failure) failure = NULL;

        if (!bus_finish(call, &reply, &failure)) {
                if (is_lenient &&
                    (failure->status == EXIT_NOT_FOUND || failure->status == EXIT_DENIED))
                        return TRUE;
                *reterr = g_steal_pointer(&failure);
                return FALSE;
        }
        properties = g_variant_get_child_value(reply, 0);
        g_ptr_array_add(facts, namespace_facts_new(ns_name, properties));
        return TRUE;
}

gboolean namespace_facts_read_many(Bus *bus,
                                   const char *const *ns_names,
                                   bool is_lenient,
                                   GPtrArray **ret_facts,
                                   Failure **reterr)
{
        g_autoptr(GPtrArray) facts = g_ptr_array_new_with_free_func(free_facts);
        g_autoptr(GPtrArray) calls = g_ptr_array_new_with_free_func(drop_call);
        const char *const *next = ns_names;

        while (*ns_names) {
                while (*next && calls->len < CALLS_UNDER_WAY)
                        g_ptr_array_add(calls, bus_start_get_properties(bus, *next++));
                if (!finish_one(g_ptr_array_steal_index(calls, 0), *ns_names, is_lenient, facts,
                                reterr))
                        return FALSE;
                ns_names++;
        }
        *ret_facts = g_steal_pointer(&facts);
        return TRUE;
}

static void add_number(json_object *object, const char *name, uint64_t number)
{
        json_object_object_add(object, name, json_object_new_uint64(number));
}

static json_object *releases_to_json(const NamespaceFacts *facts)
{
        json_object *array = json_object_new_array();

        for (char **release = facts->releases; *release; release++)
                json_object_array_add(array, json_object_new_string(*release));
        return array;
}

json_object *namespace_facts_document(const NamespaceFacts *facts)
{
        json_object *object = json_object_new_object();
        g_autofree char *owner = account_user_name(facts->owner);
        g_autofree char *group = account_group_name(facts->group);
        g_autofree char *mode = g_strdup_printf("%04o", facts->mode);
        bool has_group = facts->group != REGENT_NO_GROUP;

        json_object_object_add(object, "namespace", json_object_new_string(facts->name));
        json_object_object_add(object, "owner", json_object_new_string(owner));
        add_number(object, "owner-uid", facts->owner);
        json_object_object_add(object, "group", has_group ? json_object_new_string(group) : NULL);
        json_object_object_add(object, "group-gid",
                               has_group ? json_object_new_uint64(facts->group) : NULL);
        json_object_object_add(object, "mode", json_object_new_string(mode));
        add_number(object, "keys", facts->n_keys);
        add_number(object, "hidden-keys", facts->n_hidden);
        json_object_object_add(object, "kernel-releases", releases_to_json(facts));
        add_number(object, "quota-keys", facts->quota_keys);
        add_number(object, "bytes", facts->n_bytes);
        add_number(object, "quota-bytes", facts->quota_bytes);
        add_number(object, "revision", facts->revision);
        json_object_object_add(object, "declaration",
                               *facts->declaration ? json_object_new_string(facts->declaration)
                                                   : NULL);
        return object;
}

char *namespace_facts_size(uint64_t n_bytes)
{
        static const char units[] = "BKMGT";
        double size = (double) n_bytes;
        size_t unit = 0;

        while (size >= 1024 && units[unit + 1]) {
                size /= 1024;
                unit++;
        }
        if (unit == 0 || size >= 100 || size - (double) (uint64_t) size < 0.05)
                return g_strdup_printf("%.0f%c", size, units[unit]);
        return g_strdup_printf("%.1f%c", size, units[unit]);
}

void namespace_facts_add_access(const NamespaceFacts *facts, Sheet *sheet)
{
        g_autofree char *owner = account_user_name(facts->owner);
        g_autofree char *group = account_group_name(facts->group);
        g_autofree char *used = namespace_facts_size(facts->n_bytes);
        g_autofree char *quota = namespace_facts_size(facts->quota_bytes);
        g_autofree char *releases = g_strjoinv(", ", facts->releases);

        sheet_add(sheet, "Owner", "%s (uid %" PRIu32 ")", owner, facts->owner);
        if (facts->group == REGENT_NO_GROUP)
                sheet_add(sheet, "Group", "none");
        else
                sheet_add(sheet, "Group", "%s (gid %" PRIu32 ")", group, facts->group);
        sheet_add(sheet, "Mode", "%04o", facts->mode);
        sheet_add(sheet, "Keys", "%" PRIu64 " of %" PRIu64, facts->n_keys, facts->quota_keys);
        if (facts->n_hidden > 0)
                sheet_add(sheet, "Hidden keys", "%" PRIu64, facts->n_hidden);
        if (*facts->releases)
                sheet_add(sheet, "For kernels", "%s", releases);
        sheet_add(sheet, "Bytes", "%s of %s", used, quota);
}
