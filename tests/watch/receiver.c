/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Receiver
 *
 * After a Resynchronize it asks with `resume` and `since`, as a client would, and what the reply says
 * takes the place of the signals that were left out.
 */

#include "receiver.h"

#include "client/regent-names.h"
#include "tests/bench/bus.h"

#include <stdio.h>
#include <stdlib.h>

/* The number at the beginning of the one value, 0 where there is none. */
static int read_value(sd_bus_message *message, uint64_t *ret_number)
{
        uint64_t number = 0;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *key;
                const char *text;

                r = sd_bus_message_read(message, "sv", &key, "s", &text);
                if (r < 0)
                        return r;

                number = strtoull(text, NULL, 10);
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        *ret_number = number;
        return sd_bus_message_exit_container(message);
}

/* What Watch answers: its number, the value unless nothing has changed, and the revision. */
static int read_state(Receiver *receiver, sd_bus_message *reply)
{
        uint64_t number;
        int r;

        r = sd_bus_message_read(reply, "t", &receiver->watch);
        if (r >= 0)
                r = read_value(reply, &number);
        if (r >= 0)
                r = sd_bus_message_skip(reply, "as");
        if (r >= 0)
                r = sd_bus_message_read(reply, "t", &receiver->last);
        if (r < 0)
                return r;

        if (number > 0)
                receiver->n_seen = number;
        receiver->has_gap = false;
        receiver->is_resynchronized = false;
        return 0;
}

static int on_resumed(sd_bus_message *reply, void *userdata, sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        Receiver *receiver = userdata;

        receiver->is_asking = false;
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_LIMITS_EXCEEDED)) {
                receiver->n_refused++;
                return 0;
        }
        if (sd_bus_message_is_method_error(reply, NULL)) {
                fprintf(stderr, "watch-crowd: Watch: %s\n",
                        sd_bus_message_get_error(reply)->message);
                receiver->n_wrong++;
                return 0;
        }

        return read_state(receiver, reply);
}

int receiver_ask(Receiver *receiver)
{
        if (!receiver->is_resynchronized || receiver->is_asking)
                return 0;

        receiver->is_asking = true;
        return sd_bus_call_method_async(
                receiver->bus, NULL, REGENT_BUS_NAME, receiver->path, REGENT_NAMESPACE_INTERFACE,
                "Watch", on_resumed, receiver, "sta{sv}", "", UINT64_C(0), 3, "resume", "t",
                receiver->watch, "since", "t", receiver->last, "epoch", "s", receiver->epoch);
}

/* One that comes before the reply to Watch was sent before it, and the reply has it all. */
static int on_resynchronize(Receiver *receiver)
{
        receiver->n_resynchronized++;
        receiver->is_resynchronized = true;
        return receiver_ask(receiver);
}

static int on_changed(Receiver *receiver, sd_bus_message *signal)
{
        uint64_t previous;
        uint64_t revision;
        uint64_t number;
        int r;

        r = sd_bus_message_skip(signal, "ts");
        if (r >= 0)
                r = sd_bus_message_read(signal, "tt", &previous, &revision);
        if (r >= 0)
                r = read_value(signal, &number);
        if (r < 0)
                return r;

        receiver->n_changes++;
        if (receiver->has_gap || receiver->is_resynchronized)
                return 0;

        if (revision <= receiver->last || previous < receiver->last)
                receiver->n_wrong++;
        if (previous > receiver->last) {
                receiver->n_gaps++;
                receiver->has_gap = true;
                return 0;
        }
        if (number != receiver->n_seen + 1)
                receiver->n_wrong++;

        receiver->n_seen = number;
        receiver->last = revision;
        return 0;
}

static int on_message(sd_bus_message *message,
                      void *userdata,
                      sd_bus_error *reterr_bus G_GNUC_UNUSED)
{
        if (sd_bus_message_is_signal(message, REGENT_NAMESPACE_INTERFACE, "Changed"))
                return on_changed(userdata, message);
        if (sd_bus_message_is_signal(message, REGENT_NAMESPACE_INTERFACE, "Resynchronize"))
                return on_resynchronize(userdata);
        return 0;
}

int receiver_begin(Receiver *receiver, const char *address, const char *path, const char *epoch)
{
        int r;

        r = bus_open(&receiver->bus, address);
        if (r < 0)
                return r;

        receiver->path = path;
        receiver->epoch = epoch;
        return sd_bus_add_filter(receiver->bus, NULL, on_message, receiver);
}

void receiver_end(Receiver *receiver)
{
        receiver->bus = sd_bus_close_unref(receiver->bus);
}

int receiver_watch(Receiver *receiver)
{
        g_autoptr(sd_bus_message) reply = NULL;
        int r;

        r = sd_bus_call_method(receiver->bus, REGENT_BUS_NAME, receiver->path,
                               REGENT_NAMESPACE_INTERFACE, "Watch", NULL, &reply, "sta{sv}", "",
                               UINT64_C(0), 0);
        if (r < 0)
                return r;

        return read_state(receiver, reply);
}

int receiver_process(Receiver *receiver)
{
        int r;

        do
                r = sd_bus_process(receiver->bus, NULL);
        while (r > 0);

        return r;
}
