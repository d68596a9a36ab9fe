/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespace properties
 */

#include "bus/namespace-properties.h"

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
UINT64_PROPERTY(append_usage, ns->usage)
UINT64_PROPERTY(append_quota_keys, namespace_quota_keys(ns, service->limits))
UINT64_PROPERTY(append_quota_bytes, namespace_quota_bytes(ns, service->limits))
UINT64_PROPERTY(append_participants, UINT64_C(0))

typedef struct NamespaceProperty {
        const char *name;
        int (*append)(sd_bus_message *reply, const BusService *service, const Namespace *ns);
        NamespaceProperties groups; /* the smallest group it is in */
} NamespaceProperty;

static const NamespaceProperty properties[] = {
        { "Name", append_text, NAMESPACE_PROPERTIES_ANNOUNCED },
        { "Owner", append_owner, NAMESPACE_PROPERTIES_ACCESS },
        { "Group", append_group, NAMESPACE_PROPERTIES_ACCESS },
        { "Mode", append_mode, NAMESPACE_PROPERTIES_ACCESS },
        { "Revision", append_revision, NAMESPACE_PROPERTIES_ALL },
        { "Keys", append_keys, NAMESPACE_PROPERTIES_ALL },
        { "Usage", append_usage, NAMESPACE_PROPERTIES_ALL },
        { "QuotaKeys", append_quota_keys, NAMESPACE_PROPERTIES_ACCESS },
        { "QuotaBytes", append_quota_bytes, NAMESPACE_PROPERTIES_ACCESS },
        { "Participants", append_participants, NAMESPACE_PROPERTIES_ALL },
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

int namespace_append_properties(sd_bus_message *reply,
                                const BusService *service,
                                const Namespace *ns,
                                NamespaceProperties which)
{
        for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
                int r;

                if (properties[i].groups < which)
                        continue;

                r = sd_bus_message_open_container(reply, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(reply, 's', properties[i].name);
                if (r >= 0)
                        r = properties[i].append(reply, service, ns);
                if (r >= 0)
                        r = sd_bus_message_close_container(reply);
                if (r < 0)
                        return r;
        }

        return 0;
}
