/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A router that keeps its settings in Regent, in C with sd-bus.
 *
 * $ gcc -o router router.c $(pkg-config --cflags --libs libsystemd)
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define SERVICE   "org.regentd.State1"
#define PATH      "/org/regentd/State1/ns/org/example/Router"
#define NAMESPACE SERVICE ".Namespace"
#define VALUES    SERVICE ".Values"

/* Several keys in one commit, here only as long as there is no mtu. */
static int write_defaults(sd_bus *bus)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        uint64_t revision;
        int r;

        r = sd_bus_call_method(bus, SERVICE, PATH, NAMESPACE, "Apply", &error, &reply,
                               "a{sv}asta{sv}",     /* set, unset, flags, options */
                               2, "mtu", "u", 1500, /* two keys */
                               "peers", "as", 2, "fe80::1", "fe80::2", /* with their values */
                               0,                                      /* nothing to unset */
                               UINT64_C(0),                            /* no flags */
                               1, "expect", "a{sv}", 1, "mtu", "t", UINT64_C(0)); /* not there */
        if (r >= 0)
                r = sd_bus_message_read(reply, "t", &revision);
        if (r >= 0)
                printf("defaults written, revision: %" PRIu64 "\n", revision);
        if (sd_bus_error_has_name(&error, SERVICE ".Error.Conflict"))
                r = puts("settings found");
        else if (r < 0)
                fprintf(stderr, "router: %s\n", error.message);
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);

        return r;
}

/* One key and its value, of those that changed. */
static int on_value(sd_bus *bus, sd_bus_message *message, const char *key)
{
        uint32_t mtu;
        int r, is_enabled;

        if (strcmp(key, "mtu") == 0) {
                r = sd_bus_message_read(message, "v", "u", &mtu);
                if (r >= 0)
                        printf("mtu is now %" PRIu32 "\n", mtu);
                return r;
        }
        if (strcmp(key, "enabled") == 0) {
                r = sd_bus_message_read(message, "v", "b", &is_enabled);
                if (r >= 0 && !is_enabled)
                        r = sd_event_exit(sd_bus_get_event(bus), 0);
                return r;
        }

        return sd_bus_message_skip(message, "v");
}

static int on_changed(sd_bus_message *message, void *bus, sd_bus_error *reterr_error)
{
        const char *key;
        int r;

        (void) reterr_error;

        r = sd_bus_message_skip(message, "s");
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &key);
                if (r >= 0)
                        r = on_value(bus, message, key);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &key)) > 0)
                if (strcmp(key, "peers") == 0)
                        puts("peers: gone, or too large for a signal");

        return r;
}

static int run(sd_bus *bus, sd_event *event)
{
        uint32_t mtu;
        int r;

        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        r = write_defaults(bus);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(bus, NULL, SERVICE, PATH, "org.freedesktop.DBus.Properties",
                                "PropertiesChanged", on_changed, bus);
        if (r < 0)
                return r;
        r = sd_bus_get_property_trivial(bus, SERVICE, PATH, VALUES, "mtu", NULL, 'u', &mtu);
        if (r < 0)
                return r;
        printf("mtu is %" PRIu32 "\n", mtu);
        r = sd_bus_call_method(bus, SERVICE, PATH, NAMESPACE, "Set", NULL, NULL, "sv", "status",
                               "s", "running");
        if (r < 0)
                return r;

        return sd_event_loop(event);
}

int main(void)
{
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        int r;

        r = sd_event_default(&event);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = run(bus, event);
        if (r < 0)
                fprintf(stderr, "router: ended: %s\n", strerror(-r));
        sd_bus_flush_close_unref(bus);
        sd_event_unref(event);

        return r < 0;
}
