/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values object
 *
 * sd-bus knows no properties whose names change, and its getters cannot wait for an authorization.
 * So a raw callback, which runs before the vtables and before sd-bus's own code for Properties and
 * Introspectable, serves both interfaces whole for these objects; what it does not take goes on to
 * the vtable of namespace-object.c.
 */

#include "bus/values-object.h"

#include "bus/bus-error.h"
#include "bus/change-reader.h"
#include "bus/channels.h"
#include "bus/flow.h"
#include "bus/get-many.h"
#include "bus/introspection.h"
#include "bus/namespace-object.h"
#include "bus/namespace-properties.h"
#include "bus/value-codec.h"
#include "bus/write.h"
#include "client/regent-names.h"
#include "core/name.h"
#include "core/namespace-walk.h"
#include "util/auto.h"

#include <inttypes.h>
#include <string.h>

#define PROPERTIES_INTERFACE     "org.freedesktop.DBus.Properties"
#define INTROSPECTABLE_INTERFACE "org.freedesktop.DBus.Introspectable"

/* Which interface a Properties call names; "" stands for any that has the property. */
typedef enum Selection {
        SELECTION_NAMESPACE = 1 << 0,
        SELECTION_VALUES = 1 << 1,
} Selection;

static int read_selection(sd_bus_message *m, Selection *ret_selection, sd_bus_error *reterr_bus)
{
        const char *interface;
        int r;

        r = sd_bus_message_read_basic(m, 's', (void *) &interface);
        if (r < 0)
                return r;

        if (strcmp(interface, REGENT_NAMESPACE_INTERFACE) == 0)
                *ret_selection = SELECTION_NAMESPACE;
        else if (strcmp(interface, REGENT_VALUES_INTERFACE) == 0)
                *ret_selection = SELECTION_VALUES;
        else if (*interface == '\0')
                *ret_selection = SELECTION_NAMESPACE | SELECTION_VALUES;
        else {
                g_autofree char *quoted = name_quote(interface);

                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_UNKNOWN_INTERFACE,
                                                     "There is no interface %s with properties",
                                                     quoted));
        }
        return 0;
}

static int refuse_property(const char *property, sd_bus_error *reterr_bus)
{
        g_autofree char *quoted = name_quote(property);

        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_UNKNOWN_PROPERTY,
                                             "There is no property %s", quoted));
}

static int append_property(sd_bus_message *reply,
                           const BusService *service,
                           const Namespace *ns,
                           Selection selection,
                           const char *property,
                           sd_bus_error *reterr_bus)
{
        Entry *entry;

        if ((selection & SELECTION_NAMESPACE) && namespace_has_property(property))
                return namespace_append_property(reply, service, ns, property);

        entry = selection & SELECTION_VALUES ? namespace_read(ns, property, NAMESPACE_WALK_ALL)
                                             : NULL;
        if (!entry)
                return refuse_property(property, reterr_bus);
        return value_codec_append_entry(reply, entry);
}

/* What a property takes at most; those of the namespace itself are small. */
static uint64_t property_bytes(const Namespace *ns, Selection selection, const char *property)
{
        const Entry *entry = selection & SELECTION_VALUES
                                     ? namespace_read(ns, property, NAMESPACE_WALK_ALL)
                                     : NULL;

        return LEDGER_MESSAGE_BYTES + (entry ? entry_reply_bytes(entry) : 0);
}

static int properties_get(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        g_autoptr(sd_bus_message) reply = NULL;
        uint64_t n_bytes;
        const char *property;
        Selection selection;
        Namespace *ns;
        int r;

        r = read_selection(m, &selection, reterr_bus);
        if (r < 0)
                return r;

        r = sd_bus_message_read_basic(m, 's', (void *) &property);
        if (r < 0)
                return r;

        if (!key_is_valid(property))
                return refuse_property(property, reterr_bus);

        r = authorizer_check_read(service, m, properties_get, name, "Get", &ns, reterr_bus);
        if (r != 0)
                return r;

        n_bytes = property_bytes(ns, selection, property);
        r = flow_new_reply(service, m, properties_get, n_bytes, &reply, reterr_bus);
        if (r != 0)
                return r;

        r = append_property(reply, service, ns, selection, property, reterr_bus);
        if (r < 0)
                return r;

        return flow_send(service, m, reply, n_bytes);
}

static int append_all(sd_bus_message *reply,
                      const BusService *service,
                      const Namespace *ns,
                      Selection selection)
{
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0 && (selection & SELECTION_NAMESPACE))
                r = namespace_append_properties(reply, service, ns, NAMESPACE_PROPERTIES_ALL);
        if (r >= 0 && (selection & SELECTION_VALUES))
                r = get_many_append_all(reply, ns);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(reply);
}

static int properties_get_all(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        g_autoptr(sd_bus_message) reply = NULL;
        uint64_t n_bytes = LIMIT_KIB;
        Selection selection;
        Namespace *ns;
        int r;

        r = read_selection(m, &selection, reterr_bus);
        if (r < 0)
                return r;

        r = authorizer_check_read(service, m, properties_get_all, name, "GetAll", &ns, reterr_bus);
        if (r != 0)
                return r;

        if ((selection & SELECTION_VALUES) && !get_many_fits(service, m, ns))
                return bus_refused(sd_bus_error_setf(
                        reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "'%s' has more than a reply of %" PRIu64 " bytes may hold: ask "
                        "Namespace.GetMany for pages with 'limit' and 'after'",
                        ns->name, channels_reply_max(service, m)));

        if (selection & SELECTION_VALUES)
                n_bytes += namespace_reply_bytes(ns);
        r = flow_new_reply(service, m, properties_get_all, n_bytes, &reply, reterr_bus);
        if (r != 0)
                return r;

        r = append_all(reply, service, ns, selection);
        if (r < 0)
                return r;

        return flow_send(service, m, reply, n_bytes);
}

static int read_property(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus)
{
        const char *property;
        Selection selection;
        int r;

        r = read_selection(m, &selection, reterr_bus);
        if (r < 0)
                return r;

        r = sd_bus_message_read_basic(m, 's', (void *) &property);
        if (r < 0)
                return r;

        if ((selection & SELECTION_NAMESPACE) && namespace_has_property(property))
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_PROPERTY_READ_ONLY,
                                                     "Property '%s' cannot be set; see SetAccess",
                                                     property));
        if (!(selection & SELECTION_VALUES))
                return refuse_property(property, reterr_bus);

        return change_reader_read_value(reader, m, property, reterr_bus);
}

static int properties_set(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const WriteMethod method = {
                .handler = properties_set,
                .verb = "Set",
                .action = AUTHORIZE_WRITE,
                .kind = CHANGE_SET_ENTRIES,
                .read = read_property,
        };

        return write_run(userdata, m, &method, reterr_bus);
}

static void append_values_interface(GString *xml,
                                    const BusService *service,
                                    const Namespace *ns,
                                    bool is_listed)
{
        NamespaceWalk walk;
        uint64_t n = 0;

        introspection_begin_interface(xml, REGENT_VALUES_INTERFACE);
        namespace_walk_begin(&walk, ns, "", "", NAMESPACE_WALK_ALL);
        while (is_listed && n < service->limits->introspection_keys) {
                const Entry *entry = namespace_walk_next(&walk);

                if (!entry)
                        break;
                if (!key_is_member_name(entry_key(entry)))
                        continue;
                introspection_append_property(xml, entry_key(entry), entry_type(entry),
                                              "readwrite");
                n++;
        }
        introspection_end_interface(xml);
}

/*
 * Names the elements below @name's path on the way to a namespace that @caller may read. Behind
 * each, the search goes on after everything that it contains: '/' follows '.' and comes before
 * whatever else a name may have.
 */
static void append_children(GString *xml,
                            BusService *service,
                            const Caller *caller,
                            const char *name)
{
        g_autofree char *prefix = *name ? g_strconcat(name, ".", NULL) : g_strdup("");
        GTree *names = state_namespaces(service->state);
        GTreeNode *node = g_tree_lower_bound(names, prefix);

        while (node) {
                const Namespace *ns = g_tree_node_value(node);
                g_autofree char *child = NULL, *behind = NULL;

                if (!g_str_has_prefix(ns->name, prefix))
                        break;
                if (!authorizer_may_list(caller, ns)) {
                        node = g_tree_node_next(node);
                        continue;
                }

                child = g_strndup(ns->name + strlen(prefix),
                                  strcspn(ns->name + strlen(prefix), "."));
                introspection_append_child(xml, child);

                behind = g_strconcat(prefix, child, "/", NULL);
                node = g_tree_lower_bound(names, behind);
        }
}

static int introspect(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        g_autoptr(GString) xml = g_string_new(NULL);
        Namespace *ns = NULL;
        Caller *caller;
        int r;

        if (strlen(name) > LIMIT_NAMESPACE_NAME_BYTES)
                return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_UNKNOWN_OBJECT,
                                                    "There is no such object"));

        r = authorizer_identify(service, m, introspect, 0, &caller, reterr_bus);
        if (r != 0)
                return r;

        introspection_begin(xml);
        introspection_append_standard_interfaces(xml);
        append_children(xml, service, caller, name);

        /* An element on the way to a namespace is shown without asking. */
        if (namespace_name_is_valid(name) && !strstr(xml->str, "<node name="))
                r = authorizer_check_read(service, m, introspect, name, "Introspect", &ns,
                                          reterr_bus);
        else if ((ns = state_lookup(service->state, name)) && !authorizer_may_list(caller, ns))
                ns = NULL;
        if (r != 0)
                return r;

        if (ns) {
                introspection_append_vtable(xml, REGENT_NAMESPACE_INTERFACE, namespace_vtable);
                append_values_interface(xml, service, ns, get_many_fits(service, m, ns));
        }
        introspection_end(xml);

        r = flow_admit_all(service, m, introspect, LEDGER_MESSAGE_BYTES + xml->len, reterr_bus);
        if (r != 0)
                return r;

        r = sd_bus_reply_method_return(m, "s", xml->str);
        if (r >= 0)
                flow_charge(service, m, LEDGER_MESSAGE_BYTES + xml->len);
        return r;
}

typedef struct Route {
        const char *interface;
        const char *member;
        const char *signature;
        sd_bus_message_handler_t handler;
} Route;

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        static const Route routes[] = {
                { PROPERTIES_INTERFACE, "Get", "ss", properties_get },
                { PROPERTIES_INTERFACE, "GetAll", "s", properties_get_all },
                { PROPERTIES_INTERFACE, "Set", "ssv", properties_set },
                { INTROSPECTABLE_INTERFACE, "Introspect", "", introspect },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
                const Route *route = &routes[i];
                int r;

                if (!sd_bus_message_is_method_call(m, route->interface, route->member))
                        continue;
                if (!sd_bus_message_has_signature(m, route->signature))
                        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                             "%s takes arguments of signature '%s'",
                                                             route->member, route->signature));

                r = route->handler(m, userdata, reterr_bus);
                return r < 0 ? r : 1; /* 0 would send it on to other handlers */
        }

        return 0;
}

int values_object_export(BusService *service, sd_bus *bus)
{
        sd_bus_slot *slot;
        int r;

        r = sd_bus_add_fallback(bus, &slot, REGENT_NAMESPACES_PATH, on_message, service);
        if (r < 0)
                return r;

        bus_service_keep_slot(service, slot);
        return 0;
}
