/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room
 */

#include "store/room.h"

/* Kept for deleting. */
#define DELETING_BYTES (UINT64_C(256) << 10)

/* With less than this beside, nothing but deleting goes on. */
#define SETTING_BYTES (UINT64_C(64) << 10)

struct Room {
        const Filler *filler;
        RoomCallbacks callbacks;
        sd_event_source *timer;
        uint64_t retry_usec;
        bool is_full;
};

static int on_timer(sd_event_source *source G_GNUC_UNUSED,
                    uint64_t usec G_GNUC_UNUSED,
                    void *userdata)
{
        Room *room = userdata;

        room->callbacks.on_retry(room->callbacks.userdata);
        return 0;
}

int room_new(Room **ret_room,
             sd_event *event,
             const Filler *filler,
             uint64_t retry_usec,
             const RoomCallbacks *callbacks)
{
        g_autoptr(Room) room = g_new(Room, 1);
        int r;

        *room = (Room){ .filler = filler, .retry_usec = retry_usec, .callbacks = *callbacks };
        r = sd_event_add_time_relative(event, &room->timer, CLOCK_MONOTONIC, 0, 0, on_timer, room);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(room->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;

        *ret_room = g_steal_pointer(&room);
        return 0;
}

Room *room_free(Room *room)
{
        if (!room)
                return NULL;

        sd_event_source_unref(room->timer);
        g_free(room);
        return NULL;
}

void room_judge(Room *room, const Journal *journal)
{
        uint64_t rest = journal->filled - MIN(journal->filled, journal->position.offset);
        bool is_full = filler_is_short(room->filler) && rest < DELETING_BYTES + SETTING_BYTES;

        if (is_full) {
                (void) sd_event_source_set_time_relative(room->timer, room->retry_usec);
                (void) sd_event_source_set_enabled(room->timer, SD_EVENT_ONESHOT);
        }
        if (is_full != room->is_full) {
                room->is_full = is_full;
                room->callbacks.on_changed(room->callbacks.userdata, is_full);
        }
}

static bool only_deletes(const GPtrArray *commits)
{
        for (guint i = 0; i < commits->len; i++)
                if (!commit_only_deletes(commits->pdata[i]))
                        return false;

        return true;
}

/* A filler that has not had its turn yet has not found out either: then what is kept is reserved. */
bool room_is_too_small(const Room *room,
                       Journal *journal,
                       const JournalBatch *batch,
                       const GPtrArray *commits)
{
        uint64_t end = batch->offset + batch->bytes.n_bytes + DELETING_BYTES;

        if (batch->bytes.n_bytes == 0 || end <= journal->filled || only_deletes(commits))
                return false;
        return filler_is_short(room->filler) || journal_reserve(journal, end) == JOURNAL_E_NO_ROOM;
}
