/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Service status
 */

#include "core/status.h"

#include <stddef.h>

const char *service_state_name(ServiceState state)
{
        static const char *const names[] = {
                [SERVICE_RUNNING] = "running",
                [SERVICE_DEGRADED] = "degraded",
                [SERVICE_READ_ONLY] = "read-only",
        };

        return names[state];
}

const char *loaded_from_name(LoadedFrom loaded_from)
{
        static const char *const names[] = {
                [LOADED_FROM_NOTHING] = "nothing",
                [LOADED_FROM_JOURNAL] = "journal",
                [LOADED_FROM_PREFIX] = "prefix",
                [LOADED_FROM_PREVIOUS_CHECKPOINT] = "previous-checkpoint",
                [LOADED_FROM_LAST_KNOWN_GOOD] = "last-known-good",
        };

        return names[loaded_from];
}

char *service_read_only_reason(const ServiceStatus *status)
{
        if (status->state != SERVICE_READ_ONLY)
                return NULL;
        return failure_text(status->cause.failure < 0 ? CORE_E_READ_ONLY : CORE_E_DISK_FULL,
                            &status->cause);
}
