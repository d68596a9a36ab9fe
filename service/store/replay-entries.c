/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replay of entries
 *
 * All of a record is read before anything of it is handed over: one that makes no sense at its end
 * changes nothing.
 */

#include "store/replay-entries.h"

#include "store/commit-codec.h"

#include <errno.h>
#include <string.h>

void entries_replay_init(EntriesReplay *replay, State *state)
{
        *replay = (EntriesReplay){ .state = state, .loader = entries_loader_new(state) };
}

void entries_replay_clear(EntriesReplay *replay)
{
        g_clear_pointer(&replay->loader, entries_loader_free);
}

static void begin_commit(void *userdata, uint32_t writer_uid, const char *reason G_GNUC_UNUSED)
{
        EntriesReplay *replay = userdata;

        replay->writer_uid = writer_uid;
}

static void look_up(EntriesReplay *replay, const char *name)
{
        replay->name_bytes = g_strlcpy(replay->name, name, sizeof replay->name);
        replay->ns = state_lookup(replay->state, name);
        replay->has_name = true;
}

static int add_change(void *userdata,
                      NamespaceChangeKind kind,
                      const char *name,
                      const NamespaceAccess *access G_GNUC_UNUSED)
{
        EntriesReplay *replay = userdata;
        EntriesBatch *batch = entries_loader_batch(replay->loader);
        EntriesRun run = { .end = batch->entries->len };

        if (kind != NAMESPACE_CHANGE_ENTRIES)
                return ENTRIES_REPLAY_E_OTHER;

        if (!replay->has_name || strcmp(name, replay->name) != 0)
                look_up(replay, name);
        run.ns = replay->ns;
        g_array_append_val(batch->runs, run);
        return 0;
}

static int add_entry(void *userdata, const EntryView *view)
{
        EntriesReplay *replay = userdata;
        EntriesBatch *batch = entries_loader_batch(replay->loader);
        Entry *entry;
        int r;

        r = entry_codec_make(&entry, entries_loader_pool(replay->loader), view);
        if (r < 0)
                return r;

        entry->revision = replay->record->header.revision;
        entry->time_usec = replay->record->header.time_usec;
        entry->writer_uid = replay->writer_uid;
        g_ptr_array_add(batch->entries, entry);
        g_array_index(batch->runs, EntriesRun, batch->runs->len - 1).end++;
        return 0;
}

/* One run with that before it, if that is of the same namespace: there is less to be waited for. */
static void join_runs(EntriesBatch *batch, guint n_before)
{
        EntriesRun *before;

        if (n_before == 0 || batch->runs->len != n_before + 1)
                return;
        before = &g_array_index(batch->runs, EntriesRun, n_before - 1);
        if (before[0].ns != before[1].ns)
                return;

        before[0].end = before[1].end;
        g_array_set_size(batch->runs, n_before);
}

int entries_replay_take(EntriesReplay *replay, const Record *record)
{
        const CommitSink sink = { begin_commit,
                                  add_change,
                                  add_entry,
                                  replay,
                                  replay->has_name ? replay->name : NULL,
                                  replay->name_bytes };
        EntriesBatch *batch = entries_loader_batch(replay->loader);
        guint n_runs = batch->runs->len;
        guint n_entries = batch->entries->len;
        int r;

        replay->record = record;
        r = commit_codec_scan(record->payload, record->header.payload_bytes,
                              record->header.flags & RECORD_PAIRED, &sink);
        if (r == 0 && batch->runs->len == n_runs)
                r = -EBADMSG;
        if (r != 0) {
                g_array_set_size(batch->runs, n_runs);
                g_ptr_array_set_size(batch->entries, (gint) n_entries);
                return r;
        }

        replay->revision = record->header.revision;
        batch->n_bytes += record->header.payload_bytes;
        join_runs(batch, n_runs);
        entries_loader_poke(replay->loader);
        return 0;
}

void entries_replay_flush(EntriesReplay *replay)
{
        entries_loader_flush(replay->loader);
        if (state_revision(replay->state) < replay->revision)
                state_set_revision(replay->state, replay->revision);
        replay->revision = 0;
        replay->has_name = false;
}
