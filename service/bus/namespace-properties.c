/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace properties
 */

#include "bus/namespace-properties.h"

#include "bus/participation.h"

#include <string.h>

static int append_text(sd_bus_message *reply,
                       const BusService *service G_GNUC_UNUSED,
                       const Namespace *ns)
{
        return sd_bus_message_append(reply, "v", "s", ns->name);
}

#define UINT32_PROPERTY(function, value)                                                    \
        static int function(sd_bus_message *reply, const BusService *service G_GNUC_UNUSED, \
                            const Namespace *ns)                                            \
        {                                                                                   \
                return sd_bus_message_append(reply, "v", "u", (value));                     \
        }

#define UINT64_PROPERTY(function, value)                                                    \
        static int function(sd_bus_message *reply, const BusService *service G_GNUC_UNUSED, \
                            const Namespace *ns G_GNUC_UNUSED)                              \
        {                                                                                   \
                return sd_bus_message_append(reply, "v", "t", (value));                     \
        }

UINT32_PROPERTY(append_owner, ns->access.owner)
UINT32_PROPERTY(append_group, ns->access.group)
UINT32_PROPERTY(append_mode, ns->access.mode)
UINT64_PROPERTY(append_revision, ns->revision)
UINT64_PROPERTY(append_keys, namespace_n_keys(ns))
UINT64_PROPERTY(append_hidden_keys, ns->n_hidden)
UINT64_PROPERTY(append_usage, ns->usage)
UINT64_PROPERTY(append_quota_keys, namespace_quota_keys(ns, service->limits))
UINT64_PROPERTY(append_quota_bytes, namespace_quota_bytes(ns, service->limits))
UINT64_PROPERTY(append_participants, participation_count(service->participation, ns->name))

static int append_declaration(sd_bus_message *reply,
                              const BusService *service G_GNUC_UNUSED,
                              const Namespace *ns)
{
        return sd_bus_message_append(reply, "v", "s", ns->declaration ? ns->declaration->path : "");
}

static int append_releases(sd_bus_message *reply,
                           const BusService *service G_GNUC_UNUSED,
                           const Namespace *ns)
{
        g_auto(GStrv) releases = namespace_releases(ns, NULL);
        int r;

        r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, releases);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r;
}

#define ACCESS_CHANGE(function, field)                                           \
        static bool function(const NamespaceAccess *a, const NamespaceAccess *b) \
        {                                                                        \
                return a->field != b->field;                                     \
        }

ACCESS_CHANGE(is_other_owner, owner)
ACCESS_CHANGE(is_other_group, group)
ACCESS_CHANGE(is_other_mode, mode)
ACCESS_CHANGE(is_other_quota_keys, quota_keys)
ACCESS_CHANGE(is_other_quota_bytes, quota_bytes)

typedef struct NamespaceProperty {
        const char *name;
        int (*append)(sd_bus_message *reply, const BusService *service, const Namespace *ns);
        bool is_announced; /* or it never changes */
        bool (*is_other)(const NamespaceAccess *a, const NamespaceAccess *b);
} NamespaceProperty;

static const NamespaceProperty properties[] = {
        { "Name", append_text, true, NULL },
        { "Owner", append_owner, true, is_other_owner },
        { "Group", append_group, true, is_other_group },
        { "Mode", append_mode, true, is_other_mode },
        { "Revision", append_revision, false, NULL },
        { "Keys", append_keys, false, NULL },
        { "HiddenKeys", append_hidden_keys, false, NULL },
        { "KernelReleases", append_releases, false, NULL },
        { "Usage", append_usage, false, NULL },
        { "QuotaKeys", append_quota_keys, true, is_other_quota_keys },
        { "QuotaBytes", append_quota_bytes, true, is_other_quota_bytes },
        { "Participants", append_participants, false, NULL },
        { "Declaration", append_declaration, true, NULL },
};

static const NamespaceProperty *find_property(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(properties); i++)
                if (strcmp(properties[i].name, name) == 0)
                        return &properties[i];

        return NULL;
}

bool namespace_has_property(const char *property)
{
        return find_property(property) != NULL;
}

int namespace_append_property(sd_bus_message *reply,
                              const BusService *service,
                              const Namespace *ns,
                              const char *property)
{
        const NamespaceProperty *found = find_property(property);

        g_assert(found);
        return found->append(reply, service, ns);
}

static int append_named(sd_bus_message *m,
                        const BusService *service,
                        const Namespace *ns,
                        const NamespaceProperty *property)
{
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', property->name);
        if (r >= 0)
                r = property->append(m, service, ns);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

int namespace_append_declaration(sd_bus_message *m, const BusService *service, const Namespace *ns)
{
        return append_named(m, service, ns, find_property("Declaration"));
}

int namespace_append_properties(sd_bus_message *reply,
                                const BusService *service,
                                const Namespace *ns,
                                NamespaceProperties which)
{
        for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
                int r;

                if (which == NAMESPACE_PROPERTIES_ANNOUNCED && !properties[i].is_announced)
                        continue;

                r = append_named(reply, service, ns, &properties[i]);
                if (r < 0)
                        return r;
        }

        return 0;
}

int namespace_append_access_changes(sd_bus_message *m,
                                    const BusService *service,
                                    const Namespace *ns,
                                    const NamespaceAccess *before)
{
        for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
                const NamespaceProperty *property = &properties[i];
                int r;

                if (!property->is_other || !property->is_other(&ns->access, before))
                        continue;

                r = append_named(m, service, ns, property);
                if (r < 0)
                        return r;
        }

        return 0;
}
