/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint codec
 */

#include "store/checkpoint-codec.h"

#include "core/limits.h"
#include "core/name.h"
#include "store/commit-codec.h"
#include "store/pending-codec.h"

#include <errno.h>
#include <string.h>

typedef char NameBuffer[LIMIT_NAMESPACE_NAME_BYTES + 1];

void checkpoint_codec_begin(CodecBuffer *buffer)
{
        codec_put_u32(buffer, 0);
}

void checkpoint_codec_put_namespace(CodecBuffer *buffer, const NamespaceSnapshot *snapshot)
{
        codec_put_string(buffer, snapshot->ns->name, strlen(snapshot->ns->name));
        commit_codec_put_access(buffer, &snapshot->access);
        codec_put_number(buffer, snapshot->created_revision);
        codec_put_number(buffer, snapshot->revision);
}

void checkpoint_codec_put_end(CodecBuffer *buffer, uint64_t n_namespaces, uint64_t n_entries)
{
        codec_put_number(buffer, n_namespaces);
        codec_put_number(buffer, n_entries);
}

void checkpoint_codec_put_pending(CodecBuffer *buffer, const PendingChange *change)
{
        codec_put_number(buffer, change->revision);
        codec_put_number(buffer, change->writer_uid);
        pending_codec_put(buffer, change);
}

static void begin_group(CodecBuffer *buffer, CheckpointGroup *group, const Namespace *ns)
{
        codec_put_string(buffer, ns->name, strlen(ns->name));
        *group = (CheckpointGroup){ .ns = ns, .count_at = buffer->n_bytes };
        codec_put_u32(buffer, 0);
}

static void count_one(const CodecBuffer *buffer, CheckpointGroup *group)
{
        uint32_t little = GUINT32_TO_LE(++group->n_entries);

        memcpy(buffer->bytes + group->count_at, &little, sizeof little);
}

void checkpoint_codec_begin_tombstones(CodecBuffer *buffer,
                                       CheckpointGroup *group,
                                       const Namespace *ns,
                                       uint64_t floor)
{
        codec_put_string(buffer, ns->name, strlen(ns->name));
        codec_put_number(buffer, floor);
        *group = (CheckpointGroup){ .ns = ns, .count_at = buffer->n_bytes };
        codec_put_u32(buffer, 0);
}

void checkpoint_codec_put_tombstone(CodecBuffer *buffer,
                                    CheckpointGroup *group,
                                    const Tombstone *tombstone)
{
        codec_put_string(buffer, tombstone->key, tombstone->key_bytes);
        codec_put_number(buffer, tombstone->revision);
        count_one(buffer, group);
}

void checkpoint_codec_put_entry(CodecBuffer *buffer,
                                CheckpointGroup *group,
                                const Namespace *ns,
                                Entry *entry)
{
        uint8_t *at;

        if (group->ns != ns)
                begin_group(buffer, group, ns);

        entry_codec_put(buffer, entry);
        at = codec_make_room(buffer, 3 * CODEC_NUMBER_BYTES_MAX);
        at = codec_store_number(at, entry->revision);
        at = codec_store_number(at, entry->time_usec);
        codec_end_at(buffer, codec_store_number(at, entry->writer_uid));
        count_one(buffer, group);
}

static int get_name(CodecReader *reader, NameBuffer name)
{
        size_t n_bytes;
        const char *bytes = codec_get_string(reader, LIMIT_NAMESPACE_NAME_BYTES, &n_bytes);

        if (!bytes)
                return -EBADMSG;

        memcpy(name, bytes, n_bytes);
        name[n_bytes] = '\0';
        return strlen(name) == n_bytes && namespace_name_is_valid(name) ? 0 : -EBADMSG;
}

static int get_namespace(CodecReader *reader, const CheckpointSink *sink)
{
        NamespaceAccess access;
        uint64_t created_revision, revision;
        NameBuffer name;
        int r;

        r = get_name(reader, name);
        if (r < 0)
                return r;
        commit_codec_get_access(reader, &access);
        created_revision = codec_get_number(reader);
        revision = codec_get_number(reader);
        if (reader->is_bad || revision < created_revision)
                return -EBADMSG;

        return sink->on_namespace(sink->userdata, name, &access, created_revision, revision);
}

static int get_namespaces(CodecReader *reader, const CheckpointSink *sink, uint64_t *n_namespaces)
{
        while (codec_rest(reader) > 0) {
                int r = get_namespace(reader, sink);

                if (r < 0)
                        return r;
                ++*n_namespaces;
        }

        return codec_finish(reader);
}

static int get_entry(CodecReader *reader, const CheckpointSink *sink, uint64_t revision_max)
{
        EntryView view;
        uint64_t revision, time_usec;
        uint32_t writer_uid;

        entry_codec_get(reader, &view);
        revision = codec_get_number(reader);
        time_usec = codec_get_number(reader);
        writer_uid = codec_get_number32(reader);
        if (reader->is_bad || view.is_tombstone || revision == 0 || revision > revision_max)
                return -EBADMSG;

        return sink->on_entry(sink->userdata, &view, revision, time_usec, writer_uid);
}

static int get_group(CodecReader *reader,
                     const CheckpointSink *sink,
                     uint64_t revision_max,
                     uint64_t *n_entries)
{
        NameBuffer name;
        uint32_t n;
        int r;

        r = get_name(reader, name);
        if (r < 0)
                return r;
        n = codec_get_u32(reader);
        if (n == 0)
                return -EBADMSG;
        r = sink->on_group(sink->userdata, name);

        for (uint32_t i = 0; i < n && r >= 0; i++)
                r = get_entry(reader, sink, revision_max);

        *n_entries += n;
        return r;
}

static int get_groups(CodecReader *reader,
                      const CheckpointSink *sink,
                      uint64_t revision_max,
                      uint64_t *n_entries)
{
        while (codec_rest(reader) > 0) {
                int r = get_group(reader, sink, revision_max, n_entries);

                if (r < 0)
                        return r;
        }

        return codec_finish(reader);
}

static int get_tombstone(CodecReader *reader, const CheckpointSink *sink, uint64_t revision_max)
{
        char key[LIMIT_KEY_BYTES + 1];
        uint64_t revision;
        size_t n_bytes;
        const char *bytes = codec_get_string(reader, LIMIT_KEY_BYTES, &n_bytes);

        revision = codec_get_number(reader);
        if (reader->is_bad || !key_bytes_are_valid(bytes, n_bytes) || revision == 0 ||
            revision > revision_max)
                return -EBADMSG;

        memcpy(key, bytes, n_bytes);
        key[n_bytes] = '\0';
        if (sink->on_tombstone)
                sink->on_tombstone(sink->userdata, key, revision);
        return 0;
}

static int get_tombstones_of_one(CodecReader *reader,
                                 const CheckpointSink *sink,
                                 uint64_t revision_max)
{
        NameBuffer name;
        uint64_t floor;
        uint32_t n;
        int r;

        r = get_name(reader, name);
        if (r < 0)
                return r;
        floor = codec_get_number(reader);
        n = codec_get_u32(reader);
        if (reader->is_bad || floor > revision_max)
                return -EBADMSG;

        if (sink->on_floor)
                sink->on_floor(sink->userdata, name, floor);
        for (uint32_t i = 0; i < n && r >= 0; i++)
                r = get_tombstone(reader, sink, revision_max);
        return r;
}

static int get_tombstones(CodecReader *reader, const CheckpointSink *sink, uint64_t revision_max)
{
        while (codec_rest(reader) > 0) {
                int r = get_tombstones_of_one(reader, sink, revision_max);

                if (r < 0)
                        return r;
        }

        return codec_finish(reader);
}

static int get_end(CodecReader *reader, const CheckpointCounts *counts)
{
        uint64_t n_namespaces = codec_get_number(reader);
        uint64_t n_entries = codec_get_number(reader);

        if (codec_finish(reader) < 0 || n_namespaces != counts->n_namespaces ||
            n_entries != counts->n_entries)
                return -EBADMSG;
        return CHECKPOINT_CODEC_E_END;
}

static int get_pending(CodecReader *reader, const CheckpointSink *sink, uint64_t revision_max)
{
        g_autoptr(PendingChange) change = NULL;
        uint64_t revision = codec_get_number(reader);
        uint32_t writer_uid = codec_get_number32(reader);
        int r;

        if (reader->is_bad || revision == 0 || revision > revision_max)
                return -EBADMSG;
        r = pending_codec_get(&change, reader, revision, writer_uid);
        if (r == 0)
                r = codec_finish(reader);
        if (r == 0 && sink->on_pending)
                sink->on_pending(sink->userdata, change);
        return r;
}

int checkpoint_codec_get(const Record *record, const CheckpointSink *sink, CheckpointCounts *counts)
{
        CodecReader reader = codec_reader(record->payload, record->header.payload_bytes);

        if (codec_get_u32(&reader) != 0)
                return CHECKPOINT_CODEC_E_NEWER;

        switch (record->header.kind) {
        case RECORD_NAMESPACES:
                return get_namespaces(&reader, sink, &counts->n_namespaces);
        case RECORD_ENTRIES:
                return get_groups(&reader, sink, record->header.revision, &counts->n_entries);
        case RECORD_TOMBSTONES:
                return get_tombstones(&reader, sink, record->header.revision);
        case RECORD_WAITING:
                return get_pending(&reader, sink, record->header.revision);
        case RECORD_END:
                return get_end(&reader, counts);
        default:
                return CHECKPOINT_CODEC_E_NEWER;
        }
}
