/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Written
 */

#include "written.h"

#include "store/commit-record.h"

#include <string.h>

static void written_free(gpointer userdata)
{
        Written *written = userdata;

        commit_free(written->parts[0]);
        commit_free(written->parts[1]);
        g_free(written);
}

void complain(GPtrArray *complaints, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        g_ptr_array_add(complaints, g_strdup_vprintf(format, arguments));
        va_end(arguments);
}

typedef struct Reader {
        GPtrArray *all; /* Written */
        const ClientLog *log;
        GPtrArray *complaints;
        guint start, boot;
        guint first; /* index of the first commit of this start */
        uint64_t since;
} Reader;

static Written *find_written(Reader *reader, uint64_t revision)
{
        GPtrArray *all = reader->all;
        Written *written;
        guint i = all->len;

        while (i > reader->first && ((Written *) all->pdata[i - 1])->revision >= revision)
                i--;
        if (i < all->len && ((Written *) all->pdata[i])->revision == revision)
                return all->pdata[i];

        written = g_new0(Written, 1);
        written->revision = revision;
        written->start = reader->start;
        written->boot = reader->boot;
        written->dropped_by = G_MAXUINT;
        g_ptr_array_insert(all, (gint) i, written);
        return written;
}

/* Whether an earlier process wrote it, and this one writes it once more, as recovery does. */
static bool is_known(const Reader *reader, uint64_t revision, CommitPart part)
{
        for (guint i = 0; i < reader->first; i++) {
                const Written *written = reader->all->pdata[i];

                if (written->revision == revision && written->parts[part] && !written->is_dead)
                        return true;
        }
        return false;
}

static int get_commit(Commit **ret_commit, const RecordHeader *header, const uint8_t *payload)
{
        const Record record = { .header = *header, .payload = payload };

        if (header->kind == RECORD_RESTORE)
                return commit_codec_get_restoration(ret_commit, payload, header->payload_bytes,
                                                    header->revision, header->time_usec);
        return commit_record_get(ret_commit, &record);
}

static void read_commit(Reader *reader,
                        const TraceEvent *event,
                        guint i,
                        const RecordHeader *header)
{
        bool is_paired = header->flags & RECORD_PAIRED;
        const uint8_t *payload = (const uint8_t *) (header + 1);
        CommitPart part;
        g_autoptr(Commit) commit = NULL;
        Written *written;

        if (get_commit(&commit, header, payload) != 0) {
                complain(reader->complaints, "event %u: a commit was written that cannot be read",
                         i);
                return;
        }
        part = header->kind == RECORD_RESTORE || commit_codec_has_part(commit, COMMIT_PERSISTENT)
                       ? COMMIT_PERSISTENT
                       : COMMIT_RUNTIME;
        if (is_known(reader, header->revision, part))
                return;

        written = find_written(reader, header->revision);
        if (written->parts[part]) {
                complain(reader->complaints,
                         "event %u: revision %" G_GUINT64_FORMAT " was written twice", i,
                         header->revision);
                return;
        }
        written->parts[part] = g_steal_pointer(&commit);
        written->written_at = i;
        if (part == COMMIT_PERSISTENT)
                written->file = event->node;
        if (is_paired)
                written->pair_revision = commit_codec_pair_revision(payload, header->payload_bytes);
}

/* The records of one write to a journal, if it is that. */
static void read_write(Reader *reader, const TraceEvent *event, guint i)
{
        const uint8_t *bytes = trace_payload(event);
        size_t at = 0;

        while (event->payload_bytes - at >= FORMAT_RECORD_OVERHEAD) {
                const RecordHeader *header = (const RecordHeader *) (const void *) (bytes + at);

                if (header->magic != FORMAT_RECORD_MAGIC ||
                    header->length < FORMAT_RECORD_OVERHEAD ||
                    header->length > event->payload_bytes - at)
                        return;
                if (header->revision > reader->since && commit_record_is_commit(header->kind))
                        read_commit(reader, event, i, header);
                at += header->length;
        }
}

/* What the end of a process has left by half. */
static void end_start(Reader *reader)
{
        GPtrArray *all = reader->all;
        uint64_t reached = 0;
        bool is_dead = false;

        for (guint i = reader->first; i < all->len; i++) {
                const Written *written = all->pdata[i];

                if (written->parts[COMMIT_PERSISTENT])
                        reached = written->revision;
        }
        for (guint i = reader->first; i < all->len; i++) {
                Written *written = all->pdata[i];

                is_dead |= written->pair_revision > reached;
                written->is_dead = is_dead;
        }
        reader->first = all->len;
        reader->start++;
}

static bool was_answered(const Reader *reader, const Written *written, guint i)
{
        g_autoptr(Commit) commit = written_commit(written);

        for (guint j = 0; j < reader->log->requests->len; j++) {
                const Request *request = reader->log->requests->pdata[j];

                if (!request->asked || request->outcome != REQUEST_DONE || request->replied_at >= i)
                        continue;
                /* Another that asked for the same before, or after that. */
                if (request->received_at > written->written_at ||
                    request->replied_at < written->written_at)
                        continue;
                if (request->revision > 0 ? request->revision == written->revision
                                          : request_asks_for(request, commit))
                        return true;
        }
        return false;
}

/* Everything from the first that was not synced on is open, until another journal takes over. */
static void fail_sync(Reader *reader, const TraceEvent *event, guint i_failed)
{
        GPtrArray *all = reader->all;
        bool is_open = false;

        for (guint i = reader->first; i < all->len; i++) {
                Written *written = all->pdata[i];

                is_open |= written->parts[COMMIT_PERSISTENT] && !written->is_synced &&
                           memcmp(&written->file, &event->node, sizeof written->file) == 0 &&
                           !was_answered(reader, written, i_failed);
                if (is_open)
                        written->dropped_by = all->len;
        }
}

/* What was in this file when a sync of it began; one of another file, a checkpoint for one, says nothing. */
static void note_sync(Reader *reader, const TraceEvent *event, guint i_begun)
{
        for (guint i = reader->first; i < reader->all->len; i++) {
                Written *written = reader->all->pdata[i];

                written->is_synced |=
                        written->written_at < i_begun &&
                        memcmp(&written->file, &event->node, sizeof written->file) == 0;
        }
}

/* The first commit after a sync that failed that went to another journal; or NULL. */
static const Written *find_instead(const GPtrArray *all, const Written *open)
{
        for (guint i = open->dropped_by; i < all->len; i++) {
                const Written *written = all->pdata[i];

                if (written->start == open->start && written->parts[COMMIT_PERSISTENT])
                        return memcmp(&written->file, &open->file, sizeof open->file) != 0 ? written
                                                                                           : NULL;
        }
        return NULL;
}

/* One that nothing has come instead of is for the next start to find. */
static void drop(const GPtrArray *all)
{
        for (guint i = 0; i < all->len; i++) {
                Written *written = all->pdata[i];

                if (written->dropped_by != G_MAXUINT && !find_instead(all, written))
                        written->dropped_by = G_MAXUINT;
        }
}

GPtrArray *written_read(const Trace *trace,
                        const ClientLog *log,
                        uint64_t since,
                        GPtrArray *complaints)
{
        GPtrArray *all = g_ptr_array_new_with_free_func(written_free);
        Reader reader = { .all = all, .log = log, .complaints = complaints, .since = since };
        g_autoptr(GHashTable) syncs = g_hash_table_new(g_direct_hash, g_direct_equal);
        const char *boot = NULL;

        for (guint i = 0; i < trace->events->len; i++) {
                const TraceEvent *event = trace_event(trace, i);
                gpointer serial = GUINT_TO_POINTER((guint) event->serial);

                if (event->kind == TRACE_START) {
                        end_start(&reader);
                        reader.boot += trace_event_is_reboot(event, boot);
                        boot = trace_payload(event);
                } else if (event->kind == TRACE_WRITE && event->payload_bytes > 0)
                        read_write(&reader, event, i);
                else if (event->kind == TRACE_SYNC_BEGIN)
                        g_hash_table_insert(syncs, serial, GUINT_TO_POINTER(i));
                else if (event->kind == TRACE_SYNC_END && event->result < 0)
                        fail_sync(&reader, event, i);
                else if (event->kind == TRACE_SYNC_END)
                        note_sync(&reader, event,
                                  GPOINTER_TO_UINT(g_hash_table_lookup(syncs, serial)));
        }
        end_start(&reader);

        drop(all);
        return all;
}

Commit *written_commit(const Written *written)
{
        Commit *commit = commit_new(written->revision, 0, 0, NULL);

        for (size_t part = 0; part < G_N_ELEMENTS(written->parts); part++) {
                const Commit *half = written->parts[part];

                for (guint i = 0; half && i < half->changes->len; i++) {
                        const NamespaceChange *change = half->changes->pdata[i];
                        NamespaceChange *twin = commit_add(commit, change->kind, change->name);

                        for (guint j = 0; change->entries && j < change->entries->len; j++)
                                g_ptr_array_add(twin->entries,
                                                entry_ref(change->entries->pdata[j]));
                }
        }
        return commit;
}

GArray *written_boots(const Trace *trace, const GPtrArray *written)
{
        GArray *boots = g_array_new(FALSE, FALSE, sizeof(WrittenBoot));
        const char *boot = NULL;

        for (guint i = 0; i < trace->events->len; i++) {
                const TraceEvent *event = trace_event(trace, i);
                WrittenBoot begun = { .event = i };

                if (event->kind != TRACE_START)
                        continue;
                while (begun.n_before < written->len &&
                       ((Written *) written->pdata[begun.n_before])->written_at < i)
                        begun.n_before++;
                if (trace_event_is_reboot(event, boot))
                        g_array_append_val(boots, begun);
                boot = trace_payload(event);
        }
        return boots;
}
