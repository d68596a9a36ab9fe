/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replay of entries
 *
 * All of a record is read before anything is applied: one that makes no sense at its end changes nothing.
 * Those of several small ones are applied together, as the state then waits less for memory.
 */

#include "store/replay-entries.h"

#include "store/commit-codec.h"

#include <errno.h>

#define TOGETHER (4 * ENTRY_TABLE_FETCHED)

typedef struct EntriesChange {
        Namespace *ns; /* borrowed, for no commit of entries removes one; NULL: there is none */
        guint end;
} EntriesChange;

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

void entries_replay_init(EntriesReplay *replay, State *state)
{
        *replay = (EntriesReplay){
                .state = state,
                .changes = g_array_new(FALSE, FALSE, sizeof(EntriesChange)),
                .entries = g_ptr_array_new_with_free_func(entry_destroy),
        };
}

void entries_replay_clear(EntriesReplay *replay)
{
        g_clear_pointer(&replay->changes, g_array_unref);
        g_clear_pointer(&replay->entries, g_ptr_array_unref);
}

static void begin_commit(void *userdata, uint32_t writer_uid, const char *reason G_GNUC_UNUSED)
{
        EntriesReplay *replay = userdata;

        replay->writer_uid = writer_uid;
}

static int add_change(void *userdata,
                      NamespaceChangeKind kind,
                      const char *name,
                      const NamespaceAccess *access G_GNUC_UNUSED)
{
        EntriesReplay *replay = userdata;
        EntriesChange change = { .end = replay->entries->len };

        if (kind != NAMESPACE_CHANGE_ENTRIES)
                return ENTRIES_REPLAY_E_OTHER;

        change.ns = state_lookup(replay->state, name);
        g_array_append_val(replay->changes, change);
        return 0;
}

static int add_entry(void *userdata, const EntryView *view)
{
        EntriesReplay *replay = userdata;
        Entry *entry;
        int r;

        r = entry_codec_make(&entry, view);
        if (r < 0)
                return r;

        entry->revision = replay->record->header.revision;
        entry->time_usec = replay->record->header.time_usec;
        entry->writer_uid = replay->writer_uid;
        g_ptr_array_add(replay->entries, entry);
        g_array_index(replay->changes, EntriesChange, replay->changes->len - 1).end++;
        return 0;
}

static void forget(EntriesReplay *replay, guint n_changes, guint n_entries)
{
        g_array_set_size(replay->changes, n_changes);
        g_ptr_array_set_size(replay->entries, (gint) n_entries);
}

void entries_replay_flush(EntriesReplay *replay)
{
        guint begin = 0, end;

        for (guint i = 0; i < replay->changes->len; begin = end) {
                Namespace *ns = g_array_index(replay->changes, EntriesChange, i).ns;

                do
                        end = g_array_index(replay->changes, EntriesChange, i).end;
                while (++i < replay->changes->len &&
                       g_array_index(replay->changes, EntriesChange, i).ns == ns);
                if (ns)
                        state_load_entries(replay->state, ns,
                                           (Entry **) replay->entries->pdata + begin,
                                           end - begin);
        }

        forget(replay, 0, 0);
        if (state_revision(replay->state) < replay->revision)
                state_set_revision(replay->state, replay->revision);
}

int entries_replay_take(EntriesReplay *replay, const Record *record)
{
        const CommitSink sink = { begin_commit, add_change, add_entry, replay };
        guint n_changes = replay->changes->len;
        guint n_entries = replay->entries->len;
        int r;

        replay->record = record;
        r = commit_codec_scan(record->payload, record->header.payload_bytes,
                              record->header.flags & RECORD_PAIRED, &sink);
        if (r == 0 && replay->changes->len == n_changes)
                r = -EBADMSG;
        if (r != 0) {
                forget(replay, n_changes, n_entries);
                return r;
        }

        replay->revision = record->header.revision;
        if (replay->entries->len >= TOGETHER)
                entries_replay_flush(replay);
        return 0;
}
