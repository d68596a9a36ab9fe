/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel
 *
 *            GREETING          READY               READY, within a message
 *   input    sd-bus's          looked at first     sd-bus's
 *   output   sd-bus's          before any input    before any input
 *
 * sd-bus has its prepare callback run for each connection at each turn of the loop, so none of them is
 * attached to it; bus/channels.c says when there is something to do.
 *
 * While output waits no more is read: who does not read the answers cannot ask for more of them.
 * sd-bus would make room for any message whose header says that it is long, so a header is looked at
 * before sd-bus gets it.
 */

#include "bus/channel.h"

#include "bus/bus-error.h"
#include "core/limits.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the kernel keeps of each direction, before it doubles it for its own use. */
#define SOCKET_BYTES (128 * 1024)

static int on_message(sd_bus_message *m G_GNUC_UNUSED,
                      void *userdata,
                      sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        channel_note_message(userdata);
        return 0;
}

void channel_note_message(Channel *channel)
{
        channel->is_within = false;
        channel->n_messages++;
}

static int open_bus(Channel *channel, int fd)
{
        sd_id128_t id;
        int r;

        r = sd_bus_new(&channel->bus);
        if (r >= 0)
                r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_server(channel->bus, true, id);
        /* Who has the other end was settled when it was handed over. */
        if (r >= 0)
                r = sd_bus_set_anonymous(channel->bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(channel->bus, true);
        if (r >= 0)
                r = sd_bus_set_fd(channel->bus, fd, fd);
        return r < 0 ? r : 0;
}

/* sd-bus makes the buffers as large as it can; where regentd is privileged that is much. */
static int bound_socket(int fd)
{
        static const int n_bytes = SOCKET_BYTES;

        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n_bytes, sizeof n_bytes) < 0)
                return -errno;
        return 0;
}

int channel_new(Channel **ret_channel, BusService *service, int *ret_peer_fd)
{
        g_autoptr(Channel) channel = g_new(Channel, 1);
        int fds[2], r;

        *channel = (Channel){ .fd = -1 };
        channel->in_owner.data = channel;
        channel->in_owing.data = channel;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;

        r = open_bus(channel, fds[0]);
        if (r < 0)
                close(fds[0]);
        else
                channel->fd = fds[0];
        if (r >= 0)
                r = bus_service_export(service, channel->bus);
        /* The last one added is the first to be asked. */
        if (r >= 0)
                r = sd_bus_add_filter(channel->bus, NULL, on_message, channel);
        if (r >= 0)
                r = sd_bus_start(channel->bus);
        if (r >= 0)
                r = bound_socket(channel->fd);
        if (r < 0) {
                close(fds[1]);
                return r;
        }

        *ret_peer_fd = fds[1];
        *ret_channel = g_steal_pointer(&channel);
        return 0;
}

Channel *channel_free(Channel *channel)
{
        if (!channel)
                return NULL;

        /* A message that somebody holds holds the bus, too: it is closed here and not with the last. */
        sd_bus_close(channel->bus);
        sd_bus_unref(channel->bus);
        g_free(channel);
        return NULL;
}

uint64_t channel_n_queued(const Channel *channel)
{
        uint64_t n = 0;

        return sd_bus_get_n_queued_write(channel->bus, &n) < 0 ? 0 : n;
}

uint32_t channel_events(const Channel *channel)
{
        int events;

        if (channel->is_greeted)
                return channel_n_queued(channel) > 0 ? EPOLLOUT : EPOLLIN;

        events = sd_bus_get_events(channel->bus);
        return EPOLLIN | (events > 0 && (events & EPOLLOUT) ? EPOLLOUT : 0);
}

int channel_process(Channel *channel)
{
        int r;

        r = sd_bus_process(channel->bus, NULL);
        if (r < 0)
                log_debug("A channel ends: %s", g_strerror(-r));
        if (r < 0 || sd_bus_is_open(channel->bus) <= 0)
                return CHANNEL_E_ENDED;

        channel->is_greeted = channel->is_greeted || sd_bus_is_ready(channel->bus) > 0;
        return r > 0 ? CHANNEL_E_MORE : 0;
}
