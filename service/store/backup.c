/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backup
 */

#include "store/backup.h"

#include <errno.h>

int backup_want(Backup *backup, BackupTaken on_taken, void *userdata)
{
        if (backup->on_taken)
                return -EBUSY;

        *backup = (Backup){ .on_taken = on_taken, .userdata = userdata };
        return 0;
}

bool backup_begin(Backup *backup, Checkpointer *checkpointer, Side *side)
{
        if (!backup->on_taken)
                return false;

        backup->is_under_way = true;
        checkpointer_copy(checkpointer, side);
        return true;
}

static void end(Backup *backup, int r, const StateCopy *copy)
{
        Backup ended = *backup;

        *backup = (Backup){ 0 };
        ended.on_taken(ended.userdata, r, copy);
}

bool backup_ended(Backup *backup, Checkpointer *checkpointer, int r)
{
        CheckpointerCopy taken;
        StateCopy copy;

        if (!backup->is_under_way)
                return false;
        if (r < 0) {
                end(backup, r, NULL);
                return true;
        }

        checkpointer_take_copy(checkpointer, &taken);
        copy = (StateCopy){
                .fd = taken.file.fd,
                .write_fd = taken.file.write_fd,
                .revision = taken.revision,
                .n_namespaces = taken.counts.n_namespaces,
                .n_keys = taken.counts.n_entries,
                .n_bytes = taken.n_bytes,
        };
        end(backup, 0, &copy);
        return true;
}

void backup_refuse(Backup *backup)
{
        if (backup->on_taken && !backup->is_under_way)
                end(backup, -EROFS, NULL);
}
