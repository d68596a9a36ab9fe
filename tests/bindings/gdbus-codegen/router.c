/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A router that keeps its settings in Regent, in C with code that gdbus-codegen writes from the interfaces. The proxy
 * of Values keeps the keys at hand, and follows them.
 *
 * $ gdbus-codegen --generate-c-code=regent --c-namespace=Regent --interface-prefix=org.regentd.State1. \
 *         --c-generate-autocleanup=all --glib-min-required=2.64 \
 *         /usr/share/dbus-1/interfaces/org.regentd.State1.Namespace.xml \
 *         /usr/share/dbus-1/interfaces/org.regentd.State1.Values.xml
 * $ gcc -o router router.c regent.c $(pkg-config --cflags --libs gio-2.0 gio-unix-2.0)
 */

#include "regent.h"

#define SERVICE "org.regentd.State1"
#define PATH    "/org/regentd/State1/ns/org/example/Router"

/* Several keys in one commit, here only as long as there is no mtu. */
static gboolean write_defaults(RegentNamespace *router, GError **error)
{
        g_autoptr(GVariant) result = NULL;
        g_autoptr(GError) refused = NULL;
        g_autofree char *name = NULL;
        guint32 n_changed = 0;

        if (regent_namespace_call_apply_sync(
                    router,
                    g_variant_new_parsed(
                            "{'mtu': <uint32 1500>, 'peers': <['fe80::1', 'fe80::2']>}"),
                    (const char *[]){ NULL }, 0,
                    g_variant_new_parsed("{'expect': <{'mtu': <uint64 0>}>}"),
                    G_DBUS_CALL_FLAGS_NONE, -1, NULL, &result, NULL, &refused)) {
                g_variant_lookup(result, "changed", "u", &n_changed);
                g_print("defaults written, keys: %u\n", n_changed);
                return TRUE;
        }
        name = g_dbus_error_get_remote_error(refused);
        if (g_strcmp0(name, SERVICE ".Error.Conflict") == 0) {
                g_print("settings found\n");
                return TRUE;
        }
        g_propagate_error(error, g_steal_pointer(&refused));

        return FALSE;
}

static guint32 get_mtu(RegentValues *values)
{
        g_autoptr(GVariant) mtu = g_dbus_proxy_get_cached_property(G_DBUS_PROXY(values), "mtu");

        return mtu ? g_variant_get_uint32(mtu) : 0;
}

static void on_changed(RegentValues *values, GVariant *changed, const char *const *gone, void *loop)
{
        gboolean is_enabled;

        if (g_variant_lookup(changed, "mtu", "u", NULL))
                g_print("mtu is now %u\n", get_mtu(values));
        if (g_strv_contains(gone, "peers"))
                g_print("peers: gone, or too large for a signal\n");
        if (g_variant_lookup(changed, "enabled", "b", &is_enabled) && !is_enabled)
                g_main_loop_quit(loop);
}

static gboolean run(GError **error)
{
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        g_autoptr(RegentNamespace) router = NULL;
        g_autoptr(RegentValues) values = NULL;

        router = regent_namespace_proxy_new_for_bus_sync(G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE,
                                                         SERVICE, PATH, NULL, error);
        if (!router || !write_defaults(router, error))
                return FALSE;
        values = regent_values_proxy_new_for_bus_sync(G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE,
                                                      SERVICE, PATH, NULL, error);
        if (!values)
                return FALSE;
        g_signal_connect(values, "g-properties-changed", G_CALLBACK(on_changed), loop);
        g_print("mtu is %u\n", get_mtu(values));
        if (!regent_namespace_call_set_sync(router, "status",
                                            g_variant_new_variant(g_variant_new_string("running")),
                                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, error))
                return FALSE;
        g_main_loop_run(loop);

        return TRUE;
}

int main(void)
{
        g_autoptr(GError) error = NULL;

        if (!run(&error)) {
                g_printerr("router: %s\n", error->message);
                return 1;
        }

        return 0;
}
