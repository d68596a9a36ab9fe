/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Await
 */

#include "await.h"

#include "bus.h"
#include "client/regent-names.h"
#include "entry-text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const char owner_match[] =
        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" REGENT_BUS_NAME "'";

#define PATIENCE_USEC (UINT64_C(120) * 1000000)

static int on_owner_changed(sd_bus_message *signal,
                            void *userdata,
                            sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        bool *is_owned = userdata;
        const char *owner;
        int r;

        r = sd_bus_message_read(signal, "sss", NULL, NULL, &owner);
        if (r < 0)
                return r;

        *is_owned = owner[0] != '\0';
        return 0;
}

static int call_first(sd_bus *bus, const char *ns_name)
{
        g_autoptr(sd_bus_message) call = NULL;
        char path[ENTRY_TEXT_PATH_SIZE];
        char key[ENTRY_TEXT_KEY_SIZE];
        int r;

        if (ns_name) {
                entry_text_path(path, ns_name);
                entry_text_key(key, 0);
                r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, path,
                                                   REGENT_NAMESPACE_INTERFACE, "Get");
                if (r >= 0)
                        r = sd_bus_message_append(call, "s", key);
        } else {
                r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, REGENT_PATH,
                                                   "org.freedesktop.DBus.Properties", "Get");
                if (r >= 0)
                        r = sd_bus_message_append(call, "ss", REGENT_MANAGER_INTERFACE, "Revision");
        }
        if (r < 0)
                return r;

        return bus_call(bus, call, NULL);
}

int await_run(sd_bus *bus, const char *ns_name)
{
        uint64_t deadline_usec = now_usec() + PATIENCE_USEC;
        bool is_owned = false;
        int r;

        r = sd_bus_add_match(bus, NULL, owner_match, on_owner_changed, &is_owned);
        if (r < 0)
                return r;

        printf("waiting\n");
        (void) fflush(stdout);

        while (!is_owned) {
                uint64_t present_usec = now_usec();

                if (present_usec >= deadline_usec)
                        return -ETIMEDOUT;

                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, deadline_usec - present_usec);
                if (r < 0)
                        return r;
        }

        r = call_first(bus, ns_name);
        if (r < 0)
                return r;

        printf("%" PRIu64 "\n", now_nsec());
        return 0;
}
