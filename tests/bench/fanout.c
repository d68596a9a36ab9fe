/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fan-out
 *
 * The receivers are in up to eight processes, the program that is compared with in one of its own.
 * The writer keeps a few calls under way, of the same size for each kind; the time is from the first
 * call until each receiver has all.
 */

#include "fanout.h"

#include "bus.h"
#include "client/regent-names.h"
#include "entry-text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 8u
#define CALLS         16u
#define EMITTER_PATH  "/"
#define EMITTER       "org.regentd.Bench"
#define NAME_BYTES    32u

typedef struct Fanout {
        const char *address, *ns_name;
        FanoutKind kind;
        uint32_t n_receivers, n_changes, n_bytes;
        char path[ENTRY_TEXT_PATH_SIZE];
        int from_children
                [2]; /* a unique name when a receiver listens; then again when it has all */
        int to_emitter[2];
} Fanout;

/* receivers */

typedef struct Receiver {
        sd_bus *bus;
        uint32_t n_seen;
} Receiver;

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *reterr G_GNUC_UNUSED)
{
        Receiver *receiver = userdata;

        if (sd_bus_message_get_member(m) && strcmp(sd_bus_message_get_member(m), "Changed") == 0)
                receiver->n_seen++;
        return 0;
}

static int listen_to(const Fanout *fanout, sd_bus *bus)
{
        g_auto(sd_bus_error) error = {};
        int r;

        switch (fanout->kind) {
        case FANOUT_WATCH:
                r = sd_bus_call_method(bus, REGENT_BUS_NAME, fanout->path,
                                       REGENT_NAMESPACE_INTERFACE, "Watch", &error, NULL, "sta{sv}",
                                       "", UINT64_C(0), 0);
                break;
        case FANOUT_BROADCAST:
                r = sd_bus_add_match(bus, NULL, "type='signal',interface='" EMITTER "'", NULL,
                                     NULL);
                break;
        default:
                return 0;
        }
        if (sd_bus_error_is_set(&error))
                fprintf(stderr, "Watch: %s\n", error.message);
        return r < 0 ? r : 0;
}

static int tell_parent(const Fanout *fanout, sd_bus *bus)
{
        char record[NAME_BYTES] = "";
        const char *name;
        int r;

        r = sd_bus_get_unique_name(bus, &name);
        if (r < 0)
                return r;
        g_strlcpy(record, name, sizeof record);
        return write(fanout->from_children[1], record, sizeof record) == sizeof record ? 0 : -EIO;
}

static int open_receiver(const Fanout *fanout, Receiver *receiver)
{
        int r;

        r = bus_open(&receiver->bus, fanout->address);
        if (r >= 0)
                r = sd_bus_add_filter(receiver->bus, NULL, on_message, receiver);
        if (r >= 0)
                r = listen_to(fanout, receiver->bus);
        return r < 0 ? r : tell_parent(fanout, receiver->bus);
}

static int receive(const Fanout *fanout, Receiver *receivers, struct pollfd *fds, uint32_t n)
{
        uint32_t n_done = 0;

        while (n_done < n) {
                if (poll(fds, n, 60000) <= 0)
                        return -ETIMEDOUT;
                for (uint32_t i = 0; i < n; i++) {
                        uint32_t before = receivers[i].n_seen;
                        int r = fds[i].revents ? 1 : 0;

                        while (r > 0)
                                r = sd_bus_process(receivers[i].bus, NULL);
                        if (r < 0)
                                return r;
                        if (before < fanout->n_changes &&
                            receivers[i].n_seen >= fanout->n_changes) {
                                n_done++;
                                r = tell_parent(fanout, receivers[i].bus);
                                if (r < 0)
                                        return r;
                        }
                }
        }
        return 0;
}

static int run_receivers(const Fanout *fanout, uint32_t n)
{
        g_autofree Receiver *receivers = g_new0(Receiver, n);
        g_autofree struct pollfd *fds = g_new0(struct pollfd, n);
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < n; i++) {
                r = open_receiver(fanout, &receivers[i]);
                if (r >= 0)
                        fds[i] = (struct pollfd){ .fd = sd_bus_get_fd(receivers[i].bus),
                                                  .events = POLLIN };
        }
        if (r >= 0)
                r = receive(fanout, receivers, fds, n);
        for (uint32_t i = 0; i < n; i++)
                sd_bus_flush_close_unref(receivers[i].bus);
        return r;
}

/* the program that is compared with */

typedef struct Emitter {
        const Fanout *fanout;
        char (*names)[NAME_BYTES];
        uint32_t n_calls;
} Emitter;

static int emit(Emitter *emitter, sd_bus_message *call, const char *destination)
{
        g_autoptr(sd_bus_message) m = NULL;
        int r;

        r = sd_bus_message_new_signal(sd_bus_message_get_bus(call), &m, emitter->fanout->path,
                                      EMITTER, "Changed");
        if (r >= 0 && destination)
                r = sd_bus_message_set_destination(m, destination);
        if (r >= 0)
                r = sd_bus_message_append(m, "tstt", UINT64_C(1), emitter->fanout->ns_name,
                                          UINT64_C(1), UINT64_C(2));
        if (r >= 0)
                r = sd_bus_message_rewind(call, true);
        if (r >= 0)
                r = sd_bus_message_copy(m, call, false);
        if (r >= 0)
                r = sd_bus_message_append(m, "asas", 0, 0);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

static int on_apply(sd_bus_message *m, void *userdata, sd_bus_error *reterr G_GNUC_UNUSED)
{
        Emitter *emitter = userdata;
        uint32_t n = emitter->fanout->kind == FANOUT_UNICAST ? emitter->fanout->n_receivers : 1;
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < n; i++)
                r = emit(emitter, m, emitter->names ? emitter->names[i] : NULL);
        emitter->n_calls++;
        return r < 0 ? r : sd_bus_reply_method_return(m, "ta{sv}", UINT64_C(2), 0);
}

static int run_emitter(const Fanout *fanout)
{
        static const sd_bus_vtable vtable[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD("Apply", "a{sv}asta{sv}", "ta{sv}", on_apply,
                              SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_VTABLE_END,
        };
        Emitter emitter = { .fanout = fanout };
        g_autofree void *names = g_malloc0((size_t) fanout->n_receivers * NAME_BYTES);
        g_autoptr(sd_bus) bus = NULL;
        int r;

        if (fanout->kind == FANOUT_UNICAST) {
                size_t n_bytes = (size_t) fanout->n_receivers * NAME_BYTES;

                for (size_t n = 0; n < n_bytes; n += NAME_BYTES)
                        if (read(fanout->to_emitter[0], (char *) names + n, NAME_BYTES) !=
                            NAME_BYTES)
                                return -EIO;
                emitter.names = names;
        }

        r = bus_open(&bus, fanout->address);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, EMITTER_PATH, EMITTER, vtable, &emitter);
        if (r >= 0)
                r = tell_parent(fanout, bus);
        while (r >= 0 && (emitter.n_calls < fanout->n_changes)) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_C(60) * 1000000);
        }
        return r < 0 ? r : 0;
}

/* the writer */

typedef struct Writing {
        uint32_t n_under_way;
        int error;
} Writing;

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *reterr G_GNUC_UNUSED)
{
        Writing *writing = userdata;

        writing->n_under_way--;
        if (sd_bus_message_is_method_error(m, NULL)) {
                fprintf(stderr, "Apply: %s\n", sd_bus_message_get_error(m)->message);
                writing->error = -EIO;
        }
        return 0;
}

static int start_call(
        const Fanout *fanout, sd_bus *bus, const char *emitter, uint32_t i, Writing *writing)
{
        g_autoptr(sd_bus_message) m = NULL;
        g_autofree char *value = g_malloc(fanout->n_bytes + 1);
        int r;

        memset(value, 'x', fanout->n_bytes);
        g_snprintf(value, fanout->n_bytes + 1, "%07u", i);
        if (fanout->n_bytes > 7)
                value[7] = 'x';
        value[fanout->n_bytes] = '\0';
        if (fanout->kind == FANOUT_WATCH)
                r = sd_bus_message_new_method_call(bus, &m, REGENT_BUS_NAME, fanout->path,
                                                   REGENT_NAMESPACE_INTERFACE, "Apply");
        else
                r = sd_bus_message_new_method_call(bus, &m, emitter, EMITTER_PATH, EMITTER,
                                                   "Apply");
        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}asta{sv}", 1, "k", "s", value, 0, UINT64_C(0), 1,
                                          "class", "s", "runtime");
        if (r >= 0)
                r = sd_bus_call_async(bus, NULL, m, on_reply, writing, 0);
        writing->n_under_way++;
        return r;
}

static int write_all(const Fanout *fanout, const char *emitter)
{
        g_autoptr(sd_bus) bus = NULL;
        Writing writing = {};
        uint32_t n_started = 0;
        int r;

        r = bus_open(&bus, fanout->address);
        while (r >= 0 && writing.error == 0 &&
               (n_started < fanout->n_changes || writing.n_under_way > 0)) {
                if (n_started < fanout->n_changes && writing.n_under_way < CALLS) {
                        r = start_call(fanout, bus, emitter, n_started++, &writing);
                        continue;
                }
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_C(60) * 1000000);
        }
        return r < 0 ? r : writing.error;
}

/* one measurement */

static int read_names(const Fanout *fanout, uint32_t n, char (*names)[NAME_BYTES])
{
        for (uint32_t i = 0; i < n; i++) {
                struct pollfd ready = { .fd = fanout->from_children[0], .events = POLLIN };

                if (poll(&ready, 1, 60000) <= 0 ||
                    read(fanout->from_children[0], names[i], NAME_BYTES) != NAME_BYTES)
                        return -ETIMEDOUT;
        }
        return 0;
}

static int spawn(const Fanout *fanout, uint32_t n_receivers, pid_t *ret_pid)
{
        int r;

        fflush(NULL);
        *ret_pid = fork();
        if (*ret_pid != 0)
                return *ret_pid < 0 ? -errno : 0;

        r = n_receivers > 0 ? run_receivers(fanout, n_receivers) : run_emitter(fanout);
        if (r < 0)
                fprintf(stderr, "bench-regent: fanout: %s\n", strerror(-r));
        _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int time_changes(const Fanout *fanout,
                        char (*names)[NAME_BYTES],
                        const char *emitter,
                        double *ret_rate)
{
        uint64_t start_nsec = now_nsec();
        int r;

        r = write_all(fanout, emitter);
        if (r >= 0)
                r = read_names(fanout, fanout->n_receivers, names);
        *ret_rate = fanout->n_changes * 1e9 / (double) (now_nsec() - start_nsec);
        return r;
}

static int measure(Fanout *fanout, double *ret_rate)
{
        g_autofree void *memory = g_malloc0((size_t) fanout->n_receivers * NAME_BYTES);
        char(*names)[NAME_BYTES] = memory, emitter[1][NAME_BYTES] = {};
        uint32_t n_processes = MIN(fanout->n_receivers, PROCESSES_MAX);
        pid_t pids[PROCESSES_MAX + 1];
        uint32_t n_pids = 0;
        int r;

        if (pipe(fanout->from_children) < 0 || pipe(fanout->to_emitter) < 0)
                return -errno;

        r = 0;
        for (uint32_t i = 0; r >= 0 && i < n_processes; i++)
                r = spawn(fanout,
                          fanout->n_receivers / n_processes +
                                  (i < fanout->n_receivers % n_processes ? 1 : 0),
                          &pids[n_pids++]);
        if (r >= 0)
                r = read_names(fanout, fanout->n_receivers, names);
        if (r >= 0 && fanout->kind != FANOUT_WATCH) {
                r = spawn(fanout, 0, &pids[n_pids++]);
                if (r >= 0 && fanout->kind == FANOUT_UNICAST &&
                    write(fanout->to_emitter[1], names, (size_t) fanout->n_receivers * NAME_BYTES) <
                            0)
                        r = -errno;
                if (r >= 0)
                        r = read_names(fanout, 1, emitter);
        }
        if (r >= 0)
                r = time_changes(fanout, names, emitter[0], ret_rate);

        for (uint32_t i = 0; i < n_pids; i++) {
                int status = 0;

                if (r < 0)
                        (void) kill(pids[i], SIGKILL);
                (void) waitpid(pids[i], &status, 0);
        }
        for (size_t i = 0; i < 2; i++) {
                (void) close(fanout->from_children[i]);
                (void) close(fanout->to_emitter[i]);
        }
        return r;
}

int fanout_run(const char *address,
               const char *ns_name,
               uint32_t n_receivers,
               uint32_t n_changes,
               uint32_t n_bytes)
{
        Fanout fanout = { .address = address,
                          .ns_name = ns_name,
                          .n_receivers = n_receivers,
                          .n_changes = n_changes,
                          .n_bytes = MAX(n_bytes, 8) };
        double rates[_FANOUT_KIND_MAX];

        entry_text_path(fanout.path, ns_name);
        for (fanout.kind = 0; fanout.kind < _FANOUT_KIND_MAX; fanout.kind++) {
                int r = measure(&fanout, &rates[fanout.kind]);

                if (r < 0)
                        return r;
        }

        printf("{\"watch\": %.1f, \"broadcast\": %.1f, \"unicast\": %.1f}\n", rates[FANOUT_WATCH],
               rates[FANOUT_BROADCAST], rates[FANOUT_UNICAST]);
        return 0;
}
