/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Participate
 */

#include "participate.h"

#include "bus.h"
#include "client/regent-names.h"
#include "entry-text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define CALLBACK_PATH "/org/regentd/bench/Participant"

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        (void) userdata;
        (void) reterr_bus;
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Prepare", "ssa{sv}asa{sv}", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Commit", "st", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Abort", "s", "", on_call, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int enroll(sd_bus *bus, const char *ns_name, const char *prefix)
{
        g_autoptr(sd_bus_message) call = NULL;
        char path[ENTRY_TEXT_PATH_SIZE];
        int r;

        entry_text_path(path, ns_name);
        r = sd_bus_message_new_method_call(bus, &call, REGENT_BUS_NAME, path,
                                           REGENT_NAMESPACE_INTERFACE, "RegisterParticipant");
        if (r >= 0)
                r = sd_bus_message_append(call, "sota{sv}", prefix, CALLBACK_PATH, UINT64_C(0), 1,
                                          "no-values", "b", 1);
        if (r < 0)
                return r;
        return bus_call(bus, call, NULL);
}

/* 0 once standard input has ended. */
static int serve(sd_bus *bus)
{
        for (;;) {
                struct pollfd fds[] = { { sd_bus_get_fd(bus), POLLIN, 0 },
                                        { STDIN_FILENO, POLLIN, 0 } };
                int r;

                do
                        r = sd_bus_process(bus, NULL);
                while (r > 0);
                if (r < 0)
                        return r;

                if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return -errno;
                if (fds[1].revents)
                        return 0;
        }
}

int participate_run(const char *address, const char *ns_name, const char *prefix)
{
        g_autoptr(sd_bus) bus = NULL;
        int r;

        r = bus_open(&bus, address);
        if (r < 0)
                return r;

        r = sd_bus_add_object_vtable(bus, NULL, CALLBACK_PATH, REGENT_PARTICIPANT_INTERFACE, vtable,
                                     NULL);
        if (r >= 0)
                r = enroll(bus, ns_name, prefix);
        if (r < 0)
                return r;

        printf("ready\n");
        (void) fflush(stdout);
        return serve(bus);
}
