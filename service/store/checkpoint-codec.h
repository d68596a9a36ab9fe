/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checkpoint codec
 *
 * The payloads of a checkpoint's records. Each begins with a u32 of sections, as a commit's does.
 *
 *     NAMESPACES   name, access, created revision, revision; again and again
 *     ENTRIES      groups of: name of the namespace, u32 n, n entries; an entry as
 *                  store/entry-codec.h says, then its revision, time and writer's uid
 *     TOMBSTONES   groups of: name of the namespace, its floor, u32 n, n times key and revision; they follow
 *                  the entries, and of a namespace there may be several
 *     END          number of namespaces, number of entries
 *     WAITING      revision, writer's uid, and the change as store/pending-codec.h says; before END
 *
 * A group may name any namespace, also one it has named before: entries that changed while the
 * checkpoint was taken come out of their order. A runtime checkpoint has no NAMESPACES.
 */

#include "core/namespace.h"
#include "core/pending-change.h"
#include "store/codec.h"
#include "store/entry-codec.h"
#include "store/record.h"

#include <stdint.h>

/* A namespace as of the checkpoint's revision. */
typedef struct NamespaceSnapshot {
        Namespace *ns; /* owned reference; for the name and the entries */
        NamespaceAccess access;
        uint64_t created_revision;
        uint64_t revision;
} NamespaceSnapshot;

void checkpoint_codec_begin(CodecBuffer *buffer);
void checkpoint_codec_put_namespace(CodecBuffer *buffer, const NamespaceSnapshot *snapshot);
void checkpoint_codec_put_end(CodecBuffer *buffer, uint64_t n_namespaces, uint64_t n_entries);

void checkpoint_codec_put_pending(CodecBuffer *buffer, const PendingChange *change);

/* The group that entries are being put into. Zero: none. */
typedef struct CheckpointGroup {
        const Namespace *ns;
        size_t count_at;
        uint32_t n_entries;
} CheckpointGroup;

/* Puts @entry into @group, or into a new one when it is another namespace's. */
void checkpoint_codec_put_entry(CodecBuffer *buffer,
                                CheckpointGroup *group,
                                const Namespace *ns,
                                Entry *entry);

/*
 * A group of tombstones, which are put into the same @group; there may be none of them. @floor: those up
 * to this revision are not all there.
 */
void checkpoint_codec_begin_tombstones(CodecBuffer *buffer,
                                       CheckpointGroup *group,
                                       const Namespace *ns,
                                       uint64_t floor);
void checkpoint_codec_put_tombstone(CodecBuffer *buffer,
                                    CheckpointGroup *group,
                                    const Tombstone *tombstone);

/* What a checkpoint holds, piece by piece; all borrowed. A negative errno ends the reading. */
typedef struct CheckpointSink {
        int (*on_namespace)(void *userdata,
                            const char *name,
                            const NamespaceAccess *access,
                            uint64_t created_revision,
                            uint64_t revision);
        /* Entries follow, of @name. */
        int (*on_group)(void *userdata, const char *name);
        int (*on_entry)(void *userdata,
                        const EntryView *view,
                        uint64_t revision,
                        uint64_t time_usec,
                        uint32_t writer_uid);
        void *userdata;
        /* A change that waits for a confirmation. NULL: they are passed over. */
        void (*on_pending)(void *userdata, PendingChange *change);
        /* Tombstones follow, of @name; NULL, both or none: they are passed over. */
        void (*on_floor)(void *userdata, const char *name, uint64_t floor);
        void (*on_tombstone)(void *userdata, const char *key, uint64_t revision);
} CheckpointSink;

typedef struct CheckpointCounts {
        uint64_t n_namespaces, n_entries;
} CheckpointCounts;

enum {
        CHECKPOINT_CODEC_E_END = 1, /* that was the END, and its numbers are right */
        CHECKPOINT_CODEC_E_NEWER,   /* written by a later version */
};

/* Takes a record apart and counts. 0, CHECKPOINT_CODEC_E_*, -EBADMSG or the sink's errno. */
int checkpoint_codec_get(const Record *record,
                         const CheckpointSink *sink,
                         CheckpointCounts *counts);
