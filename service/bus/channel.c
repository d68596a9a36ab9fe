/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channel
 *
 * sd-bus has its prepare callback run for each connection at each turn of the loop, so none of them is
 * attached to it; bus/channels.c says when there is something to do.
 *
 * While output waits no more is read: who does not read the answers cannot ask for more of them. What is
 * read is looked at first, see bus/channel-intake.h; sd-bus takes no more than one message at a time, to
 * its last byte, so what comes next is known to be a header.
 */

#include "bus/channel.h"

#include "bus/caller.h"
#include "bus/channel-intake.h"
#include "bus/channel-socket.h"
#include "bus/quick-call.h"
#include "core/limits.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A sender that the peer makes up says nothing, but a reply would go to it, and could not. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Channel *channel = userdata;
        const char *sender = sd_bus_message_get_sender(m);

        channel_note_message(channel);
        channel->is_broken = sender && sd_bus_service_name_is_valid(sender) <= 0;
        return channel->is_broken;
}

void channel_note_message(Channel *channel)
{
        channel->is_within = false;
        channel->n_messages++;
        channel_intake_end(channel);
}

static int open_bus(Channel *channel)
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
                r = sd_bus_set_fd(channel->bus, channel->fd, channel->output_fd);
        return r < 0 ? r : 0;
}

static int open_sockets(Channel *channel, int *ret_peer_fd)
{
        int fds[2], r;

        r = channel_socket_new(fds, &channel->is_shut);
        if (r < 0)
                return r;

        channel->socket_fd = fds[0];
        r = channel_greeting_new(&channel->greeting, fds[0], &channel->fd);
        if (r >= 0) {
                channel->output_fd = fcntl(channel->fd, F_DUPFD_CLOEXEC, 3);
                r = channel->output_fd < 0 ? -errno : 0;
        }
        if (r < 0 && channel->fd >= 0)
                close(channel->fd);
        if (r < 0) {
                close(fds[1]);
                return r;
        }

        *ret_peer_fd = fds[1];
        return 0;
}

static int start_bus(Channel *channel, BusService *service)
{
        int r;

        r = open_bus(channel);
        if (r < 0) {
                close(channel->fd);
                close(channel->output_fd);
                return r;
        }

        r = bus_service_export(service, channel->bus);
        /* The last one added is the first to be asked. */
        if (r >= 0)
                r = sd_bus_add_filter(channel->bus, NULL, on_message, channel);
        if (r >= 0)
                r = sd_bus_start(channel->bus);
        return r < 0 ? r : 0;
}

int channel_new(Channel **ret_channel, BusService *service, int *ret_peer_fd)
{
        g_autoptr(Channel) channel = g_new(Channel, 1);
        int peer_fd = -1, r;

        *channel = (Channel){ .socket_fd = -1, .fd = -1, .output_fd = -1 };
        channel->in_owner.data = channel;
        channel->in_owing.data = channel;

        r = open_sockets(channel, &peer_fd);
        if (r < 0)
                return r;

        r = start_bus(channel, service);
        if (r < 0) {
                close(peer_fd);
                return r;
        }

        *ret_peer_fd = peer_fd;
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
        channel_greeting_free(channel->greeting);
        if (channel->socket_fd >= 0)
                close(channel->socket_fd);
        g_free(channel);
        return NULL;
}

uint64_t channel_n_queued(const Channel *channel)
{
        uint64_t n = 0;

        return sd_bus_get_n_queued_write(channel->bus, &n) < 0 ? 0 : n;
}

bool channel_is_read(const Channel *channel)
{
        int n_bytes = 0;

        return ioctl(channel->socket_fd, SIOCOUTQ, &n_bytes) < 0 || n_bytes == 0;
}

static uint32_t wanted_events(const Channel *channel)
{
        /* What cannot be used yet is left in the socket. */
        if (channel->greeting || channel->is_partial)
                return EPOLLIN | EPOLLET;
        if (channel_n_queued(channel) > 0)
                return EPOLLOUT;
        return (channel->is_held ? 0 : EPOLLIN) | (channel->is_behind ? EPOLLOUT : 0);
}

int channel_wait(Channel *channel)
{
        struct epoll_event event = { .events = wanted_events(channel), .data.ptr = channel };

        if (channel->is_waiting && event.events == channel->events)
                return 0;
        if (epoll_ctl(channel->set_fd, channel->is_waiting ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
                      channel->socket_fd, &event) < 0)
                return -errno;

        channel->is_waiting = true;
        channel->events = event.events;
        return 0;
}

bool channel_owes(const Channel *channel)
{
        /* What waits in the socket while output is to be read is not its fault. */
        return channel->greeting ||
               ((channel->is_within || channel->is_partial || channel->is_held) &&
                channel_n_queued(channel) == 0);
}

static int greet(Channel *channel)
{
        int r = channel_greeting_go_on(channel->greeting, channel->bus, channel->fd,
                                       channel->output_fd);

        if (r < 0)
                return CHANNEL_E_ENDED;
        if (r != CHANNEL_GREETING_E_DONE)
                return r;

        channel->greeting = channel_greeting_free(channel->greeting);
        return CHANNEL_E_MORE;
}

/* The next messages: 0 when some were taken, or sd-bus may take it; or CHANNEL_INTAKE_E_*. */
static int look(Channel *channel, bool *ret_is_taken)
{
        uint8_t bytes[CHANNEL_INTAKE_LOOK_BYTES];
        size_t n_bytes;
        ssize_t n;
        int r;

        r = channel_intake_look(channel, bytes, &n_bytes);
        channel->is_partial = r == CHANNEL_INTAKE_E_PART;
        channel->is_held = r == CHANNEL_INTAKE_E_HELD;
        if (r != 0)
                return r;

        n = channel->n_missing == 0 ? quick_call_take(channel, bytes, n_bytes) : 0;
        if (n < 0)
                return CHANNEL_INTAKE_E_ENDED;

        *ret_is_taken = n > 0;
        channel->is_last |= (size_t) n == n_bytes && n_bytes < sizeof bytes;
        channel->is_within = n == 0; /* until it is known to be whole */
        return 0;
}

/*
 * Lets sd-bus do something while its input is another socket. When it ends its bus it closes both of
 * its sockets, whose numbers may be somebody else's then.
 */
static int process_relay(const Channel *channel)
{
        int r;

        if (sd_bus_is_open(channel->bus) <= 0)
                return -ECONNRESET;
        if (dup3(channel->relay_fds[0], channel->fd, O_CLOEXEC) < 0)
                return -errno;
        r = sd_bus_process(channel->bus, NULL);
        if (sd_bus_is_open(channel->bus) <= 0)
                return -ECONNRESET;
        if (dup3(channel->socket_fd, channel->fd, O_CLOEXEC) < 0)
                return -errno;
        return r;
}

/* sd-bus cannot be told to write alone. So it finds nothing to read. */
static int write_queued(const Channel *channel)
{
        return process_relay(channel);
}

/* Whatever is in it would be taken for another channel's. */
static bool empty_relay(const Channel *channel)
{
        char rest[1024];
        bool was_empty = true;

        while (recv(channel->relay_fds[0], rest, sizeof rest, MSG_DONTWAIT) > 0)
                was_empty = false;
        return was_empty;
}

/*
 * sd-bus takes what has come meanwhile, too, and with it descriptors that nobody has seen. So it gets
 * a part of a message from elsewhere.
 */
static int read_part(Channel *channel)
{
        ssize_t n =
                channel_socket_move(channel->socket_fd, channel->relay_fds[1], channel->n_missing);
        int r;

        if (n == -EAGAIN || n == -EINTR)
                return 0;
        if (n <= 0)
                return n < 0 ? (int) n : -ECONNRESET;

        channel->n_missing -= (uint64_t) n;
        r = process_relay(channel);
        if (!empty_relay(channel))
                return -EBADMSG;
        return r;
}

static int read_message(Channel *channel)
{
        bool is_whole = channel_intake_completes(channel);
        int r;

        if (is_whole || channel->is_shut) {
                r = sd_bus_process(channel->bus, NULL);
        } else {
                r = read_part(channel);
                is_whole = channel->n_missing == 0;
        }
        channel->is_broken |= is_whole && channel->is_within;
        return r;
}

static int take_message(Channel *channel)
{
        bool is_taken = false;
        int r;

        r = channel->is_within ? 0 : look(channel, &is_taken);
        if (r == CHANNEL_INTAKE_E_ENDED)
                return -ECONNRESET;
        if (r != 0)
                return 0;

        r = is_taken ? 1 : read_message(channel);
        /* Whoever waits for an answer that is still to come has probably sent nothing more. */
        if (r > 0 && channel->is_last && !channel->is_within && channel->caller->n_calls > 0)
                return 0;
        return r;
}

int channel_process(Channel *channel)
{
        int r;

        if (channel->greeting)
                return greet(channel);

        r = channel_n_queued(channel) > 0 ? write_queued(channel) : take_message(channel);
        if (r < 0)
                log_debug("A channel ends: %s", g_strerror(-r));
        if (r < 0 || channel->is_broken || sd_bus_is_open(channel->bus) <= 0)
                return CHANNEL_E_ENDED;
        return r > 0 ? CHANNEL_E_MORE : 0;
}
