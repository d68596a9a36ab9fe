/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checkpoint, loaded
 */

#include "store/checkpoint-load.h"

#include "store/checkpoint-file.h"

#include <errno.h>

static int load_namespace(void *userdata,
                          const char *name,
                          const NamespaceAccess *access,
                          uint64_t created_revision,
                          uint64_t revision)
{
        CheckpointLoader *loader = userdata;

        state_load_namespace(loader->state, name, access, created_revision, revision);
        return 0;
}

static int load_group(void *userdata, const char *name)
{
        CheckpointLoader *loader = userdata;

        loader->group = state_lookup(loader->state, name);
        return loader->group || loader->part == COMMIT_RUNTIME ? 0 : -EBADMSG;
}

static int load_entry(void *userdata,
                      const EntryView *view,
                      uint64_t revision,
                      uint64_t time_usec,
                      uint32_t writer_uid)
{
        CheckpointLoader *loader = userdata;
        Entry *entry;
        int r;

        r = entry_codec_make(&entry, NULL, view);
        if (r < 0)
                return r;

        entry->revision = revision;
        entry->time_usec = time_usec;
        entry->writer_uid = writer_uid;
        if (loader->group)
                state_load_entry(loader->state, loader->group, entry);
        else
                entry_unref(entry);
        return 0;
}

static void load_floor(void *userdata, const char *name, uint64_t floor)
{
        CheckpointLoader *loader = userdata;

        loader->group = state_lookup(loader->state, name);
        if (loader->group)
                state_load_tombstone_floor(loader->group, floor);
}

static void load_tombstone(void *userdata, const char *key, uint64_t revision)
{
        const CheckpointLoader *loader = userdata;

        if (loader->group)
                state_load_tombstone(loader->state, loader->group, key, revision,
                                     loader->part == COMMIT_PERSISTENT);
}

static void load_pending(void *userdata, PendingChange *change)
{
        const CheckpointLoader *loader = userdata;

        state_load_pending(loader->state, change);
}

CheckpointSink checkpoint_loader_sink(CheckpointLoader *loader)
{
        return (CheckpointSink){ load_namespace, load_group, load_entry,    loader,
                                 load_pending,   load_floor, load_tombstone };
}

int checkpoint_load(const StoreDirectory *directory,
                    const ManifestFile *file,
                    CommitPart part,
                    State *state)
{
        CheckpointLoader loader = { .part = part, .state = state };
        CheckpointSink sink = checkpoint_loader_sink(&loader);
        int r;

        r = checkpoint_verify(directory, file);
        return r == 0 ? checkpoint_read(directory, file, &sink) : r;
}

int checkpoint_load_open(const Io *io, int fd, const ManifestFile *file, State *state)
{
        CheckpointLoader loader = { .part = COMMIT_PERSISTENT, .state = state };
        CheckpointSink sink = checkpoint_loader_sink(&loader);

        return checkpoint_read_open(io, fd, file, &sink);
}
