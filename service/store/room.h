/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Room
 *
 * Knows whether the disk has room for the journal to grow. When it has none, the last of what is
 * filled ahead is kept for deleting, and more is asked for again and again.
 */

#include "store/filler.h"
#include "store/journal.h"

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

typedef struct Room Room;

typedef struct RoomCallbacks {
        /* From now on there is room for deleting alone, or there is for everything again. */
        void (*on_changed)(void *userdata, bool is_full);

        /* It is time to fill again, and to judge what comes of it. */
        void (*on_retry)(void *userdata);

        void *userdata;
} RoomCallbacks;

/* Borrows @filler. */
int room_new(Room **ret_room,
             sd_event *event,
             const Filler *filler,
             uint64_t retry_usec,
             const RoomCallbacks *callbacks);
Room *room_free(Room *room);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Room, room_free)

/* Call whenever @journal, its end, or what is filled of it has changed. */
void room_judge(Room *room, const Journal *journal);

/* Whether @batch, which holds @commits, would take what is kept for deleting. */
bool room_is_too_small(const Room *room,
                       Journal *journal,
                       const JournalBatch *batch,
                       const GPtrArray *commits);
