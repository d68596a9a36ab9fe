/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Introspection
 *
 * To the letter what sd-bus 252 prints, also in the order of its attributes: a test compares them.
 */

#include "bus/introspection.h"

#include <stdbool.h>
#include <string.h>

static const char standard_interfaces[] =
        " <interface name=\"org.freedesktop.DBus.Peer\">\n"
        "  <method name=\"Ping\"/>\n"
        "  <method name=\"GetMachineId\">\n"
        "   <arg type=\"s\" name=\"machine_uuid\" direction=\"out\"/>\n"
        "  </method>\n"
        " </interface>\n"
        " <interface name=\"org.freedesktop.DBus.Introspectable\">\n"
        "  <method name=\"Introspect\">\n"
        "   <arg name=\"xml_data\" type=\"s\" direction=\"out\"/>\n"
        "  </method>\n"
        " </interface>\n"
        " <interface name=\"org.freedesktop.DBus.Properties\">\n"
        "  <method name=\"Get\">\n"
        "   <arg name=\"interface_name\" direction=\"in\" type=\"s\"/>\n"
        "   <arg name=\"property_name\" direction=\"in\" type=\"s\"/>\n"
        "   <arg name=\"value\" direction=\"out\" type=\"v\"/>\n"
        "  </method>\n"
        "  <method name=\"GetAll\">\n"
        "   <arg name=\"interface_name\" direction=\"in\" type=\"s\"/>\n"
        "   <arg name=\"props\" direction=\"out\" type=\"a{sv}\"/>\n"
        "  </method>\n"
        "  <method name=\"Set\">\n"
        "   <arg name=\"interface_name\" direction=\"in\" type=\"s\"/>\n"
        "   <arg name=\"property_name\" direction=\"in\" type=\"s\"/>\n"
        "   <arg name=\"value\" direction=\"in\" type=\"v\"/>\n"
        "  </method>\n"
        "  <signal name=\"PropertiesChanged\">\n"
        "   <arg type=\"s\" name=\"interface_name\"/>\n"
        "   <arg type=\"a{sv}\" name=\"changed_properties\"/>\n"
        "   <arg type=\"as\" name=\"invalidated_properties\"/>\n"
        "  </signal>\n"
        " </interface>\n";

static const char object_manager[] =
        " <interface name=\"org.freedesktop.DBus.ObjectManager\">\n"
        "  <method name=\"GetManagedObjects\">\n"
        "   <arg type=\"a{oa{sa{sv}}}\" name=\"object_paths_interfaces_and_properties\" "
        "direction=\"out\"/>\n"
        "  </method>\n"
        "  <signal name=\"InterfacesAdded\">\n"
        "   <arg type=\"o\" name=\"object_path\"/>\n"
        "   <arg type=\"a{sa{sv}}\" name=\"interfaces_and_properties\"/>\n"
        "  </signal>\n"
        "  <signal name=\"InterfacesRemoved\">\n"
        "   <arg type=\"o\" name=\"object_path\"/>\n"
        "   <arg type=\"as\" name=\"interfaces\"/>\n"
        "  </signal>\n"
        " </interface>\n";

void introspection_begin(GString *xml)
{
        g_string_append(xml, "<!DOCTYPE node PUBLIC "
                             "\"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"
                             "\"https://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
                             "<node>\n");
}

void introspection_end(GString *xml)
{
        g_string_append(xml, "</node>\n");
}

void introspection_append_standard_interfaces(GString *xml)
{
        g_string_append(xml, standard_interfaces);
}

void introspection_append_object_manager(GString *xml)
{
        g_string_append(xml, object_manager);
}

static void append_attribute(GString *xml, const char *attribute, const char *text, size_t n_bytes)
{
        g_autofree char *escaped = g_markup_escape_text(text, (gssize) n_bytes);

        g_string_append_printf(xml, " %s=\"%s\"", attribute, escaped);
}

/* Opens an element with a name: what all of them begin with. */
static void open_element(GString *xml, const char *indent, const char *element, const char *name)
{
        g_string_append_printf(xml, "%s<%s", indent, element);
        append_attribute(xml, "name", name, strlen(name));
}

static void append_annotation(GString *xml, const char *indent, const char *name, const char *value)
{
        g_string_append_printf(xml, "%s<annotation name=\"%s\" value=\"%s\"/>\n", indent, name,
                               value);
}

static bool is_property(const sd_bus_vtable *member)
{
        return member->type == _SD_BUS_VTABLE_PROPERTY ||
               member->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY;
}

static void append_property_annotations(GString *xml, uint64_t flags)
{
        static const char emits[] = "org.freedesktop.DBus.Property.EmitsChangedSignal";

        if (flags & SD_BUS_VTABLE_PROPERTY_EXPLICIT)
                append_annotation(xml, "   ", "org.freedesktop.systemd1.Explicit", "true");
        if (flags & SD_BUS_VTABLE_PROPERTY_CONST)
                append_annotation(xml, "   ", emits, "const");
        else if (flags & SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION)
                append_annotation(xml, "   ", emits, "invalidates");
        else if (!(flags & SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE))
                append_annotation(xml, "   ", emits, "false");
}

static void append_annotations(GString *xml, const sd_bus_vtable *member)
{
        uint64_t flags = member->flags;

        if (flags & SD_BUS_VTABLE_DEPRECATED)
                append_annotation(xml, "   ", "org.freedesktop.DBus.Deprecated", "true");
        if (member->type == _SD_BUS_VTABLE_METHOD && (flags & SD_BUS_VTABLE_METHOD_NO_REPLY))
                append_annotation(xml, "   ", "org.freedesktop.DBus.Method.NoReply", "true");
        if (is_property(member))
                append_property_annotations(xml, flags);
        if ((member->type == _SD_BUS_VTABLE_METHOD ||
             member->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY) &&
            !(flags & SD_BUS_VTABLE_UNPRIVILEGED))
                append_annotation(xml, "   ", "org.freedesktop.systemd1.Privileged", "true");
}

/*
 * One argument for each type in @signature. @names holds as many names, each ended by a zero byte,
 * or none at all; returned is where those of the next signature begin.
 */
static const char *append_arguments(GString *xml,
                                    const char *signature,
                                    const char *names,
                                    const char *direction)
{
        const char *end;

        for (; signature && *signature; signature = end) {
                g_assert(g_variant_type_string_scan(signature, NULL, &end));

                g_string_append(xml, "   <arg");
                append_attribute(xml, "type", signature, (size_t) (end - signature));
                if (names && *names) {
                        append_attribute(xml, "name", names, strlen(names));
                        names += strlen(names) + 1;
                }
                if (direction)
                        g_string_append_printf(xml, " direction=\"%s\"", direction);
                g_string_append(xml, "/>\n");
        }

        return names;
}

static void append_method(GString *xml, const sd_bus_vtable *member)
{
        const char *names;

        open_element(xml, "  ", "method", member->x.method.member);
        g_string_append(xml, ">\n");
        names = append_arguments(xml, member->x.method.signature, member->x.method.names, "in");
        append_arguments(xml, member->x.method.result, names, "out");
        append_annotations(xml, member);
        g_string_append(xml, "  </method>\n");
}

static void append_signal(GString *xml, const sd_bus_vtable *member)
{
        open_element(xml, "  ", "signal", member->x.signal.member);
        g_string_append(xml, ">\n");
        append_arguments(xml, member->x.signal.signature, member->x.signal.names, NULL);
        append_annotations(xml, member);
        g_string_append(xml, "  </signal>\n");
}

static void begin_property(GString *xml, const char *name, const char *type, const char *access)
{
        open_element(xml, "  ", "property", name);
        append_attribute(xml, "type", type, strlen(type));
        append_attribute(xml, "access", access, strlen(access));
        g_string_append(xml, ">\n");
}

static void end_property(GString *xml)
{
        g_string_append(xml, "  </property>\n");
}

static void append_vtable_property(GString *xml, const sd_bus_vtable *member)
{
        begin_property(xml, member->x.property.member, member->x.property.signature,
                       member->type == _SD_BUS_VTABLE_WRITABLE_PROPERTY ? "readwrite" : "read");
        append_annotations(xml, member);
        end_property(xml);
}

void introspection_append_vtable(GString *xml, const char *interface, const sd_bus_vtable *vtable)
{
        g_assert(vtable->type == _SD_BUS_VTABLE_START);

        if (vtable->flags & SD_BUS_VTABLE_HIDDEN)
                return;

        introspection_begin_interface(xml, interface);
        if (vtable->flags & SD_BUS_VTABLE_DEPRECATED)
                append_annotation(xml, "  ", "org.freedesktop.DBus.Deprecated", "true");

        for (vtable++; vtable->type != _SD_BUS_VTABLE_END; vtable++) {
                if (vtable->flags & SD_BUS_VTABLE_HIDDEN)
                        continue;
                if (vtable->type == _SD_BUS_VTABLE_METHOD)
                        append_method(xml, vtable);
                else if (vtable->type == _SD_BUS_VTABLE_SIGNAL)
                        append_signal(xml, vtable);
                else
                        append_vtable_property(xml, vtable);
        }

        introspection_end_interface(xml);
}

void introspection_begin_interface(GString *xml, const char *interface)
{
        open_element(xml, " ", "interface", interface);
        g_string_append(xml, ">\n");
}

void introspection_end_interface(GString *xml)
{
        g_string_append(xml, " </interface>\n");
}

void introspection_append_property(GString *xml,
                                   const char *name,
                                   const char *type,
                                   const char *access)
{
        begin_property(xml, name, type, access);
        end_property(xml);
}

void introspection_append_child(GString *xml, const char *name)
{
        open_element(xml, " ", "node", name);
        g_string_append(xml, "/>\n");
}
