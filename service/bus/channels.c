/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channels
 *
 * All sockets are in one set, which is one source of the loop: so any number of channels costs a call
 * on the bus nothing, and all of them together have as large a share of the loop as the bus has. Those
 * with something to read take turns.
 *
 * A channel ends only here, between two messages, or because its connection has left, which is heard on
 * the bus: never below a handler of its own.
 */

#include "bus/channels.h"

#include "bus/authorizer.h"
#include "bus/bus-error.h"
#include "bus/caller.h"
#include "bus/channel-closings.h"
#include "bus/channel-intake.h"
#include "bus/flow.h"
#include "bus/options.h"
#include "util/auto.h"
#include "util/log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Messages that are taken in one go, from how many channels it may be. */
#define TURN_MESSAGES 8

/* And in how long, but for the last of them: the others on the bus wait meanwhile. */
#define TURN_USEC 1000

/* Within which a peer finishes what it has begun: authentication, or a message. */
#define FINISH_USEC (UINT64_C(30) * 1000000)

/* How often it is looked whether what is held may go on. */
#define HELD_USEC (UINT64_C(50) * 1000)

struct Channels {
        BusService *service;
        GHashTable *by_bus; /* sd_bus (in the Channel) -> owned Channel */
        GQueue owing;       /* Channel, by the time that they have */
        int set_fd;         /* epoll */
        int relay_fds[2];   /* a socket pair, empty between any two calls of bus/channel.c */
        ChannelClosings *closings;
        sd_event_source *source, *timer;
        bool has_call_left; /* this turn, that is not answered yet */
        bool has_rest;      /* likewise, that was not looked at */
        uint64_t n_made;    /* of all time */
        uint64_t n_quick;   /* likewise: calls */
        int n_at_once;      /* channels that have a turn in one go; fewer while theirs take long */
};

static void end_channel(Channel *channel)
{
        Channels *channels = channel->channels;
        Caller *caller = channel->caller;
        int fd = g_steal_fd(&channel->socket_fd);
        bool is_shut = channel->is_shut;
        uint32_t uid = caller->uid;

        if (channel->is_owing)
                g_queue_unlink(&channels->owing, &channel->in_owing);
        channel_intake_end(channel);
        g_queue_unlink(&caller->owner->channels, &channel->in_owner);
        /* Closed elsewhere it would stay in the set for as long as that takes. */
        (void) epoll_ctl(channels->set_fd, EPOLL_CTL_DEL, fd, NULL);
        callers_forget(channels->service->callers, caller->name);
        g_hash_table_remove(channels->by_bus, channel->bus);
        channel_closings_add(channels->closings, fd, is_shut, uid);
}

static void channel_destroy(gpointer channel)
{
        channel_free(channel);
}

/* what is begun and has to be finished */

static uint64_t now_usec(const Channels *channels)
{
        uint64_t usec = 0;

        (void) sd_event_now(channels->service->event, CLOCK_MONOTONIC, &usec);
        return usec;
}

static bool is_any_held(const Channels *channels)
{
        for (const GList *l = channels->owing.head; l; l = l->next)
                if (((const Channel *) l->data)->is_held)
                        return true;

        return false;
}

static void set_timer(Channels *channels)
{
        const Channel *first;
        uint64_t usec;

        if (!channels->owing.head) {
                (void) sd_event_source_set_enabled(channels->timer, SD_EVENT_OFF);
                return;
        }

        first = channels->owing.head->data;
        usec = first->until_usec;
        if (is_any_held(channels))
                usec = MIN(usec, now_usec(channels) + HELD_USEC);
        (void) sd_event_source_set_time(channels->timer, usec);
        (void) sd_event_source_set_enabled(channels->timer, SD_EVENT_ONESHOT);
}

static void note_owing(Channel *channel, bool is_owing)
{
        Channels *channels = channel->channels;
        /* Who goes on sending owes another message each time, and has its time for each. */
        bool is_same = is_owing == channel->is_owing &&
                       (!is_owing || channel->n_messages == channel->n_messages_noted);

        if (is_same)
                return;

        if (channel->is_owing)
                g_queue_unlink(&channels->owing, &channel->in_owing);
        if (is_owing) {
                channel->n_messages_noted = channel->n_messages;
                channel->until_usec = now_usec(channels) + FINISH_USEC;
                g_queue_push_tail_link(&channels->owing, &channel->in_owing);
        }
        channel->is_owing = is_owing;
        if (channels->owing.length <= 1 || channel->is_held)
                set_timer(channels);
}

/* They look again whether they may. */
static void let_go_on(const Channels *channels)
{
        for (const GList *l = channels->owing.head; l; l = l->next) {
                Channel *channel = l->data;

                if (!channel->is_held)
                        continue;
                channel->is_held = false;
                (void) channel_wait(channel);
        }
}

static int on_timer(sd_event_source *source G_GNUC_UNUSED, uint64_t usec, void *userdata)
{
        Channels *channels = userdata;

        while (channels->owing.head) {
                Channel *channel = channels->owing.head->data;

                if (channel->until_usec > usec)
                        break;
                log_notice("%s does not finish what it sends: its channel ends",
                           channel->caller->name);
                end_channel(channel);
        }
        let_go_on(channels);
        set_timer(channels);
        return 0;
}

/* turns */

/* Whether it has taken all that was sent. */
static bool note_taken(Channel *channel)
{
        if (channel_n_queued(channel) > 0)
                return false;
        channel->is_behind = flow_note_taken(channel->channels->service, channel->caller);
        return true;
}

static void take_turn(Channel *channel, int n_messages, int64_t end_usec)
{
        int r;

        channel->is_busy = true;
        do {
                (void) note_taken(channel);
                r = channel_process(channel);
        } while (r == CHANNEL_E_MORE && channel_n_queued(channel) == 0 && --n_messages > 0 &&
                 g_get_monotonic_time() < end_usec);

        if (r == CHANNEL_E_ENDED) {
                end_channel(channel);
                return;
        }
        channel->channels->has_call_left |= channel->caller->n_calls > 0;
        channel->channels->has_rest |= r == CHANNEL_E_MORE;
        if (note_taken(channel) && channel->is_behind) {
                flow_go_on(channel->channels->service, channel->caller);
                (void) note_taken(channel);
        }
        (void) channel_wait(channel);
        note_owing(channel, channel_owes(channel));
        channel->is_busy = false;
}

/*
 * Then a batch gains nothing from another round of the loop, which costs as much as a small write. Who has the only
 * channel waits for nobody.
 */
static bool is_all_read(const Channels *channels)
{
        sd_bus *bus = channels->service->bus;
        struct pollfd inputs[] = {
                { .fd = channels->set_fd, .events = POLLIN },
                { .fd = sd_bus_get_fd(bus), .events = POLLIN },
        };
        uint64_t n_messages = 0;

        if (g_hash_table_size(channels->by_bus) == 1)
                return !channels->has_rest;
        return sd_bus_get_n_queued_read(bus, &n_messages) >= 0 && n_messages == 0 &&
               poll(inputs, G_N_ELEMENTS(inputs), 0) == 0;
}

static int on_ready(sd_event_source *source G_GNUC_UNUSED,
                    int fd,
                    uint32_t revents G_GNUC_UNUSED,
                    void *userdata)
{
        Channels *channels = userdata;
        const BusPorts *ports = &channels->service->ports;
        struct epoll_event events[TURN_MESSAGES];
        int64_t end_usec = g_get_monotonic_time() + TURN_USEC;
        int n = epoll_wait(fd, events, channels->n_at_once, 0);

        channels->has_call_left = false;
        channels->has_rest = false;
        /* Each that is told of has its turn, for some are not told of again. */
        for (int i = 0; i < n; i++)
                take_turn(events[i].data.ptr, TURN_MESSAGES / n, end_usec);
        channels->n_at_once =
                g_get_monotonic_time() < end_usec ? MIN(2 * channels->n_at_once, TURN_MESSAGES) : 1;
        if (channels->has_call_left && is_all_read(channels))
                ports->write_now(ports->userdata);
        else
                ports->write_late(ports->userdata);
        return 0;
}

void channels_note_quick(const Channel *channel)
{
        channel->channels->n_quick++;
}

void channels_note_sent(const Caller *caller)
{
        Channel *channel = caller->channel;

        if (!channel || channel->is_busy)
                return;

        channel->is_busy = true;
        (void) note_taken(channel);
        (void) channel_wait(channel);
        channel->is_busy = false;
}

/* all of them */

int channels_new(Channels **ret_channels, BusService *service)
{
        g_autoptr(Channels) channels = g_new(Channels, 1);
        int r;

        *channels = (Channels){
                .service = service,
                .closings = channel_closings_new(state_accounts(service->state)),
                .by_bus = g_hash_table_new_full(NULL, NULL, NULL, channel_destroy),
                .set_fd = epoll_create1(EPOLL_CLOEXEC),
                .relay_fds = { -1, -1 },
                .n_at_once = TURN_MESSAGES,
        };
        if (channels->set_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                               0, channels->relay_fds) < 0)
                return -errno;

        r = sd_event_add_io(service->event, &channels->source, channels->set_fd, EPOLLIN, on_ready,
                            channels);
        if (r >= 0)
                r = sd_event_add_time(service->event, &channels->timer, CLOCK_MONOTONIC, 0, 0,
                                      on_timer, channels);
        if (r >= 0)
                r = sd_event_source_set_enabled(channels->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_channels = g_steal_pointer(&channels);
        return 0;
}

static void end_all(Channels *channels)
{
        GHashTableIter iter;
        gpointer channel;

        for (;;) {
                g_hash_table_iter_init(&iter, channels->by_bus);
                if (!g_hash_table_iter_next(&iter, NULL, &channel))
                        return;
                end_channel(channel);
        }
}

Channels *channels_free(Channels *channels)
{
        if (!channels)
                return NULL;

        end_all(channels);
        sd_event_source_disable_unref(channels->source);
        sd_event_source_disable_unref(channels->timer);
        g_hash_table_unref(channels->by_bus);
        if (channels->set_fd >= 0)
                close(channels->set_fd);
        channel_closings_free(channels->closings);
        for (size_t i = 0; i < G_N_ELEMENTS(channels->relay_fds); i++)
                if (channels->relay_fds[i] >= 0)
                        close(channels->relay_fds[i]);
        g_free(channels);
        return NULL;
}

void channels_end_of(const Caller *caller)
{
        while (caller->channels.head)
                end_channel(caller->channels.head->data);
}

size_t channels_count(const Channels *channels)
{
        return g_hash_table_size(channels->by_bus) + channel_closings_count(channels->closings);
}

const char *channels_sender(const BusService *service, sd_bus_message *m)
{
        sd_bus *bus = sd_bus_message_get_bus(m);
        const Channel *channel;

        if (bus == service->bus)
                return sd_bus_message_get_sender(m);

        channel = g_hash_table_lookup(service->channels->by_bus, bus);
        return channel ? channel->caller->name : NULL;
}

uint64_t channels_reply_max(const BusService *service, sd_bus_message *m)
{
        return sd_bus_message_get_bus(m) == service->bus ? service->limits->reply_bytes
                                                         : service->limits->channel_reply_bytes;
}

bool channels_is_from_bus(const BusService *service, sd_bus_message *m)
{
        return sd_bus_message_get_bus(m) == service->bus &&
               g_strcmp0(sd_bus_message_get_sender(m), "org.freedesktop.DBus") == 0;
}

void channels_add_statistics(Channels *channels, uint32_t uid, GVariantDict *statistics)
{
        const Accounts *accounts = state_accounts(channels->service->state);

        channel_closings_look(channels->closings);
        g_variant_dict_insert(statistics, "channels", "t", (guint64) channels_count(channels));
        g_variant_dict_insert(statistics, "channels-made", "t", channels->n_made);
        g_variant_dict_insert(statistics, "quick-calls", "t", channels->n_quick);
        g_variant_dict_insert(statistics, "uid-channels", "t",
                              accounts_get(accounts, uid, ACCOUNT_CHANNELS));
        if (uid != 0)
                g_variant_dict_insert(statistics, "uid-channels-max", "t",
                                      channels->service->limits->uid_channels);
}

/* Connect */

static int check_number(Channels *channels, const Caller *caller, sd_bus_error *reterr_bus)
{
        const Limits *limits = channels->service->limits;
        const Accounts *accounts = state_accounts(channels->service->state);

        channel_closings_look(channels->closings);
        if (!accounts_may_charge(accounts, caller->uid, ACCOUNT_CHANNELS, 1, limits->uid_channels))
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                     "This user has %" PRIu64
                                                     " channels, as many as it may have",
                                                     limits->uid_channels));
        if (channels_count(channels) >= limits->channels)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                     "There are %" PRIu64
                                                     " channels, as many as there may be",
                                                     limits->channels));
        return 0;
}

static int add_channel(Channels *channels, Caller *owner, Channel *channel)
{
        g_autofree char *address =
                g_strdup_printf("%s/%" PRIu64, owner->name, channels->n_made + 1);
        int r;

        channel->channels = channels;
        channel->set_fd = channels->set_fd;
        channel->relay_fds = channels->relay_fds;
        r = channel_wait(channel);
        if (r < 0)
                return r;

        channels->n_made++;
        channel->caller = callers_add_channel(channels->service->callers, owner, address, channel);
        g_queue_push_tail_link(&owner->channels, &channel->in_owner);
        accounts_charge(state_accounts(channels->service->state), owner->uid, ACCOUNT_CHANNELS, 1);
        g_hash_table_insert(channels->by_bus, channel->bus, channel);
        note_owing(channel, true);
        return 0;
}

/* Once it is in the message the descriptor is the message's. */
static int reply_socket(BusService *service, sd_bus_message *m, int peer_fd)
{
        int r;

        r = sd_bus_reply_method_return(m, "h", peer_fd);
        close(peer_fd);
        if (r >= 0)
                flow_charge_descriptors(service, m, 1);
        return r;
}

static int open_channel(BusService *service, Caller *owner, int *ret_peer_fd)
{
        g_autoptr(Channel) channel = NULL;
        int fd, r;

        r = channel_new(&channel, service, &fd);
        if (r < 0)
                return r;

        r = add_channel(service->channels, owner, channel);
        if (r < 0) {
                close(fd);
                return r;
        }

        g_steal_pointer(&channel);
        *ret_peer_fd = fd;
        return 0;
}

static int read_option(sd_bus_message *m G_GNUC_UNUSED,
                       const char *name,
                       void *userdata G_GNUC_UNUSED,
                       sd_bus_error *reterr_bus)
{
        return option_unknown(name, reterr_bus);
}

int channels_method_connect(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        Caller *caller;
        int fd, r;

        r = options_read(m, read_option, NULL, reterr_bus);
        if (r < 0)
                return r;

        r = authorizer_identify(service, m, channels_method_connect, 0, &caller, reterr_bus);
        if (r == 0)
                r = check_number(service->channels, caller, reterr_bus);
        if (r == 0)
                r = flow_admit_descriptors(service, m, channels_method_connect, 1, reterr_bus);
        if (r == 0)
                r = open_channel(service, caller_on_bus(caller), &fd);
        if (r == 0)
                r = reply_socket(service, m, fd);
        return bus_error_set_no_descriptors(reterr_bus, r);
}
