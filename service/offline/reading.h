/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reading
 *
 * A state directory, and perhaps the runtime directory beside it, read as a start would read them,
 * and left as they are. No lock is taken.
 */

#include "core/state.h"
#include "store/recovery.h"
#include "store/side.h"

#include <stdbool.h>

typedef struct ReadingOptions {
        const char *state_directory;
        const char *runtime_directory; /* NULL: none is at hand, so there are no runtime entries */
} ReadingOptions;

typedef struct Reading {
        Side sides[2];                /* by CommitPart; the runtime one may have no directory */
        RecoveryFindings findings[2]; /* likewise */
        State *state;
        GPtrArray *damaged_copies; /* owned names in last-known-good/ */
        bool is_unreadable;        /* a file cannot be read, so a start would fail */
        const char *newer;         /* the directory with a file of a later version, or NULL */
        bool is_held;              /* a regentd, or a regent-store that changes it, is at it */
} Reading;

/* Opens the directories and reads nothing yet. 0, or -EPROTO: the failure has been told. */
int reading_open(Reading *ret_reading, const ReadingOptions *options);

/*
 * Reads everything into a fresh state. 0 with findings, with @newer set when something was refused,
 * or an errno.
 */
int reading_load(Reading *reading);
void reading_clear(Reading *reading);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

/* A file or directory that somebody has named. The descriptor, or -EPROTO: it has been told. */
int reading_open_named(const char *path);

/* A directory to be read, or one in @parent. 0 or an errno. */
int reading_open_directory(StoreDirectory **ret_directory, const char *path);
int reading_open_below(StoreDirectory **ret_directory,
                       const StoreDirectory *parent,
                       const char *name);

/* Whether somebody else has the lock on @directory; false when that cannot be known. */
bool reading_is_held(const StoreDirectory *directory);

/* The revision that a start would go on with: the last one loaded, or the floor. */
uint64_t reading_revision(const Reading *reading);

/* What of it is damaged, in words, or NULL; static. */
const char *reading_damage(const Reading *reading);
