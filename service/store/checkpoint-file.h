/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checkpoint file
 *
 * Writes a checkpoint's file, in any one thread, and reads one.
 */

#include "store/checkpoint-codec.h"
#include "store/directory.h"
#include "store/manifest.h"
#include "store/record.h"

typedef struct CheckpointFile CheckpointFile;

/* A new file in tmp/. Borrows @directory. */
int checkpoint_file_create(CheckpointFile **ret_file,
                           const StoreDirectory *directory,
                           uint64_t revision,
                           sd_id128_t boot_id,
                           uint64_t now_usec);
CheckpointFile *checkpoint_file_free(CheckpointFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckpointFile, checkpoint_file_free)

/* Seals the record begun at the beginning of @record, and writes it. */
int checkpoint_file_append(CheckpointFile *file, RecordKind kind, CodecBuffer *record);

/*
 * Writes the END, syncs, reads all of it back, and puts it in place; but names it in no manifest.
 * 0 or an errno. A file in place that no manifest names does no harm.
 */
int checkpoint_file_finish(CheckpointFile *file, const CheckpointCounts *counts);

/*
 * The same, but for a file that is to have no name: ends in a descriptor to read it by, alone. One to
 * write it by is left, for who needs to know whether the other is still open anywhere.
 */
typedef struct UnnamedCheckpoint {
        int fd, write_fd; /* to be closed by whoever gets them */
} UnnamedCheckpoint;
int checkpoint_file_finish_unnamed(CheckpointFile *file,
                                   const CheckpointCounts *counts,
                                   UnnamedCheckpoint *ret_unnamed);

/* What the manifest is to say of it. */
ManifestFile checkpoint_file_identity(const CheckpointFile *file);
uint64_t checkpoint_file_bytes(const CheckpointFile *file);

enum {
        CHECKPOINT_E_NEWER = 1, /* written by a later version */
};

/* Reads the checkpoint @expected. 0, CHECKPOINT_E_NEWER, -EBADMSG: not whole, or an errno. */
int checkpoint_read(const StoreDirectory *directory,
                    const ManifestFile *expected,
                    const CheckpointSink *sink);

/* The same of a file that is open, whatever its name is. */
int checkpoint_read_open(const Io *io,
                         int fd,
                         const ManifestFile *expected,
                         const CheckpointSink *sink);

/* The same, to find out whether it is whole. */
int checkpoint_verify(const StoreDirectory *directory, const ManifestFile *expected);
