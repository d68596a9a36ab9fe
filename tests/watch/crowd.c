/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch-crowd: very many watchers of one namespace, and a burst of commits
 *
 * One process has all connections and one loop. It writes as fast as answers come, with some calls
 * under way, and every watcher checks each signal. Then, on the same bus and with the same loop, one
 * connection sends as many signals of the same content to the same receivers: that is what the bus
 * needs for the fan-out alone, without regentd. The writer is whoever calls, the watchers are UID.
 * PID is regentd, whose memory is looked at. Prints one JSON object.
 */

#include "client/regent-names.h"
#include "receiver.h"
#include "tests/bench/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define UNDER_WAY    16
#define TURN_MSEC    100
#define EVENTS_MAX   256
#define STALLED_USEC (UINT64_C(20) * 1000000)
#define PADDING      "................................................................"

typedef struct Crowd {
        const char *path;
        sd_bus *writer;
        char *epoch;
        int epoll;
        Receiver *receivers;
        uint32_t n_receivers;
        uint64_t n_commits;
        uint64_t n_sent;
        uint64_t n_answered;
        uint64_t n_refused;
        const char *status;  /* of regentd, below /proc */
        uint64_t memory_kib; /* the most that was seen */
        uint64_t progressed_usec;
        uint64_t asked_usec;
} Crowd;

static void crowd_clear(Crowd *crowd)
{
        for (uint32_t i = 0; i < crowd->n_receivers; i++)
                receiver_end(&crowd->receivers[i]);
        g_free(crowd->receivers);
        g_free(crowd->epoch);
        sd_bus_flush_close_unref(crowd->writer);
        if (crowd->epoll >= 0)
                close(crowd->epoll);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Crowd, crowd_clear)

/* Resident memory of regentd; 0 when it is gone. */
static uint64_t read_memory_kib(const char *status)
{
        g_autofree char *text = NULL;
        const char *line;

        if (!g_file_get_contents(status, &text, NULL, NULL))
                return 0;

        line = strstr(text, "VmRSS:");
        return line ? strtoull(line + strlen("VmRSS:"), NULL, 10) : 0;
}

static int crowd_listen(Crowd *crowd, sd_bus *bus, Receiver *receiver)
{
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = receiver };

        return epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, sd_bus_get_fd(bus), &event) < 0 ? -errno : 0;
}

static int crowd_begin(Crowd *crowd, const char *address, uid_t uid)
{
        int r;

        crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (crowd->epoll < 0)
                return -errno;

        r = bus_open(&crowd->writer, address);
        if (r < 0)
                return r;

        r = sd_bus_get_property_string(crowd->writer, REGENT_BUS_NAME, REGENT_PATH,
                                       REGENT_MANAGER_INTERFACE, "Epoch", NULL, &crowd->epoch);
        if (r < 0)
                return r;

        if (seteuid(uid) < 0)
                return -errno;

        for (uint32_t i = 0; i < crowd->n_receivers; i++) {
                Receiver *receiver = &crowd->receivers[i];

                r = receiver_begin(receiver, address, crowd->path, crowd->epoch);
                if (r < 0)
                        return r;

                r = receiver_watch(receiver);
                if (r < 0)
                        return r;

                r = crowd_listen(crowd, receiver->bus, receiver);
                if (r < 0)
                        return r;
        }

        return crowd_listen(crowd, crowd->writer, NULL);
}

/* Takes what has arrived, for whomever it is. -ETIMEDOUT: nothing has, for very long. */
static int crowd_turn(Crowd *crowd)
{
        struct epoll_event events[EVENTS_MAX];
        int n_events;
        int r;

        n_events = epoll_wait(crowd->epoll, events, EVENTS_MAX, TURN_MSEC);
        if (n_events < 0)
                return -errno;

        if (n_events > 0)
                crowd->progressed_usec = now_usec();
        else if (now_usec() - crowd->progressed_usec > STALLED_USEC)
                return -ETIMEDOUT;

        for (int i = 0; i < n_events; i++) {
                if (events[i].data.ptr) {
                        r = receiver_process(events[i].data.ptr);
                        if (r < 0)
                                return r;
                        continue;
                }

                do
                        r = sd_bus_process(crowd->writer, NULL);
                while (r > 0);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Those that were refused ask again, now and then. */
static int crowd_ask_again(Crowd *crowd)
{
        int r = 0;

        if (now_usec() - crowd->asked_usec < UINT64_C(1000) * TURN_MSEC)
                return 0;

        crowd->asked_usec = now_usec();
        for (uint32_t i = 0; r >= 0 && i < crowd->n_receivers; i++)
                r = receiver_ask(&crowd->receivers[i]);
        return r < 0 ? r : 0;
}

/* How many commits every receiver knows of. */
static uint64_t crowd_n_seen(const Crowd *crowd)
{
        uint64_t n_seen = UINT64_MAX;

        for (uint32_t i = 0; i < crowd->n_receivers; i++)
                n_seen = MIN(n_seen, crowd->receivers[i].n_seen);
        return n_seen;
}

static int on_set(sd_bus_message *reply, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Crowd *crowd = userdata;

        crowd->n_answered++;
        if (sd_bus_message_is_method_error(reply, NULL))
                crowd->n_refused++;
        if (crowd->n_answered % UNDER_WAY == 0)
                crowd->memory_kib = MAX(crowd->memory_kib, read_memory_kib(crowd->status));
        return 0;
}

static int crowd_send_set(Crowd *crowd)
{
        char text[128];

        g_snprintf(text, sizeof text, "%" PRIu64 PADDING, ++crowd->n_sent);
        return sd_bus_call_method_async(crowd->writer, NULL, REGENT_BUS_NAME, crowd->path,
                                        REGENT_NAMESPACE_INTERFACE, "Set", on_set, crowd, "sv",
                                        RECEIVER_KEY, "s", text);
}

/* All commits, until every watcher knows of the last one. */
static int crowd_write(Crowd *crowd, uint64_t *ret_written_usec, uint64_t *ret_delivered_usec)
{
        uint64_t begin = now_usec();
        uint64_t written = 0;
        int r;

        crowd->progressed_usec = begin;
        while (written == 0 || crowd_n_seen(crowd) < crowd->n_commits) {
                while (crowd->n_sent < crowd->n_commits &&
                       crowd->n_sent < crowd->n_answered + UNDER_WAY) {
                        r = crowd_send_set(crowd);
                        if (r < 0)
                                return r;
                }

                r = crowd_turn(crowd);
                if (r >= 0)
                        r = crowd_ask_again(crowd);
                if (r < 0)
                        return r;

                if (written == 0 && crowd->n_answered == crowd->n_commits)
                        written = now_usec();
                if (crowd->n_refused > 0)
                        return -EBADMSG;
        }

        *ret_written_usec = written - begin;
        *ret_delivered_usec = now_usec() - begin;
        return 0;
}

/* What regentd would send for one commit, to all. */
static int send_signals(Crowd *crowd, sd_bus *sender, const char *ns_name, uint64_t number)
{
        char text[128];
        int r;

        g_snprintf(text, sizeof text, "%" PRIu64 PADDING, number);
        for (uint32_t i = 0; i < crowd->n_receivers; i++) {
                g_autoptr(sd_bus_message) signal = NULL;
                const char *destination;

                r = sd_bus_get_unique_name(crowd->receivers[i].bus, &destination);
                if (r >= 0)
                        r = sd_bus_message_new_signal(sender, &signal, crowd->path,
                                                      REGENT_NAMESPACE_INTERFACE, "Changed");
                if (r >= 0)
                        r = sd_bus_message_set_destination(signal, destination);
                if (r >= 0)
                        r = sd_bus_message_append(signal, "tstta{sv}asas", UINT64_C(1), ns_name,
                                                  number - 1, number, 1, RECEIVER_KEY, "s", text, 0,
                                                  0);
                if (r >= 0)
                        r = sd_bus_send(sender, signal, NULL);
                if (r < 0)
                        return r;
        }

        return sd_bus_flush(sender);
}

/* The same fan-out from a connection that does nothing else. */
static int crowd_send_alone(Crowd *crowd,
                            const char *address,
                            const char *ns_name,
                            uint64_t *ret_usec)
{
        g_autoptr(sd_bus) sender = NULL;
        uint64_t begin;
        int r;

        r = bus_open(&sender, address);
        if (r < 0)
                return r;

        for (uint32_t i = 0; i < crowd->n_receivers; i++)
                crowd->receivers[i].n_seen = crowd->receivers[i].last = 0;

        begin = crowd->progressed_usec = now_usec();
        for (uint64_t number = 1; crowd_n_seen(crowd) < crowd->n_commits;) {
                if (number <= crowd->n_commits && number <= crowd_n_seen(crowd) + UNDER_WAY) {
                        r = send_signals(crowd, sender, ns_name, number++);
                        if (r < 0)
                                return r;
                        continue;
                }

                r = crowd_turn(crowd);
                if (r < 0)
                        return r;
        }

        *ret_usec = now_usec() - begin;
        return 0;
}

static int crowd_run(Crowd *crowd, const char *address, const char *ns_name, uid_t uid)
{
        uint64_t n_changes = 0;
        uint64_t n_gaps = 0;
        uint64_t n_resynchronized = 0;
        uint64_t n_refused = 0;
        uint64_t n_wrong = 0;
        uint64_t written;
        uint64_t delivered;
        uint64_t alone;
        uint64_t memory;
        int r;

        r = crowd_begin(crowd, address, uid);
        if (r < 0)
                return r;

        memory = read_memory_kib(crowd->status);
        r = crowd_write(crowd, &written, &delivered);
        if (r < 0)
                return r;

        for (uint32_t i = 0; i < crowd->n_receivers; i++) {
                n_changes += crowd->receivers[i].n_changes;
                n_gaps += crowd->receivers[i].n_gaps;
                n_resynchronized += crowd->receivers[i].n_resynchronized;
                n_refused += crowd->receivers[i].n_refused;
                n_wrong += crowd->receivers[i].n_wrong;
        }

        r = crowd_send_alone(crowd, address, ns_name, &alone);
        if (r < 0)
                return r;

        printf("{\"changes\": %" PRIu64 ", \"gaps\": %" PRIu64 ", \"resynchronized\": %" PRIu64
               ", \"refused\": %" PRIu64 ", \"wrong\": %" PRIu64 ", \"written_usec\": %" PRIu64
               ", \"delivered_usec\": %" PRIu64 ", \"alone_usec\": %" PRIu64
               ", \"memory_kib\": %" PRIu64 ", \"memory_max_kib\": %" PRIu64 "}\n",
               n_changes, n_gaps, n_resynchronized, n_refused, n_wrong, written, delivered, alone,
               memory, crowd->memory_kib);
        return 0;
}

/* Of those that do not know of the last commit, the first. */
static void print_behind(const Crowd *crowd)
{
        for (uint32_t i = 0; i < crowd->n_receivers; i++) {
                const Receiver *receiver = &crowd->receivers[i];

                if (receiver->n_seen >= crowd->n_commits)
                        continue;

                fprintf(stderr,
                        "watch-crowd: watch %" PRIu64 " knows of %" PRIu64 ", to %" PRIu64
                        ", after %" PRIu64 " gaps and %" PRIu64 " Resynchronize%s%s\n",
                        receiver->watch, receiver->n_seen, receiver->last, receiver->n_gaps,
                        receiver->n_resynchronized, receiver->is_resynchronized ? ", stale" : "",
                        receiver->is_asking ? ", asking" : "");
                return;
        }
}

/* A descriptor for each connection. */
static void raise_limit(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
}

int main(int argc, char **argv)
{
        g_auto(Crowd) crowd = { .epoll = -1 };
        g_autofree char *status = NULL;
        int r;

        if (argc != 8) {
                fputs("watch-crowd ADDRESS NAMESPACE PATH WATCHERS COMMITS PID UID\n", stderr);
                return 2;
        }

        raise_limit();
        status = g_strdup_printf("/proc/%s/status", argv[6]);
        crowd.path = argv[3];
        crowd.n_receivers = (uint32_t) strtoul(argv[4], NULL, 10);
        crowd.n_commits = strtoull(argv[5], NULL, 10);
        crowd.status = status;
        crowd.receivers = g_new0(Receiver, crowd.n_receivers);
        r = crowd_run(&crowd, argv[1], argv[2], (uid_t) strtoul(argv[7], NULL, 10));
        if (r < 0) {
                fprintf(stderr,
                        "watch-crowd: %s, with %" PRIu64 " of %" PRIu64 " answered, %" PRIu64
                        " refused, and %" PRIu64 " known to all\n",
                        strerror(-r), crowd.n_answered, crowd.n_sent, crowd.n_refused,
                        crowd_n_seen(&crowd));
                print_behind(&crowd);
                return EXIT_FAILURE;
        }

        return EXIT_SUCCESS;
}
