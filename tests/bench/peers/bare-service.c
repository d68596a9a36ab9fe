/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-bare-service: what a service with sd-bus costs that does nothing
 *
 * It listens on the socket that is named, reads the arguments of each Apply of a namespace, and answers as regentd
 * does: nobody is asked, and nothing is kept, written or told. It ends with a signal.
 */

#include "client/regent-names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define BACKLOG 16

static int read_arguments(sd_bus_message *m)
{
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r > 0) {
                const char *key, *value;

                r = sd_bus_message_read(m, "{sv}", &key, "s", &value);
        }
        if (r == 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_skip(m, "asta{sv}");
        return r < 0 ? r : 0;
}

static int on_apply(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        uint64_t *revision = userdata;
        int r;

        (void) reterr_bus;

        r = read_arguments(m);
        return r < 0 ? r : sd_bus_reply_method_return(m, "ta{sv}", ++*revision, 0);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Apply", "a{sv}asta{sv}", "ta{sv}", on_apply, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int find_revision(sd_bus *bus,
                         const char *path,
                         const char *interface_name,
                         void *userdata,
                         void **ret_found,
                         sd_bus_error *reterr_bus)
{
        (void) bus;
        (void) path;
        (void) interface_name;
        (void) reterr_bus;

        *ret_found = userdata;
        return 1;
}

/* The client is there for as long as its connection, which frees itself then. */
static int serve(sd_event *event, int fd, uint64_t *revision)
{
        sd_bus *bus = NULL;
        sd_id128_t id;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_server(bus, true, id);
        if (r >= 0)
                r = sd_bus_set_anonymous(bus, true);
        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, REGENT_PATH, REGENT_NAMESPACE_INTERFACE,
                                               vtable, find_revision, revision);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                sd_bus_unref(bus);
        return r < 0 ? r : 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        (void) revents;

        if (client < 0)
                return -errno;
        return serve(sd_event_source_get_event(source), client, userdata);
}

static int listen_at(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;

        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof address) < 0 ||
            listen(fd, BACKLOG) < 0)
                return -errno;
        return fd;
}

int main(int argc, char **argv)
{
        uint64_t revision = 0;
        sd_event *event = NULL;
        int fd, r;

        if (argc != 2) {
                fprintf(stderr, "bench-bare-service SOCKET\n");
                return 2;
        }

        fd = listen_at(argv[1]);
        r = fd < 0 ? fd : sd_event_new(&event);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, fd, EPOLLIN, on_connection, &revision);
        if (r >= 0)
                r = sd_event_loop(event);
        if (r < 0)
                fprintf(stderr, "bench-bare-service: %s\n", strerror(-r));
        sd_event_unref(event);
        return r < 0;
}
