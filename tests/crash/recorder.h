/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Recorder
 *
 * What its parts share: names, what is in files, the bus, and what is there before.
 */

#include "trace-format.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define INTERPOSE __attribute__((visibility("default")))

/* The call that stands behind the recorder's own. Never NULL. */
#define NEXT(name)                                          \
        ({                                                  \
                static __typeof__(&(name)) next;            \
                                                            \
                if (!next) {                                \
                        void *found = recorder_next(#name); \
                                                            \
                        memcpy(&next, &found, sizeof next); \
                }                                           \
                next;                                       \
        })

void *recorder_next(const char *name);

typedef enum Plant {
        PLANT_NONE,
        PLANT_REPLY_BEFORE_SYNC,
        PLANT_NO_DIRECTORY_SYNC,
        PLANT_EARLY_UNLINK,
        PLANT_RETRY_SYNC,
        PLANT_SWAP_WRITES,
        PLANT_FLUSH_BEFORE_SYNC,
} Plant;

typedef struct RecorderSettings {
        unsigned sync_usec;    /* how long a sync takes */
        unsigned failing_sync; /* the number of the batch whose sync fails; 0: none */
        Plant plant;
} RecorderSettings;

const RecorderSettings *recorder_settings(void);

typedef struct Descriptor {
        bool is_watched;
        bool is_root;    /* of the virtual directory that holds both */
        bool has_batch;  /* the last write was one of the journal */
        unsigned n_sent; /* messages, when it was written */
        TraceNode node;
        uint64_t late_serial; /* of a sync that was not waited for */
} Descriptor;

/* Never NULL; one that is not watched when nothing is recorded. */
Descriptor *recorder_descriptor(int fd);

void recorder_lock(void);
void recorder_unlock(void);

/* Messages to the bus so far. */
unsigned recorder_n_sent(void);

/* Writes down a message; nothing when nothing is recorded. */
void recorder_put(TraceKind kind, const void *payload, size_t n_bytes);

/* Writes down anything. Call with the recorder's mutex, or before there is anybody else. */
void recorder_put_event(TraceEvent event, const void *payload, size_t n_bytes);

/* Writes down what is in the two directories, if they are there. */
void recorder_give(const char *state_path, const char *runtime_path);

void recorder_bus_closed(int fd);

/*
 * A planted bug: what the new @checkpoint replaces goes before the manifest names that. By
 * @unlink_now, which is as unlinkat().
 */
typedef int (*PlantUnlink)(int dir_fd, const char *name, int flags);
void plant_unlink_early(int dir_fd, const char *checkpoint, PlantUnlink unlink_now);
