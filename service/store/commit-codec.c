/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commit codec
 */

#include "store/commit-codec.h"

#include "core/limits.h"
#include "core/name.h"
#include "store/entry-codec.h"

#include <errno.h>
#include <string.h>

#define CHANGE_BYTES_MIN 2
#define NAME_SIZE        (LIMIT_NAMESPACE_NAME_BYTES + 1)

static bool entry_is_of(const Entry *entry, CommitPart part)
{
        return entry_is_persistent(entry) == (part == COMMIT_PERSISTENT);
}

static size_t n_entries_of(const NamespaceChange *change, CommitPart part)
{
        size_t n = 0;

        for (guint i = 0; i < change->entries->len; i++)
                n += entry_is_of(change->entries->pdata[i], part);

        return n;
}

static bool change_has_part(const NamespaceChange *change, CommitPart part)
{
        if (change->kind != NAMESPACE_CHANGE_ENTRIES)
                return part == COMMIT_PERSISTENT;
        return n_entries_of(change, part) > 0;
}

static size_t n_changes_of(const Commit *commit, CommitPart part)
{
        size_t n = 0;

        for (guint i = 0; i < commit->changes->len; i++)
                n += change_has_part(commit->changes->pdata[i], part);

        return n;
}

static bool is_restoration(const Commit *commit, CommitPart part)
{
        return commit->source.revision > 0 && part == COMMIT_PERSISTENT;
}

bool commit_codec_has_part(const Commit *commit, CommitPart part)
{
        if (is_restoration(commit, part))
                return true;
        if (part == COMMIT_PERSISTENT && (commit->pending || commit->settles > 0))
                return true;
        return n_changes_of(commit, part) > 0;
}

void commit_codec_put_access(CodecBuffer *buffer, const NamespaceAccess *access)
{
        codec_put_number(buffer, access->owner);
        codec_put_number(buffer, access->group);
        codec_put_number(buffer, access->mode);
        codec_put_number(buffer, access->quota_keys);
        codec_put_number(buffer, access->quota_bytes);
}

void commit_codec_get_access(CodecReader *reader, NamespaceAccess *ret_access)
{
        *ret_access = (NamespaceAccess){ 0 };
        ret_access->owner = codec_get_number32(reader);
        ret_access->group = codec_get_number32(reader);
        ret_access->mode = codec_get_number32(reader);
        ret_access->quota_keys = codec_get_number(reader);
        ret_access->quota_bytes = codec_get_number(reader);

        if (ret_access->mode & ~NAMESPACE_MODE_MASK)
                codec_refuse(reader);
}

static void put_entries(CodecBuffer *buffer, const NamespaceChange *change, CommitPart part)
{
        codec_put_number(buffer, n_entries_of(change, part));
        for (guint i = 0; i < change->entries->len; i++)
                if (entry_is_of(change->entries->pdata[i], part))
                        entry_codec_put(buffer, change->entries->pdata[i]);
}

static void put_change(CodecBuffer *buffer, const NamespaceChange *change, CommitPart part)
{
        codec_put_byte(buffer, (uint8_t) change->kind);
        codec_put_string(buffer, change->name, strlen(change->name));

        switch (change->kind) {
        case NAMESPACE_CHANGE_CREATE:
        case NAMESPACE_CHANGE_ACCESS:
                commit_codec_put_access(buffer, &change->access);
                break;
        case NAMESPACE_CHANGE_ENTRIES:
                put_entries(buffer, change, part);
                break;
        case NAMESPACE_CHANGE_REMOVE:
                break;
        }
}

void commit_codec_put(CodecBuffer *buffer,
                      const Commit *commit,
                      CommitPart part,
                      uint64_t pair_revision)
{
        codec_put_u32(buffer, 0);
        if (pair_revision > 0)
                codec_put_number(buffer, pair_revision);
        codec_put_number(buffer, commit->writer_uid);

        codec_put_number(buffer, commit->reason ? strlen(commit->reason) + 1 : 0);
        if (commit->reason)
                codec_put_bytes(buffer, commit->reason, strlen(commit->reason));

        if (is_restoration(commit, part)) {
                codec_put_number(buffer, commit->source.revision);
                codec_put_bytes(buffer, commit->source.id, sizeof commit->source.id);
                return;
        }

        codec_put_number(buffer, n_changes_of(commit, part));
        for (guint i = 0; i < commit->changes->len; i++)
                if (change_has_part(commit->changes->pdata[i], part))
                        put_change(buffer, commit->changes->pdata[i], part);
}

uint64_t commit_codec_pair_revision(const void *payload, size_t n_bytes)
{
        CodecReader reader = codec_reader(payload, n_bytes);

        codec_get_u32(&reader);
        return codec_get_number(&reader);
}

static int get_entries(CodecReader *reader, const CommitSink *sink)
{
        size_t n = codec_get_count(reader, ENTRY_CODEC_BYTES_MIN - 1);

        for (size_t i = 0; i < n; i++) {
                EntryView view;
                int r;

                entry_codec_get(reader, &view);
                if (reader->is_bad)
                        return -EBADMSG;
                r = sink->on_entry(sink->userdata, &view);
                if (r != 0)
                        return r;
        }

        return n > 0 ? 0 : -EBADMSG;
}

/* Ends in the name of a namespace. 0 or -EBADMSG. */
static int get_name(CodecReader *reader, const CommitSink *sink, char ret_name[NAME_SIZE])
{
        size_t n_bytes;
        const char *bytes = codec_get_string(reader, LIMIT_NAMESPACE_NAME_BYTES, &n_bytes);

        if (!bytes)
                return -EBADMSG;
        memcpy(ret_name, bytes, n_bytes);
        ret_name[n_bytes] = '\0';
        if (sink->known_name && n_bytes == sink->known_bytes &&
            memcmp(ret_name, sink->known_name, n_bytes) == 0)
                return 0;
        return strlen(ret_name) == n_bytes && namespace_name_is_valid(ret_name) ? 0 : -EBADMSG;
}

static int get_change(CodecReader *reader, const CommitSink *sink)
{
        NamespaceChangeKind kind = (NamespaceChangeKind) codec_get_byte(reader);
        char name[NAME_SIZE];
        NamespaceAccess access = { 0 };
        int r;

        r = get_name(reader, sink, name);
        if (r < 0)
                return r;
        if (kind < NAMESPACE_CHANGE_ENTRIES || kind > NAMESPACE_CHANGE_ACCESS)
                return -EBADMSG;

        if (kind == NAMESPACE_CHANGE_CREATE || kind == NAMESPACE_CHANGE_ACCESS)
                commit_codec_get_access(reader, &access);
        r = sink->on_change(sink->userdata, kind, name, &access);
        return r == 0 && kind == NAMESPACE_CHANGE_ENTRIES ? get_entries(reader, sink) : r;
}

/* Ends in an owned string, or NULL for none. */
static char *get_reason(CodecReader *reader)
{
        uint64_t length = codec_get_number(reader);
        const char *bytes;

        if (length == 0)
                return NULL;
        if (length > LIMIT_REASON_BYTES + 1) {
                codec_refuse(reader);
                return NULL;
        }

        bytes = codec_get_bytes(reader, (size_t) length - 1);
        if (!bytes || memchr(bytes, '\0', (size_t) length - 1)) {
                codec_refuse(reader);
                return NULL;
        }
        return g_strndup(bytes, (gsize) length - 1);
}

int commit_codec_get_restoration(Commit **ret_commit,
                                 const void *payload,
                                 size_t n_bytes,
                                 uint64_t revision,
                                 uint64_t time_usec)
{
        CodecReader reader = codec_reader(payload, n_bytes);
        uint32_t sections = codec_get_u32(&reader);
        g_autofree char *reason = NULL;
        CommitSource source = { 0 };
        uint32_t writer_uid;
        const void *id;

        if (sections != 0)
                return COMMIT_CODEC_E_NEWER;

        writer_uid = codec_get_number32(&reader);
        reason = get_reason(&reader);
        source.revision = codec_get_number(&reader);
        id = codec_get_bytes(&reader, sizeof source.id);
        if (codec_finish(&reader) < 0 || source.revision == 0)
                return -EBADMSG;

        memcpy(source.id, id, sizeof source.id);
        *ret_commit = commit_new(revision, time_usec, writer_uid, reason);
        (*ret_commit)->source = source;
        return 0;
}

int commit_codec_scan(const void *payload, size_t n_bytes, bool is_paired, const CommitSink *sink)
{
        CodecReader reader = codec_reader(payload, n_bytes);
        uint32_t sections = codec_get_u32(&reader);
        g_autofree char *reason = NULL;
        uint32_t writer_uid;
        size_t n_changes;

        if (sections != 0)
                return COMMIT_CODEC_E_NEWER;
        if (is_paired && codec_get_number(&reader) == 0)
                return -EBADMSG;

        writer_uid = codec_get_number32(&reader);
        reason = get_reason(&reader);
        n_changes = codec_get_count(&reader, CHANGE_BYTES_MIN);

        sink->on_commit(sink->userdata, writer_uid, reason);
        for (size_t i = 0; i < n_changes; i++) {
                int r = get_change(&reader, sink);

                if (r != 0)
                        return r;
        }
        return codec_finish(&reader);
}

typedef struct CommitMaker {
        uint64_t revision, time_usec;
        Commit *commit;
        NamespaceChange *change;
} CommitMaker;

static void make_commit(void *userdata, uint32_t writer_uid, const char *reason)
{
        CommitMaker *maker = userdata;

        maker->commit = commit_new(maker->revision, maker->time_usec, writer_uid, reason);
}

static int make_change(void *userdata,
                       NamespaceChangeKind kind,
                       const char *name,
                       const NamespaceAccess *access)
{
        CommitMaker *maker = userdata;

        maker->change = commit_add(maker->commit, kind, name);
        maker->change->access = *access;
        return 0;
}

static int make_entry(void *userdata, const EntryView *view)
{
        CommitMaker *maker = userdata;
        Entry *entry;
        int r;

        r = entry_codec_make(&entry, NULL, view);
        if (r == 0)
                commit_add_entry(maker->commit, maker->change, entry);
        return r;
}

int commit_codec_get_any(Commit **ret_commit,
                         const void *payload,
                         size_t n_bytes,
                         bool is_paired,
                         uint64_t revision,
                         uint64_t time_usec)
{
        CommitMaker maker = { .revision = revision, .time_usec = time_usec };
        const CommitSink sink = { make_commit, make_change, make_entry, &maker, NULL, 0 };
        g_autoptr(Commit) commit = NULL;
        int r;

        r = commit_codec_scan(payload, n_bytes, is_paired, &sink);
        commit = maker.commit;
        if (r != 0)
                return r;

        *ret_commit = g_steal_pointer(&commit);
        return 0;
}

int commit_codec_get(Commit **ret_commit,
                     const void *payload,
                     size_t n_bytes,
                     bool is_paired,
                     uint64_t revision,
                     uint64_t time_usec)
{
        g_autoptr(Commit) commit = NULL;
        int r;

        r = commit_codec_get_any(&commit, payload, n_bytes, is_paired, revision, time_usec);
        if (r != 0)
                return r;
        if (commit->changes->len == 0)
                return -EBADMSG;

        *ret_commit = g_steal_pointer(&commit);
        return 0;
}
