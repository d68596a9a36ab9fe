/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commit record
 */

#include "store/commit-record.h"

#include "store/pending-codec.h"

#include <errno.h>

RecordKind commit_record_kind(const Commit *commit, CommitPart part)
{
        if (part != COMMIT_PERSISTENT)
                return RECORD_COMMIT;
        if (commit->pending)
                return RECORD_PENDING;
        if (commit->settlement == COMMIT_CONFIRMS)
                return RECORD_CONFIRMATION;
        if (commit->settlement == COMMIT_UNDOES)
                return RECORD_UNDOING;
        return commit->source.revision > 0 ? RECORD_RESTORE : RECORD_COMMIT;
}

bool commit_record_is_commit(unsigned kind)
{
        return kind == RECORD_COMMIT || kind == RECORD_RESTORE || kind == RECORD_PENDING ||
               kind == RECORD_CONFIRMATION || kind == RECORD_UNDOING;
}

void commit_record_put(CodecBuffer *buffer,
                       const Commit *commit,
                       CommitPart part,
                       uint64_t pair_revision)
{
        RecordKind kind = commit_record_kind(commit, part);

        if (kind == RECORD_PENDING) {
                codec_put_u32(buffer, 0);
                pending_codec_put(buffer, commit->pending);
        } else if (kind == RECORD_CONFIRMATION || kind == RECORD_UNDOING) {
                codec_put_u32(buffer, 0);
                codec_put_number(buffer, commit->settles);
        }
        commit_codec_put(buffer, commit, part, pair_revision);
}

static int get_rest(Commit **ret_commit, const CodecReader *reader, const Record *record)
{
        return commit_codec_get_any(ret_commit, reader->at, codec_rest(reader), false,
                                    record->header.revision, record->header.time_usec);
}

static int get_pending(Commit **ret_commit, CodecReader *reader, const Record *record)
{
        g_autoptr(PendingChange) pending = NULL;
        int r;

        r = pending_codec_get(&pending, reader, record->header.revision, 0);
        if (r < 0)
                return r;
        r = get_rest(ret_commit, reader, record);
        if (r != 0)
                return r;

        pending->writer_uid = (*ret_commit)->writer_uid;
        (*ret_commit)->pending = g_steal_pointer(&pending);
        return 0;
}

static int get_settlement(Commit **ret_commit, CodecReader *reader, const Record *record)
{
        bool is_undoing = record->header.kind == RECORD_UNDOING;
        uint64_t settles = codec_get_number(reader);
        g_autoptr(Commit) commit = NULL;
        int r;

        if (reader->is_bad || settles == 0 || settles >= record->header.revision)
                return -EBADMSG;
        r = get_rest(&commit, reader, record);
        if (r != 0)
                return r;
        if (!is_undoing && commit->changes->len > 0)
                return -EBADMSG;

        commit->settlement = is_undoing ? COMMIT_UNDOES : COMMIT_CONFIRMS;
        commit->settles = settles;
        *ret_commit = g_steal_pointer(&commit);
        return 0;
}

int commit_record_get(Commit **ret_commit, const Record *record)
{
        const RecordHeader *header = &record->header;
        CodecReader reader = codec_reader(record->payload, header->payload_bytes);

        if (header->kind == RECORD_COMMIT)
                return commit_codec_get(ret_commit, record->payload, header->payload_bytes,
                                        header->flags & RECORD_PAIRED, header->revision,
                                        header->time_usec);

        if (codec_get_u32(&reader) != 0)
                return COMMIT_CODEC_E_NEWER;
        return header->kind == RECORD_PENDING ? get_pending(ret_commit, &reader, record)
                                              : get_settlement(ret_commit, &reader, record);
}
