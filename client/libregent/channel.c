/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channel: a connection to regentd without the bus between
 */

#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* In a function of its own, for it is the channel's before all else has gone well. */
static int give_socket(sd_bus *channel, int fd)
{
        int r;

        r = sd_bus_set_fd(channel, fd, fd);
        if (r < 0)
                close(fd);
        return r;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *reterr)
{
        (void) reterr;

        link_break(userdata, sd_bus_message_get_bus(m));
        return 0;
}

/* Before the bus: what came over the channel comes before the news that regentd is gone. */
static int prepare(Regent *regent, sd_bus *channel, int fd)
{
        int r;

        r = give_socket(channel, fd);
        if (r < 0)
                return r;

        r = sd_bus_set_anonymous(channel, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(channel, true);
        if (r >= 0)
                r = sd_bus_set_description(channel, "regent-channel");
        if (r >= 0)
                r = sd_bus_start(channel);
        if (r >= 0)
                r = sd_bus_attach_event(channel, regent->event, SD_EVENT_PRIORITY_NORMAL - 1);
        if (r >= 0)
                r = inbound_attach(regent, channel);
        if (r >= 0)
                r = sd_bus_match_signal(channel, NULL, NULL, NULL, "org.freedesktop.DBus.Local",
                                        "Disconnected", on_disconnected, regent);

        return r < 0 ? r : 0;
}

int channel_new(Regent *regent, int fd, sd_bus **ret)
{
        sd_bus *channel;
        int r, own;

        r = sd_bus_new(&channel);
        if (r < 0)
                return r;

        own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        r = own < 0 ? -errno : prepare(regent, channel, own);
        if (r < 0) {
                sd_bus_close_unref(channel);
                return r;
        }

        *ret = channel;
        return 0;
}

bool channel_is_hung_up(sd_bus *channel)
{
        struct pollfd poll_fd = { .fd = sd_bus_get_fd(channel), .events = POLLRDHUP };

        return poll_fd.fd < 0 || poll(&poll_fd, 1, 0) > 0;
}
