/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Object manager
 *
 * sd-bus's own object manager would show everybody everything. It is registered all the same, for
 * introspection to list the interface; a raw callback answers before it.
 */

#include "bus/object-manager.h"

#include "bus/authorizer.h"
#include "bus/broadcast.h"
#include "bus/bus-error.h"
#include "bus/flow.h"
#include "bus/namespace-properties.h"
#include "bus/object-path.h"
#include "client/regent-names.h"
#include "util/auto.h"

#include <inttypes.h>
#include <string.h>

#define OBJECT_MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"

/* What the properties and interface names of one namespace take at most in a message. */
#define OBJECT_BYTES 352u

/* Every object has these two beside what GetManagedObjects leaves out: Peer and the like. */
static const char *const interfaces[] = { REGENT_NAMESPACE_INTERFACE, REGENT_VALUES_INTERFACE };

/* An a{sa{sv}}. */
static int append_interfaces(sd_bus_message *m, const BusService *service, const Namespace *ns)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");
        if (r < 0)
                return r;

        for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++) {
                r = sd_bus_message_open_container(m, 'e', "sa{sv}");
                if (r >= 0)
                        r = sd_bus_message_append_basic(m, 's', interfaces[i]);
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'a', "{sv}");
                if (r >= 0 && i == 0)
                        r = namespace_append_properties(m, service, ns,
                                                        NAMESPACE_PROPERTIES_ANNOUNCED);
                for (int n = 0; r >= 0 && n < 2; n++)
                        r = sd_bus_message_close_container(m);
                if (r < 0)
                        return r;
        }

        return sd_bus_message_close_container(m);
}

static int append_object(sd_bus_message *m, const BusService *service, const Namespace *ns)
{
        g_autofree char *path = object_path_of_namespace(ns->name);
        int r;

        r = sd_bus_message_open_container(m, 'e', "oa{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 'o', path);
        if (r >= 0)
                r = append_interfaces(m, service, ns);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(m);
}

static uint64_t object_bytes(const Namespace *ns)
{
        return OBJECT_BYTES + 2 * strlen(ns->name) +
               (ns->declaration ? strlen(ns->declaration->path) : 0);
}

/* What those that @caller may read take; a little more than the limit when they are too many. */
static uint64_t objects_bytes(const BusService *service, const Caller *caller)
{
        GTreeNode *node = g_tree_node_first(state_namespaces(service->state));
        uint64_t n_bytes = LIMIT_KIB;

        for (; node && n_bytes <= service->limits->managed_objects_bytes;
             node = g_tree_node_next(node))
                if (authorizer_may_list(caller, g_tree_node_value(node)))
                        n_bytes += object_bytes(g_tree_node_value(node));

        return n_bytes;
}

static int append_objects(sd_bus_message *reply, const BusService *service, const Caller *caller)
{
        GTreeNode *node = g_tree_node_first(state_namespaces(service->state));

        for (; node; node = g_tree_node_next(node)) {
                const Namespace *ns = g_tree_node_value(node);
                int r;

                if (!authorizer_may_list(caller, ns))
                        continue;

                r = append_object(reply, service, ns);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int get_managed_objects(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autoptr(sd_bus_message) reply = NULL;
        uint64_t n_bytes;
        Caller *caller;
        int r;

        r = authorizer_identify(service, m, get_managed_objects, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        n_bytes = objects_bytes(service, caller);
        if (n_bytes > service->limits->managed_objects_bytes)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                     "The objects take more than %" PRIu64
                                                     " bytes: ask Manager.ListNamespaces for pages",
                                                     service->limits->managed_objects_bytes));

        r = flow_new_reply(service, m, get_managed_objects, n_bytes, &reply, reterr_bus);
        if (r != 0)
                return r;

        r = sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
        if (r < 0)
                return r;

        r = append_objects(reply, service, caller);
        if (r < 0)
                return r;

        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;

        return flow_send(service, m, reply, n_bytes);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        int r;

        if (!sd_bus_message_is_method_call(m, OBJECT_MANAGER_INTERFACE, "GetManagedObjects") ||
            !sd_bus_message_has_signature(m, ""))
                return 0;

        r = get_managed_objects(m, userdata, reterr_bus);
        return r < 0 ? r : 1;
}

int object_manager_export(BusService *service, sd_bus *bus)
{
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_object(bus, &slot, REGENT_PATH, on_message, service);
        if (r < 0)
                return r;
        bus_service_keep_slot(service, slot);

        r = sd_bus_add_object_manager(bus, &slot, REGENT_PATH);
        if (r < 0)
                return r;
        bus_service_keep_slot(service, slot);
        return 0;
}

static int new_signal(const BusService *service,
                      const char *member,
                      const char *name,
                      sd_bus_message **ret_signal)
{
        g_autoptr(sd_bus_message) m = NULL;
        g_autofree char *path = object_path_of_namespace(name);
        int r;

        r = sd_bus_message_new_signal(service->bus, &m, REGENT_PATH, OBJECT_MANAGER_INTERFACE,
                                      member);
        if (r < 0)
                return r;

        r = sd_bus_message_append_basic(m, 'o', path);
        if (r < 0)
                return r;

        *ret_signal = g_steal_pointer(&m);
        return 0;
}

int object_manager_announce_added(const BusService *service, const Namespace *ns)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_signal(service, "InterfacesAdded", ns->name, &m);
        if (r < 0)
                return r;

        r = append_interfaces(m, service, ns);
        if (r < 0)
                return r;

        return broadcast_send(service, ns->name, m, object_bytes(ns));
}

int object_manager_announce_removed(const BusService *service, const char *name)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = new_signal(service, "InterfacesRemoved", name, &m);
        if (r < 0)
                return r;

        r = sd_bus_message_append(m, "as", G_N_ELEMENTS(interfaces), interfaces[0], interfaces[1]);
        if (r < 0)
                return r;

        return broadcast_send(service, name, m, 0);
}
