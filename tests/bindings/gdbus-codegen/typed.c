/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code that gdbus-codegen writes from a namespace as it is right now: each key is a typed property of a GObject. That
 * suits programs that know their keys and keep the types.
 *
 * $ gdbus introspect --system --xml --dest org.regentd.State1 \
 *         --object-path /org/regentd/State1/ns/org/example/Router >router.xml
 * $ gdbus-codegen --generate-c-code=values --c-namespace=Router --interface-prefix=org.regentd.State1. \
 *         --c-generate-autocleanup=all --glib-min-required=2.64 router.xml
 * $ gcc -o router typed.c values.c $(pkg-config --cflags --libs gio-2.0 gio-unix-2.0)
 */

#include "values.h"

#define SERVICE "org.regentd.State1"
#define PATH    "/org/regentd/State1/ns/org/example/Router"

static void on_mtu(RouterValues *values)
{
        g_print("mtu is now %u\n", router_values_get_mtu(values));
}

static void on_enabled(RouterValues *values, GParamSpec *property, void *loop)
{
        (void) property;

        if (!router_values_get_enabled(values))
                g_main_loop_quit(loop);
}

int main(void)
{
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        g_autoptr(RouterValues) values = NULL;
        g_autoptr(GError) error = NULL;

        values = router_values_proxy_new_for_bus_sync(G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE,
                                                      SERVICE, PATH, NULL, &error);
        if (!values) {
                g_printerr("router: %s\n", error->message);
                return 1;
        }
        g_signal_connect(values, "notify::mtu", G_CALLBACK(on_mtu), NULL);
        g_signal_connect(values, "notify::enabled", G_CALLBACK(on_enabled), loop);
        g_print("mtu is %u\n", router_values_get_mtu(values));
        router_values_set_status(values, "running");
        g_main_loop_run(loop);

        return 0;
}
