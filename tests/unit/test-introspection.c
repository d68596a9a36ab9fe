/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Regent says of a vtable is what sd-bus says of it.
 */

#include "bus/introspection.h"

#include "peer-bus.h"
#include "util/auto.h"

#include <stdbool.h>
#include <string.h>

static int method_nothing(sd_bus_message *m G_GNUC_UNUSED,
                          void *userdata G_GNUC_UNUSED,
                          sd_bus_error *reterr_error G_GNUC_UNUSED)
{
        return 0;
}

static int property_get_nothing(sd_bus *bus G_GNUC_UNUSED,
                                const char *path G_GNUC_UNUSED,
                                const char *interface G_GNUC_UNUSED,
                                const char *property G_GNUC_UNUSED,
                                sd_bus_message *reply G_GNUC_UNUSED,
                                void *userdata G_GNUC_UNUSED,
                                sd_bus_error *reterr_error G_GNUC_UNUSED)
{
        return 0;
}

#define PROPERTY(name, type, flags) SD_BUS_PROPERTY(name, type, property_get_nothing, 0, flags)
#define WRITABLE(name, type, flags) \
        SD_BUS_WRITABLE_PROPERTY(name, type, property_get_nothing, NULL, 0, flags)

static const sd_bus_vtable full_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Named",
                                SD_BUS_ARGS("s", name, "a{sv}", options),
                                SD_BUS_RESULT("o", path, "(ii)", pair),
                                method_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Bare",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OnlyOut",
                                SD_BUS_NO_ARGS,
                                SD_BUS_RESULT("t", revision),
                                method_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("OnlyIn",
                                SD_BUS_ARGS("h", fd),
                                SD_BUS_NO_RESULT,
                                method_nothing,
                                SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                "Old", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_nothing, SD_BUS_VTABLE_DEPRECATED),
        SD_BUS_METHOD_WITH_ARGS("Quiet",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_nothing,
                                SD_BUS_VTABLE_METHOD_NO_REPLY),
        SD_BUS_METHOD_WITH_ARGS(
                "Hidden", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_nothing, SD_BUS_VTABLE_HIDDEN),
        SD_BUS_METHOD("Nameless", "sa{sv}i", "u(ss)", method_nothing, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Changed", SD_BUS_ARGS("s", name, "as", keys), 0),
        SD_BUS_SIGNAL("Nameless2", "sas", SD_BUS_VTABLE_DEPRECATED),
        SD_BUS_SIGNAL("Bare2", "", 0),
        PROPERTY("Const", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Change", "a{sv}", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Invalidates", "u", SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        PROPERTY("Silent", "t", 0),
        PROPERTY("Explicit", "s", SD_BUS_VTABLE_PROPERTY_EXPLICIT | SD_BUS_VTABLE_DEPRECATED),
        WRITABLE("Open", "t", SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        WRITABLE("Closed", "t", 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable deprecated_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_DEPRECATED),
        SD_BUS_METHOD_WITH_ARGS("Bare",
                                SD_BUS_NO_ARGS,
                                SD_BUS_NO_RESULT,
                                method_nothing,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable hidden_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_HIDDEN),
        PROPERTY("Change", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable empty_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_VTABLE_END,
};

static int on_introspected(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error)
{
        char **ret_xml = userdata;
        const char *xml;

        (void) reterr_error;
        g_assert_cmpint(sd_bus_message_read(m, "s", &xml), >=, 0);
        *ret_xml = g_strdup(xml);
        return 1;
}

/* What sd-bus says of /o with one interface and one child. */
static char *introspect(const sd_bus_vtable *vtable, bool is_manager)
{
        g_autoptr(sd_bus) client = NULL;
        g_autoptr(sd_bus) server = NULL;
        char *xml = NULL;
        int fd;

        server = peer_bus_new(&fd);
        g_assert_cmpint(sd_bus_add_object_vtable(server, NULL, "/o", "a.b.C", vtable, NULL), >=, 0);
        g_assert_cmpint(sd_bus_add_object_vtable(server, NULL, "/o/child", "a.b.C", vtable, NULL),
                        >=, 0);
        if (is_manager)
                g_assert_cmpint(sd_bus_add_object_manager(server, NULL, "/o"), >=, 0);

        g_assert_cmpint(sd_bus_new(&client), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(client, fd, fd), >=, 0);
        g_assert_cmpint(sd_bus_start(client), >=, 0);
        g_assert_cmpint(sd_bus_call_method_async(client, NULL, NULL, "/o",
                                                 "org.freedesktop.DBus.Introspectable",
                                                 "Introspect", on_introspected, &xml, ""),
                        >=, 0);

        for (int i = 0; i < 1000 && !xml; i++) {
                g_assert_cmpint(sd_bus_process(server, NULL), >=, 0);
                g_assert_cmpint(sd_bus_process(client, NULL), >=, 0);
        }
        g_assert_nonnull(xml);
        return xml;
}

static void assert_same_as_sd_bus(const sd_bus_vtable *vtable, bool is_manager)
{
        g_autofree char *theirs = introspect(vtable, is_manager);
        g_autoptr(GString) ours = g_string_new(NULL);

        introspection_begin(ours);
        introspection_append_standard_interfaces(ours);
        if (is_manager)
                introspection_append_object_manager(ours);
        introspection_append_vtable(ours, "a.b.C", vtable);
        introspection_append_child(ours, "child");
        introspection_end(ours);

        g_assert_cmpstr(ours->str, ==, theirs);
}

static void test_vtables_are_shown_as_by_sd_bus(void)
{
        assert_same_as_sd_bus(full_vtable, false);
        assert_same_as_sd_bus(full_vtable, true);
        assert_same_as_sd_bus(deprecated_vtable, false);
        assert_same_as_sd_bus(hidden_vtable, false);
        assert_same_as_sd_bus(empty_vtable, false);
}

static void test_dynamic_properties_look_like_a_vtable_s(void)
{
        static const sd_bus_vtable vtable[] = {
                SD_BUS_VTABLE_START(0),
                WRITABLE("One", "s",
                         SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                PROPERTY("Two", "a{sv}", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
                SD_BUS_VTABLE_END,
        };
        g_autoptr(GString) of_vtable = g_string_new(NULL);
        g_autoptr(GString) dynamic = g_string_new(NULL);

        introspection_append_vtable(of_vtable, "a.b.C", vtable);

        introspection_begin_interface(dynamic, "a.b.C");
        introspection_append_property(dynamic, "One", "s", "readwrite");
        introspection_append_property(dynamic, "Two", "a{sv}", "read");
        introspection_end_interface(dynamic);

        g_assert_cmpstr(dynamic->str, ==, of_vtable->str);
}

static void test_hostile_text_is_escaped(void)
{
        g_autoptr(GString) xml = g_string_new(NULL);

        introspection_append_property(xml, "\"/><x>&", "s", "read");
        introspection_append_child(xml, "a'<");

        g_assert_null(strstr(xml->str, "<x"));
        g_assert_nonnull(strstr(xml->str, "&quot;/&gt;&lt;x&gt;&amp;"));
        g_assert_nonnull(strstr(xml->str, "<node name=\"a&apos;&lt;\"/>")
                                 ?: strstr(xml->str, "<node name=\"a&#39;&lt;\"/>"));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/introspection/" #test, test_##test)
        ADD(vtables_are_shown_as_by_sd_bus);
        ADD(dynamic_properties_look_like_a_vtable_s);
        ADD(hostile_text_is_escaped);
        return g_test_run();
}
