/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Backup
 *
 * A copy of the persistent state for somebody outside, taken by the checkpointer when that has time
 * for it. One at a time.
 */

#include "core/copy.h"
#include "store/checkpointer.h"

#include <stdbool.h>

/* @r: 0 with @copy, whose descriptors are the receiver's; or a negative errno. */
typedef void (*BackupTaken)(void *userdata, int r, const StateCopy *copy);

typedef struct Backup {
        BackupTaken on_taken; /* of who waits for one; NULL: nobody does */
        void *userdata;
        bool is_under_way;
} Backup;

/* 0, or -EBUSY when somebody has asked for one already. */
int backup_want(Backup *backup, BackupTaken on_taken, void *userdata);

/* Begins the one that is wanted. Whether there was any; the checkpointer is idle. */
bool backup_begin(Backup *backup, Checkpointer *checkpointer, Side *side);

/* The checkpointer has ended with @r. Whether it was this. */
bool backup_ended(Backup *backup, Checkpointer *checkpointer, int r);

/* Nothing can be written: one that is wanted and not begun is refused. */
void backup_refuse(Backup *backup);
