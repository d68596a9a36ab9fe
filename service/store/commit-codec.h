/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commit codec
 *
 * The payload of a commit's record. Revision and time stand in the record's header.
 *
 *     u32 sections     one bit each; a bit this version does not know stands for a newer format
 *     pair revision    of a record flagged PAIRED
 *     writer's uid
 *     reason           its length + 1 and its bytes; 0: none
 *     n changes, each: kind (a byte), name of the namespace, and
 *         CREATE, ACCESS: owner, group, mode, quota of keys, quota of bytes
 *         ENTRIES:        n entries, each as store/entry-codec.h says
 *         REMOVE:         nothing
 *
 * The persistent record of a commit that takes the state back to a copy has, instead of the changes,
 * the copy's revision and its UUID (16 bytes): the changes are found out again.
 *
 * A commit over both persistent and runtime entries is two records, one in each directory.
 */

#include "core/commit.h"
#include "store/codec.h"
#include "store/entry-codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The part of a commit that goes to one directory. */
typedef enum CommitPart {
        COMMIT_PERSISTENT, /* namespaces, and entries of the persistent classes */
        COMMIT_RUNTIME,    /* the other entries */
} CommitPart;

enum {
        COMMIT_CODEC_E_NEWER = 1, /* written by a later version */
};

/* Whether @commit has anything in @part. */
bool commit_codec_has_part(const Commit *commit, CommitPart part);

/* @pair_revision: 0 when the record is not paired. */
void commit_codec_put(CodecBuffer *buffer,
                      const Commit *commit,
                      CommitPart part,
                      uint64_t pair_revision);

/* What the payload of a record of kind RECORD_RESTORE names, in a commit without changes. As below. */
int commit_codec_get_restoration(Commit **ret_commit,
                                 const void *payload,
                                 size_t n_bytes,
                                 uint64_t revision,
                                 uint64_t time_usec);

/* The pair revision of a paired record, or 0 when the payload is not even that long. */
uint64_t commit_codec_pair_revision(const void *payload, size_t n_bytes);

/* What a payload holds, in its order; what is given is borrowed. Anything but 0 ends it. */
typedef struct CommitSink {
        /* @reason: NULL for none. */
        void (*on_commit)(void *userdata, uint32_t writer_uid, const char *reason);
        /* @access: of CREATE and ACCESS, else all zeros. */
        int (*on_change)(void *userdata,
                         NamespaceChangeKind kind,
                         const char *name,
                         const NamespaceAccess *access);
        /* One of the change before; its key, type and value are not looked at yet. */
        int (*on_entry)(void *userdata, const EntryView *view);
        void *userdata;
        /* A valid name, which need not be judged again; NULL: none. */
        const char *known_name;
        size_t known_bytes;
} CommitSink;

/* 0, -EBADMSG, which may also come after all has been given, COMMIT_CODEC_E_NEWER, or what ended it. */
int commit_codec_scan(const void *payload, size_t n_bytes, bool is_paired, const CommitSink *sink);

/* 0, -EBADMSG, or COMMIT_CODEC_E_NEWER. */
int commit_codec_get(Commit **ret_commit,
                     const void *payload,
                     size_t n_bytes,
                     bool is_paired,
                     uint64_t revision,
                     uint64_t time_usec);

/* The same for one that may have no changes. */
int commit_codec_get_any(Commit **ret_commit,
                         const void *payload,
                         size_t n_bytes,
                         bool is_paired,
                         uint64_t revision,
                         uint64_t time_usec);

/* An access, as checkpoints hold it too. */
void commit_codec_put_access(CodecBuffer *buffer, const NamespaceAccess *access);
void commit_codec_get_access(CodecReader *reader, NamespaceAccess *ret_access);
