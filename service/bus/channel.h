/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Channel
 *
 * A socket pair between regentd and one client, with the same objects on it as on the bus and no bus
 * between. Who is at its other end is what the bus said of the connection that asked for it; nothing
 * that comes through the socket says so.
 */

#include "bus/bus-service.h"
#include "bus/channel-greeting.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct Caller Caller;
typedef struct Channel Channel;
typedef struct Channels Channels;

enum {
        CHANNEL_E_MORE = 1, /* something was done, and there may be more to do */
        CHANNEL_E_ENDED,    /* by its peer, or by what that sent */
};

struct Channel {
        Channels *channels;
        Caller *caller; /* of its own address */
        GList in_owner; /* of the channels of its connection */
        sd_bus *bus;
        int socket_fd;
        bool is_shut;         /* for descriptors, see bus/channel-socket.h */
        int fd, output_fd;    /* the bus's; the same socket, once it is greeted */
        const int *relay_fds; /* borrowed: what is written to the second comes from the first */
        ChannelGreeting *greeting; /* NULL: it is over */
        int set_fd;                /* epoll, borrowed */
        bool is_waiting;           /* it is in the set, */
        uint32_t events;           /* for these */
        bool is_busy;              /* it is looked after already, further up */
        bool is_within;            /* sd-bus has a part of a message, and the rest is to come */
        bool is_broken;            /* it has sent what cannot be answered */
        bool is_partial;           /* a part of a header has come */
        bool is_last;             /* behind the message that was looked at last there was nothing */
        bool is_held;             /* it may not go on with a long message, for now */
        uint64_t n_missing;       /* bytes of what it is within, at most */
        uint64_t n_charged_bytes; /* see bus/channel-intake.h */
        bool is_behind;           /* it has taken all, and missed something before */
        bool is_owing;            /* what it has begun it has to finish */
        uint64_t until_usec;
        GList in_owing;
        uint32_t n_quick;                      /* replies, see bus/quick-call.h */
        uint64_t n_messages, n_messages_noted; /* the latter when it got its time */
};

/* Makes one with the objects of @service. *ret_peer_fd is the other end, for the client. */
int channel_new(Channel **ret_channel, BusService *service, int *ret_peer_fd);

/* What is left of it stands in no table any more. */
Channel *channel_free(Channel *channel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Channel, channel_free)

/* Sends what waits, and takes one message at most: 0 or CHANNEL_E_*. */
int channel_process(Channel *channel);

/* A message of its peer was whole. */
void channel_note_message(Channel *channel);

/* Messages that the socket has not taken. */
uint64_t channel_n_queued(const Channel *channel);

/* Whether its peer has read all that the socket has taken. */
bool channel_is_read(const Channel *channel);

/* Waits in the set for what it needs next. */
int channel_wait(Channel *channel);

/* Whether it has begun what it has to finish. */
bool channel_owes(const Channel *channel);
