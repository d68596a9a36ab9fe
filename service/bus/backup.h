/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Backups
 *
 * Backup of the Manager: has the store write a copy of the state, and gives away a descriptor to read
 * it by. The copy takes room on the disk until its receiver closes that, so there is one at a time.
 */

#include "bus/bus-service.h"

typedef struct BackupJob BackupJob;

Backups *backups_new(BusService *service);

/* At the end of the service: nothing will call back any more. */
Backups *backups_free(Backups *backups);

int backup_method(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus);

/* The call that @job (NULL: none) was for has ended. */
void backup_job_release(BackupJob *job);
