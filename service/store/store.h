/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Store
 *
 * Makes commits durable and brings them back. Two directories of one format: the state directory
 * for what is persistent, synced before anything is acknowledged; the runtime directory for what
 * may be lost at a reboot, never synced. store/recovery.c reads both at start; a writer thread and
 * a checkpoint thread do the slow part of the rest, and the event loop never waits for a disk that
 * is slow.
 */

#include "core/commit.h"
#include "core/state.h"
#include "core/status.h"
#include "store/backup.h"
#include "util/io.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

typedef struct Store Store;

typedef struct StoreOptions {
        const char *state_directory;
        const char *runtime_directory;
        /* A checkpoint is taken once the journal has outgrown both the state and this. */
        uint64_t checkpoint_journal_bytes;
        /* Null: ask the system. */
        sd_id128_t boot_id;
        /* How soon what has failed, or found no room, is tried again. 0: after a second. */
        uint64_t retry_usec;
} StoreOptions;

typedef struct StoreCallbacks {
        /*
         * The batch handed to store_write() is durable (0), there was no room and nothing of it is
         * written (-ENOSPC), or what became of it cannot be known (another negative errno): then
         * nothing more will be written until the store has mended itself. Never called from
         * store_write().
         */
        void (*on_written)(void *userdata, int r);

        /* store_revision_limit() has grown. */
        void (*on_revision_limit)(void *userdata);

        /* The status, and with it perhaps the state's revision, has changed by itself. */
        void (*on_status)(void *userdata);

        void *userdata;
} StoreCallbacks;

enum {
        STORE_E_LOCKED = 1,   /* another regentd holds one of the directories */
        STORE_E_NEWER_FORMAT, /* written by a later version: left untouched */
        STORE_E_WRITTEN,      /* the batch is durable already: on_written() will not be called */
        STORE_E_MARKED,       /* it is so already: on_marked() will not be called */
};

/*
 * Locks both directories, recovers what they hold into @state (empty before), makes it durable and
 * starts the threads. Creates the directories when they are missing. Blocks. Logs what it found.
 * Borrows everything; @state and @status must outlive the store. Where nothing can be written it
 * begins read-only.
 */
int store_open(Store **ret_store,
               const Io *io,
               const StoreOptions *options,
               sd_event *event,
               State *state,
               ServiceStatus *status,
               const StoreCallbacks *callbacks);

/* Commits of this revision and later must wait for on_revision_limit(). */
uint64_t store_revision_limit(const Store *store);

/*
 * Writes @commits (Commit, in order of revision, borrowed until on_written()) as one batch with one
 * sync, which is left for later if all of them are lazy. Not while another is under way. Returns 0 when on_written() will be called, STORE_E_WRITTEN
 * when the disk was quick enough to be waited for, -EROFS when nothing was tried because the store
 * has failed before, -ENOSPC when there is no room and nothing of it is written, or another negative
 * errno when it failed now and what became of the batch cannot be known.
 */
int store_write(Store *store, const GPtrArray *commits);

/*
 * Has all on disk that was written before; not while a batch is under way. As store_write(), -ENOSPC
 * apart.
 */
int store_flush(Store *store);

/* How long what only lazy commits have written may wait for its sync; 0: five seconds, as at first. */
void store_set_sync_interval(Store *store, uint64_t usec);

/* The batch is applied to the state; the store may begin a checkpoint now. */
void store_applied(Store *store);

/* From now on, for StoreOptions.checkpoint_journal_bytes. */
void store_set_checkpoint_journal_bytes(Store *store, uint64_t n_bytes);

/* Starts a checkpoint of the present state unless one is under way. */
int store_checkpoint(Store *store);

/*
 * The present state is to be the last known good one. @on_marked is called with 0 once it is, or with
 * a negative errno; never from this function. 0, STORE_E_MARKED, -EROFS: nothing can be written, or
 * -EBUSY: it is being done already, or something waits for a confirmation.
 */
typedef void (*StoreMarked)(void *userdata, int r);
int store_mark_good(Store *store, StoreMarked on_marked, void *userdata);

/*
 * Reads the last known good state. @on_loaded gets it, owned, and what it is called in a commit; or a
 * negative errno: -ENOENT when there is none, -EBADMSG when it is damaged. Until such a commit is
 * durable there must be no store_mark_good().
 */
typedef void (*StoreLoaded)(void *userdata, int r, State *source, const CommitSource *identity);
void store_load_good(Store *store, StoreLoaded on_loaded, void *userdata);

/*
 * Writes the present persistent state into a file without a name and verifies it. @on_taken is called
 * with it, or with a negative errno; never from this function. 0, -EROFS or -EBUSY.
 */
int store_back_up(Store *store, BackupTaken on_taken, void *userdata);

/* An a{sv} of counters, floating. Names and units: see the manual of GetStatistics. */
GVariant *store_statistics(const Store *store);

/* A clean stop: waits for what is under way, takes a checkpoint, marks the journal. Blocks. */
int store_close(Store *store);

/* Whether the newest checkpoint holds all that is persistent. */
bool store_is_checkpointed(const Store *store);

/* Stops the threads and frees it, as a crash would leave the files unless it was closed. */
Store *store_free(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)
