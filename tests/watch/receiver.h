/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Receiver
 *
 * One connection of the crowd, with one watch. The n-th commit (from 1) sets the one key there is to
 * a text that begins with n, so each Changed tells whether it is the next one.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define RECEIVER_KEY "k"

typedef struct Receiver {
        sd_bus *bus;
        const char *path;
        const char *epoch;
        uint64_t watch;
        uint64_t last;   /* revision of the last Changed, or of the last reply to Watch */
        uint64_t n_seen; /* the newest commit that is known */
        uint64_t n_changes;
        uint64_t n_gaps;
        uint64_t n_resynchronized;
        uint64_t n_wrong;       /* out of order, twice, or another value than is due */
        uint64_t n_refused;     /* for want of room; it asks again */
        bool has_gap;           /* something was left out, and Resynchronize is due */
        bool is_resynchronized; /* until the reply to Watch has told what was left out */
        bool is_asking;
} Receiver;

/* Connects and listens. 0 or a negative errno. */
int receiver_begin(Receiver *receiver, const char *address, const char *path, const char *epoch);
void receiver_end(Receiver *receiver);

/* Begins the watch. 0 or a negative errno. */
int receiver_watch(Receiver *receiver);

/* Asks what was left out, when that is to be asked. 0 or a negative errno. */
int receiver_ask(Receiver *receiver);

/* Takes all that has arrived. 0 or a negative errno. */
int receiver_process(Receiver *receiver);
